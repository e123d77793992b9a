"""Lists in lists of Arrow columns, laid open: where each begins, and what is in them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...ragged import offsets_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["levels_of", "numbers_in", "stored", "stored_type", "unnest"]


def levels_of(kind: pa.DataType) -> tuple[int, pa.DataType]:
    """How many lists lie in one another, and what is in the innermost."""
    from pyarrow import types

    depth = 0
    while types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        depth, kind = depth + 1, kind.value_type
    return depth, kind


def unnest(lists: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Where each list begins and ends in what is inside them all; one that is null is empty."""
    import pyarrow.compute as pc

    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    return offsets_of(lengths), lists.flatten()


def numbers_in(column: pa.Array) -> NDArray[Any]:
    """The numbers of a column; where some are null, they are float64, and null is NaN."""
    numbers: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return numbers


def stored(column: pa.Array) -> pa.Array:
    """A column as it is stored, whatever it stands for."""
    import pyarrow as pa

    return column.storage if isinstance(column.type, pa.BaseExtensionType) else column


def stored_type(kind: pa.DataType) -> pa.DataType:
    """The type of what `stored` returns for a column of this type."""
    import pyarrow as pa

    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
