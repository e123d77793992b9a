from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from doodlewise.cli.app import run
from doodlewise.data.pick import pick
from doodlewise.data.store import Store


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Status, stdout and stderr of the command."""
    capsys.readouterr()
    status = run(["data", "show", *map(str, arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


def pixels_of(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
        return np.asarray(picture)


def n_cards(sheet: NDArray[np.uint8]) -> int:
    """How many drawings a sheet has: white cards with a grey frame, counted by their corners."""
    line = (sheet == (0xDE, 0xDB, 0xD2)).all(axis=2)
    corner = line[1:-1, 1:-1] & line[2:, 1:-1] & line[1:-1, 2:]
    corner &= ~line[:-2, 1:-1] & ~line[1:-1, :-2]
    return int(corner.sum())


def test_a_sheet_of_one_class(
    strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ask(
        capsys, strokes_store, "--class", "cat", "--n", 25, "--out", tmp_path / "cats.png"
    )
    assert (status, err) == (0, "")
    assert out == f"{tmp_path / 'cats.png'}: 25 drawings of 'cat'\n"
    sheet = pixels_of(tmp_path / "cats.png")
    assert n_cards(sheet) == 25
    assert 400 < sheet.shape[1] < 1000


def test_a_line_of_each_class(
    strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "all.png"
    assert ask(capsys, strokes_store, "--out", out, "--json")[0] == 0
    assert n_cards(pixels_of(out)) == 6 * 12
    _, said, _ = ask(
        capsys, strokes_store, "--out", out, "--class", "cat,star", "--class", "CAR", "--n", 2,
        "--json",
    )  # fmt: skip
    assert json.loads(said) == {"out": str(out), "classes": {"cat": 2, "star": 2, "car": 2}}
    assert n_cards(pixels_of(out)) == 6


def test_more_are_asked_for_than_there_are(
    strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "many.png"
    _, said, _ = ask(
        capsys, strokes_store, "--class", "cat", "--n", 999, "--split", "test", "--out", out,
        "--json",
    )  # fmt: skip
    there = Store(strokes_store).manifest.counts["test"]["cat"]
    assert json.loads(said)["classes"] == {"cat": there}
    assert n_cards(pixels_of(out)) == there


def test_the_seed_chooses(
    strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / f"{name}.png"
        ask(capsys, strokes_store, "--class", "cat", "--n", 9, "--seed", seed, "--out", out)
        contents.append(out.read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_bitmaps_are_shown_pixel_by_pixel(
    bitmap_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "stars.png"
    assert ask(capsys, bitmap_store, "--class", "star", "--n", 1, "--out", out)[0] == 0
    store = Store(bitmap_store)
    (rows,) = pick(store, store.indices_of(["star"]), 1).values()
    assert rows.images is not None
    sheet = pixels_of(out)
    top, left = np.argwhere((sheet == (0xDE, 0xDB, 0xD2)).all(axis=2))[0]
    shown = sheet[top : top + 112, left : left + 112].mean(axis=2)
    blocks = shown.reshape(28, 4, 28, 4)[1:-1, :, 1:-1]
    assert np.ptp(blocks, axis=(1, 3)).max() == 0
    ink = rows.images[0, 1:-1, 1:-1, 0].astype(float)
    assert np.corrcoef(ink.ravel(), -blocks[:, 0, :, 0].ravel())[0, 1] > 0.999


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--class", "cta"], 1, "Did you mean 'cat'"),
        (["--out", "cats.jpg"], 2, "does not end in .png"),
        (["--split", "dev"], 1, "Choose train, val, test or all"),
        (["--n", "0"], 2, "--n"),
        (["--n", "701"], 2, "4,206 drawings are more than"),
    ],
)
def test_mistakes_are_explained(
    arguments: list[str],
    status: int,
    said: str,
    strokes_store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    got, out, err = ask(capsys, strokes_store, *arguments)
    assert (got, out) == (status, "")
    assert said in err
    assert list(tmp_path.iterdir()) == []
