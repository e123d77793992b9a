"""Parquet files, Arrow files and Arrow streams behind one face: groups and batches of rows.

The groups are Parquet's row groups and Arrow's record batches. Feather files (version 2) are Arrow
files; what Hugging Face datasets writes is an Arrow stream.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import FormatError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

__all__ = [
    "ARROW_FILE",
    "ARROW_STREAM",
    "PARQUET",
    "BrokenTableError",
    "TableFile",
    "breaking_off",
    "open_table",
]

PARQUET = b"PAR1"
ARROW_FILE = b"ARROW1\0\0"
ARROW_STREAM = b"\xff\xff\xff\xff"

_READ_AHEAD = 1 << 20


class TableFile(Protocol):
    """An open table.

    Attributes:
        schema: its columns.
        group_bytes: of each group, unpacked, about.
    """

    schema: pa.Schema
    group_bytes: list[int]

    def rows_before(self, group: int) -> int:
        """How many rows the groups before this one have."""
        ...

    def batches(
        self, first: int, last: int, columns: Sequence[str], n_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """The rows of groups first to last, at most n_rows at a time."""
        ...


class BrokenTableError(Exception):
    """The table cannot be read, or not from here on; the message says why."""


def open_table(path: Path) -> TableFile:
    """Open a table.

    Raises:
        MissingExtraError: pyarrow is not installed.
        FormatError: the file is broken.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingExtraError("pyarrow", "train") from None
    with path.open("rb") as file:
        head = file.read(len(ARROW_FILE))
    try:
        with breaking_off():
            if head.startswith(PARQUET):
                return _Parquet(path)
            return _Arrow(path, is_stream=head != ARROW_FILE)
    except BrokenTableError as problem:
        raise FormatError(f"{path} is broken or breaks off: {problem}. Get it again.") from None


@contextlib.contextmanager
def breaking_off() -> Iterator[None]:
    """Make a `BrokenTableError` of what pyarrow says about the content of a file."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        # What pyarrow finds wrong in a file is an OSError too, but none of the system's.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise BrokenTableError(reason) from None


class _Parquet:
    def __init__(self, path: Path) -> None:
        from pyarrow import parquet

        # Not pre-buffered, which would hold whole row groups.
        self._file: parquet.ParquetFile = parquet.ParquetFile(
            path, pre_buffer=False, buffer_size=_READ_AHEAD
        )
        self.schema = self._file.schema_arrow
        about = self._file.metadata
        groups = [about.row_group(group) for group in range(about.num_row_groups)]
        self.group_bytes = [group.total_byte_size for group in groups]
        self._group_rows = [group.num_rows for group in groups]

    def rows_before(self, group: int) -> int:
        return sum(self._group_rows[:group])

    def batches(
        self, first: int, last: int, columns: Sequence[str], n_rows: int
    ) -> Iterator[pa.RecordBatch]:
        yield from self._file.iter_batches(
            batch_size=n_rows, row_groups=range(first, last), columns=list(columns)
        )


class _Arrow:
    """An Arrow file or stream. It is mapped: of its columns, only those asked for are read."""

    def __init__(self, path: Path, *, is_stream: bool) -> None:
        self._path, self._is_stream = path, is_stream
        reader = self._open([])
        self.schema = reader.schema
        n_groups = sum(1 for _ in self._open([0])) if is_stream else reader.num_record_batches
        self.group_bytes = [path.stat().st_size // max(1, n_groups)] * n_groups

    def rows_before(self, group: int) -> int:
        return sum(batch.num_rows for batch in self._groups([0], 0, group))

    def batches(
        self, first: int, last: int, columns: Sequence[str], n_rows: int
    ) -> Iterator[pa.RecordBatch]:
        fields = [self.schema.get_field_index(name) for name in columns]
        for group in self._groups(fields, first, last):
            for at in range(0, group.num_rows, n_rows):
                yield group.slice(at, n_rows)

    def _groups(self, fields: list[int], first: int, last: int) -> Iterator[pa.RecordBatch]:
        reader = self._open(fields)
        if self._is_stream:
            yield from islice(reader, first, last)
        else:
            yield from map(reader.get_batch, range(first, last))

    def _open(self, fields: list[int]) -> Any:
        """A reader of these columns; of all when there are none."""
        import pyarrow as pa

        mapped = pa.memory_map(str(self._path))
        options = pa.ipc.IpcReadOptions(included_fields=fields)
        open_it = pa.ipc.open_stream if self._is_stream else pa.ipc.open_file
        return open_it(mapped, options=options)
