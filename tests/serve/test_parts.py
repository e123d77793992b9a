"""The parts that can be looked at alone: models, the batcher, the rate, names of routes."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import numpy as np
import pytest
from made_onnx import INFO
from served import CROSS, SlowClassifier, slow

from doodlewise.drawing import Drawing
from doodlewise.errors import DrawingError
from doodlewise.predict.classifier import Seen
from doodlewise.serve import rate
from doodlewise.serve.batching import TOGETHER, WORK_POINTS, Batcher, Work
from doodlewise.serve.errors import ApiError
from doodlewise.serve.models import Models, Served
from doodlewise.serve.rate import RateLimit, client_of

DRAWING = Drawing.from_strokes(CROSS)


def test_the_newest_taught_models_are_kept() -> None:
    classifier, default = slow()
    models = Models(default, most_taught=3)
    for number in range(5):
        models.add(f"taught-{number}", classifier, b"file %d" % number, {"name": str(number)})
    assert [each.id for each in models.list()] == ["slow", "taught-2", "taught-3", "taught-4"]
    newest = models.get("taught-4")
    assert (newest.onnx, newest.name, newest.taught) == (b"file 4", "4", True)
    assert newest.version != models.get("taught-3").version
    assert models.get() is models.get("slow") is default
    with pytest.raises(ApiError, match="newest 3"):
        models.get("taught-0")


def test_models_from_many_threads() -> None:
    classifier, default = slow()
    models = Models(default, most_taught=8)

    def add(first: int) -> None:
        for number in range(first, first + 200):
            models.add(f"taught-{number}", classifier, None)
            assert models.list()[0] is default

    threads = [threading.Thread(target=add, args=[1_000 * i]) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(models.list()) == 9


def test_what_waits_is_looked_at_together() -> None:
    classifier, served = slow()

    async def main() -> list[int]:
        batcher = Batcher(most=4, queue=100)
        await batcher.start()
        classifier.hold()
        futures = [batcher.guess(served, [DRAWING], top=1) for _ in range(10)]
        await asyncio.to_thread(classifier.has_begun.wait)
        futures[2].cancel()  # its client has gone
        classifier.may_go_on.release(100)
        await asyncio.gather(*futures, return_exceptions=True)
        await batcher.stop()
        return classifier.batches

    # The first alone, for it was free; then as many as fit, without the one that nobody waits for.
    assert asyncio.run(main()) == [1, 4, 4]


def test_not_too_many_are_looked_at_together() -> None:
    """A large batch is not faster, and keeps waiting what comes in the meantime."""
    classifier, served = slow()

    async def main() -> list[int]:
        batcher = Batcher(most=64, queue=200)
        await batcher.start()
        classifier.hold()
        futures = [batcher.guess(served, [DRAWING], top=1)]
        await asyncio.to_thread(classifier.has_begun.wait)
        futures += [batcher.guess(served, [DRAWING], top=1) for _ in range(TOGETHER + 3)]
        futures += [batcher.guess(served, [DRAWING] * 64, top=1)]
        classifier.may_go_on.release(100)
        await asyncio.gather(*futures)
        await batcher.stop()
        return classifier.batches

    # What came together in a request stays together.
    assert asyncio.run(main()) == [1, TOGETHER, 3, 64]


def test_models_take_turns() -> None:
    first, one = slow()
    second, two = slow()

    async def main() -> None:
        batcher = Batcher(most=4, queue=100)
        await batcher.start()
        first.hold()
        futures = [batcher.guess(each, [DRAWING], top=1) for each in (one, one, two, one, two)]
        await asyncio.to_thread(first.has_begun.wait)
        first.may_go_on.release(100)
        await asyncio.gather(*futures)
        await batcher.stop()

    asyncio.run(main())
    assert (first.batches, second.batches) == ([1, 2], [2])


class Picky(SlowClassifier):
    """Refuses drawings of one point."""

    def see(self, sketches: object, *, features: bool = False, pixels: bool = False) -> Seen:
        every = list(sketches)  # type: ignore[call-overload]
        if any(each.n_points == 1 for each in every):
            raise DrawingError("One point. Draw two.")
        return super().see(every)


def test_one_that_cannot_be_used_does_not_spoil_the_others() -> None:
    classifier = Picky()
    served = Served("picky", "picky", "1", classifier)
    dot = Drawing.from_strokes([[[1], [1]]])

    async def main() -> list[object]:
        batcher = Batcher()
        await batcher.start()
        classifier.hold()
        futures = [batcher.guess(served, [each], top=1) for each in (DRAWING, DRAWING, dot)]
        await asyncio.to_thread(classifier.has_begun.wait)
        classifier.may_go_on.release(100)
        found = await asyncio.gather(*futures, return_exceptions=True)
        failing = Work(served, lambda: 1 / 0, 1, look=False, size=1)  # type: ignore[arg-type, return-value]
        found.append((await asyncio.gather(batcher.submit(failing), return_exceptions=True))[0])
        await batcher.stop()
        return list(found)

    good, also_good, bad, failed = asyncio.run(main())
    assert good == also_good
    assert isinstance(bad, DrawingError)
    assert isinstance(failed, ZeroDivisionError)


def test_a_large_request_lets_others_in_between() -> None:
    classifier, served = slow()
    xs = list(range(WORK_POINTS // 2))
    long = Drawing.from_strokes([[xs, xs]])

    async def main() -> list[int]:
        batcher = Batcher()
        await batcher.start()
        rows = await batcher.guess(served, [long] * 7, top=1)
        await batcher.stop()
        return [len(rows), *classifier.batches]

    found = asyncio.run(main())
    assert found[0] == 7
    assert max(found[1:]) < 7


def test_it_stops_when_everything_is_done() -> None:
    classifier, served = slow()

    async def main() -> list[int]:
        batcher = Batcher(most=2)
        await batcher.start()
        classifier.hold()
        futures = [batcher.guess(served, [DRAWING], top=1) for _ in range(5)]
        threading.Timer(0.1, classifier.may_go_on.release, [100]).start()
        await batcher.stop()
        return [len(await future) for future in futures]

    assert asyncio.run(main()) == [1] * 5


def test_guesses_are_those_of_the_classifier() -> None:
    class Known(SlowClassifier):
        def see(self, sketches: object, *, features: bool = False, pixels: bool = False) -> Seen:
            values = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]], np.float32)
            return Seen(values, None, None, ((), ("mended",)))

    classifier = Known()
    classifier.info = replace(INFO, sure_from=0.45)
    served = Served("known", "known", "1", classifier)

    async def main() -> list[tuple[list[int], tuple[str, ...]]]:
        batcher = Batcher()
        await batcher.start()
        rows = await batcher.guess(served, [DRAWING, DRAWING], top=2)
        await batcher.stop()
        return [(row.classes, row.notes) for row in rows]

    assert asyncio.run(main()) == [([1, 2], ()), ([0, 1], ("mended",))]


def test_the_rate() -> None:
    limit = RateLimit(rate=2.0, burst=3.0)
    assert [limit.wait("a", now=0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.wait("b", now=0.0) == 0
    assert limit.wait("a", now=0.4) == pytest.approx(0.1)
    assert limit.wait("a", now=0.6) == 0
    assert [limit.wait("a", now=100.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert RateLimit(0.0, 0.0).wait("a") == 0


def test_the_rate_forgets_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "MOST_CLIENTS", 3)
    limit = RateLimit(rate=1.0, burst=1.0)
    for number in range(10):
        assert limit.wait(str(number), now=0.0) == 0
    assert len(limit._buckets) == 3


def test_clients() -> None:
    assert client_of(("10.0.0.1", 5)) == "10.0.0.1"
    assert client_of(("2001:db8::1", 5)) == client_of(("2001:db8::ffff:2", 6))
    assert client_of(("2001:db8::1", 5)) != client_of(("2001:db8:0:1::1", 5))
    assert client_of(("fe80::1%eth0", 5))
    assert client_of(None) == ""
