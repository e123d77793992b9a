from __future__ import annotations

import json
import multiprocessing
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from doodlewise.data import read_pass, shuffle_pass
from doodlewise.data.chunk import Wanted
from doodlewise.data.formats import mend_command, write_binary, write_ndjson
from doodlewise.data.prepare import PrepareProgress, prepare
from doodlewise.data.rows import Rows
from doodlewise.data.sources import find_sources, tasks_of
from doodlewise.data.split import SPLITS, Fractions, split_of
from doodlewise.data.store import Manifest, Store
from doodlewise.drawing import Drawing
from doodlewise.errors import DataError, StoreError, UnknownClassError

HALF_HELD_OUT = Fractions(val=0.25, test=0.25)


def scribbles(word: str | None, n: int, seed: int) -> list[Drawing]:
    """Drawings in the frame, of all countries and fates, each with a key of its own."""
    random = np.random.default_rng(seed)
    return [
        Drawing.from_strokes(
            [random.integers(0, 256, (random.integers(2, 9), 2)) for _ in range(1 + index % 4)],
            word=word,
            country=("DE", "US", "")[index % 3],
            recognised=(True, False, None)[index % 3],
            key_id=int(random.integers(1, 2**63)),
        )
        for index in range(n)
    ]


def read_store(folder: Path) -> dict[str, Rows]:
    """All rows of a store, by split."""
    store = Store(folder)
    rows: dict[str, Rows] = {}
    for split in SPLITS:
        shards = [store.read(shard) for shard in store.shards(split)]
        assert [len(each) for each in shards] == [shard.rows for shard in store.shards(split)]
        rows[split] = Rows.concat(shards)
    return rows


def keys_in(folder: Path) -> list[int]:
    return [int(key) for rows in read_store(folder).values() for key in rows.key_ids]


def as_rows(drawings: Iterable[Drawing]) -> list[tuple[object, ...]]:
    return [
        (d.word, d.key_id, d.country, {True: 1, False: 0, None: -1}[d.recognised], d.to_strokes())
        for d in drawings
    ]


def rows_in(folder: Path) -> list[tuple[object, ...]]:
    classes = Store(folder).classes
    every: list[tuple[object, ...]] = []
    for rows in read_store(folder).values():
        assert rows.drawings is not None
        every += [
            (
                classes[rows.labels[i]],
                int(rows.key_ids[i]),
                rows.countries[i],
                int(rows.recognised[i]),
                rows.drawings[i].to_strokes(),
            )
            for i in range(len(rows))
        ]
    return every


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def words(tmp_path: Path) -> dict[str, list[Drawing]]:
    """Three words in the folder "in"; bees in two files, one of them binary."""
    folder = tmp_path / "in"
    folder.mkdir()
    drawings = {
        word: scribbles(word, n, seed)
        for seed, (word, n) in enumerate({"ant": 40, "bee": 90, "cat": 61}.items())
    }
    write_ndjson(drawings["ant"], folder / "ant.ndjson")
    write_ndjson(drawings["cat"], folder / "full_simplified_cat.ndjson")
    write_ndjson(drawings["bee"][:30], folder / "bee.ndjson")
    binary = [d for d in drawings["bee"][30:] if d.recognised is not None]
    drawings["bee"][30:] = binary
    write_binary(binary, folder / "bee.bin")
    return drawings


def test_everything_that_the_sources_know_is_in_the_store(
    words: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    manifest = prepare([tmp_path / "in"], tmp_path / "out", fractions=HALF_HELD_OUT, jobs=1)
    every = [drawing for drawings in words.values() for drawing in drawings]
    assert sorted(map(repr, rows_in(tmp_path / "out"))) == sorted(map(repr, as_rows(every)))
    assert manifest == Store(tmp_path / "out").manifest
    assert manifest.classes == ["ant", "bee", "cat"]
    assert manifest.skipped == {"counts": {}, "examples": {}, "notes": {}}
    assert [(Path(s["path"]).name, s["rows"]) for s in manifest.sources] == [
        ("ant.ndjson", 40),
        ("bee.bin", len(words["bee"]) - 30),
        ("bee.ndjson", 30),
        ("full_simplified_cat.ndjson", 61),
    ]
    assert sorted(files_of(tmp_path / "out")) == [
        "manifest.json", "test-00000.arrow", "train-00000.arrow", "val-00000.arrow"
    ]  # fmt: skip


def test_bitmaps_are_in_the_store(bitmaps: Path, bitmap_store: Path) -> None:
    stored: Counter[tuple[str, bytes]] = Counter()
    for rows in read_store(bitmap_store).values():
        assert rows.images is not None
        assert set(rows.recognised) == {-1}
        assert set(rows.countries) == {""}
        words = np.array(["apple", "cat", "star"])[rows.labels]
        stored.update(zip(words, (image.tobytes() for image in rows.images), strict=True))
    sources = Counter(
        (path.stem, row.tobytes()) for path in bitmaps.glob("*.npy") for row in np.load(path)
    )
    assert stored == sources


def test_rows_are_shuffled_over_all_sources(doodles: Path, tmp_path: Path) -> None:
    prepare([doodles], tmp_path / "s", jobs=1)
    labels = read_store(tmp_path / "s")["train"].labels
    assert len(labels) > 800
    # Of 18 words, 17 of 18 neighbours differ when shuffled.
    assert (np.diff(labels) != 0).mean() > 0.9
    for part in np.array_split(labels, 4):
        assert np.bincount(part, minlength=18).min() >= 3


def test_sides_follow_from_the_keys(words: dict[str, list[Drawing]], tmp_path: Path) -> None:
    prepare([tmp_path / "in"], tmp_path / "out", fractions=HALF_HELD_OUT, jobs=1)
    for side, rows in enumerate(read_store(tmp_path / "out").values()):
        assert len(rows) > 20
        assert set(split_of(rows.key_ids, HALF_HELD_OUT)) == {side}


def test_another_seed_is_another_order_of_the_same_sides(
    words: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    for seed in (0, 1):
        prepare([tmp_path / "in"], tmp_path / f"{seed}", seed=seed, jobs=1)
    for split in SPLITS:
        first, second = (read_store(tmp_path / f"{seed}")[split].key_ids for seed in (0, 1))
        assert sorted(first) == sorted(second)
        assert len(first) < 5 or not np.array_equal(first, second)


def test_the_same_bytes_from_any_number_of_processes(
    words: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    (tmp_path / "in" / "broken.ndjson").write_text("garbage\n")
    for jobs in (1, 2):
        prepare([tmp_path / "in"], tmp_path / f"{jobs}", per_class=50, jobs=jobs)
    assert files_of(tmp_path / "1") == files_of(tmp_path / "2")


def test_many_batches_and_shards_hold_the_same_rows(
    words: dict[str, list[Drawing]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare([tmp_path / "in"], tmp_path / "few", fractions=HALF_HELD_OUT, jobs=1)
    monkeypatch.setattr(read_pass, "BATCH_ROWS", 1)
    # The readers' chunks are larger than a batch here, so a part has one batch for each chunk.
    monkeypatch.setattr("doodlewise.data.formats.strokes_of_json.CHUNK_ROWS", 7)
    monkeypatch.setattr(shuffle_pass, "SHARD_BYTES", 4_000)
    manifest = prepare([tmp_path / "in"], tmp_path / "many", fractions=HALF_HELD_OUT, jobs=1)
    names = [shard.file for shard in manifest.shards]
    assert "train-00002.arrow" in names
    assert "val-00001.arrow" in names
    few, many = read_store(tmp_path / "few"), read_store(tmp_path / "many")
    for split in SPLITS:
        assert np.array_equal(few[split].key_ids, many[split].key_ids)
    assert rows_in(tmp_path / "few") == rows_in(tmp_path / "many")


def test_batches_end_by_bytes_as_well(
    words: dict[str, list[Drawing]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare([tmp_path / "in"], tmp_path / "large", jobs=1)
    monkeypatch.setattr(read_pass, "BATCH_BYTES", 1)
    monkeypatch.setattr("doodlewise.data.formats.strokes_of_json.CHUNK_ROWS", 7)
    (tmp_path / "work").mkdir()
    tasks = tasks_of(find_sources([tmp_path / "in" / "ant.ndjson"]), Wanted())
    plan = read_pass.Plan(tasks, Wanted(), Fractions(), 0)
    read_pass.read_part(tmp_path / "work", plan, 0)
    table = pa.ipc.open_file(str(tmp_path / "work" / "part-00000.arrow"))
    assert table.num_record_batches == 6
    prepare([tmp_path / "in"], tmp_path / "small", jobs=1)
    assert rows_in(tmp_path / "small") == rows_in(tmp_path / "large")


def test_the_cap_spans_the_files_of_a_word(
    words: dict[str, list[Drawing]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doodlewise.data.formats.strokes_of_json.CHUNK_ROWS", 7)
    files = [tmp_path / "in" / name for name in ("bee.ndjson", "bee.bin")]
    drawings = [words["bee"][:30], words["bee"][30:]]
    for index, (order, per_class) in enumerate([((0, 1), 20), ((0, 1), 45), ((1, 0), 60)]):
        n_first = min(per_class, len(drawings[order[0]]))
        manifest = prepare(
            [files[i] for i in order], tmp_path / f"{index}", per_class=per_class, jobs=1
        )
        assert [source["rows"] for source in manifest.sources] == [n_first, per_class - n_first]
        assert sum(manifest.counts[split]["bee"] for split in SPLITS) == per_class
        first = [drawing for i in order for drawing in drawings[i]][:per_class]
        assert sorted(keys_in(tmp_path / f"{index}")) == sorted(d.key_id or 0 for d in first)


def test_the_cap_holds_within_a_file_of_several_words(tmp_path: Path) -> None:
    ants, bees = scribbles("ant", 30, 1), scribbles("bee", 30, 2)
    mixed = [drawing for pair in zip(ants, bees, strict=True) for drawing in pair]
    write_ndjson(mixed, tmp_path / "mixed.ndjson")
    manifest = prepare([tmp_path / "mixed.ndjson"], tmp_path / "out", per_class=10, jobs=1)
    assert sorted(keys_in(tmp_path / "out")) == sorted(d.key_id or 0 for d in mixed[:20])
    assert manifest.skipped["notes"] == {"more than --per-class": 40}


def test_a_large_cap_changes_nothing(words: dict[str, list[Drawing]], tmp_path: Path) -> None:
    prepare([tmp_path / "in"], tmp_path / "all", jobs=1)
    prepare([tmp_path / "in"], tmp_path / "capped", per_class=10**9, jobs=1)
    assert rows_in(tmp_path / "all") == rows_in(tmp_path / "capped")


def test_only_the_classes_that_were_asked_for(
    words: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    several = [*scribbles("cat", 5, 7), *scribbles("dog", 6, 8)]
    write_ndjson(several, tmp_path / "in" / "mixed.ndjson")
    # The file of another word of Google's is passed over unopened, whatever is in it.
    (tmp_path / "in" / "dog.ndjson").write_text("garbage")
    manifest = prepare([tmp_path / "in"], tmp_path / "out", classes=["cat", "ant"], jobs=1)
    assert manifest.classes == ["ant", "cat"]
    assert sorted(map(repr, rows_in(tmp_path / "out"))) == sorted(
        map(repr, as_rows([*words["ant"], *words["cat"], *several[:5]]))
    )
    assert manifest.skipped["notes"] == {"of a class not asked for": 6}
    assert len(manifest.sources) == 3


def test_only_recognised_drawings(words: dict[str, list[Drawing]], tmp_path: Path) -> None:
    manifest = prepare([tmp_path / "in"], tmp_path / "out", recognised_only=True, jobs=1)
    every = [drawing for drawings in words.values() for drawing in drawings]
    good = [drawing for drawing in every if drawing.recognised]
    assert sorted(keys_in(tmp_path / "out")) == sorted(d.key_id or 0 for d in good)
    assert manifest.skipped["notes"] == {"not known to be recognised": len(every) - len(good)}


def test_the_same_file_twice_is_read_once(words: dict[str, list[Drawing]], tmp_path: Path) -> None:
    folder = tmp_path / "in"
    manifest = prepare([folder, folder / "ant.ndjson"], tmp_path / "out", jobs=1)
    assert len(manifest.sources) == 4
    assert len(keys_in(tmp_path / "out")) == sum(map(len, words.values()))


def test_a_drawing_that_is_there_twice_is_on_one_side(tmp_path: Path) -> None:
    twice = scribbles("ant", 50, 0)
    write_ndjson([*twice, *twice], tmp_path / "ant.ndjson")
    prepare([tmp_path / "ant.ndjson"], tmp_path / "out", fractions=HALF_HELD_OUT, jobs=1)
    for rows in read_store(tmp_path / "out").values():
        assert set(Counter(rows.key_ids.tolist()).values()) == {2}


def test_what_is_left_out_is_counted_with_examples(
    words: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    with (folder / "ant.ndjson").open("a") as file:
        file.write('{"word": "ant", "drawing": []}\n' * 7 + "{broken\n")
    (folder / "garbage.bin").write_bytes(b"\x00\x01 no drawings here" * 100)
    (folder / "README.md").write_text("Not data.")
    (folder / ".hidden").write_text("Not data.")
    (folder / "deeper").mkdir()
    manifest = prepare([folder], tmp_path / "out", jobs=1)
    counts, examples = manifest.skipped["counts"], manifest.skipped["examples"]
    assert counts.pop("empty drawing") == 7
    assert examples["empty drawing"] == [f"ant.ndjson:{line}" for line in range(41, 48)]
    assert counts.pop("broken JSON") == 1
    assert examples["broken JSON"] == ["ant.ndjson:48"]
    ((reason, n),) = counts.items()
    assert n == 1
    assert "garbage.bin has no format that is known here" in reason
    assert "Convert it to one of these" in reason
    assert examples[reason] == ["garbage.bin"]
    assert len(keys_in(tmp_path / "out")) == sum(map(len, words.values()))
    assert [Path(source["path"]).name for source in manifest.sources if not source["rows"]] == [
        "garbage.bin"
    ]


def test_a_truncated_binary_file_is_kept_as_far_as_it_goes(
    words: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    path = tmp_path / "in" / "bee.bin"
    path.write_bytes(path.read_bytes()[:-5])
    manifest = prepare([tmp_path / "in"], tmp_path / "out", jobs=1)
    assert manifest.skipped["counts"] == {"truncated file": 1}
    (place,) = manifest.skipped["examples"]["truncated file"]
    assert place.startswith("bee.bin at byte ")
    assert place.endswith(f", run: {mend_command(Path('bee.bin'))}")
    assert len(keys_in(tmp_path / "out")) == sum(map(len, words.values())) - 1


def test_a_truncated_bitmap_file_is_kept_as_far_as_it_goes(bitmaps: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bitmaps, tmp_path / "in"))
    path = folder / "cat.npy"
    path.write_bytes(path.read_bytes()[: -784 * 3 - 1])
    manifest = prepare([folder], tmp_path / "out", jobs=1)
    assert manifest.skipped["counts"] == {"truncated file": 4}
    assert manifest.skipped["examples"]["truncated file"] == [
        f"cat.npy[56:60], run: {mend_command(Path('cat.npy'))}"
    ]
    assert {
        word: sum(manifest.counts[split][word] for split in SPLITS) for word in ("cat", "star")
    } == {"cat": 56, "star": 60}


@pytest.mark.parametrize("asked", [["ctt"], ["cat", "ctt"]])
@pytest.mark.parametrize("strange_file", [False, True])
def test_an_unknown_class(
    words: dict[str, list[Drawing]], tmp_path: Path, asked: list[str], strange_file: bool
) -> None:
    if strange_file:
        write_ndjson(scribbles("ant", 3, 0), tmp_path / "in" / "many words.ndjson")
    with pytest.raises(
        UnknownClassError,
        match=r"No usable drawing of 'ctt' in the sources\. Did you mean 'cat'.*\? Check the",
    ):
        prepare([tmp_path / "in"], tmp_path / "out", classes=asked, jobs=1)


def test_an_unknown_class_costs_no_store(words: dict[str, list[Drawing]], tmp_path: Path) -> None:
    prepare([tmp_path / "in"], tmp_path / "out", jobs=1)
    before = files_of(tmp_path / "out")
    with pytest.raises(UnknownClassError):
        prepare([tmp_path / "in"], tmp_path / "out", classes=["ctt"], overwrite=True, jobs=1)
    assert files_of(tmp_path / "out") == before


def test_sources_of_both_kinds(
    words: dict[str, list[Drawing]], bitmaps: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        StoreError,
        match=r"different kinds: images of \(28, 28, 1\), strokes\. Prepare a store of each\.",
    ):
        prepare([tmp_path / "in", bitmaps], tmp_path / "out", jobs=1)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file or folder .*nowhere\. Check the path"):
        prepare([tmp_path / "nowhere"], tmp_path / "out")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.md").write_text("# Notes")
    with pytest.raises(DataError, match=r"There is nothing to read in .*empty\. Give files or"):
        prepare([tmp_path / "empty"], tmp_path / "out")
    with pytest.raises(DataError, match=r"--per-class is 0; choose 1 or more"):
        prepare([tmp_path / "empty"], tmp_path / "out", per_class=0)
    assert not (tmp_path / "out").exists()


def test_nothing_that_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "cat.ndjson").write_text("garbage\n" * 3)
    with pytest.raises(DataError, match=r"Not one drawing .*cat\.ndjson.*\(1x\)\. Check the sourc"):
        prepare([tmp_path / "cat.ndjson"], tmp_path / "out", jobs=1)
    write_ndjson(scribbles("cat", 2, 0)[1:], tmp_path / "cat.ndjson")
    with pytest.raises(DataError, match=r"Not one drawing could be used: none was wanted\. Check"):
        prepare([tmp_path / "cat.ndjson"], tmp_path / "o2", recognised_only=True, jobs=1)


@pytest.fixture
def prepared(words: dict[str, list[Drawing]], tmp_path: Path) -> Path:
    prepare([tmp_path / "in"], tmp_path / "out", jobs=1)
    return tmp_path / "out"


def test_the_same_store_is_returned_at_once(prepared: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in prepared.iterdir()}
    told: list[PrepareProgress] = []
    manifest = prepare([tmp_path / "in"], prepared, jobs=2, progress=told.append)
    assert manifest == Manifest.read(prepared)
    assert told == []
    assert {path: path.stat().st_mtime_ns for path in prepared.iterdir()} == before


@pytest.mark.parametrize(
    "settings",
    [
        {"per_class": 10},
        {"classes": ["cat"]},
        {"recognised_only": True},
        {"seed": 1},
        {"fractions": Fractions(0.1, 0.1)},
    ],
)
def test_a_store_with_other_settings_is_refused_or_overwritten(
    prepared: Path, tmp_path: Path, settings: dict[str, object]
) -> None:
    before = files_of(prepared)
    with pytest.raises(StoreError, match=r"already holds a store, .*--out, or add --overwrite\."):
        prepare([tmp_path / "in"], prepared, jobs=1, **settings)  # type: ignore[arg-type]
    assert files_of(prepared) == before
    for out, overwrite in [(prepared, True), (tmp_path / "new", False)]:
        prepare(
            [tmp_path / "in"],
            out,
            jobs=1,
            overwrite=overwrite,
            **settings,  # type: ignore[arg-type]
        )
    assert files_of(prepared) == files_of(tmp_path / "new")


def test_a_store_of_changed_sources_is_refused(prepared: Path, tmp_path: Path) -> None:
    with (tmp_path / "in" / "ant.ndjson").open("a") as file:
        file.write("\n")
    with pytest.raises(StoreError, match="made of other sources"):
        prepare([tmp_path / "in"], prepared, jobs=1)


@pytest.mark.parametrize("damage", ["manifest", "shard", "version"])
def test_a_damaged_store_is_overwritten(prepared: Path, tmp_path: Path, damage: str) -> None:
    before = files_of(prepared)
    if damage == "shard":
        (prepared / "train-00000.arrow").write_bytes(b"")
    elif damage == "manifest":
        (prepared / "manifest.json").write_text("{")
    else:
        manifest = json.loads(before["manifest.json"])
        (prepared / "manifest.json").write_text(json.dumps(manifest | {"version": 99}))
    (prepared / "train-00007.arrow").write_bytes(b"of an older store")
    prepare([tmp_path / "in"], prepared, jobs=1, overwrite=True)
    assert files_of(prepared) == before


def test_a_folder_of_something_else_is_left_alone(
    words: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    for overwrite in (False, True):
        with pytest.raises(StoreError, match=r"not empty and not a store\. Choose another --out"):
            prepare([tmp_path / "in"], tmp_path / "in", jobs=1, overwrite=overwrite)
    with pytest.raises(DataError, match="a file is in the way of a folder"):
        prepare([tmp_path / "in"], tmp_path / "in" / "ant.ndjson", jobs=1)
    assert len(list((tmp_path / "in").iterdir())) == 4


def test_progress_is_told(words: dict[str, list[Drawing]], tmp_path: Path) -> None:
    told: list[PrepareProgress] = []
    prepare([tmp_path / "in"], tmp_path / "out", jobs=1, progress=told.append)
    n = sum(map(len, words.values()))
    assert [(at.doing, at.done, at.total) for at in told] == [
        *[("reading", done, 4) for done in range(5)],
        *[("shuffling", done, 3) for done in range(4)],
    ]
    assert told[4].drawings == told[5].drawings == n


def test_a_process_that_dies_is_explained_and_made_good(
    words: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    prepare([tmp_path / "in"], tmp_path / "whole", jobs=1)

    def kill(at: PrepareProgress) -> None:
        for child in multiprocessing.active_children():
            child.kill()

    with pytest.raises(DataError, match=r"has died, .*again with --jobs 1; it goes on where"):
        prepare([tmp_path / "in"], tmp_path / "out", jobs=2, progress=kill)
    with pytest.raises(StoreError, match="only half written"):
        Store(tmp_path / "out")
    prepare([tmp_path / "in"], tmp_path / "out", jobs=1)
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")


def test_an_error_in_a_process_arrives(
    words: dict[str, list[Drawing]], bitmaps: Path, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="different kinds"):
        prepare([tmp_path / "in", bitmaps], tmp_path / "out", jobs=2)
    assert multiprocessing.active_children() == []
