"""`doodlewise explore` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from doodlewise.cli.app import run


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Status, stdout and stderr of a command."""
    capsys.readouterr()
    status = run([str(each) for each in arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_a_store_of_strokes(
    strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    status, said, talk = ask(capsys, "explore", strokes_store, "--out", out)
    assert status == 0
    assert "360 of 6 classes" in said
    assert f"Report: {out / 'report.html'}" in talk
    assert "\x1b" not in said + talk
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "360 drawings of 6 classes" in page
    assert 'alt="24 drawings of clock"' in page
    assert (out / "pictures/map_pca.png").exists()
    stats = json.loads((out / "stats.json").read_text(encoding="utf-8"))
    assert stats["rows"] == 360


def test_a_store_of_bitmaps_as_json_and_without_a_map(
    bitmap_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    status, said, _ = ask(
        capsys, "explore", bitmap_store, "--out", out, "--split", "train", "--map", "none", "--json"
    )
    assert status == 0
    stats = json.loads(said)
    assert stats == json.loads((out / "stats.json").read_text(encoding="utf-8"))
    assert stats["split"] == "train"
    assert 0 < stats["rows"] < 180
    assert "(the train part only)" in (out / "report.html").read_text(encoding="utf-8")
    assert not list((out / "pictures").glob("map_*"))
    assert (out / "pictures/ink_intensity.png").exists()


def test_a_network_judges(
    strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, talk = ask(
        capsys, "train", strokes_store, "--model", "quickdraw_cnn_v1", "--epochs", 1,
        "--batch-size", 32, "--device", "cpu", "--runs", tmp_path, "--name", "judge",
    )  # fmt: skip
    assert status == 0, talk
    out = tmp_path / "report"
    status, _, talk = ask(
        capsys, "explore", strokes_store, "--out", out, "--map", "none",
        "--model", tmp_path / "judge", "-q",
    )  # fmt: skip
    assert (status, talk) == (0, "")
    assert "Judged by the network judge" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nowhere"], 1, "There is no store at nowhere"),
        (["STORE", "--split", "exam"], 1, "Choose train, val, test or all"),
        (["STORE", "--map", "mercator"], 2, "'pca'"),
        (["STORE", "--model", "nowhere"], 1, "There is no model in nowhere"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(
    arguments: list[str],
    status: int,
    said: str,
    strokes_store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "report"
    given = [str(strokes_store) if each == "STORE" else each for each in arguments]
    got, _, talk = ask(capsys, "explore", *given, "--out", out)
    assert got == status
    assert said in talk
    assert "Traceback" not in talk
    assert not out.exists()
