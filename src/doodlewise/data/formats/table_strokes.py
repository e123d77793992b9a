"""Strokes in a column of a table, in the layouts that are in use, laid end to end.

- lists as in Quick, Draw! files, [[x, ...], [y, ...]] or [[x, ...], [y, ...], [t, ...]] for each
  stroke, or the same as JSON text;
- structs {x, y} or {x, y, t} of numbers (points), of lists (strokes), or of lists of lists (what
  Hugging Face datasets makes of strokes);
- stroke-3, a row [dx, dy, p] for each point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...ragged import Ragged, offsets_of, ranges
from ..pen_times import since_first
from .ndjson import BROKEN
from .stroke3 import from_stroke3
from .strokes_of_json import NO_NUMBERS, SHAPE, UNEQUAL
from .table_lists import levels_of, numbers_in, stored, stored_type, unnest

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Strokes", "is_strokes", "strokes_in"]

NOT_STROKE3 = "points that are not [dx, dy, p]"

_decode = msgspec.json.Decoder(list[list[list[float]]]).decode


@dataclass(frozen=True, slots=True)
class Strokes:
    """The drawings of a column.

    Attributes:
        drawings: float64 points, in their own coordinates, and times, if any has; those with
            problems have no strokes.
        problems: what is wrong with some of them, by number.
        is_raw: (drawings,), whether they have times, or are steps.
    """

    drawings: Ragged
    problems: dict[int, str]
    is_raw: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Lists:
    """Lists of numbers, some of the lists of a column.

    Attributes:
        offsets: int64 (all lists + 1,), where each begins in values.
        values: of all lists.
        chosen: int64 (lists,), which.
    """

    offsets: NDArray[np.int64]
    values: NDArray[np.float64]
    chosen: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        return self.offsets[self.chosen + 1] - self.offsets[self.chosen]

    def of(self, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The numbers of those that are kept."""
        return self.values[ranges(self.offsets, self.chosen[kept])]


def is_strokes(kind: pa.DataType) -> bool:
    """Whether a column of this type may hold strokes."""
    return _layout(kind) is not None


def strokes_in(column: pa.Array) -> Strokes:
    """The drawings of a column for which `is_strokes` holds."""
    layout = _layout(column.type)
    column = stored(column)
    if layout == "text":
        return _from_text(column)
    if layout == "stroke3":
        return _from_steps(column)
    if layout == "lists":
        return _from_lists(column)
    return _from_structs(column, layout)


def _layout(kind: pa.DataType) -> str | None:
    """What the numbers lie in; None if it is nothing that strokes come in."""
    from pyarrow import types

    kind = stored_type(kind)
    if types.is_string(kind) or types.is_large_string(kind):
        return "text"
    depth, inside = levels_of(kind)
    if _is_number(inside):
        return {2: "stroke3", 3: "lists"}.get(depth)
    if not types.is_struct(inside) or inside.get_field_index("x") < 0:
        return None
    if inside.get_field_index("y") < 0 or inside.field("x").type != inside.field("y").type:
        return None
    inner_depth, number = levels_of(inside.field("x").type)
    layouts = {(0, 2): "axes", (1, 1): "strokes", (2, 0): "paths", (1, 0): "points"}
    return layouts.get((depth, inner_depth)) if _is_number(number) else None


def _from_lists(column: pa.Array, problems: dict[int, str] | None = None) -> Strokes:
    """From [[x, ...], [y, ...]] or [[x, ...], [y, ...], [t, ...]] for each stroke."""
    stroke_offsets, strokes = unnest(column)
    list_offsets, lists = unnest(strokes)
    offsets, inside = unnest(lists)
    values = _values(inside)
    n_rows = len(column)
    row = np.repeat(np.arange(n_rows), np.diff(stroke_offsets))
    n_lists = np.diff(list_offsets)
    is_used = np.diff(offsets[list_offsets]) > 0
    is_odd = is_used & (n_lists != 2) & (n_lists != 3)
    twos = np.bincount(row[is_used & (n_lists == 2)], minlength=n_rows)
    threes = np.bincount(row[is_used & (n_lists == 3)], minlength=n_rows)
    is_bad = (twos > 0) & (threes > 0)
    is_bad[row[is_odd]] = True
    problems = dict.fromkeys(np.flatnonzero(is_bad).tolist(), SHAPE) | (problems or {})

    good = is_used & ~is_bad[row]
    first = list_offsets[:-1][good]
    is_timed = n_lists[good] == 3
    return _together(
        n_rows,
        row[good],
        _Lists(offsets, values, first),
        _Lists(offsets, values, first + 1),
        _Lists(offsets, values, first[is_timed] + 2),
        is_timed,
        problems,
    )


def _from_text(column: pa.Array) -> Strokes:
    """From JSON."""
    import pyarrow as pa

    drawings: list[list[list[list[float]]]] = []
    problems = {}
    for row, text in enumerate(column.cast(pa.binary()).to_pylist()):
        try:
            drawings.append(_decode(text) if text else [])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            drawings.append([])
            problems[row] = NO_NUMBERS if isinstance(error, msgspec.ValidationError) else BROKEN
    kind = pa.list_(pa.list_(pa.list_(pa.float64())))
    return _from_lists(pa.array(drawings, kind), problems)


def _from_steps(column: pa.Array) -> Strokes:
    """From stroke-3."""
    step_offsets, steps = unnest(column)
    offsets, inside = unnest(steps)
    values = _values(inside)
    n_rows = len(column)
    row = np.repeat(np.arange(n_rows), np.diff(step_offsets))
    is_bad = np.zeros(n_rows, bool)
    is_bad[row[np.diff(offsets) != 3]] = True
    every = _Lists(offsets, values, np.flatnonzero(~is_bad[row]))
    lengths = np.where(is_bad, 0, np.diff(step_offsets))
    steps_of_good = every.of(np.ones(len(every.chosen), bool)).reshape(-1, 3)
    drawings, problems = from_stroke3(steps_of_good, offsets_of(lengths))
    problems |= dict.fromkeys(np.flatnonzero(is_bad).tolist(), NOT_STROKE3)
    return Strokes(drawings, problems, np.ones(n_rows, bool))


def _from_structs(column: pa.Array, layout: str | None) -> Strokes:
    """From structs with fields x, y and perhaps t, outside, between or inside the lists."""
    axes, problems = {}, {}
    for name in ("x", "y", "t"):
        if layout == "axes":
            if column.type.get_field_index(name) < 0:
                continue
            stroke_offsets, lists = unnest(_field(column, name))
            offsets, inside = unnest(lists)
        else:
            outer_offsets, structs = unnest(column)
            if layout == "paths":
                offsets, structs = unnest(structs)
            if structs.type.get_field_index(name) < 0:
                continue
            inside = _field(structs, name)
            if layout == "strokes":
                offsets, inside = unnest(inside)
            if layout == "points":
                offsets, outer_offsets = outer_offsets, np.arange(len(column) + 1)
            stroke_offsets = outer_offsets
        axes[name] = (stroke_offsets, offsets, _values(inside))
    n_strokes = np.diff(axes["x"][0])
    is_bad = np.zeros(len(column), bool)
    for stroke_offsets, _, _ in axes.values():
        is_bad |= np.diff(stroke_offsets) != n_strokes
    problems = dict.fromkeys(np.flatnonzero(is_bad).tolist(), UNEQUAL)
    good = np.flatnonzero(~is_bad)
    lists_of = {
        name: _Lists(offsets, values, ranges(stroke_offsets, good))
        for name, (stroke_offsets, offsets, values) in axes.items()
    }
    row = np.repeat(good, n_strokes[good])
    is_timed = np.full(len(row), "t" in axes)
    none = _Lists(np.zeros(1, np.int64), np.zeros(0), np.zeros(0, np.int64))
    times = lists_of.get("t", none)
    return _together(len(column), row, lists_of["x"], lists_of["y"], times, is_timed, problems)


def _together(
    n_rows: int,
    row: NDArray[np.int64],
    x: _Lists,
    y: _Lists,
    times: _Lists,
    is_timed: NDArray[np.bool_],
    problems: dict[int, str],
) -> Strokes:
    """Drawings of strokes whose x, y and perhaps times are known.

    Args:
        n_rows: drawings.
        row: (strokes,), the drawing of each.
        x: of each stroke.
        y: of each stroke.
        times: of each stroke that is timed.
        is_timed: (strokes,).
        problems: what is wrong already with some drawings.
    """
    lengths = x.lengths
    is_unequal = lengths != y.lengths
    is_unequal[is_timed] |= lengths[is_timed] != times.lengths
    problems = dict.fromkeys(row[is_unequal].tolist(), UNEQUAL) | problems
    is_bad = np.zeros(n_rows, bool)
    is_bad[list(problems)] = True
    kept = (lengths > 0) & ~is_bad[row]
    row, lengths = row[kept], lengths[kept]
    drawings = Ragged.from_lengths(
        np.stack([x.of(kept), y.of(kept)], axis=1),
        lengths.astype(np.int32),
        np.bincount(row, minlength=n_rows),
    )
    is_raw = np.zeros(n_rows, bool)
    is_raw[row[is_timed[kept]]] = True
    if is_raw.any():
        milliseconds = np.full(len(drawings.points), np.nan)
        milliseconds[np.repeat(is_timed[kept], lengths)] = times.of(kept[is_timed])
        drawings = replace(drawings, times=since_first(milliseconds, drawings.point_offsets))
    return Strokes(drawings, problems, is_raw)


def _values(column: pa.Array) -> NDArray[np.float64]:
    values: NDArray[np.float64] = numbers_in(column).astype(np.float64)
    return values


def _field(structs: pa.Array, name: str) -> pa.Array:
    import pyarrow.compute as pc

    return pc.struct_field(structs, name)


def _is_number(kind: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind))
