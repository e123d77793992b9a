from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from miniature import make_doodle_dataset
from PIL import Image

from doodlewise.data.chunk import Chunk, Skips, Source, Wanted
from doodlewise.data.formats import picture_rows
from doodlewise.data.formats.kaggle import CSV, count_rows
from doodlewise.data.prepare import PictureWish, prepare
from doodlewise.data.rows import Rows
from doodlewise.data.store import Store
from doodlewise.errors import FormatError
from doodlewise.image import ImageSpec, read_image

WORDS = ("traffic light", "cat", "apple")
COUNTRIES = ("US", "NA", "DE")
INK = ImageSpec(64, 64, channels=1, look="drawing")
WANTED = Wanted(image=INK)
QUICKDRAW = Path(__file__).resolve().parents[3] / "shared" / "data" / "quickdraw" / "simplified"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """The CSV of a miniature: 3 words, 12 drawings each."""
    words = ("star", "cat", "apple")
    path = make_doodle_dataset(tmp_path / "Doodle Dataset", words, COUNTRIES, 12)
    # Blanks in names are kept, and no word that is drawn by code has one.
    (path.parent / "doodle" / "star").rename(path.parent / "doodle" / "traffic light")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("star", "traffic light"), encoding="utf-8")
    return path


def read(path: Path, wanted: Wanted = WANTED) -> tuple[list[Chunk], Skips]:
    skips = Skips()
    return list(CSV.read_chunks(Source(path, "x"), wanted, skips)), skips


def test_the_miniature_is_as_strange_as_the_real_one(dataset: Path) -> None:
    lines = dataset.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "countrycode,drawing,key_id,recognized,word,image_path"
    assert ',"[[[' in lines[1]
    assert ",traffic light,data/traffic light/" in lines[1]
    assert any(line.startswith("NA,") for line in lines)
    pictures = [Image.open(path) for path in dataset.parent.glob("doodle/*/*.png")]
    assert {picture.mode for picture in pictures} == {"L"}
    assert {picture.size for picture in pictures} == {(255, 255), (254, 254)}
    greys = {value for picture in pictures for _, value in picture.getcolors() or []} - {255}
    assert min(greys) == 90
    assert max(greys) == 155


def test_pictures_are_read_though_the_paths_say_data(dataset: Path) -> None:
    (chunk,), skips = read(dataset)
    assert not skips.counts
    assert chunk.names == list(WORDS)
    assert Counter(chunk.words) == dict.fromkeys(WORDS, 12)
    assert chunk.images is not None
    assert chunk.images.shape == (36, 64, 64, 1)
    assert chunk.origins is not None
    name = chunk.origins.names[0]
    assert name.startswith("doodle/traffic light/")
    assert str(chunk.key_ids[0]) == Path(name).stem
    assert set(chunk.origins.sizes.reshape(-1).tolist()) == {254, 255}
    assert set(chunk.countries) <= set(COUNTRIES)
    assert "NA" in chunk.countries


def test_grey_ink_is_kept(dataset: Path) -> None:
    """A threshold at 128 would lose the later strokes."""
    (chunk,), _ = read(dataset)
    assert chunk.images is not None
    assert chunk.origins is not None
    for image, name in zip(chunk.images, chunk.origins.names, strict=True):
        paper = np.asarray(Image.open(dataset.parent / name).resize((64, 64), Image.Resampling.BOX))
        assert image.max() == 255
        lost = (paper < 225) & (image[:, :, 0] < 20)
        assert lost.mean() < 0.002


def test_the_paths_may_be_right_as_they_are(dataset: Path) -> None:
    before, _ = read(dataset)
    (dataset.parent / "doodle").rename(dataset.parent / "data")
    after, skips = read(dataset)
    assert not skips.counts
    assert after[0].origins is not None
    assert after[0].origins.names[0].startswith("data/traffic light/")
    assert np.array_equal(after[0].images, before[0].images)  # type: ignore[arg-type]


def test_only_pictures_that_are_wanted_are_opened(dataset: Path) -> None:
    for path in dataset.parent.glob("doodle/cat/*.png"):
        path.write_bytes(b"not a picture")
    (chunk,), skips = read(dataset, Wanted(classes=("apple",), image=INK))
    assert chunk.names == ["apple"]
    assert not skips.counts
    assert skips.notes == {"pictures that were not asked for": 24}

    (chunk,), skips = read(dataset, Wanted(("apple",), ("NA",), recognised_only=True, image=INK))
    assert set(chunk.countries) == {"NA"}
    assert set(chunk.recognised.tolist()) == {1}
    assert not skips.counts


def test_pictures_over_the_cap_are_not_opened(dataset: Path) -> None:
    names = [name for name in read(dataset)[0][0].origins.names if "/cat/" in name]  # type: ignore[union-attr]
    (dataset.parent / names[0]).write_bytes(b"not a picture")
    for name in names[6:]:
        (dataset.parent / name).write_bytes(b"not a picture")
    (chunk,), skips = read(dataset, Wanted(image=INK, per_class=5))
    assert Counter(chunk.words) == dict.fromkeys(WORDS, 5), "a broken one is made up for"
    assert skips.counts == {"not a picture": 1}
    assert skips.notes == {"more than --per-class": 20}


def test_nothing_is_wrong_where_nothing_is_wanted(dataset: Path) -> None:
    assert read(dataset, Wanted(classes=("pear",), image=INK))[0] == []


def test_missing_and_broken_pictures_are_counted(dataset: Path) -> None:
    first, second, third, *_ = sorted(dataset.parent.glob("doodle/cat/*.png"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:200])
    Image.new("L", (255, 255), 255).save(third)
    (chunk,), skips = read(dataset)
    assert len(chunk) == 33
    lines = dataset.read_text(encoding="utf-8").splitlines()
    place = {name: number for number, line in enumerate(lines, 1) for name in [line[-20:]]}
    assert skips.counts["missing picture"] == 1
    assert skips.counts["truncated picture"] == 1
    assert sum(skips.counts.values()) == 3
    number = place[f"{first}"[-20:]]
    assert skips.examples["missing picture"] == [f"master_doodle_dataframe.csv:{number}"]


def test_a_csv_without_its_pictures(dataset: Path) -> None:
    shutil.rmtree(dataset.parent / "doodle")
    with pytest.raises(FormatError, match=r"missing picture \(36x\).*looked for in .*data"):
        read(dataset)


def test_pictures_elsewhere_are_left_alone(dataset: Path) -> None:
    outside = dataset.parent.parent / "outside.png"
    Image.new("L", (20, 20), 0).save(outside)
    rows = [f"cat,{outside}", "cat,data/../../outside.png", "cat,../outside.png"]
    path = dataset.with_name("sly.csv")
    path.write_text("\n".join(["word,image_path", *rows]) + "\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"a picture outside of the folder \(3x\)"):
        read(path)


def test_strokes_cannot_be_brought_to_a_size(dataset: Path) -> None:
    path = dataset.with_name("cat.csv")
    path.write_text('drawing\n"[[[1,2],[3,4]]]"\n', encoding="utf-8")
    with pytest.raises(FormatError, match=r"--size is for pictures.*--side 64"):
        read(path)


def test_pictures_cannot_be_read_as_strokes(dataset: Path) -> None:
    path = dataset.with_name("pictures.csv")
    path.write_text("word,image_path\ncat,data/cat/1.png\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"no column 'drawing'.*--size 64"):
        read(path, Wanted())


def test_a_chunk_has_few_pictures(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_rows, "CHUNK_BYTES", 10 * 64 * 64)
    chunks, _ = read(dataset)
    assert [len(chunk) for chunk in chunks] == [10, 10, 10, 6]
    assert chunks[1].names == ["traffic light", "cat"]


def test_samples_are_wanted_pictures_that_can_be_opened(dataset: Path) -> None:
    assert CSV.sample is not None
    source = Source(dataset, "x")
    assert list(CSV.sample(source, Wanted())) == [], "without a size, strokes are read"
    for path in dataset.parent.glob("doodle/traffic light/*.png"):
        path.write_bytes(b"not a picture")
    samples = list(CSV.sample(source, WANTED))
    assert len(samples) == 8
    assert {sample.mode for sample in samples} == {"L"}
    assert len(list(CSV.sample(source, Wanted(countries=("XX",), image=INK)))) == 0


def test_counting_takes_no_look_at_the_pictures(dataset: Path) -> None:
    (chunk,), _ = read(dataset)
    expected = Counter(zip(chunk.words, chunk.countries, strict=True))
    shutil.rmtree(dataset.parent / "doodle")
    assert count_rows(Source(dataset, "x")) == expected


def test_the_words_and_countries_with_most_drawings_become_a_store(dataset: Path) -> None:
    lines = dataset.read_text(encoding="utf-8").splitlines(keepends=True)
    few = [line for line in lines if ",cat," not in line]
    dataset.write_text("".join([*few, *[line for line in lines if ",cat," in line][:6]]), "utf-8")
    out = dataset.parent.parent / "store"
    manifest = prepare(
        [dataset.parent], out, top_labels=2, top_countries=2, per_class=5,
        pictures=PictureWish(size=(64, 64)), jobs=1,
    )  # fmt: skip
    assert manifest.classes == ["apple", "traffic light"]
    assert manifest.image == INK
    store = Store(out)
    rows = Rows.concat([store.read(shard) for shard in store.shards("all")])
    assert Counter(rows.labels.tolist()) == {0: 5, 1: 5}
    assert set(rows.countries) == {"US", "NA"}
    assert rows.origins is not None
    for name, image in zip(rows.origins.names, rows.images, strict=True):  # type: ignore[arg-type]
        assert np.array_equal(image, read_image(dataset.parent / name, INK).pixels)


@pytest.mark.skipif(not QUICKDRAW.is_dir(), reason=f"no data at {QUICKDRAW}")
def test_a_miniature_of_real_drawings(tmp_path: Path) -> None:
    path = make_doodle_dataset(tmp_path, ("cat", "bee"), COUNTRIES, 5, quickdraw=QUICKDRAW)
    (chunk,), skips = read(path)
    assert Counter(chunk.words) == {"cat": 5, "bee": 5}
    assert not skips.counts
    (strokes,), _ = read(path, Wanted())
    assert strokes.key_ids.tolist() == chunk.key_ids.tolist()
