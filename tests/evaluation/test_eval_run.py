from __future__ import annotations

import functools
import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from doodlewise.data.batches import windows
from doodlewise.data.prepare import prepare
from doodlewise.data.split import Fractions
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing
from doodlewise.errors import StoreError, UnknownClassError
from doodlewise.evaluation.run import Subject, evaluate, fit_temperature, rows_at, scores_of, tally
from doodlewise.models.bundle import load_bundle
from doodlewise.raster import RenderSpec, render
from doodlewise.training.setup import train

CPU = torch.device("cpu")


def trained(store: Path, runs: Path, epochs: int) -> Subject:
    """A network that is neither good nor bad."""
    run = train(
        store=store, runs=runs, model="quickdraw_cnn_v2", epochs=epochs, batch_size=32,
        name="run", device="cpu", precision="32-true", report=False,
    )  # fmt: skip
    network, info = load_bundle(run.folder / "model")
    return Subject(network, info.classes, info.render, CPU, name="run")


@pytest.fixture(scope="module")
def subject(strokes_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return trained(strokes_store, tmp_path_factory.mktemp("runs"), epochs=3)


@pytest.fixture(scope="module")
def store(strokes_store: Path) -> Store:
    return Store(strokes_store)


def every(store: Store, split: str) -> Iterator[tuple[Drawing, str]]:
    """Each drawing of a split and its word."""
    for shard in store.shards(split):
        rows = store.read(shard)
        assert rows.drawings is not None
        for row, label in enumerate(rows.labels):
            yield rows.drawings[row], store.classes[label]


def guesses(subject: Subject, drawings: list[Drawing]) -> list[str]:
    """The best guesses, drawing by drawing, with the reference rasteriser and nothing of ours."""
    found = []
    for drawing in drawings:
        image = torch.from_numpy(render(drawing, subject.spec)).float()[None, None] / 255.0
        with torch.inference_mode():
            found.append(subject.classes[int(subject.network(image).argmax())])
    return found


@pytest.mark.parametrize("split", ["val", "test"])
def test_accuracy_is_that_of_a_loop_by_hand(subject: Subject, store: Store, split: str) -> None:
    drawings, words = zip(*every(store, split), strict=True)
    right = [guess == word for guess, word in zip(guesses(subject, drawings), words, strict=True)]
    result = evaluate(subject, store, split)
    assert 0.3 < result.top1 < 1.0
    assert result.n == len(right) == store.size(split)
    assert result.top1 == sum(right) / len(right)
    by_hand = {
        word: np.mean([hit for hit, true in zip(right, words, strict=True) if true == word])
        for word in store.classes
    }
    assert {word: each["recall"] for word, each in result.by_class.items()} == pytest.approx(
        by_hand
    )


def test_all_is_every_split_together(subject: Subject, store: Store) -> None:
    parts = [evaluate(subject, store, split, by_ink=False) for split in ("train", "val", "test")]
    whole = evaluate(subject, store, "all", by_ink=False)
    assert whole.n == sum(part.n for part in parts) == store.size("all")
    assert whole.top1 * whole.n == pytest.approx(sum(part.top1 * part.n for part in parts))
    assert np.array_equal(whole.confusion, sum(part.confusion for part in parts))


def test_by_ink_shows_the_beginnings(subject: Subject, store: Store) -> None:
    result = evaluate(subject, store, "test")
    assert list(result.by_ink) == [25, 50, 75, 100]
    assert result.by_ink[100] == result.overall
    drawings, words = zip(*every(store, "test"), strict=True)
    for percent in (25, 50, 75):
        begun = [drawing.prefix(percent / 100) for drawing in drawings]
        right = [g == word for g, word in zip(guesses(subject, begun), words, strict=True)]
        assert result.by_ink[percent]["n"] == len(right)
        assert result.by_ink[percent]["top1"] == sum(right) / len(right)
    assert result.by_ink[25]["top1"] < result.by_ink[100]["top1"]


def test_by_ink_can_be_left_out(subject: Subject, store: Store) -> None:
    assert evaluate(subject, store, "test", by_ink=False).by_ink == {}


def test_the_record_says_what_was_evaluated_on_what(subject: Subject, store: Store) -> None:
    result = evaluate(subject, store, "test", by_ink=False)
    assert (result.model, result.store, result.split) == ("run", str(store.folder), "test")
    assert result.version
    assert result.date.startswith("20")


def test_progress_comes_to_its_end(subject: Subject, store: Store) -> None:
    calls: list[tuple[int, int]] = []
    evaluate(subject, store, "val", progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (4 * store.size("val"), 4 * store.size("val"))
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_temperature_changes_confidence_and_no_guess(subject: Subject, store: Store) -> None:
    cold = evaluate(subject, store, "val", by_ink=False)
    warm = evaluate(
        Subject(subject.network, subject.classes, subject.spec, CPU, temperature=5.0),
        store, "val", by_ink=False,
    )  # fmt: skip
    assert np.array_equal(cold.confusion, warm.confusion)
    assert warm.confidence < cold.confidence


def test_several_processes_count_together_what_one_counts(
    subject: Subject, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tally(subject, store, "val").result()
    monkeypatch.setattr(
        "doodlewise.evaluation.run.windows", functools.partial(windows, max_rows=16)
    )
    first, second, third = (
        tally(subject, store, "val", rank=rank, world_size=3) for rank in range(3)
    )
    assert max(part.result().n for part in (first, second, third)) < whole.n
    first.merge(second)
    first.merge(third)
    merged = first.result()
    assert np.array_equal(merged.confusion, whole.confusion)
    assert merged.loss == pytest.approx(whole.loss)
    assert [each["row"] for each in merged.top_losses] == [each["row"] for each in whole.top_losses]


Make = Callable[[list[str]], Store]


@pytest.fixture
def store_of(doodles: Path, tmp_path: Path) -> Make:
    def make(words: list[str]) -> Store:
        sources = [doodles / f"{word}.ndjson" for word in words]
        prepare(sources, tmp_path / "store", fractions=Fractions(val=0.15, test=0.15), jobs=1)
        return Store(tmp_path / "store")

    return make


@pytest.mark.parametrize(
    "words",
    [
        ["clock", "star"],
        ["apple", "bucket", "car", "cat", "clock", "cup", "house", "star"],
        ["bucket", "star", "sun"],
    ],
)
def test_a_store_of_other_words(subject: Subject, store_of: Make, words: list[str]) -> None:
    other = store_of(words)
    known = [(drawing, word) for drawing, word in every(other, "all") if word in subject.classes]
    drawings, true = zip(*known, strict=True)
    right = [g == word for g, word in zip(guesses(subject, drawings), true, strict=True)]
    result = evaluate(subject, other, "all", by_ink=False)
    assert result.n == len(known) == 60 * len(set(words) & set(subject.classes))
    assert result.top1 == sum(right) / len(right)
    assert result.classes == subject.classes
    support = {word: each["support"] for word, each in result.by_class.items()}
    assert support == {word: 60 if word in words else 0 for word in subject.classes}


def test_a_store_without_any_known_word(subject: Subject, store_of: Make) -> None:
    other = store_of(["bucket", "sun"])
    with pytest.raises(UnknownClassError, match=r"knows none of the 2 words of .*its own words"):
        evaluate(subject, other, "all")
    with pytest.raises(UnknownClassError):
        fit_temperature(subject, other, "val")


def test_there_must_be_drawings(subject: Subject, store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.folder, tmp_path / "store")
    path = tmp_path / "store" / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["counts"]["test"] = dict.fromkeys(manifest["counts"]["test"], 0)
    manifest["shards"] = [each for each in manifest["shards"] if each["split"] != "test"]
    path.write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(StoreError, match=r"The test split of .* is empty.*--test 0\.1"):
        evaluate(subject, Store(tmp_path / "store"), "test")
    with pytest.raises(StoreError, match=r"no split 'validation'. Choose train, val, test or all"):
        evaluate(subject, store, "validation")


def test_a_network_for_pictures_cannot_take_strokes(subject: Subject, store: Store) -> None:
    blind = Subject(subject.network, subject.classes, None, CPU)
    with pytest.raises(StoreError, match="holds strokes, and the network takes pictures only"):
        evaluate(blind, store, "val")


def test_bitmaps_are_evaluated_as_they_are(
    bitmap_store: Path, subject: Subject, strokes_store: Path
) -> None:
    # The bitmaps are the drawings of three of the words, rendered as the network sees them.
    result = evaluate(subject, Store(bitmap_store), "all")
    assert result.by_ink == {}
    recalls = evaluate(subject, Store(strokes_store), "all", by_ink=False).by_class
    for word in Store(bitmap_store).classes:
        assert result.by_class[word]["recall"] == pytest.approx(recalls[word]["recall"], abs=0.02)


def test_bitmaps_of_another_size_are_refused(bitmap_store: Path, subject: Subject) -> None:
    large = Subject(subject.network, subject.classes, RenderSpec(side=64), CPU)
    with pytest.raises(
        StoreError, match="images of 28 x 28 x 1, and the network takes 64 x 64 x 1"
    ):
        evaluate(large, Store(bitmap_store), "val")


class Louder(nn.Module):
    """The same guesses, much more sure of them."""

    def __init__(self, network: nn.Module, factor: float) -> None:
        super().__init__()
        self._network, self._factor = network, factor

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self._factor * self._network(images)
        return scores


def test_temperature_mends_too_much_confidence(subject: Subject, store: Store) -> None:
    loud = Subject(Louder(subject.network, 60.0), subject.classes, subject.spec, CPU)
    temperature = fit_temperature(loud, store, "val")
    assert temperature == pytest.approx(60.0 * fit_temperature(subject, store, "val"), rel=0.01)

    def loss(temperature: float) -> float:
        cooled = Subject(loud.network, loud.classes, loud.spec, CPU, temperature=temperature)
        return evaluate(cooled, store, "val", by_ink=False).loss

    assert loss(temperature) < 0.5 * loss(1.0)
    for other in (0.5, 0.9, 1.1, 2.0):
        assert loss(temperature) <= loss(other * temperature)


def test_temperature_stays_within_bounds(subject: Subject, store: Store) -> None:
    shouting = Subject(Louder(subject.network, 1e4), subject.classes, subject.spec, CPU)
    assert fit_temperature(shouting, store, "val") == pytest.approx(20.0, rel=0.01)
    whispering = Subject(Louder(subject.network, 1e-4), subject.classes, subject.spec, CPU)
    assert fit_temperature(whispering, store, "val") == pytest.approx(0.05, rel=0.01)


def test_scores_come_in_full_precision_for_each_row(subject: Subject, store: Store) -> None:
    rows = store.read(store.shards("val")[0])
    scores = scores_of(subject, rows)
    assert scores.shape == (len(rows), 6)
    assert scores.dtype == torch.float32
    assert scores.device == CPU
    assert not math.isclose(float(scores.sum(dim=1)[0]), 1.0)  # before the softmax
    part = scores_of(subject, rows, 0.3)
    assert not torch.equal(part, scores)


def test_single_rows_come_in_the_order_asked_for(store: Store) -> None:
    shards = [store.read(shard) for shard in store.shards("all")]
    ids = np.concatenate([shard.key_ids for shard in shards])
    index = [len(ids) - 1, 0, 17, 17, len(shards[0]), len(shards[0]) - 1]
    found = [int(row.key_ids[0]) for row in rows_at(store, "all", index)]
    assert found == [int(ids[row]) for row in index]
    assert all(len(row) == 1 for row in rows_at(store, "all", index))
