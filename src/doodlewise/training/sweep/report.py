"""A sweep as one web page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from ...evaluation.page import (
    card_grid,
    count_cell,
    data_uri,
    frame,
    prose,
    row,
    section,
    share_cell,
    table,
    word_cell,
)
from ...evaluation.result import percent
from ...files import write_text
from ...version import __version__
from ..config import TrainConfig, all_settings
from .ledger import FAILED
from .results import Setting, SweepResult, run_folder
from .space import spelled, value_of

__all__ = ["write_page"]


def write_page(path: Path, result: SweepResult, pictures: Mapping[str, bytes]) -> None:
    """Write the page.

    Args:
        path: the HTML file; replaced if it exists.
        result: what came out.
        pictures: title to the bytes of a PNG, in the order in which they are shown.
    """
    title = f"Which {' and '.join(list(result.names.values())[:3])} is best?"
    if len(result.names) > 3:
        title = "Which setting is best?"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{escape(_what(result))}</p>',
        _headline(result),
        _caution(result),
        _pictures(pictures),
        _settings(result),
        _failures(result),
        _about(result),
    ]
    write_text(path, frame(title, parts))


def _what(result: SweepResult) -> str:
    store = Path(result.plan.base.store).name
    varied = ", ".join(result.names.values())
    return (
        f"{len(result.settings)} settings of {varied} on {store}, {len(result.trials)} trials,"
        f" judged by the {result.n_val:,} drawings of its validation split."
    )


def _headline(result: SweepResult) -> str:
    best = result.best
    failed = sum(trial.state in FAILED for trial in result.trials)
    seconds = sum(trial.result.get("seconds", 0.0) for trial in result.trials)
    cards = []
    if best is not None and best.top1 is not None:
        spread = f" ± {100 * best.spread:.1f}" if best.spread is not None else ""
        cards.append(
            (
                "Best on validation (top-1)",
                f"{percent(best.top1, 1)}{spread}",
                f"{best.spell(result.names)}.",
            )
        )
    cards.append(
        (
            "Trials",
            f"{sum(trial.is_over for trial in result.trials)}",
            f"{failed or 'None'} failed, {result.n_waiting or 'none'} left to do. All together took"
            f" {_duration(seconds)}.",
        )
    )
    return card_grid("cards", cards)


def _caution(result: SweepResult) -> str:
    best = result.best
    if best is None or best.top1 is None:
        return ""
    chance = result.chance
    near = sum(each.top1 is not None and best.top1 - each.top1 < chance for each in result.settings)
    text = (
        f"With {result.n_val:,} drawings, chance alone moves a figure by about"
        f" {percent(chance, 1)}: {near} of the {len(result.settings)} settings are within that of"
        " the best. And the best of many is lucky too: its figure here is a little too good. What"
        " it is worth, the test split tells, which nothing on this page has looked at:"
    )
    command = f"doodlewise eval {result.best_run} --split test"
    return f"<p>{prose(text)} <code>{escape(command)}</code></p>"


def _pictures(pictures: Mapping[str, bytes]) -> str:
    shown = "".join(
        f'<figure><figcaption>{escape(title)}</figcaption><img alt="{escape(title)}"'
        f' src="{data_uri(png)}"></figure>'
        for title, png in pictures.items()
    )
    return f"<section><h2>Pictures</h2>{shown}</section>" if shown else ""


def _settings(result: SweepResult) -> str:
    names = list(result.names.values())
    has_spread = any(each.spread is not None for each in result.settings)
    rows = [_row(place, each, has_spread) for place, each in enumerate(result.settings, 1)]
    numbers = ["top-1", *(["±, points"] if has_spread else []), "top-5", "training top-1"]
    return section(
        "All settings",
        "Best first. Accuracies are those of the epoch that validates best; a click on a heading"
        " sorts.",
        table(
            ["#", *names, "how it ended"],
            [*numbers, "best epoch", "seconds", "drawings/s"],
            rows,
            is_long=True,
        ),
    )


def _row(place: int, setting: Setting, has_spread: bool) -> str:
    spread = "–" if setting.spread is None else f"{100 * setting.spread:.2f}"
    return row(
        word_cell(f"{place:03}").replace(f">{place:03}<", f">{place}<"),
        *(word_cell(spelled(value)) for value in setting.values.values()),
        word_cell(setting.state),
        share_cell(setting.top1),
        *([f'<td data-value="{setting.spread or 0}">{spread}</td>'] if has_spread else []),
        share_cell(setting.mean("val_top5")),
        share_cell(setting.mean("train_top1")),
        count_cell(round(setting.mean("best_epoch") or 0)),
        count_cell(round(setting.mean("seconds") or 0)),
        count_cell(round(setting.mean("drawings_per_s") or 0)),
    )


def _failures(result: SweepResult) -> str:
    failed = [trial for trial in result.trials if trial.state in FAILED]
    if not failed:
        return ""
    rows = [
        row(
            word_cell(f"{run_folder(result.folder, trial.number).name}"),
            word_cell(
                ", ".join(
                    f"{result.names[name]} {spelled(value)}"
                    for name, value in result.plan.setting_of(trial.setting).items()
                )
            ),
            word_cell(trial.state),
            word_cell(trial.reason),
        )
        for trial in failed
    ]
    return section(
        "What failed, and why",
        "A setting that cannot be trained with is a result too.",
        table(["trial", "setting", "how", "why"], [], rows),
    )


def _about(result: SweepResult) -> str:
    base = result.plan.base
    usual = TrainConfig(store=base.store)
    others = [
        f"{name} {spelled(value_of(base, name))}"
        for name in all_settings()
        if name not in result.plan.axes
        and name not in ("store", "name", "runs", "model", "epochs")
        and value_of(base, name) != value_of(usual, name)
    ]
    facts = {
        "sweep": str(result.folder),
        "store": base.store,
        "network": "" if "model" in result.plan.axes else base.model,
        "epochs": "" if "epochs" in result.plan.axes else str(base.epochs),
        "other settings": ", ".join(others) or "the usual ones",
        "chosen by": "the validation split",
        "go on, or show": f"doodlewise sweep {result.folder}",
        "Doodlewise": __version__,
    }
    listed = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items() if value
    )
    return f'<section><h2>About</h2><div class="card"><dl>{listed}</dl></div></section>'


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{round(whole / 60)} minutes"
    return f"{whole / 3600:.1f} hours"
