from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from doodlewise.cli.app import run
from doodlewise.data.formats import read_drawings


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Status, stdout and stderr of the command."""
    capsys.readouterr()
    status = run(["data", "export", *map(str, arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_some_words_as_ndjson(
    strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ask(
        capsys, strokes_store, "--format", "ndjson", "--out", tmp_path,
        "--classes", "CAT,apple", "--classes", "star", "--per-class", 5,
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert f"{tmp_path}: 15 drawings of 3 classes in 3 files" in out
    assert sorted(path.stem for path in tmp_path.glob("*.ndjson")) == ["apple", "cat", "star"]
    assert len(list(read_drawings(tmp_path / "cat.ndjson"))) == 5


def test_json_says_what_was_written(
    strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ask(
        capsys, strokes_store, "--format", "npy", "--out", tmp_path, "--side", 32, "--json",
        "--classes", "cat", "--split", "test",
    )  # fmt: skip
    said = json.loads(out)
    array = np.load(tmp_path / "cat.npy")
    assert (status, err) == (0, "")
    assert array.shape == (said["classes"]["cat"], 32 * 32)
    assert said["bytes"] == (tmp_path / "cat.npy").stat().st_size
    assert (said["n"], said["files"], said["format"]) == (len(array), 1, "npy")


def test_what_a_format_cannot_say_is_told(
    bitmap_store: Path, strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = ask(capsys, bitmap_store, "--format", "bin", "--out", tmp_path / "a")
    assert status == 1
    assert "Choose png, npy or parquet" in err
    status, _, err = ask(
        capsys, strokes_store, "--format", "png", "--out", tmp_path / "b", "--classes", "aple"
    )
    assert status == 1
    assert "Did you mean 'apple'" in err
    status, _, err = ask(capsys, strokes_store, "--format", "zip", "--out", tmp_path / "c")
    assert status == 2
    assert "Choose png, npy, ndjson, bin, parquet" in err
