from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from made_tables import as_frame, drawings_of, picture, put, read, strokes_of
from pyarrow import feather, parquet

from doodlewise import errors
from doodlewise.data.chunk import Skips, Source, Wanted
from doodlewise.data.formats.table import TABLE
from doodlewise.image import ImageSpec

SPEC = ImageSpec(16, 16, 3)
GREY = ImageSpec(28, 28, 1)

LISTS = [[[[0, 255, 7], [3, 4, 5]], [[10, 20], [0, 200]]], [[[1, 2], [3, 4]]]]
"""Two drawings in the frame."""
RAW = [[[[0.5, 900.0], [3.0, 4.0], [0.0, 17.0]]]]
STEPS = [[[10, 20, 0], [392, 0, 1], [-100, 7, 0], [0, -30, 1]]]
STEPPED = [[[10, 402], [20, 20]], [[302, 302], [27, -3]]]

POINT = pa.struct([("x", pa.float64()), ("y", pa.float64())])
LIST = pa.list_(pa.float64())
STROKE = pa.struct([("x", LIST), ("y", LIST)])
TIMED = pa.struct([("x", LIST), ("y", LIST), ("t", pa.list_(pa.int64()))])
AXES = pa.struct([("x", pa.list_(LIST)), ("y", pa.list_(LIST))])


def test_rows_with_all_that_is_known(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        drawing=LISTS,
        Word=["cat", "dog"],
        countrycode=["DE", None],
        recognized=[True, False],
        key_id=["5201136883597312", None],
        timestamp=[datetime(2017, 3, 2, tzinfo=UTC)] * 2,
    )
    (chunk,), skips = read(path)
    assert strokes_of([chunk]) == LISTS
    assert chunk.drawings.points.dtype == np.uint8
    assert chunk.words == ["cat", "dog"]
    assert chunk.countries == ["DE", ""]
    assert chunk.recognised.tolist() == [1, 0]
    assert chunk.key_ids.dtype == np.uint64
    assert chunk.key_ids[0] == 5201136883597312
    assert chunk.key_ids[1] not in (0, chunk.key_ids[0])
    assert skips == Skips()
    one, two = drawings_of(path)
    assert one.to_strokes() == LISTS[0]
    assert (one.word, one.country, one.recognised, one.key_id) == (
        "cat",
        "DE",
        True,
        5201136883597312,
    )
    assert (two.word, two.country, two.recognised, two.key_id) == ("dog", "", False, None)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(LISTS, pa.list_(pa.list_(pa.list_(pa.uint8())))), LISTS),
        (pa.array(LISTS, pa.large_list(pa.list_(pa.large_list(pa.int64())))), LISTS),
        (pa.array(LISTS, pa.list_(pa.list_(pa.list_(pa.float32()), 2))), LISTS),
        (pa.array([json.dumps(strokes) for strokes in LISTS]), LISTS),
        (pa.array([json.dumps(strokes) for strokes in LISTS], pa.large_string()), LISTS),
        (
            pa.array(
                [[{"x": x, "y": y} for x, y in strokes] for strokes in LISTS], pa.list_(STROKE)
            ),
            LISTS,
        ),
        (
            pa.array(
                [
                    [[{"x": x, "y": y} for x, y in zip(*stroke, strict=True)] for stroke in strokes]
                    for strokes in LISTS
                ],
                pa.list_(pa.list_(POINT)),
            ),
            LISTS,
        ),
        (
            pa.array(
                [{"x": [s[0] for s in strokes], "y": [s[1] for s in strokes]} for strokes in LISTS],
                AXES,
            ),
            LISTS,
        ),
        (
            pa.array([[{"x": 1, "y": 2}, {"x": 3, "y": 4}], [{"x": 5, "y": 6}]], pa.list_(POINT)),
            [[[[1, 3], [2, 4]]], [[[5, 5], [6, 6]]]],
        ),
        (pa.array(STEPS, pa.list_(pa.list_(pa.int16()))), [as_frame(STEPPED)]),
        (pa.array(STEPS, pa.list_(pa.list_(pa.float32(), 3))), [as_frame(STEPPED)]),
        (pa.array(RAW), [as_frame(RAW[0])]),
        (pa.array([json.dumps(strokes) for strokes in RAW]), [as_frame(RAW[0])]),
        (
            pa.array([[{"x": x, "y": y, "t": t} for x, y, t in RAW[0]]], pa.list_(TIMED)),
            [as_frame(RAW[0])],
        ),
    ],
    ids=[
        "lists",
        "large lists",
        "lists of fixed size",
        "text",
        "large text",
        "strokes of x and y",
        "strokes of points",
        "x and y of strokes",
        "points",
        "stroke-3",
        "stroke-3 of fixed size",
        "raw lists",
        "raw text",
        "raw strokes",
    ],
)
def test_all_layouts_of_strokes(tmp_path: Path, column: pa.Array, expected: Any) -> None:
    words = ["cat"] * len(column)
    chunks, skips = read(put(tmp_path, word=words, drawing=column))
    assert strokes_of(chunks) == expected
    assert skips.counts == {}
    nothing = pa.concat_arrays([pa.nulls(1, column.type), column])
    chunks, skips = read(put(tmp_path, word=["dog", *words], drawing=nothing))
    assert strokes_of(chunks) == expected
    assert chunks[0].names == ["cat"]
    assert skips.examples == {"empty drawing": ["mine.parquet row 0"]}


def test_drawings_keep_their_scale_and_times(tmp_path: Path) -> None:
    (raw,) = drawings_of(put(tmp_path, word=["cat"], drawing=RAW))
    assert raw.to_strokes() == RAW[0]
    (steps,) = drawings_of(put(tmp_path, drawing=STEPS))
    assert steps.to_strokes() == STEPPED
    assert (steps.word, steps.recognised) == (None, None)
    bad = put(tmp_path, word=["cat"] * 2, drawing=[LISTS[0], []])
    with pytest.raises(errors.FormatError, match=r"mine\.parquet row 1 .* empty"):
        drawings_of(bad)


def test_strokes_beyond_the_frame_are_brought_into_it(tmp_path: Path) -> None:
    far = [[[0, 510], [0, 100]]]
    chunks, skips = read(put(tmp_path, word=["cat"] * 3, drawing=[LISTS[0], far, LISTS[1]]))
    assert strokes_of(chunks) == [LISTS[0], as_frame(far), LISTS[1]]
    assert skips.notes == {"brought into the 0..255 frame": 1}


def test_a_stroke_that_16_bits_cannot_count_is_simplified_or_skipped(tmp_path: Path) -> None:
    line = [list(range(256)) * 300, [0] * 76_800]
    scribble = np.random.default_rng(0).integers(0, 256, (2, 100_000)).tolist()
    path = put(tmp_path, word=["cat"] * 3, drawing=[[line], [scribble], LISTS[0]])
    (chunk,), skips = read(path)
    assert len(chunk) == 2
    assert chunk.drawings.stroke_lengths[0] < 65_536
    assert strokes_of([chunk])[1] == LISTS[0]
    assert skips.examples == {"a stroke of more than 65,535 points": ["mine.parquet row 1"]}
    assert skips.notes == {"brought into the 0..255 frame": 1}


def test_bad_rows_are_counted_and_named(tmp_path: Path) -> None:
    good = LISTS[0]
    rows: list[Any] = [
        good,
        [],
        [[[1, 2], [3]]],
        [[[1, 2]]],
        [[[1, 2], [3, 4]], [[1, 2], [3, 4], [0, 5]]],
        [[[1.0, float("nan")], [3, 4]]],
        [[[1e39, 1], [3, 4]]],
        [[[1, None], [3, 4]]],
        None,
        good,
    ]
    words = ["cat"] * 9 + [None]
    path = put(tmp_path, word=words, drawing=pa.array(rows, pa.list_(pa.list_(LIST))))
    (chunk,), skips = read(path)
    assert strokes_of([chunk]) == [good]
    assert skips.examples == {
        "empty drawing": ["mine.parquet row 1", "mine.parquet row 8"],
        "a stroke whose lists differ in length": ["mine.parquet row 2"],
        "strokes that are neither all [x, y] nor all [x, y, t]": [
            "mine.parquet row 3",
            "mine.parquet row 4",
        ],
        "a number that is out of range": [f"mine.parquet row {row}" for row in (5, 6, 7)],
        "no label": ["mine.parquet row 9"],
    }


def test_bad_text_structs_and_steps_are_counted(tmp_path: Path) -> None:
    texts = pa.array([b"[[[1,2],[3,4]]]", b"[[[1", b'{"a":1}', b"\xff\xfe", b"", b"[[[1],[2"])
    _, skips = read(put(tmp_path, word=["cat"] * 6, drawing=texts.view(pa.string())))
    assert skips.counts == {
        "broken JSON": 3,
        "strokes that are not lists of numbers": 1,
        "empty drawing": 1,
    }
    axes = [
        {"x": [[1, 2]], "y": [[3, 4]]},
        {"x": [[1, 2], [3]], "y": [[3, 4]]},
        {"x": [[1]], "y": [[3, 4]]},
        {"x": [[5, 6]], "y": [[7, 8]]},
    ]
    chunks, skips = read(put(tmp_path, word=["cat"] * 4, drawing=pa.array(axes, AXES)))
    assert strokes_of(chunks) == [[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]]
    assert skips.examples["a stroke whose lists differ in length"] == [
        "mine.parquet row 1",
        "mine.parquet row 2",
    ]
    steps = [[[1, 1, 0, 0]], STEPS[0], [[1, 1, 0], [1]], [[1, 1, 7]]]
    chunks, skips = read(put(tmp_path, word=["cat"] * 4, drawing=steps))
    assert strokes_of(chunks) == [as_frame(STEPPED)]
    assert skips.counts == {
        "points that are not [dx, dy, p]": 2,
        "a pen state that is neither 0 nor 1": 1,
    }


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (pa.array(["cat", "dog"]), ["cat", "dog"]),
        (pa.array(["cat", "dog"], pa.large_string()), ["cat", "dog"]),
        (pa.array(["cat", "dog"]).dictionary_encode(), ["cat", "dog"]),
        (pa.array([3, 7], pa.int16()), ["3", "7"]),
    ],
)
def test_labels_of_all_kinds(tmp_path: Path, labels: pa.Array, expected: list[str]) -> None:
    for name in ("label", "target", "category"):
        (chunk,), _ = read(put(tmp_path, drawing=LISTS, **{name: labels}))
        assert chunk.words == expected
    (chunk,), _ = read(put(tmp_path, drawing=LISTS, x=labels), label_column="x")
    assert chunk.words == expected


def hugging_face(table: pa.Table, **classes: list[str]) -> pa.Table:
    features = {name: {"names": names, "_type": "ClassLabel"} for name, names in classes.items()}
    about = json.dumps({"info": {"features": features}})
    return table.replace_schema_metadata({"huggingface": about})


@pytest.mark.parametrize("kind", ["parquet", "arrow", "stream", "feather", "zstd"])
def test_files_of_all_kinds_as_hugging_face_writes_them(tmp_path: Path, kind: str) -> None:
    table = pa.table({"label": [1, 0, -1, 5], "countrycode": [0, 1, 0, 0], "drawing": LISTS * 2})
    table = hugging_face(table, label=["cat", "dog"], countrycode=["DE", "NA"])
    path = tmp_path / f"mine.{kind}"
    if kind == "parquet":
        parquet.write_table(table, path)
    elif kind in ("feather", "zstd"):
        feather.write_feather(table, str(path), compression="lz4" if kind == "feather" else kind)
    else:
        new = pa.ipc.new_file if kind == "arrow" else pa.ipc.new_stream
        with new(str(path), table.schema) as writer:
            writer.write_table(table)
    assert TABLE.sniff(path.read_bytes()[: 1 << 16], path)
    (chunk,), skips = read(path)
    assert chunk.words == ["dog", "cat"]
    assert chunk.countries == ["DE", "NA"]
    assert strokes_of([chunk]) == LISTS
    assert skips.examples == {"no label": [f"mine.{kind} row 2", f"mine.{kind} row 3"]}


def test_arrays_of_hugging_face_are_read_as_they_are_stored(tmp_path: Path) -> None:
    class Array2D(pa.ExtensionType):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(pa.list_(pa.list_(pa.int16())), "a.test.array")

        def __arrow_ext_serialize__(self) -> bytes:
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, storage: Any, serialized: bytes) -> Any:
            return cls()

    steps = pa.ExtensionArray.from_storage(Array2D(), pa.array(STEPS, Array2D().storage_type))
    pa.register_extension_type(Array2D())
    try:
        path = put(tmp_path, word=["cat"], drawing=steps)
        chunks, _ = read(path)
    finally:
        pa.unregister_extension_type("a.test.array")
    assert strokes_of(chunks) == strokes_of(read(path)[0]) == [as_frame(STEPPED)]


def groups(folder: Path, kind: str, n_groups: int, rows: int = 3) -> Path:
    """A table of n groups; the y of the first point is the number of the row."""
    path = folder / f"mine.{kind}"
    batches = []
    for group in range(n_groups):
        numbers = range(group * rows, (group + 1) * rows)
        drawings = [[[[0, 1], [number % 256, 9]]] if number != 7 else [] for number in numbers]
        batches.append(pa.record_batch({"other": [1] * rows, "drawing": drawings}))
    table = pa.Table.from_batches(batches, batches[0].schema)
    table = table.append_column("label", pa.array(["cat"] * len(table)))
    if kind == "parquet":
        parquet.write_table(table, path, row_group_size=rows)
    else:
        new = pa.ipc.new_file if kind == "arrow" else pa.ipc.new_stream
        with new(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=rows)
    return path


@pytest.mark.parametrize("kind", ["parquet", "arrow", "stream"])
def test_stretches_are_groups_of_rows(tmp_path: Path, kind: str) -> None:
    path = groups(tmp_path, kind, 4)
    numbers = []
    for first, last in ((0, 1), (1, 2), (2, None)):
        chunks, skips = read(path, first, last)
        numbers += [int(strokes[0][1][0]) for strokes in strokes_of(chunks)]
        places = [f"mine.{kind} row 7"] if first == 2 else []
        assert skips.examples.get("empty drawing", []) == places
    assert numbers == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11]
    assert TABLE.cut is not None
    assert TABLE.cut(path, Wanted()) == [(0, 4)]


@pytest.mark.parametrize("kind", ["parquet", "arrow", "stream"])
def test_large_tables_are_cut_into_stretches(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"mine.{kind}"
    content = pa.array([bytes(4 << 20)] * 2)
    batch = pa.record_batch({"image": content, "label": ["cat", "dog"]})
    if kind == "parquet":
        options = {"compression": "none", "use_dictionary": False}
        with parquet.ParquetWriter(path, batch.schema, **options) as writer:
            for _ in range(10):
                writer.write_batch(batch)
    else:
        new = pa.ipc.new_file if kind == "arrow" else pa.ipc.new_stream
        with new(str(path), batch.schema) as writer:
            for _ in range(10):
                writer.write_batch(batch)
    assert TABLE.cut is not None
    assert TABLE.cut(path, Wanted()) == [(0, 4), (4, 8), (8, 10)]


def test_chunks_are_small(tmp_path: Path) -> None:
    path = put(tmp_path, word=["cat"] * 5000, drawing=LISTS[:1] * 5000)
    chunks, _ = read(path)
    assert [len(chunk) for chunk in chunks] == [2048, 2048, 904]


def test_strokes_or_pictures_by_what_is_asked_for(tmp_path: Path) -> None:
    path = put(tmp_path, drawing=LISTS, image=[picture()] * 2, label=["cat", "dog"])
    (chunk,), _ = read(path)
    assert chunk.images is None
    assert strokes_of([chunk]) == LISTS
    (chunk,), _ = read(path, image=GREY)
    assert chunk.drawings is None
    assert chunk.images.shape == (2, 28, 28, 1)
    assert TABLE.sample is not None
    assert len(list(TABLE.sample(Source(path, "mine"), Wanted()))) == 0
    assert len(list(TABLE.sample(Source(path, "mine"), Wanted(image=GREY)))) == 2
    drawn = put(tmp_path, drawing=[picture()], label=["cat"])
    assert len(read(drawn, image=GREY)[0]) == 1


@pytest.mark.parametrize(
    ("columns", "wanted", "message"),
    [
        (
            {"drawing": LISTS, "clas": ["cat", "dog"]},
            {},
            r"No column of .* there are drawing, clas\. Did you mean 'clas'\?.*--label-column NAME",
        ),
        (
            {"drawing": LISTS, "word": ["cat", "dog"]},
            {"label_column": "wrod"},
            r"no column 'wrod' in .* drawing, word\. Did you mean 'word'\? .*as --label-column",
        ),
        (
            {"drawing": LISTS, "word": [[1], [2]]},
            {"label_column": "word"},
            r"'word' of .* holds list<.*no labels",
        ),
        (
            {"word": ["cat"], "picture": [1.5]},
            {},
            r"holds drawings or pictures; .* 'picture' holds double\. Name the column 'drawing'",
        ),
        (
            {"drawing": LISTS, "word": ["cat", "dog"]},
            {"image": SPEC},
            r"holds strokes \(column 'drawing'\).* a size is for pictures\. Leave out --size",
        ),
        (
            {"image": [picture()], "word": ["cat"]},
            {},
            r"holds pictures \(column 'image'\).* --size 64",
        ),
        (
            {"drawing": [[[[1], [2, 3]]]], "word": ["cat"]},
            {},
            r"not one usable row in .* \(a stroke whose lists differ in length\)",
        ),
        (
            {"drawing": pa.array([], pa.string()), "word": pa.array([], pa.string())},
            {},
            r"not one usable row in .* \(it has no rows\)",
        ),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, columns: dict[str, Any], wanted: dict[str, Any], message: str
) -> None:
    path = put(tmp_path, **columns)
    with pytest.raises(errors.FormatError, match=message):
        read(path, **wanted)


def test_pictures_have_no_strokes_to_read(tmp_path: Path) -> None:
    path = put(tmp_path, image=[picture()], word=["cat"])
    with pytest.raises(errors.FormatError, match=r"holds pictures .* not strokes"):
        drawings_of(path)


@pytest.mark.parametrize("kind", ["parquet", "arrow", "stream"])
def test_truncated_files_are_named(tmp_path: Path, kind: str) -> None:
    path = groups(tmp_path, kind, 4)
    path.write_bytes(path.read_bytes()[:-100])
    assert TABLE.cut is not None
    assert TABLE.sample is not None
    assert TABLE.cut(path, Wanted()) == []
    assert list(TABLE.sample(Source(path, "mine"), Wanted())) == []
    with pytest.raises(errors.FormatError, match=r"is broken or breaks off: .*Get it again"):
        read(path)


def test_what_comes_before_damage_is_kept(tmp_path: Path) -> None:
    drawings = [[[[0, 255], [0, 9]]]] * 4096
    path = put(tmp_path, 2048, word=["cat"] * 4096, drawing=drawings)
    content = bytearray(path.read_bytes())
    start = parquet.ParquetFile(path).metadata.row_group(1).column(1).data_page_offset
    content[start : start + 16] = b"\xff" * 16
    path.write_bytes(content)
    chunks, skips = read(path)
    assert sum(map(len, chunks)) == 2048
    assert skips.counts == {"truncated file": 1}
    assert skips.examples["truncated file"][0].startswith("mine.parquet (")
    with pytest.raises(errors.FormatError, match="breaks off: "):
        drawings_of(path)


@pytest.mark.parametrize(
    "head",
    [b"", b"PAR2", b"ARROW1", b"\xff\xff\xff\xff", b"\xff" * 16, b"\xff\xff\xff\xff\3\0\0\0"],
)
def test_other_files_are_not_tables(head: bytes) -> None:
    assert not TABLE.sniff(head, Path("mine.bin"))


def test_without_pyarrow_the_error_says_what_to_install(tmp_path: Path) -> None:
    path = put(tmp_path, drawing=LISTS, word=["cat", "dog"])
    code = f"""
import sys
from pathlib import Path
from doodlewise.data.chunk import Skips, Source, Wanted
from doodlewise.data.formats.table import TABLE
assert "pyarrow" not in sys.modules
sys.modules["pyarrow"] = None
try:
    list(TABLE.read_chunks(Source(Path({str(path)!r}), "mine"), Wanted(), Skips()))
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "This needs pyarrow, which is not installed. Run: pip install 'doodlewise[train]'\n"
    )
