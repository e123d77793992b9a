"""The pictures of a sweep, whatever was varied and however trials ended, and the page of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from made_results import made, two_axes
from matplotlib.figure import Figure

from doodlewise.training.config import TrainConfig
from doodlewise.training.sweep.lines import plot_lines
from doodlewise.training.sweep.plan import make_plan
from doodlewise.training.sweep.plots import (
    plot_heat_map,
    plot_importance,
    plot_ranking,
    plot_values,
)
from doodlewise.training.sweep.results import SweepResult, read_curves, run_folder
from doodlewise.training.sweep.write import write_pictures


def curves_of(result: SweepResult) -> dict[int, Any]:
    return {t.number: read_curves(run_folder(result.folder, t.number)) for t in result.trials}


def texts(figure: Figure) -> list[str]:
    """Everything that is written in a picture."""
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    for axes in figure.axes:
        found += [label.get_text() for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]
        found += [axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()]
        legend = axes.get_legend()
        found += [text.get_text() for text in legend.get_texts()] if legend else []
    return [*found, *(text.get_text() for text in figure.texts)]


def fails_at_1e_2(setting: Mapping[str, Any], seed: int) -> tuple[str, str]:
    return ("diverged", "The loss is no number.") if setting["optim.lr"] == 0.01 else ("done", "")


def test_curves_have_a_line_a_setting_in_four_panels(base: TrainConfig, tmp_path: Path) -> None:
    result = made(tmp_path, two_axes(base, seeds=2))
    figure = plot_lines(result, curves_of(result))
    panels, key = figure.axes[:4], figure.axes[4]
    assert [len(panel.lines) for panel in panels] == [9, 9, 9, 9]
    looks = {(line.get_color(), line.get_linestyle()) for line in panels[0].lines}
    assert len(looks) == 9
    assert [round(line.get_linewidth(), 1) for line in panels[0].lines].count(2.6) == 1
    # The key is a small table of the two settings.
    assert len(key.lines) == 9
    written = texts(figure)
    assert {"0.0001", "0.001", "0.01", "32", "64", "128"} <= set(written)
    assert "lr  \\  batch size" in written


def test_curves_of_many_settings_name_the_best(base: TrainConfig, tmp_path: Path) -> None:
    grid = {"lr": "1e-2,1e-3", "clip": "0,1", "schedule": "cosine,onecycle,constant"}
    result = made(tmp_path, make_plan(base, grid=grid))
    figure = plot_lines(result, curves_of(result))
    assert len(figure.axes[0].lines) == 12
    written = texts(figure)
    assert "4 others" in written
    assert any("(best)" in text for text in written)


def test_curves_of_one_setting_are_in_its_order(base: TrainConfig, tmp_path: Path) -> None:
    result = made(tmp_path, make_plan(base, grid={"model": "one,two,three"}))
    legend = plot_lines(result, curves_of(result)).axes[4].get_legend()
    assert legend is not None
    names = [text.get_text().partition("  ")[0] for text in legend.get_texts()]
    assert names == ["one", "two", "three"]


def test_a_heat_map_shows_means_spreads_and_failures(base: TrainConfig, tmp_path: Path) -> None:
    result = made(tmp_path, two_axes(base, seeds=3), ends=fails_at_1e_2)
    written = texts(plot_heat_map(result, {}))
    assert written.count("diverged") == 3
    assert written.count("± 0.4") == 6
    assert "Validation top-1 in %" in written


def test_a_heat_map_of_three_settings_shows_the_two_that_matter(
    base: TrainConfig, tmp_path: Path
) -> None:
    grid = {"lr": "1e-2,1e-3", "clip": "0,1", "schedule": "cosine,constant"}
    result = made(tmp_path, make_plan(base, grid=grid))
    shares = {"optim.lr": 0.7, "optim.schedule": 0.2, "optim.clip": 0.1}
    written = texts(plot_heat_map(result, shares))
    assert "Validation top-1 in %, best over clip" in written
    assert {"lr", "schedule"} <= set(written)


def test_the_ranking_has_columns_and_says_what_failed(base: TrainConfig, tmp_path: Path) -> None:
    result = made(tmp_path, two_axes(base), ends=fails_at_1e_2)
    written = texts(plot_ranking(result))
    assert written.count("diverged") == 3
    assert {"lr", "batch size", "0.0001", "64"} <= set(written)
    assert any("500 drawings" in text for text in written)


def test_values_tell_ends_apart(base: TrainConfig, tmp_path: Path) -> None:
    plan = make_plan(base, search="lr=log:1e-4..1e-1 schedule=cosine|constant", trials=4)
    settings = [
        {"optim.lr": lr, "optim.schedule": kind}
        for lr, kind in ((1e-4, "cosine"), (1e-3, "constant"), (0.01, "cosine"), (0.02, "cosine"))
    ]

    def ends(setting: Mapping[str, Any], seed: int) -> tuple[str, str]:
        return ("pruned", "") if setting["optim.lr"] == 0.02 else fails_at_1e_2(setting, seed)

    figure = plot_values(made(tmp_path, plan, ends=ends, settings=settings))
    first, second = figure.axes
    assert first.get_xscale() == "log"
    assert [label.get_text() for label in second.get_xticklabels()] == ["cosine", "constant"]
    said = " ".join(texts(figure))
    assert "rings were ended early" in said
    assert "crosses failed" in said


def test_importance_is_a_bar_a_setting(base: TrainConfig, tmp_path: Path) -> None:
    result = made(tmp_path, two_axes(base))
    figure = plot_importance(result, {"optim.lr": 0.7, "batch_size": 0.3})
    assert {"lr", "batch size", "70 %", "30 %"} <= set(texts(figure))


@pytest.mark.parametrize("kind", ["grid", "all failed", "one trial"])
def test_the_page_needs_nothing_else(kind: str, base: TrainConfig, tmp_path: Path) -> None:
    plan = two_axes(base) if kind != "one trial" else make_plan(base, grid={"lr": "1e-3"})
    result = made(
        tmp_path, plan,
        ends=lambda setting, seed: ("memory", "Too <large>.") if kind == "all failed"
        else fails_at_1e_2(setting, seed),
    )  # fmt: skip
    write_pictures(result)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    sources = re.findall(r'src="(.{10})', page)
    assert all(source == "data:image" for source in sources)
    assert len(sources) == len(list((tmp_path / "plots").glob("*.png")))
    assert "http" not in page.replace("http-equiv", "")
    if kind == "grid":
        names = {path.stem for path in (tmp_path / "plots").iterdir()}
        assert names == {"heat_map", "ranking", "curves", "values", "importance"}
        assert "What failed, and why" in page
        assert f"doodlewise eval {tmp_path}/trials/004 --split test" in page
    if kind == "all failed":
        assert "Too &lt;large&gt;." in page


def test_pictures_of_before_do_not_stay(base: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "old.png").write_bytes(b"")
    write_pictures(made(tmp_path, two_axes(base)))
    assert not (tmp_path / "plots" / "old.png").exists()
    write_pictures(SweepResult(tmp_path, two_axes(base), []))
