from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doodlewise.training.runs.charts import chart, legend, ticks
from doodlewise.training.runs.compare import Comparison, compare, labels_of
from doodlewise.training.runs.page import write_comparison
from doodlewise.training.runs.record import RunRecord
from made_runs import N_VAL, copied, make_run


def compared(*folders: Path) -> Comparison:
    return compare([RunRecord(folder) for folder in folders])


def test_figures_side_by_side(tmp_path: Path) -> None:
    result = compared(make_run(tmp_path / "a"), make_run(tmp_path / "b", top1=0.9, epochs=7))
    a, b = result.entries
    assert (a.label, a.top1, a.best_epoch, a.ece, a.n_parameters) == ("a", 0.8, 3, 0.03, 22_662)
    assert (b.label, b.top1, b.best_epoch, b.seconds) == ("b", 0.9, 6, 70.0)
    assert a.interval is not None
    assert a.interval[0] < 0.8 < a.interval[1]
    assert result.best is b
    assert len(a.curve("val_loss")) == 4
    assert len(b.curve("val_loss")) == 7
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert values["best"] == "b"
    assert values["runs"][1]["curves"]["val_top1"][5] == [6.0, 0.9]


def test_only_settings_that_differ_nested_ones_by_their_names(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", values={"optim.lr": 1e-3, "render.side": 64, "pixels.flip": None})
    b = make_run(tmp_path / "b", values={"optim.lr": 3e-4, "render.side": 64, "pixels.flip": 0.5})
    assert compared(a, b).differences == {"optim.lr": [1e-3, 3e-4], "pixels.flip": [None, 0.5]}
    assert compared(a, copied(a, tmp_path / "c")).differences == {}


def test_a_setting_that_an_older_run_does_not_know_is_as_usual(tmp_path: Path) -> None:
    old = make_run(tmp_path / "old")
    config = old / "config.yaml"
    config.write_text(re.sub(r"^(patience|accumulate):.*\n", "", config.read_text(), flags=re.M))
    assert compared(old, make_run(tmp_path / "new")).differences == {}
    assert compared(old, make_run(tmp_path / "other", patience=3)).differences == {
        "patience": [0, 3]
    }


def test_runs_whose_settings_cannot_be_read(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", seed=1)
    c = make_run(tmp_path / "c")
    (c / "config.yaml").unlink()
    result = compared(a, b, c)
    assert result.differences == {"seed": [0, 1, None]}
    assert "c: config.yaml is missing." in result.warnings


def test_other_stores_are_other_work(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a")
    other = make_run(tmp_path / "b", store="stores/other")
    again = make_run(tmp_path / "c", data="900 photos to learn from, 90 to validate, 10 classes")
    moved = make_run(tmp_path / "d", store="/somewhere/else/a10")
    assert compared(a, moved).is_same_work
    result = compared(a, other)
    assert not result.is_same_work
    assert result.warnings[0].startswith(
        "They are not on the same work: a of a10 (1,200 to learn from, 400 to validate, 10 words);"
        " b of other"
    )
    assert result.notes == []
    assert "c of a10 (900 to learn from, 90" in compared(a, again).warnings[0]


def test_what_is_not_finished_is_said(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a")
    b = make_run(tmp_path / "b", done=2, ending="stopped")
    c = make_run(tmp_path / "c", done=0, ending="diverged")
    result = compared(a, b, c)
    assert result.warnings == [
        "Figures so far, of what is not finished: b (stopped after 2 of 4 epochs).",
        "c: no epoch is over, so there are no figures.",
    ]
    assert result.entries[2].top1 is None
    assert result.best is result.entries[0]


def test_other_machines_take_other_times(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    (b / "env.json").write_text('{"processor": "Engine", "cores": 8, "devices": ["H100"]}')
    assert compared(a, b).warnings == [
        "Seconds and drawings/s are of different machines: a on Abacus, 2 cores; b on H100, 8"
        " cores."
    ]


def test_chance_is_told_from_being_better(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", top1=0.80)
    near = make_run(tmp_path / "near", top1=0.82)
    far = make_run(tmp_path / "far", top1=0.50)
    said = compared(a, near, far).notes[0]
    assert f"With {N_VAL} drawings to validate, a top-1 is known to about ±3.8 points" in said
    assert "By chance alone, a could be as good as near." in said
    assert "a is ahead by more than that." in compared(a, far).notes[0]


def test_seeds_are_put_together(tmp_path: Path) -> None:
    folders = [
        make_run(tmp_path / f"s{seed}", seed=seed, top1=top1, device="cpu" if seed else "auto")
        for seed, top1 in enumerate((0.80, 0.82, 0.84))
    ]
    other = make_run(tmp_path / "other", top1=0.9, values={"optim.lr": 0.1})
    unfinished = make_run(tmp_path / "u", seed=9, done=3, ending="stopped")
    (repeated,) = compared(*folders, other, unfinished).repeated
    assert repeated.labels == ["s0", "s1", "s2"]
    assert repeated.mean == pytest.approx(0.82)
    assert repeated.spread == pytest.approx(0.02)
    assert compared(folders[0], other).repeated == []
    again = make_run(tmp_path / "again", top1=0.81)
    assert compared(folders[0], again).repeated == []  # the same seed says nothing of spread


def test_runs_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "one" / "first"), make_run(tmp_path / "two" / "first", seed=1)
    result = compared(a, b, a)
    assert [entry.label for entry in result.entries] == ["one/first", "two/first"]
    assert labels_of([Path("/x/a"), Path("/y/b")]) == ["a", "b"]
    assert labels_of([Path("/a/x/r"), Path("/b/x/r"), Path("/c/s")]) == ["a/x/r", "b/x/r", "s"]


@given(st.floats(-1e4, 1e4, allow_subnormal=False), st.floats(1e-4, 1e4, allow_subnormal=False))
def test_ticks_are_few_and_around_what_is_drawn(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert 2 <= len(found) <= 9
    step = found[1] - found[0]
    assert found[0] <= low + 1e-5 * step + 1e-8
    assert found[-1] >= low + width - 1e-5 * step - 1e-8


def test_a_chart_has_a_line_a_run_and_a_dot_at_the_best() -> None:
    curves = [[(1.0, 0.2), (2.0, 0.4)], [(1.0, 0.3)], []]
    drawn = chart("Top-1", curves, ["a", "<b>", "c"], marks=[2, None, None], is_share=True)
    assert len(re.findall(r'class="line r0"', drawn)) == 1
    assert len(re.findall(r'class="dot r0"', drawn)) == 1
    assert len(re.findall(r'class="dot r1"', drawn)) == 1
    assert "r2" not in drawn
    assert "&lt;b&gt;: 30 % to 30 %" in drawn
    assert "<b>" not in drawn + legend(["a", "<b>"])
    assert chart("Top-1", [[], []], ["a", "b"], is_share=True) == ""


def test_a_loss_that_explodes_does_not_flatten_the_others() -> None:
    curves = [[(1.0, 2.0), (2.0, 1.0)], [(1.0, 2.2), (2.0, 1e9)], [(1.0, 2.1), (2.0, 0.9)]]
    drawn = chart("Loss", curves, ["a", "b", "c"], is_share=False)
    assert max(float(at) for at in re.findall(r'class="y"[^>]*>([\d.]+)<', drawn)) < 20


def test_a_page_of_anything(tmp_path: Path) -> None:
    folders = [
        make_run(tmp_path / "<script>alert(1)</script> & co"),
        make_run(tmp_path / "b", done=1, ending="stopped", store="stores/<b>"),
        make_run(tmp_path / "c", done=0, ending="diverged"),
    ]
    (folders[2] / "config.yaml").unlink()
    write_comparison(tmp_path / "page.html", compared(*folders))
    text = (tmp_path / "page.html").read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "not on the same work" in text
    assert "b (stopped)" in text
    assert "http" not in text.replace("Content-Security-Policy", "").replace("http-equiv", "")
