from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from doodlewise.cli.app import run
from doodlewise.data.catalog import WORD_SETS, WORDS


@pytest.fixture
def workplace(
    strokes_store: Path, bitmap_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with ./stores: two whole ones, half a one, a damaged one, and something else."""
    stores = tmp_path / "stores"
    shutil.copytree(strokes_store, stores / "a6")
    shutil.copytree(bitmap_store, stores / "bitmaps")
    (stores / "half" / ".prepare").mkdir(parents=True)
    (stores / "spoilt").mkdir()
    (stores / "spoilt" / "manifest.json").write_text('{"version": 1')
    (stores / "photographs").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Status, stdout and stderr of the command."""
    capsys.readouterr()
    status = run(["data", "list", *arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_json_has_all_of_it(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = listed(capsys, "--json")
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert found["words"] == list(WORDS)
    assert found["word_sets"] == {name: list(words) for name, words in WORD_SETS.items()}
    assert found["downloadable"]["bitmap"] == ".npy"
    assert "ndjson" in found["readable"]
    stores = {each["store"]: each for each in found["stores"]}
    assert list(stores) == ["stores/a6", "stores/bitmaps", "stores/half", "stores/spoilt"]
    whole = stores["stores/a6"]
    assert (whole["kind"], whole["n"], len(whole["classes"])) == ("strokes", 360, 6)
    assert sum(whole["sizes"].values()) == 360
    assert whole["bytes"] == sum(
        file.stat().st_size for file in (workplace / "stores" / "a6").iterdir()
    )
    assert stores["stores/bitmaps"]["image_shape"] == [28, 28, 1]
    assert "only half written" in stores["stores/half"]["problem"]
    assert "is damaged" in stores["stores/spoilt"]["problem"]


@pytest.mark.parametrize("width", [70, 80, 140])
def test_it_fits_the_terminal(
    width: int,
    workplace: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    status, out, err = listed(capsys)
    assert status == 0
    assert max(map(len, out.splitlines())) <= width
    words = out[: out.index("sets of words")]
    assert all(f" {word}" in words for word in WORDS)
    assert "  animals10  10  bear, bee, camel, cat," in out
    assert "wine bottle, wine glass" in " ".join(out.split())
    assert "28 x 28 pixels" in out
    assert "360" in out
    assert "only half written" in " ".join(out.split())
    assert "photographs" not in out
    assert "Next: doodlewise train stores/a6" in err


def test_a_wide_terminal_takes_fewer_lines(
    workplace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = []
    for width in ("60", "160"):
        monkeypatch.setenv("COLUMNS", width)
        lines.append(len(listed(capsys)[1].splitlines()))
    assert lines[1] < lines[0] / 1.5


def test_a_folder_and_a_store_can_be_named(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / "stores").rename(workplace / "mine")
    _, out, _ = listed(capsys, "mine", "--json")
    assert [each["store"] for each in json.loads(out)["stores"]][:2] == ["mine/a6", "mine/bitmaps"]
    _, out, _ = listed(capsys, "mine/a6", "--json")
    assert [each["store"] for each in json.loads(out)["stores"]] == ["mine/a6"]
    status, out, err = listed(capsys, "yours")
    assert (status, out) == (1, "")
    assert err == "Error: There is no folder yours. Check the path.\n"


def test_without_stores_it_says_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = listed(capsys)
    assert status == 0
    assert "No stores in stores" in out
    assert "doodlewise data prepare quickdraw --classes animals10" in err
