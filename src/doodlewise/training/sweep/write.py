"""The pictures and the page of a sweep, on disk."""

from __future__ import annotations

from ...evaluation.look import to_png
from .importance import importance
from .lines import plot_lines
from .plots import plot_heat_map, plot_importance, plot_ranking, plot_values
from .report import write_page
from .results import SweepResult, read_curves, run_folder

__all__ = ["write_pictures"]


def write_pictures(result: SweepResult) -> None:
    """Write plots/*.png and report.html into the sweep's folder; those of before are replaced."""
    if not result.settings:
        return
    shares = importance(result.folder, result.plan, result.trials)
    curves = {
        trial.number: read_curves(run_folder(result.folder, trial.number))
        for trial in result.trials
    }
    figures = {}
    if len(result.varied) > 1 and not result.plan.is_search:
        figures["Side by side"] = ("heat_map", plot_heat_map(result, shares))
    figures |= {
        "Best first": ("ranking", plot_ranking(result)),
        "Over the epochs": ("curves", plot_lines(result, curves)),
        "What each setting does": ("values", plot_values(result)),
    }
    if shares:
        figures["How much each setting matters"] = (
            "importance",
            plot_importance(result, shares),
        )
    plots = result.folder / "plots"
    plots.mkdir(exist_ok=True)
    for old in plots.glob("*.png"):
        old.unlink()
    pictures = {}
    for title, (name, figure) in figures.items():
        pictures[title] = to_png(figure)
        (plots / f"{name}.png").write_bytes(pictures[title])
    write_page(result.folder / "report.html", result, pictures)
