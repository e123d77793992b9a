from __future__ import annotations

import csv
import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import nn

from doodlewise.cli.app import run as run_command
from doodlewise.data.formats import read_drawings
from doodlewise.drawing import Drawing
from doodlewise.errors import BundleError, ConfigError, FormatError
from doodlewise.evaluation import submission
from doodlewise.evaluation.run import Subject
from doodlewise.evaluation.submission import submit, write_submission
from doodlewise.models.bundle import load_bundle
from doodlewise.predict.classifier import load
from doodlewise.raster import RenderSpec
from doodlewise.training.setup import train

WORDS = ("apple", "car", "cat", "clock", "house", "star")


class Fixed(nn.Module):
    """Knows nothing, and prefers its classes in the order 2, 0, 1, and then all others."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.tensor([5.0, 4.0, 6.0, 0.0]).repeat(len(images), 1)


FIXED = Subject(
    Fixed(), ["ant", "t-shirt", "The Eiffel Tower", "zoo"], RenderSpec(), torch.device("cpu")
)


@pytest.fixture(scope="module")
def run(strokes_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that is neither good nor bad."""
    return train(
        store=strokes_store, runs=tmp_path_factory.mktemp("runs"), model="quickdraw_cnn_v2",
        epochs=3, batch_size=32, name="run", device="cpu", precision="32-true", report=False,
    ).folder  # fmt: skip


@pytest.fixture(scope="module")
def drawings(doodles: Path) -> list[Drawing]:
    return [each for word in WORDS for each in islice(read_drawings(doodles / f"{word}.ndjson"), 9)]


def write_test(path: Path, drawings: list[Drawing], *, with_words: bool = False) -> Path:
    """A file as Kaggle's test_simplified.csv."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["key_id", "countrycode", "drawing"] + ["word"] * with_words)
        for number, each in enumerate(drawings):
            strokes = [[list(map(int, axis)) for axis in stroke] for stroke in each.to_strokes()]
            rows.writerow(
                [9_000_003_627_287_624 + number, "DE", strokes, *[each.word] * with_words]
            )
    return path


def guesses_in(path: Path) -> list[list[str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "key_id,word"
    return [line.split(",") for line in lines[1:]]


def test_the_guesses_are_those_of_the_classifier(
    run: Path, drawings: list[Drawing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "_BATCH_ROWS", 20)
    test = write_test(tmp_path / "test_simplified.csv", drawings)
    steps: list[tuple[int, int]] = []
    report = submit(
        run, test, tmp_path / "deep" / "out.csv", progress=lambda *step: steps.append(step)
    )
    lines = guesses_in(tmp_path / "deep" / "out.csv")
    assert [int(key) for key, _ in lines] == [9_000_003_627_287_624 + n for n in range(54)]
    expected = [
        " ".join(guess.word for guess in each.guesses)
        for each in load(run).predict(drawings, top=3)
    ]
    assert [words for _, words in lines] == expected
    assert len(set(expected)) > 5
    assert (report.rows, report.labelled, report.map3, report.top1) == (54, 0, None, None)
    assert steps == sorted(steps)
    assert steps[-1] == (test.stat().st_size, test.stat().st_size)
    assert len(steps) == 3


def test_labelled_rows_say_how_good_it_is(
    run: Path, drawings: list[Drawing], tmp_path: Path
) -> None:
    test = write_test(tmp_path / "labelled.csv", drawings, with_words=True)
    report = submit(run, test, tmp_path / "out.csv")
    places = [
        words.split().index(drawing.word) if drawing.word in words.split() else None
        for (_, words), drawing in zip(guesses_in(tmp_path / "out.csv"), drawings, strict=True)
    ]
    assert report.labelled == 54
    assert report.top1 == places.count(0) / 54
    assert report.map3 == pytest.approx(
        (places.count(0) + places.count(1) / 2 + places.count(2) / 3) / 54
    )
    assert 0.3 < report.top1 < report.map3 < 1.0


def test_blanks_in_words_become_underscores(drawings: list[Drawing], tmp_path: Path) -> None:
    tower = [replace(each, word="The Eiffel Tower") for each in drawings[:2]]
    shirt = [replace(each, word="t-shirt") for each in drawings[:2]]
    test = write_test(tmp_path / "test.csv", tower + shirt, with_words=True)
    report = write_submission(FIXED, test, tmp_path / "out.csv")
    assert {words for _, words in guesses_in(tmp_path / "out.csv")} == {
        "The_Eiffel_Tower ant t-shirt"
    }
    assert report.top1 == 0.5
    assert report.map3 == pytest.approx((1 + 1 + 1 / 3 + 1 / 3) / 4)


@pytest.mark.parametrize("top", [1, 2])
def test_fewer_guesses(drawings: list[Drawing], tmp_path: Path, top: int) -> None:
    test = write_test(tmp_path / "test.csv", drawings[:2])
    write_submission(FIXED, test, tmp_path / "out.csv", top=top)
    expected = " ".join(["The_Eiffel_Tower", "ant"][:top])
    assert {words for _, words in guesses_in(tmp_path / "out.csv")} == {expected}


@pytest.mark.parametrize("top", [0, 4])
def test_kaggle_takes_one_to_three_guesses(tmp_path: Path, top: int) -> None:
    with pytest.raises(ConfigError, match="1, 2 or 3"):
        write_submission(FIXED, tmp_path / "test.csv", tmp_path / "out.csv", top=top)


def test_every_row_gets_a_line_whatever_its_drawing(tmp_path: Path) -> None:
    good = '"[[[1, 200], [3, 40]]]"'
    lines = [
        "key_id,countrycode,drawing",
        f"1,DE,{good}",
        '2,DE,"[]"',
        '3,DE,"[[[1, 2',
        f"4,DE,{good}",
        "5,DE",
        "oh",
        f",DE,{good}",
        f"6,DE,{good}",
        '7,DE,"[[[1, 2], [3',
    ]
    test = tmp_path / "test.csv"
    test.write_text("\n".join(lines), encoding="utf-8")
    report = write_submission(FIXED, test, tmp_path / "out.csv")
    best, fallback = "The_Eiffel_Tower ant t-shirt", "ant t-shirt The_Eiffel_Tower"
    assert guesses_in(tmp_path / "out.csv") == [
        ["1", best],
        ["2", fallback],
        ["3", fallback],
        ["4", best],
        ["5", fallback],
        ["6", best],
        ["7", fallback],
    ]
    assert report.rows == 7
    assert " ".join(report.fallback) == fallback
    assert report.skipped["examples"] == {
        "empty drawing": ["test.csv:3"],
        "a quotation mark that is not closed": ["test.csv:4"],
        "wrong number of columns": ["test.csv:6"],
        "no key_id, so no line": ["test.csv:7", "test.csv:8"],
        "truncated last row": ["test.csv:10"],
    }


def test_a_raw_test_file_is_read_as_well(tmp_path: Path) -> None:
    test = tmp_path / "test_raw.csv"
    test.write_text(
        'key_id,countrycode,drawing\n7,DE,"[[[10.5, 310], [20, 95.5], [0, 90]]]"\n', "utf-8"
    )
    report = write_submission(FIXED, test, tmp_path / "out.csv")
    assert report.rows == 1
    assert not report.skipped["counts"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("test.csv", 'drawing\n"[[[1],[2]]]"\n', "no column 'key_id'; it has drawing.*Kaggle's"),
        ("test.csv", 'key_id,drawing\n1,"[]"\n', r"not one usable row.*empty drawing \(1x\)"),
        ("cat.ndjson", '{"drawing":[[[1],[2]]]}\n', "no CSV of drawings.*test_simplified"),
    ],
)
def test_what_is_no_test_file_leaves_nothing_behind(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=message):
        write_submission(FIXED, tmp_path / name, tmp_path / "out" / "out.csv")
    assert list(tmp_path.glob("out/*")) == []


def test_a_missing_file_is_an_error_that_helps(tmp_path: Path) -> None:
    (tmp_path / "test_simplified.csv").touch()
    with pytest.raises(FormatError, match=r"no file .*Did you mean 'test_simplified\.csv'"):
        write_submission(FIXED, tmp_path / "test_simplifed.csv", tmp_path / "out.csv")


def test_a_network_that_takes_pictures_only(tmp_path: Path) -> None:
    blind = replace(FIXED, spec=None, name="photos")
    with pytest.raises(BundleError, match="photos was trained on pictures"):
        write_submission(blind, tmp_path / "test.csv", tmp_path / "out.csv")


def test_the_command(
    run: Path, drawings: list[Drawing], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = write_test(tmp_path / "test.csv", drawings, with_words=True)
    with test.open("a", encoding="utf-8") as file:
        file.write('12,DE,"[]",cat\n')
    arguments = ["submission", str(run), str(test), "--out", str(tmp_path / "out.csv")]
    assert run_command(arguments) == 0
    text = capsys.readouterr().out
    assert "out.csv: 55 rows" in text
    assert "without a usable drawing 1: empty drawing (test.csv:56)" in text
    assert "apple car cat" in text
    assert "on 55 rows that say their word: MAP@3 0." in text

    assert run_command([*arguments, "--json", "--top", "1"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["rows"] == 55
    assert report["map3"] == report["top1"]
    assert load_bundle(run / "model")[1].classes == list(WORDS)
