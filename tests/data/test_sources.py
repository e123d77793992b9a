"""What is found in files and folders, as people hand them over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from doodlewise.data.chunk import Wanted
from doodlewise.data.formats import FORMATS
from doodlewise.data.prepare import PictureWish, prepare
from doodlewise.data.sources import find_sources, tasks_of, with_classes
from doodlewise.data.store import Store
from doodlewise.errors import ConfigError, DataError, UnknownClassError
from doodlewise.image import ImageSpec

LINE = '{"word": "cat", "drawing": [[[0, 255, 9], [0, 255, 7]]]}\n'


def picture(path: Path, colour: tuple[int, int, int] = (200, 30, 30), size: int = 40) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (size, size), colour)
    # No two alike: equal files are one drawing.
    image.putpixel((len(path.stem) % size, sum(map(ord, path.stem)) % size), (0, 0, 0))
    image.save(path)


def found_in(*inputs: Path) -> list[tuple[str, str, str]]:
    """Name, word and format of each source."""
    return [
        (each.source.path.name, each.source.word, each.format.name if each.format else "")
        for each in find_sources(inputs)
    ]


def test_the_files_of_data_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "full_simplified_alarm%20clock.ndjson").write_text(LINE)
    (tmp_path / "dog.ndjson").write_text(LINE)
    for passed_over in ("README.md", "downloads.json", "cat.ndjson.part", ".hidden", "notes.txt"):
        (tmp_path / passed_over).write_text("no data")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "bee.ndjson").write_text(LINE)
    assert found_in(tmp_path) == [
        ("dog.ndjson", "dog", "ndjson"),
        ("full_simplified_alarm%20clock.ndjson", "alarm clock", "ndjson"),
    ]


def test_data_before_pictures(tmp_path: Path) -> None:
    """The Doodle Dataset has a CSV file beside its pictures; others have a logo."""
    (tmp_path / "cat.ndjson").write_text(LINE)
    picture(tmp_path / "doodle" / "cat" / "1.png")
    picture(tmp_path / "logo.png")
    assert found_in(tmp_path) == [("cat.ndjson", "cat", "ndjson")]


def test_pictures_before_what_is_no_data(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "cat" / "1.png")
    picture(tmp_path / "val" / "cat" / "2.png")
    picture(tmp_path / "train" / "hot dog" / "1.png")
    (tmp_path / "labels.db").write_bytes(b"\x00\x01\x02 something else")
    assert found_in(tmp_path) == [
        ("cat", "cat", "image folder"),
        ("hot dog", "hot dog", "image folder"),
        ("cat", "cat", "image folder"),
    ]


def test_data_at_any_depth_where_there_is_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "data" / "more").mkdir(parents=True)
    (tmp_path / "data" / "more" / "cat.ndjson").write_text(LINE)
    assert found_in(tmp_path) == [("cat.ndjson", "cat", "ndjson")]


def test_each_source_once_however_it_is_named(tmp_path: Path) -> None:
    file = tmp_path / "cat.ndjson"
    file.write_text(LINE)
    assert len(found_in(tmp_path, file, tmp_path / ".." / tmp_path.name / "cat.ndjson")) == 1


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(
        DataError, match=r"no file or folder .*phots. Did you mean 'photos'.* quickdraw"
    ):
        find_sources([tmp_path / "phots"])


def test_a_folder_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing to read in .* Give files or folders"):
        find_sources([tmp_path])


def test_sources_of_other_words_are_left_out(tmp_path: Path) -> None:
    for word in ("cat", "dog", "my own"):
        (tmp_path / f"{word}.ndjson").write_text(LINE)
    found = find_sources([tmp_path])
    # What is in a file of no known word is seen only by reading it.
    assert [each.source.word for each in with_classes(found, ["cat"])] == ["cat", "my own"]


def test_a_class_that_no_folder_of_pictures_has(tmp_path: Path) -> None:
    for word in ("kitten", "puppy"):
        picture(tmp_path / word / "1.png")
    with pytest.raises(UnknownClassError, match=r"'kiten' in the sources. Did you mean 'kitten'"):
        with_classes(find_sources([tmp_path]), ["kiten"])


def test_a_task_changes_when_a_picture_changes(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "1.png")
    wanted = Wanted(image=ImageSpec(16, 16))
    (before,) = tasks_of(find_sources([tmp_path]), wanted)
    assert before.reader is FORMATS["image folder"]
    os.utime(tmp_path / "cat" / "1.png", ns=(1, before.mtime_ns + 1_000_000))
    (after,) = tasks_of(find_sources([tmp_path]), wanted)
    assert (after.path, after.bytes) == (before.path, before.bytes)
    assert after.mtime_ns == before.mtime_ns + 1_000_000


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """20 red cats and 20 blue dogs, 40 x 40, one dog truncated, one cat larger."""
    folder = tmp_path / "photos"
    for number in range(20):
        picture(folder / "cat" / f"{number}.png", (180 + number, 30, 30))
        picture(folder / "dog" / f"{number}.png", (30, 30, 180 + number))
    broken = folder / "dog" / "7.png"
    broken.write_bytes(broken.read_bytes()[:60])
    return folder


def test_a_folder_of_photos_becomes_a_store_that_knows_its_pictures(
    photos: Path, tmp_path: Path
) -> None:
    wish = PictureWish((24, 16), fit="crop")
    manifest = prepare([photos], tmp_path / "out", pictures=wish, jobs=2)
    assert manifest.image == ImageSpec(16, 24, 3, "crop", "photo")
    assert manifest.image_shape == [16, 24, 3]
    assert manifest.has_origins
    assert manifest.render is None
    assert sum(manifest.counts[split]["cat"] for split in manifest.counts) == 20
    assert sum(manifest.counts[split]["dog"] for split in manifest.counts) == 19
    ((reason, places),) = manifest.skipped["examples"].items()
    assert "truncated" in reason or "broken" in reason
    assert places == ["dog/7.png"]
    store = Store(tmp_path / "out")
    for shard in store.shards("all"):
        rows = store.read(shard)
        assert rows.images is not None
        assert rows.origins is not None
        for label, image, name, size in zip(
            rows.labels, rows.images, rows.origins.names, rows.origins.sizes, strict=True
        ):
            word = store.classes[label]
            assert name.startswith(f"{word}/")
            assert size.tolist() == [40, 40]
            red, _, blue = image.reshape(-1, 3).mean(axis=0)
            assert (red > blue) == (word == "cat")


def test_the_same_bytes_from_any_number_of_processes(photos: Path, tmp_path: Path) -> None:
    for jobs in (1, 2):
        prepare([photos], tmp_path / str(jobs), pictures=PictureWish((16, 16)), jobs=jobs)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in "12")
    assert one == two


def test_one_size_needs_no_size(photos: Path, tmp_path: Path) -> None:
    assert prepare([photos], tmp_path / "out", jobs=1).image_shape == [40, 40, 3]


def test_several_sizes_need_a_size(photos: Path, tmp_path: Path) -> None:
    picture(photos / "cat" / "0.png", size=50)
    with pytest.raises(ConfigError, match="--size 64"):
        prepare([photos], tmp_path / "out", jobs=1)
    assert not (tmp_path / "out").exists()


def test_strokes_need_no_size(doodles: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"strokes are kept as strokes .* Leave out --size"):
        prepare([doodles], tmp_path / "out", pictures=PictureWish((64, 64)), jobs=1)


def test_the_cap_spares_the_reading(photos: Path, tmp_path: Path) -> None:
    manifest = prepare([photos], tmp_path / "out", per_class=5, jobs=1)
    assert {
        word: sum(manifest.counts[s][word] for s in manifest.counts) for word in ("cat", "dog")
    } == {
        "cat": 5,
        "dog": 5,
    }


def test_the_words_with_most_pictures(photos: Path, tmp_path: Path) -> None:
    manifest = prepare([photos], tmp_path / "out", top_labels=1, jobs=1)
    assert manifest.classes == ["cat"]


def test_pictures_over_the_cap_are_not_even_looked_at(tmp_path: Path) -> None:
    for number in range(60):
        picture(tmp_path / "cat" / f"{number}.png", size=8)
    wanted = Wanted(image=ImageSpec(16, 16), per_class=20)
    (task,) = tasks_of(find_sources([tmp_path]), wanted)
    assert (task.first, task.last) == (0, 41)
