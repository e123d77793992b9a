"""Which words and countries have most drawings: counted before anything is read in earnest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..errors import DataError, FormatError
from .chunk import Skips

if TYPE_CHECKING:
    from .executor import Executor
    from .read_pass import Plan

__all__ = ["most_frequent"]

Counts = Counter[tuple[str, str]]


def most_frequent(
    plan: Plan,
    top_labels: int | None,
    top_countries: int | None,
    pool: Executor,
    tell: Callable[[int, int], None],
) -> dict[str, list[str]]:
    """The countries with most drawings, and the words with most drawings of these countries.

    Equal ones are taken by the alphabet. Drawings of unknown country are of none.

    Args:
        plan: what there is to read.
        top_labels: how many words; all when None.
        top_countries: how many countries; all when None.
        pool: counts.
        tell: called with the tasks done and the rows counted.

    Returns:
        The "classes" and "countries" that are left, sorted.

    Raises:
        DataError: no source says where its drawings are from.
    """
    counts: Counts = Counter()
    for done, (_, counted) in enumerate(pool.map(partial(_count, plan), range(len(plan.tasks))), 1):
        counts.update(counted)
        tell(done, sum(counts.values()))
    countries: Counter[str] = Counter()
    for (_, country), n in counts.items():
        if country:
            countries[country] += n
    if top_countries is not None and not countries:
        raise DataError(
            "No source says from which country its drawings are. Leave out --top-countries."
        )
    chosen = _first(countries, top_countries)
    words: Counter[str] = Counter()
    for (word, country), n in counts.items():
        if top_countries is None or country in chosen:
            words[word] += n
    return {"classes": _first(words, top_labels), "countries": chosen}


def _first(counts: Counter[str], n: int | None) -> list[str]:
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    return sorted(ordered[:n])


def _count(plan: Plan, index: int) -> Counts:
    """Rows of a task by word and country; a source that is unusable has none."""
    task = plan.tasks[index]
    counts: Counts = Counter()
    try:
        reader = task.reader
        if reader.count is not None:
            counts = reader.count(task.source)
        else:
            wanted = replace(plan.wanted, image=None)
            for chunk in reader.read_chunks(task.source, wanted, Skips()):
                counts.update(zip(chunk.words, chunk.countries, strict=True))
    except FormatError:
        return Counter()
    classes = plan.wanted.classes
    return Counter({key: n for key, n in counts.items() if classes is None or key[0] in classes})
