"""The command that says why a picture is misread, as people see it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from doodlewise.cli.app import run
from doodlewise.drawing import Drawing
from doodlewise.raster import RenderSpec, render

SQUARE = Drawing.from_strokes([[[0, 200, 210, 5, 0], [0, 8, 200, 190, 0]], [[60, 150], [90, 100]]])


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    canvas = Image.new("L", (500, 400), 255)
    canvas.paste(
        Image.fromarray(255 - render(SQUARE, RenderSpec(side=150, line_width=6))), (20, 30)
    )
    canvas.save(tmp_path / "canvas.png")
    return tmp_path / "canvas.png"


def test_what_people_see(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", str(picture)]) == 0
    seen = capsys.readouterr()
    assert seen.err == ""
    assert "canvas.png  500 x 400 pixels, grey" in seen.out.replace("\n", "")
    for said in ("Read the plain way it looks like", "the plain way", "mended", "dark on light",
                 "small on its canvas", "pixels = 255 - pixels", "Mending only this"):  # fmt: skip
        assert said in seen.out
    assert max(map(len, seen.out.splitlines())) <= 80
    assert "\x1b" not in seen.out
    # Ink is bright in what goes into the network, paper is not.
    assert any("█" in line and line.count(" ") > 20 for line in seen.out.splitlines())


def test_as_json(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", str(picture), "--json", "--top", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    codes = [finding["code"] for finding in found["findings"]]
    assert {"inverted", "small", "off-centre"} <= set(codes)
    assert all(finding["advice"] and finding["why"] for finding in found["findings"])
    assert len(found["mended"]["guesses"]) == 2
    assert {trial["code"] for trial in found["trials"]} <= set(codes)


@pytest.mark.parametrize("name", ["report.png", "report.html"])
def test_reports(
    name: str, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "new" / name
    assert run(["doctor", str(picture), "--to", str(report)]) == 0
    assert f"The report is in {report}" in capsys.readouterr().err.replace("\n", "")
    assert report.stat().st_size > 5_000


def test_an_empty_canvas_and_an_array(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGBA", (300, 150)).save(tmp_path / "empty.png")
    assert run(["doctor", str(tmp_path / "empty.png")]) == 0
    assert "nothing drawn" in capsys.readouterr().out
    np.save(tmp_path / "floats.npy", render(SQUARE, RenderSpec()) / 255)
    assert run(["doctor", str(tmp_path / "floats.npy")]) == 0
    assert "pixels = np.rint(values * 255.0)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["none.png"], 1, "no picture at none.png"),
        (["none.npy"], 1, "no file none.npy"),
        (["canvas.png", "--to", "report.pdf"], 2, "report.png"),
        (["canvas.png", "--model", "nowhere"], 1, "nowhere"),
        (["canvas.png", "--number", "0"], 2, "number"),
    ],
)
def test_what_goes_wrong(
    arguments: list[str],
    status: int,
    said: str,
    picture: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(picture.parent)
    assert run(["doctor", *arguments]) == status
    assert said in capsys.readouterr().err
    assert not (picture.parent / "report.pdf").exists()
