"""Only the words and countries with most drawings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from doodlewise.data.formats import write_ndjson
from doodlewise.data.prepare import prepare
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing
from doodlewise.errors import DataError

COUNTS = {
    ("ant", "DE"): 9,
    ("ant", "NA"): 1,
    ("bee", "NA"): 8,
    ("bee", ""): 40,
    ("cat", "DE"): 5,
    ("cat", "US"): 3,
    ("dog", "US"): 3,
    ("dog", "DE"): 5,
}
"""DE 19, NA 9, US 6; with all countries bee 48, ant 10, cat and dog 8."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    drawings = [
        Drawing.from_strokes(
            [random.integers(0, 256, (5, 2))],
            word=word,
            country=country,
            key_id=int(random.integers(1, 2**62)),
        )
        for (word, country), n in COUNTS.items()
        for _ in range(n)
    ]
    folder = tmp_path / "in"
    folder.mkdir()
    # Words are spread over files whose names say nothing.
    write_ndjson(drawings[::2], folder / "even.ndjson")
    write_ndjson(drawings[1::2], folder / "odd.ndjson")
    return folder


def counts_in(folder: Path) -> Counter[tuple[str, str]]:
    store = Store(folder)
    counts: Counter[tuple[str, str]] = Counter()
    for shard in store.shards("all"):
        rows = store.read(shard)
        counts.update(zip((store.classes[n] for n in rows.labels), rows.countries, strict=True))
    return counts


def only(**among: set[str]) -> dict[tuple[str, str], int]:
    words, countries = among.get("words"), among.get("countries")
    return {
        (word, country): n
        for (word, country), n in COUNTS.items()
        if (words is None or word in words) and (countries is None or country in countries)
    }


@pytest.mark.parametrize("jobs", [1, 2])
def test_words_are_counted_over_all_files(source: Path, tmp_path: Path, jobs: int) -> None:
    prepare([source], tmp_path / "out", top_labels=2, jobs=jobs)
    assert counts_in(tmp_path / "out") == only(words={"ant", "bee"})


def test_equal_ones_are_taken_by_the_alphabet(source: Path, tmp_path: Path) -> None:
    prepare([source], tmp_path / "out", top_labels=3, jobs=1)
    assert counts_in(tmp_path / "out") == only(words={"ant", "bee", "cat"})


def test_an_unknown_country_is_none_of_the_most_frequent(source: Path, tmp_path: Path) -> None:
    prepare([source], tmp_path / "out", top_countries=2, jobs=1)
    assert counts_in(tmp_path / "out") == only(countries={"DE", "NA"})


def test_words_are_counted_within_the_countries_that_are_taken(
    source: Path, tmp_path: Path
) -> None:
    manifest = prepare([source], tmp_path / "out", top_labels=1, top_countries=1, jobs=1)
    assert counts_in(tmp_path / "out") == only(words={"ant"}, countries={"DE"})
    assert (manifest.settings["top_labels"], manifest.settings["top_countries"]) == (1, 1)


def test_only_among_the_classes_that_were_asked_for(source: Path, tmp_path: Path) -> None:
    prepare([source], tmp_path / "out", classes=["ant", "cat", "dog"], top_labels=1, jobs=1)
    assert counts_in(tmp_path / "out") == only(words={"ant"})


def test_the_cap_is_taken_of_the_chosen(source: Path, tmp_path: Path) -> None:
    prepare([source], tmp_path / "out", top_labels=1, top_countries=1, per_class=4, jobs=1)
    assert counts_in(tmp_path / "out") == {("ant", "DE"): 4}


def test_what_was_counted_is_not_counted_again(source: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    told: list[str] = []

    def stop(at: object) -> None:
        told.append(at.doing)  # type: ignore[attr-defined]
        if told[-1] == "reading":
            raise StopError

    with pytest.raises(StopError):
        prepare([source], tmp_path / "out", top_labels=2, jobs=1, progress=stop)
    assert "counting" in told
    told.clear()
    with pytest.raises(StopError):
        prepare([source], tmp_path / "out", top_labels=2, jobs=1, progress=stop)
    assert told == ["reading"]
    prepare([source], tmp_path / "out", top_labels=2, jobs=1)
    assert counts_in(tmp_path / "out") == only(words={"ant", "bee"})


def test_sources_that_know_no_country(bitmaps: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No source says from which country"):
        prepare([bitmaps], tmp_path / "out", top_countries=3, jobs=1)


@pytest.mark.parametrize("name", ["top_labels", "top_countries"])
def test_a_number_that_cannot_be(source: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"--{name.replace('_', '-')} is 0; choose 1 or more"):
        prepare([source], tmp_path / "out", jobs=1, **{name: 0})  # type: ignore[arg-type]
