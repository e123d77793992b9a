"""Which columns of a table hold the class, the drawing and the rest, by their usual names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...errors import FormatError, did_you_mean
from .table_pictures import is_picture
from .table_strokes import is_strokes

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Columns",
    "class_names",
    "codes_in",
    "find_columns",
    "key_ids_in",
    "labels_in",
    "no_label_column",
    "recognised_in",
]

NO_LABEL = "no label"

_LABELS = ("word", "label", "class", "category", "name", "target", "labels")
_STROKES = ("drawing", "strokes", "sketch", "points", "stroke3", "stroke-3", "doodle")
_PICTURES = ("image", "img", "picture", "bytes", "pixels", "photo")
_COUNTRIES = ("countrycode", "country")
_RECOGNISED = ("recognized", "recognised")
_KEYS = ("key_id", "id")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table that are used, by name; None where there is none.

    Attributes:
        label: the class.
        strokes: strokes, in any of the layouts of `table_strokes`.
        picture: pictures, in any of the layouts of `table_pictures`.
        country: two letters.
        recognised: whether the drawing was recognised.
        key_id: a number for the drawing.
    """

    label: str | None
    strokes: str | None
    picture: str | None
    country: str | None
    recognised: str | None
    key_id: str | None

    def used(self, drawn: str) -> list[str]:
        """All that are there, with this one of strokes and picture."""
        every = (self.label, drawn, self.country, self.recognised, self.key_id)
        return list(dict.fromkeys(name for name in every if name is not None))


def find_columns(schema: pa.Schema, path: Path, label_column: str | None) -> Columns:
    """Find the columns.

    Args:
        schema: of the table.
        path: of the table, for messages.
        label_column: where the class is; by its usual names when None, and then it may be absent.

    Raises:
        FormatError: no such label column, one that holds no labels, or nothing drawn.
    """
    if label_column is not None and label_column not in schema.names:
        raise FormatError(
            f"There is no column {label_column!r} in {path}; there are"
            f" {_listed(schema.names)}.{did_you_mean(label_column, schema.names)} Give one of these"
            " as --label-column."
        )
    label = label_column or _first(schema, _LABELS, _is_label)
    if label is not None and not _is_label(schema.field(label).type):
        raise FormatError(
            f"The column {label!r} of {path} holds {schema.field(label).type}, no labels. Give a"
            f" column of texts or whole numbers as --label-column: {_listed(schema.names)}."
        )
    strokes = _first(schema, _STROKES, is_strokes)
    picture = _first(schema, _PICTURES, is_picture) or _first(schema, _STROKES, _is_file)
    if strokes is None and picture is None:
        usual = [name for name in schema.names if name.lower() in _STROKES + _PICTURES]
        found = "".join(f" {name!r} holds {schema.field(name).type}." for name in usual)
        raise FormatError(
            f"No column of {path} holds drawings or pictures; there are"
            f" {_listed(schema.names)}.{found} Name the column 'drawing' (strokes as lists"
            " [[x, ...], [y, ...]], or stroke-3) or 'image' (the bytes of a picture file, or"
            " pixels)."
        )
    return Columns(
        label=label,
        strokes=strokes,
        picture=picture,
        country=_first(schema, _COUNTRIES, _is_label),
        recognised=_first(schema, _RECOGNISED, _is_label),
        key_id=_first(schema, _KEYS, _is_label),
    )


def no_label_column(names: Iterable[str], path: Path) -> FormatError:
    """The error for a table whose class is in no column of a usual name."""
    near = next(filter(None, (did_you_mean(usual, names, n=1) for usual in _LABELS)), "")
    return FormatError(
        f"No column of {path} is called word, label, class or the like; there are"
        f" {_listed(names)}.{near} Say which holds the classes: --label-column NAME."
    )


def class_names(schema: pa.Schema, column: str) -> list[str] | None:
    """The names of the classes that a column gives as numbers, as Hugging Face datasets notes them.

    Source: datasets/features/features.py of huggingface/datasets.
    """
    try:
        about = msgspec.json.decode((schema.metadata or {}).get(b"huggingface", b"{}"))
        feature = about["info"]["features"][column]
        names = feature["names"] if feature["_type"] == "ClassLabel" else None
        return msgspec.convert(names, list[str] | None)
    except (KeyError, TypeError, msgspec.DecodeError):
        return None


def labels_in(
    column: pa.Array, names: list[str] | None
) -> tuple[list[str], NDArray[np.int32], dict[int, str]]:
    """Classes, the number of each row's (-1 for none), and what is wrong with rows without one."""
    values, numbers = _coded(column)
    words = [_word(value, names) for value in values]
    known = list(dict.fromkeys(filter(None, words)))
    labels = _mapped(numbers, [known.index(word) if word else -1 for word in words], -1, np.int32)
    return known, labels, dict.fromkeys(np.flatnonzero(labels < 0).tolist(), NO_LABEL)


def codes_in(column: pa.Array, names: list[str] | None) -> NDArray[np.bytes_]:
    """Country codes, S2 (rows,), b"" where there is none."""
    values, numbers = _coded(column)
    words = [_word(value, names) for value in values]
    codes = [word.encode() if len(word) == 2 and word.isascii() else b"" for word in words]
    return _mapped(numbers, codes, b"", "S2")


def recognised_in(column: pa.Array) -> NDArray[np.int8]:
    """Whether each row was recognised: 1 yes, 0 no, -1 unknown."""
    values, numbers = _coded(column)
    meaning = {"true": 1, "1": 1, "false": 0, "0": 0}
    return _mapped(numbers, [meaning.get(str(value).lower(), -1) for value in values], -1, np.int8)


def key_ids_in(column: pa.Array) -> NDArray[np.uint64]:
    """Keys, 0 where there is none."""
    return np.array([_key_id(value) for value in column.to_pylist()], np.uint64)


def _coded(column: pa.Array) -> tuple[list[Any], NDArray[np.int64]]:
    """The different values of a column, and the number of each row's, -1 for none."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    coded = column.dictionary_encode()
    numbers = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    values = coded.dictionary
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        # Text that is not UTF-8 would be an error, but only when it is looked at.
        texts = values.cast(pa.binary()).to_pylist()
        return [text.decode("utf-8", "replace") for text in texts], numbers
    return values.to_pylist(), numbers


def _mapped(numbers: NDArray[np.int64], values: list[Any], none: Any, dtype: Any) -> NDArray[Any]:
    """The value of each number; that of -1, which is the last, is none."""
    return np.array([*values, none], dtype)[numbers]


def _word(value: Any, names: list[str] | None) -> str:
    """A value as text, "" if it is none."""
    if value is None or names is None:
        return "" if value is None else str(value)
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else ""


def _key_id(value: Any) -> int:
    try:
        key_id = int(value)
    except (TypeError, ValueError):
        return 0
    return key_id if 0 < key_id < 1 << 64 else 0


def _first(
    schema: pa.Schema, usual: tuple[str, ...], is_right: Callable[[pa.DataType], bool]
) -> str | None:
    """The column with the first of the usual names that holds the right kind of thing."""
    lower = {name.lower(): name for name in reversed(schema.names)}
    names = (lower[name] for name in usual if name in lower)
    return next((name for name in names if is_right(schema.field(name).type)), None)


def _is_label(kind: pa.DataType) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    tests = (types.is_string, types.is_large_string, types.is_integer, types.is_boolean)
    return any(test(kind) for test in tests)


def _is_file(kind: pa.DataType) -> bool:
    """Whether it is for picture files and nothing else."""
    return is_picture(kind) and not is_strokes(kind)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
