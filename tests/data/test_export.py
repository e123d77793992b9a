"""What is exported is what others read, and what comes back."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from doodlewise.data.export import EXPORT_FORMATS, export
from doodlewise.data.formats import read_drawings, word_of, write_ndjson
from doodlewise.data.prepare import prepare
from doodlewise.data.rows import Rows
from doodlewise.data.split import Fractions
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing
from doodlewise.errors import ConfigError, DataError, StoreError, UnknownClassError
from doodlewise.raster import RenderSpec, render

WORDS = ("cat", "ice cream", "and/or", ".50%", "Cat")
PER_WORD = 12
FRACTIONS = Fractions(val=0.25, test=0.25)


def drawing_of(word: str, number: int) -> Drawing:
    random = np.random.default_rng((number, *word.encode()))
    strokes = []
    for _ in range(int(random.integers(1, 4))):
        strokes.append(random.integers(0, 256, size=(int(random.integers(2, 9)), 2)))
    strokes.append(np.array([[0, 0], [255, 255]]))
    return Drawing.from_strokes(
        strokes,
        word=word,
        country=("DE", "", "NA")[number % 3],
        recognised=(True, False, None)[number % 3],
        key_id=2**64 - 1 - number if word == "cat" else 1_000 * len(word) + number,
    )


@pytest.fixture(scope="module")
def drawn() -> dict[tuple[str, int], Drawing]:
    """Drawings by word and key."""
    every = [drawing_of(word, number) for word in WORDS for number in range(PER_WORD)]
    return {(each.word or "", each.key_id or 0): each for each in every}


@pytest.fixture(scope="module")
def strokes(
    drawn: dict[tuple[str, int], Drawing], tmp_path_factory: pytest.TempPathFactory
) -> Store:
    """A store of words that no file name can hold, of known and unknown countries."""
    folder = tmp_path_factory.mktemp("odd")
    write_ndjson(drawn.values(), folder / "source.ndjson")
    prepare([folder / "source.ndjson"], folder / "store", fractions=FRACTIONS, jobs=1)
    return Store(folder / "store")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store of photos: two classes of coloured noise, 16 x 12 pixels, 8 of each."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(3)
    for word in ("moss", "sand"):
        (folder / "source" / word).mkdir(parents=True)
        for number in range(8):
            noise = random.integers(0, 256, (12, 16, 3), np.uint8)
            Image.fromarray(noise).save(folder / "source" / word / f"{number}.png")
    prepare([folder / "source"], folder / "store", fractions=FRACTIONS, jobs=1)
    return Store(folder / "store")


def images_of(store: Store, word: str) -> set[bytes]:
    """Every image of a class."""
    found = [rows.images for key, rows in rows_by_key(store).items() if key[0] == word]
    return {images.tobytes() for images in found if images is not None}


def rows_by_key(store: Store, split: str = "all") -> dict[tuple[str, int], Rows]:
    """Every row of a store, by word and key."""
    found = {}
    for shard in store.shards(split):
        rows = store.read(shard)
        for row in range(len(rows)):
            word = store.classes[rows.labels[row]]
            found[word, int(rows.key_ids[row])] = rows.slice(row, row + 1)
    return found


def assert_same_rows(one: Rows, other: Rows) -> None:
    assert one.countries == other.countries
    assert one.recognised.tolist() == other.recognised.tolist()
    if one.drawings is not None and other.drawings is not None:
        assert np.array_equal(one.drawings.points, other.drawings.points)
        assert np.array_equal(one.drawings.stroke_lengths, other.drawings.stroke_lengths)
    else:
        assert one.images is not None
        assert other.images is not None
        assert np.array_equal(one.images, other.images)


def prepared(out: Path, store: Path, **settings: Any) -> Store:
    prepare([out], store, fractions=FRACTIONS, jobs=1, **settings)
    return Store(store)


def left_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("format", ["ndjson", "bin"])
def test_files_of_google_hold_the_drawings(
    format: str, strokes: Store, drawn: dict[tuple[str, int], Drawing], tmp_path: Path
) -> None:
    report = export(strokes, tmp_path / "out", format=format)
    assert report.rows == dict.fromkeys(strokes.classes, PER_WORD)
    files = sorted((tmp_path / "out").glob(f"*.{format}"))
    assert len(files) == report.files == len(WORDS)
    assert sum(file.stat().st_size for file in files) == report.n_bytes
    assert {word_of(file) for file in files} == set(WORDS)
    read = {(each.word, each.key_id): each for file in files for each in read_drawings(file)}
    assert set(read) == set(drawn)
    for key, original in drawn.items():
        assert np.array_equal(read[key].points, original.points)
        assert np.array_equal(read[key].lengths, original.lengths)
        assert read[key].country == original.country
        known = original.recognised if format == "ndjson" else original.recognised is True
        assert read[key].recognised is known
    unknown = sum(each.recognised is None for each in drawn.values())
    assert sum(report.notes.values()) == (unknown if format == "bin" else 0)


def test_ndjson_becomes_the_same_store_again(strokes: Store, tmp_path: Path) -> None:
    export(strokes, tmp_path / "out", format="ndjson")
    again = prepared(tmp_path / "out", tmp_path / "again")
    assert again.classes == strokes.classes
    for split in ("train", "val", "test"):
        before, after = rows_by_key(strokes, split), rows_by_key(again, split)
        assert set(before) == set(after)
        for key, row in before.items():
            assert_same_rows(row, after[key])


def test_a_country_that_bin_has_no_room_for_is_unknown_and_counted(tmp_path: Path) -> None:
    odd = Drawing.from_strokes([[[0, 255], [0, 9]]], word="cat", country="d1", key_id=1)
    write_ndjson([odd], tmp_path / "cat.ndjson")
    prepare([tmp_path / "cat.ndjson"], tmp_path / "store", fractions=Fractions(0, 0), jobs=1)
    report = export(Store(tmp_path / "store"), tmp_path / "out", format="bin")
    (read,) = read_drawings(tmp_path / "out" / "cat.bin")
    assert read.country == ""
    assert report.notes["countries that are not two capital letters, written as unknown"] == 1


def test_words_that_differ_in_capitals_get_files_of_their_own_on_any_disk(
    strokes: Store, tmp_path: Path
) -> None:
    export(strokes, tmp_path, format="ndjson")
    names = [path.name.casefold() for path in tmp_path.glob("*.ndjson")]
    assert len(set(names)) == len(WORDS)
    assert (tmp_path / "and%2For.ndjson").exists()
    assert not [name for name in names if name.startswith(".")]


def test_npy_of_strokes_is_as_googles_bitmaps(
    strokes: Store, drawn: dict[tuple[str, int], Drawing], tmp_path: Path
) -> None:
    export(strokes, tmp_path, format="npy")
    bitmaps = np.load(tmp_path / "ice cream.npy", mmap_mode="r", allow_pickle=False)
    assert (bitmaps.shape, bitmaps.dtype) == ((PER_WORD, 784), np.uint8)
    expected = {render(each).tobytes() for key, each in drawn.items() if key[0] == "ice cream"}
    near = [min(_off(row, other) for other in expected) for row in bitmaps]
    assert max(near) <= 1


def _off(row: np.ndarray[Any, Any], other: bytes) -> int:
    """The largest difference of two images."""
    return int(np.abs(row.astype(int) - np.frombuffer(other, np.uint8).astype(int)).max())


def test_npy_is_read_by_our_own_reader(bitmap_store: Path, tmp_path: Path) -> None:
    store = Store(bitmap_store)
    export(store, tmp_path / "out", format="npy")
    before = rows_by_key(store)
    after = rows_by_key(prepared(tmp_path / "out", tmp_path / "again"))
    assert set(before) == set(after)
    for key, row in before.items():
        assert_same_rows(row, after[key])


def test_a_side_makes_larger_pictures(strokes: Store, tmp_path: Path) -> None:
    spec = RenderSpec(side=40)
    export(strokes, tmp_path / "npy", format="npy", spec=spec)
    assert np.load(tmp_path / "npy" / "Cat.npy").shape == (PER_WORD, 1600)
    export(strokes, tmp_path / "png", format="png", spec=spec)
    with Image.open(next((tmp_path / "png" / "Cat").iterdir())) as picture:
        assert (picture.size, picture.mode) == ((40, 40), "L")


def test_png_is_dark_ink_on_white_paper(strokes: Store, tmp_path: Path) -> None:
    report = export(strokes, tmp_path, format="png")
    assert report.files == len(WORDS) * PER_WORD
    for number in range(3):
        original = drawing_of("ice cream", number)
        with Image.open(tmp_path / "ice cream" / f"{original.key_id}.png") as picture:
            shown = 255 - np.asarray(picture).astype(int)
        assert np.abs(shown - render(original)).max() <= 1


def test_pictures_of_one_key_do_not_overwrite_each_other(tmp_path: Path) -> None:
    lines = [
        Drawing.from_strokes([[[0, 255], [0, y]]], word="cat", key_id=7) for y in (0, 100, 200)
    ]
    write_ndjson(lines, tmp_path / "cat.ndjson")
    prepare([tmp_path / "cat.ndjson"], tmp_path / "store", fractions=Fractions(0, 0), jobs=1)
    for _ in range(2):
        export(Store(tmp_path / "store"), tmp_path / "out", format="png")
        names = sorted(path.name for path in (tmp_path / "out" / "cat").iterdir())
        assert names == ["7-2.png", "7-3.png", "7.png"]
    contents = {path.read_bytes() for path in (tmp_path / "out" / "cat").iterdir()}
    assert len(contents) == 3


def test_png_of_ink_becomes_the_same_ink_again(bitmap_store: Path, tmp_path: Path) -> None:
    store = Store(bitmap_store)
    export(store, tmp_path / "out", format="png")
    again = prepared(tmp_path / "out", tmp_path / "again")
    assert again.classes == store.classes
    for word in store.classes:
        assert images_of(again, word) == images_of(store, word)


@pytest.mark.parametrize("format", ["png", "parquet"])
def test_photos_stay_as_they_are(format: str, photos: Store, tmp_path: Path) -> None:
    export(photos, tmp_path / "out", format=format)
    again = prepared(tmp_path / "out", tmp_path / "again")
    assert again.manifest.image == photos.manifest.image
    for word in photos.classes:
        assert images_of(again, word) == images_of(photos, word)


def test_npy_of_photos_has_their_shape(photos: Store, tmp_path: Path) -> None:
    export(photos, tmp_path, format="npy")
    array = np.load(tmp_path / "moss.npy")
    assert (array.shape, array.dtype) == ((8, 12, 16, 3), np.uint8)
    assert {image.tobytes() for image in array} == images_of(photos, "moss")


@pytest.mark.parametrize("kind", ["strokes", "pixels"])
def test_parquet_becomes_the_same_store_again(
    kind: str, strokes: Store, bitmap_store: Path, tmp_path: Path
) -> None:
    store = strokes if kind == "strokes" else Store(bitmap_store)
    export(store, tmp_path / "out", format="parquet")
    again = prepared(tmp_path / "out", tmp_path / "again", label_column="word")
    assert again.classes == store.classes
    before, after = rows_by_key(store), rows_by_key(again)
    assert set(before) == set(after)
    for key, row in before.items():
        assert_same_rows(row, after[key])


def test_parquet_holds_everything(
    strokes: Store, drawn: dict[tuple[str, int], Drawing], tmp_path: Path
) -> None:
    export(strokes, tmp_path, format="parquet")
    found = {}
    for split in ("train", "val", "test"):
        table = parquet.read_table(tmp_path / f"{split}.parquet")
        assert len(table) == strokes.size(split)
        for row in table.to_pylist():
            assert strokes.classes[row["label"]] == row["word"]
            found[row["word"], row["key_id"]] = row
    assert set(found) == set(drawn)
    for key, original in drawn.items():
        assert found[key]["drawing"] == original.to_strokes()
        assert found[key]["countrycode"] == original.country
        assert found[key]["recognized"] is original.recognised


def features_of(file: Path) -> dict[str, Any]:
    """What Hugging Face datasets is told about the columns of a file."""
    metadata = parquet.read_schema(file).metadata[b"huggingface"]
    features = json.loads(metadata)["info"]["features"]
    assert isinstance(features, dict)
    return features


def test_parquet_tells_hugging_face_what_its_columns_are(
    strokes: Store, bitmap_store: Path, tmp_path: Path
) -> None:
    export(strokes, tmp_path / "strokes", format="parquet", split="val")
    export(Store(bitmap_store), tmp_path / "pixels", format="parquet", split="val")
    assert [path.name for path in (tmp_path / "strokes").glob("*.parquet")] == ["val.parquet"]
    of_strokes = features_of(tmp_path / "strokes" / "val.parquet")
    of_pixels = features_of(tmp_path / "pixels" / "val.parquet")
    assert of_strokes["label"] == {"names": strokes.classes, "_type": "ClassLabel"}
    assert of_strokes["drawing"] == [[[{"dtype": "uint8", "_type": "Value"}]]]
    assert of_pixels["image"] == {"_type": "Image"}
    schema = parquet.read_schema(tmp_path / "pixels" / "val.parquet")
    assert list(of_pixels) == schema.names
    assert schema.field("image").type == pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def test_the_first_of_each_class_are_taken(strokes: Store, tmp_path: Path) -> None:
    report = export(
        strokes, tmp_path, format="ndjson", split="train", classes=["ice cream", "Cat"], per_class=2
    )
    assert report.rows == {"Cat": 2, "ice cream": 2}
    assert left_in(tmp_path) == ["Cat.ndjson", "export.json", "ice cream.ndjson"]
    keys = [key for word, key in rows_by_key(strokes, "train") if word == "ice cream"]
    read = list(read_drawings(tmp_path / "ice cream.ndjson"))
    assert [each.key_id for each in read] == keys[:2]


def test_progress_ends_with_all(strokes: Store, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    export(strokes, tmp_path, format="bin", progress=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (len(WORDS) * PER_WORD, len(WORDS) * PER_WORD)
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"format": "bim"}, ConfigError, "Did you mean 'bin'"),
        ({"format": "npy", "per_class": 0}, ConfigError, "choose 1 or more"),
        ({"format": "bin", "spec": RenderSpec()}, ConfigError, "Leave it out"),
        ({"format": "bin", "classes": ["cta"]}, UnknownClassError, "Did you mean 'cat'"),
        ({"format": "bin", "split": "dev"}, StoreError, "Choose train, val, test or all"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(
    settings: dict[str, Any], error: type[Exception], said: str, strokes: Store, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        export(strokes, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("format", ["ndjson", "bin"])
def test_pixels_are_no_strokes(format: str, bitmap_store: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Choose png, npy or parquet"):
        export(Store(bitmap_store), tmp_path / "out", format=format)


def test_a_split_without_drawings(tmp_path: Path) -> None:
    write_ndjson([drawing_of("cat", 1)], tmp_path / "cat.ndjson")
    prepare([tmp_path / "cat.ndjson"], tmp_path / "store", fractions=Fractions(0, 0), jobs=1)
    with pytest.raises(StoreError, match=r"The val split .* has no drawings"):
        export(Store(tmp_path / "store"), tmp_path / "out", format="npy", split="val")


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_the_same_again_goes_over_it_and_nothing_else(
    format: str, strokes: Store, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(strokes, out, format=format)
    names = left_in(out)
    contents = {name: (out / name).read_bytes() for name in names}
    (out / names[-1]).write_bytes(b"spoilt")
    (out / names[0]).unlink()
    own = (out / names[0]).parent / "my notes.txt"
    own.write_text("mine")
    if names[0] == "export.json":
        (out / "export.json").write_bytes(contents["export.json"])
    export(strokes, out, format=format)
    assert {name: (out / name).read_bytes() for name in names} == contents
    assert own.read_text() == "mine"
    with pytest.raises(DataError, match="Choose another --out, or delete"):
        export(strokes, out, format=format, per_class=3)


def test_a_folder_of_something_else_is_left_alone(strokes: Store, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty, and not an earlier export"):
        export(strokes, tmp_path, format="bin")
    assert left_in(tmp_path) == ["thesis.txt"]


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_stopped_half_way_nothing_has_a_final_name(
    format: str, strokes: Store, tmp_path: Path
) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(strokes, tmp_path / "out", format=format, progress=stop)
    assert left_in(tmp_path / "out") == []
    export(strokes, tmp_path / "out", format="ndjson")


def test_what_a_killed_export_left_is_swept_away(strokes: Store, tmp_path: Path) -> None:
    (tmp_path / ".export").mkdir()
    (tmp_path / ".export" / "cat.bin").write_bytes(b"half")
    export(strokes, tmp_path, format="ndjson")
    assert not (tmp_path / ".export").exists()
    assert not (tmp_path / "cat.bin").exists()


@pytest.mark.parametrize("format", ["npy", "ndjson", "parquet"])
def test_a_disk_that_takes_no_more_is_explained(
    format: str, strokes: Store, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(DataError, match=r"no file may be that large .*Run the same command"):
            export(strokes, tmp_path / "out", format=format)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left_in(tmp_path / "out") == []


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_more_classes_than_files_may_be_open(format: str, tmp_path: Path) -> None:
    words = [f"word {number}" for number in range(200)]
    write_ndjson([drawing_of(word, 1) for word in words], tmp_path / "all.ndjson")
    prepare([tmp_path / "all.ndjson"], tmp_path / "store", fractions=Fractions(0, 0), jobs=1)
    store = Store(tmp_path / "store")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/dev/fd").iterdir())) + 20, hard))
    try:
        report = export(store, tmp_path / "out", format=format)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert report.files == (1 if format == "parquet" else 200)


def test_a_store_with_fewer_rows_than_it_says(strokes: Store, tmp_path: Path) -> None:
    manifest = json.loads((strokes.folder / "manifest.json").read_text())
    for shard in manifest["shards"]:
        (tmp_path / shard["file"]).write_bytes((strokes.folder / shard["file"]).read_bytes())
    manifest["counts"]["train"]["cat"] += 1
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match="fewer drawings of 'cat'"):
        export(Store(tmp_path), tmp_path / "out", format="npy")
    assert left_in(tmp_path / "out") == []
