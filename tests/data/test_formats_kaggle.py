from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doodlewise.data.chunk import Chunk, Skips, Source, Wanted
from doodlewise.data.formats import csv_rows
from doodlewise.data.formats.csv_rows import CsvRows
from doodlewise.data.formats.kaggle import CSV, count_rows
from doodlewise.data.formats.ndjson import NDJSON
from doodlewise.errors import FormatError
from doodlewise.ragged import Ragged

SIMPLIFIED = "countrycode,drawing,key_id,recognized,timestamp,word"
TEST = "key_id,countrycode,drawing"
MASTER = "countrycode,drawing,key_id,recognized,word,image_path"

STROKES = [[[167, 109, 80], [140, 194, 227]], [[207, 228], [74, 128]]]
DRAWING = f'"{STROKES}"'
RAW = '"[[[10.5, 310.5], [20.0, 95.0], [0, 80]], [[10.5, 10.5], [20.0, 170.0], [300, 420]]]"'

Write = Callable[..., Path]


def row(drawing: str = DRAWING, *, key: str = "5152802093400064", word: str = "airplane") -> str:
    """A row of train_simplified."""
    return f"US,{drawing},{key},True,2017-03-08 21:12:07.266040,{word}"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes lines of text, or bytes as they are."""

    def write_lines(*lines: str | bytes, end: str = "\n", name: str = "airplane.csv") -> Path:
        path = tmp_path / name
        encoded = [line if isinstance(line, bytes) else line.encode() for line in lines]
        path.write_bytes((end or "\n").encode().join(encoded) + end.encode())
        return path

    return write_lines


def read(path: Path, wanted: Wanted | None = None, **stretch: int) -> tuple[list[Chunk], Skips]:
    skips = Skips()
    source = Source(path, path.stem, **stretch)
    return list(CSV.read_chunks(source, wanted or Wanted(), skips)), skips


def read_one(path: Path) -> tuple[Chunk, Ragged, Skips]:
    chunks, skips = read(path)
    assert len(chunks) == 1
    assert chunks[0].drawings is not None
    return chunks[0], chunks[0].drawings, skips


def test_train_simplified_as_kaggle_has_it(write: Write) -> None:
    path = write(SIMPLIFIED, row(), row(key="7", word="ant").replace("US,", "NA,"))
    chunk, drawings, skips = read_one(path)
    assert chunk.words == ["airplane", "ant"]
    assert chunk.countries == ["US", "NA"], "NA is Namibia, not a missing value"
    assert chunk.key_ids.tolist() == [5152802093400064, 7]
    assert chunk.recognised.tolist() == [1, 1]
    assert drawings[0].to_strokes() == STROKES
    assert not skips.counts
    assert not skips.notes


def test_test_simplified_has_another_order_and_no_word(write: Write) -> None:
    path = write(TEST, f"9000003627287624,DE,{DRAWING}", name="test_simplified.csv")
    chunk, drawings, _ = read_one(path)
    assert chunk.words == ["test_simplified"], "the class is what the source is named after"
    assert chunk.countries == ["DE"]
    assert chunk.key_ids.tolist() == [9000003627287624]
    assert chunk.recognised.tolist() == [-1]
    assert drawings[0].to_strokes() == STROKES


def test_the_strokes_of_the_doodle_dataset_are_read_where_no_pictures_are_wanted(
    write: Write,
) -> None:
    line = f"RO,{DRAWING},5613582005829632,True,traffic light,data/traffic light/561.png"
    chunk, drawings, _ = read_one(write(MASTER, line))
    assert chunk.words == ["traffic light"]
    assert drawings[0].to_strokes() == STROKES


def test_train_raw_is_brought_into_the_frame(write: Write) -> None:
    _, drawings, skips = read_one(write(SIMPLIFIED, row(RAW)))
    assert drawings.points.dtype == np.uint8
    assert drawings[0].bounds == (0.0, 0.0, 255.0, 128.0)
    assert drawings[0].n_strokes == 2
    assert not skips.counts


def test_drawings_of_raw_files_keep_their_times_and_coordinates(write: Write) -> None:
    assert CSV.read_drawings is not None
    (drawing,) = CSV.read_drawings(write(SIMPLIFIED, row(RAW)))
    assert drawing.to_strokes() == json.loads(RAW.strip('"'))
    assert drawing.word == "airplane"
    assert drawing.key_id == 5152802093400064
    assert drawing.recognised is True


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2017-03-08 21:12:07.266040", 266040),
        ("2017-03-08 21:12:07.26604 UTC", 266040),
        ("2017-03-08 21:12:07.266", 266000),
        ("2017-03-08 21:12:07", 0),
    ],
)
def test_timestamps_have_any_number_of_decimals(write: Write, text: str, microsecond: int) -> None:
    assert CSV.read_drawings is not None
    line = row().replace("2017-03-08 21:12:07.266040", text)
    (drawing,) = CSV.read_drawings(write(SIMPLIFIED, line))
    assert drawing.timestamp == datetime(2017, 3, 8, 21, 12, 7, microsecond, UTC)


def test_columns_may_be_missing_and_names_written_large(write: Write) -> None:
    chunk, drawings, _ = read_one(write("Drawing", DRAWING, DRAWING, name="cat.csv"))
    assert chunk.words == ["cat", "cat"]
    assert chunk.countries == ["", ""]
    assert chunk.recognised.tolist() == [-1, -1]
    assert len(set(chunk.key_ids.tolist())) == 1, "equal drawings without keys get equal keys"
    assert drawings[1].to_strokes() == STROKES


def test_an_underscore_in_a_word_stays(write: Write) -> None:
    chunk, _, _ = read_one(write(SIMPLIFIED, row(word="hockey_puck")))
    assert chunk.words == ["hockey_puck"]


@pytest.mark.parametrize(
    ("text", "known"), [("True", 1), ("False", 0), ("1", 1), ("0", 0), ("", -1), ("x", -1)]
)
def test_recognised_is_text(write: Write, text: str, known: int) -> None:
    chunk, _, _ = read_one(write(SIMPLIFIED, row().replace("True", text)))
    assert chunk.recognised.tolist() == [known]


def test_another_column_of_the_classes(write: Write) -> None:
    path = write("drawing,kind", f"{DRAWING},bird")
    (chunk,), _ = read(path, Wanted(label_column="kind"))
    assert chunk.words == ["bird"]
    with pytest.raises(FormatError, match="no column 'sort'; it has drawing, kind"):
        read(path, Wanted(label_column="sort"))


def test_windows_lines_a_byte_order_mark_and_blank_lines(write: Write) -> None:
    path = write(b"\xef\xbb\xbf" + SIMPLIFIED.encode(), row(), "", row(key="8"), end="\r\n")
    chunk, _, skips = read_one(path)
    assert chunk.key_ids.tolist() == [5152802093400064, 8]
    assert chunk.words == ["airplane", "airplane"]
    assert not skips.counts


def test_quotes_commas_and_new_lines_within_fields(write: Write) -> None:
    lines = ["drawing,word,note", f'{DRAWING},"red, ""hot"" car","two', 'lines"', f"{DRAWING},a,b"]
    chunk, drawings, skips = read_one(write(*lines))
    assert chunk.words == ['red, "hot" car', "a"]
    assert len(drawings) == 2
    assert not skips.counts


def test_a_drawing_over_two_lines(write: Write) -> None:
    chunk, drawings, skips = read_one(
        write(SIMPLIFIED, row(f'"{str(STROKES).replace("]], [[", "]],{}[[").format(chr(10))}"'))
    )
    assert drawings[0].to_strokes() == STROKES
    assert chunk.words == ["airplane"]
    assert not skips.counts


def test_rows_that_cannot_be_used_are_counted_with_their_places(write: Write) -> None:
    path = write(
        SIMPLIFIED,
        row(),
        row('"[[[1, 2], [3, 4"'),
        row('"[]"'),
        row(""),
        row('"[[[1, 2], [3]]]"'),
        row("nonsense"),
        "US,only,three",
        row() + ",one more",
        row(word="\xe9").encode("latin-1"),
        row('"[[[1e99, 2], [3, 4]]]"'),
        row(key="8"),
    )
    chunk, _, skips = read_one(path)
    assert chunk.key_ids.tolist() == [5152802093400064, 8]
    assert skips.examples == {
        "broken drawing": ["airplane.csv:3", "airplane.csv:7"],
        "empty drawing": ["airplane.csv:4"],
        "no drawing in the row": ["airplane.csv:5"],
        "a stroke whose lists differ in length": ["airplane.csv:6"],
        "wrong number of columns": ["airplane.csv:8", "airplane.csv:9"],
        "text that is not UTF-8": ["airplane.csv:10"],
        "a number that is out of range": ["airplane.csv:11"],
    }


@pytest.mark.parametrize("end", [len(row()) - 30, len(row()) - 4, 20])
def test_a_truncated_last_row(write: Write, end: int) -> None:
    path = write(SIMPLIFIED, row(), row()[:end], end="")
    chunk, _, skips = read_one(path)
    assert len(chunk) == 1
    assert skips.examples == {"truncated last row": ["airplane.csv:3"]}


def test_a_whole_last_row_without_a_line_end(write: Write) -> None:
    chunk, _, skips = read_one(write(SIMPLIFIED, row(), row(key="8"), end=""))
    assert len(chunk) == 2
    assert not skips.counts


def test_a_lost_quotation_mark_costs_one_row(write: Write) -> None:
    path = write(SIMPLIFIED, row(key="1"), row(key="2", drawing=DRAWING[:-1]), row(key="3"))
    chunk, _, skips = read_one(path)
    assert chunk.key_ids.tolist() == [1, 3]
    assert skips.examples == {"a quotation mark that is not closed": ["airplane.csv:3"]}


def test_a_row_that_never_ends(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "_LONGEST_ROW", 1_000)
    path = write(SIMPLIFIED, row(key="1"), "x" * 5_000, row(key="2"))
    chunk, _, skips = read_one(path)
    assert chunk.key_ids.tolist() == [1, 2]
    assert skips.examples == {"row of more than 32 MiB": ["airplane.csv:3"]}


@pytest.mark.parametrize("lines", [(), (row(""),), ("a,b",)])
def test_a_file_without_one_usable_row(write: Write, lines: tuple[str, ...]) -> None:
    with pytest.raises(FormatError, match=r"not one usable row in .*airplane\.csv"):
        read(write(SIMPLIFIED, *lines))


def test_reading_drawings_stops_at_a_broken_row_and_names_it(write: Write) -> None:
    assert CSV.read_drawings is not None
    drawings = CSV.read_drawings(write(SIMPLIFIED, row(), "US,oh"))
    assert next(drawings).key_id == 5152802093400064
    with pytest.raises(FormatError, match=r"airplane\.csv, line 3: wrong number of columns"):
        next(drawings)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (f"{SIMPLIFIED}\n{row()}", True),
        (TEST, True),
        (f"\ufeff{MASTER}\r\n", True),
        ("name,image_path\n", True),
        ("name,price\n", False),
        ('{"drawing": 1}\n', False),
    ],
)
def test_a_header_tells_the_format(head: str, expected: bool) -> None:
    assert CSV.sniff(head.encode(), Path("x")) is expected


def test_counting_by_word_and_country(write: Write) -> None:
    path = write(
        SIMPLIFIED,
        row(),
        row(),
        row(word="ant"),
        row().replace("US,", "NA,"),
        row().replace("US,", ","),
        "US,oh",
    )
    assert count_rows(Source(path, "x")) == Counter(
        {("airplane", "US"): 2, ("ant", "US"): 1, ("airplane", "NA"): 1, ("airplane", ""): 1}
    )


def test_stretches_give_all_rows_once_and_true_line_numbers(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doodlewise.data.formats.kaggle._STRETCH", 1_500)
    assert CSV.cut is not None
    lines = [row(key=str(number)) for number in range(2, 200)]
    lines[150] = "US,oh"
    path = write(SIMPLIFIED, *lines)
    whole = [key for chunk in read(path)[0] for key in chunk.key_ids.tolist()]
    stretches = CSV.cut(path, Wanted())
    assert len(stretches) > 5
    assert stretches[0][0] == 0
    assert stretches[-1][1] == path.stat().st_size
    keys, skips = [], Skips()
    for first, last in stretches:
        chunks, skipped = read(path, first=first, last=last)
        skips.merge(skipped)
        keys += [key for chunk in chunks for key in chunk.key_ids.tolist()]
    assert keys == whole
    assert skips.examples == {"wrong number of columns": ["airplane.csv:152"]}


def test_a_short_file_is_not_cut(write: Write) -> None:
    assert CSV.cut is not None
    assert CSV.cut(write(SIMPLIFIED, row()), Wanted()) == []


def test_no_stretch_begins_within_quotes(write: Write) -> None:
    note = '"' + "all\nkinds\nof,things,\n" * 400 + '"'
    long, short = f"{DRAWING},{note},cat", f"{DRAWING},none,cat"
    path = write("drawing,note,word", *[long, short] * 5, name="cat.csv")
    stretches = CsvRows(path).stretches(path.stat().st_size // 20)
    assert 3 <= len(stretches) <= 6
    parts = [read(path, first=first, last=last) for first, last in stretches]
    assert sum(len(chunk) for chunks, _ in parts for chunk in chunks) == 10
    assert not any(skips.counts for _, skips in parts)
    only_long = write("drawing,note,word", *[long] * 5, name="long.csv")
    assert CsvRows(only_long).stretches(only_long.stat().st_size // 20) == []


fields = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(st.tuples(fields, fields, fields), max_size=5))
def test_fields_are_what_pythons_csv_makes_of_them(
    rows: list[tuple[str, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(["a", "b", "c"])
        writer.writerows(rows)
    found = [[field.decode() for field in fields[:-1]] for _, fields, _ in CsvRows(path)]
    assert found == [list(each) for each in rows]


def test_a_csv_gives_what_the_ndjson_of_the_same_drawings_gives(
    doodles: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cat.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["word", "key_id", "drawing"])
        for line in (doodles / "cat.ndjson").read_text(encoding="utf-8").splitlines():
            known = json.loads(line)
            writer.writerow([known["word"], known["key_id"], known["drawing"]])
    ours, drawings, _ = read_one(path)
    (theirs,) = NDJSON.read_chunks(Source(doodles / "cat.ndjson", "cat"), Wanted(), Skips())
    assert theirs.drawings is not None
    assert ours.words == theirs.words
    assert ours.key_ids.tolist() == theirs.key_ids.tolist()
    assert np.array_equal(drawings.points, theirs.drawings.points)
    assert np.array_equal(drawings.stroke_lengths, theirs.drawings.stroke_lengths)
