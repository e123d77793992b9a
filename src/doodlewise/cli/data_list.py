"""doodlewise data list"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ._output import JsonFlag, VerboseFlag, output

__all__ = ["list_data"]

STORES = Path("stores")
INDENT = "  "


def list_data(
    folder: Annotated[
        Path | None, typer.Argument(help=f"Where the stores are; {STORES} if not given.")
    ] = None,
    json: JsonFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """List what there is to train on: words, sets of them, formats, and the stores you have."""
    from ..data.catalog import FORMATS, WORD_SETS, WORDS
    from ..data.formats import FORMATS as READERS

    stores = _stores_in(folder)
    if output.is_json:
        output.json(
            {
                "stores": stores,
                "word_sets": {name: list(words) for name, words in WORD_SETS.items()},
                "words": list(WORDS),
                "downloadable": {name: files.suffix for name, files in FORMATS.items()},
                "readable": list(READERS),
            }
        )
        return
    width = shutil.get_terminal_size().columns
    _section(f"{len(WORDS)} words of Quick, Draw!", _in_columns(WORDS, width))
    _section(f"{len(WORD_SETS)} sets of words", _sets(WORD_SETS, width))
    downloadable = [f"{name} ({files.suffix})" for name, files in FORMATS.items()]
    _section("To download", _wrapped(downloadable, width))
    _section("To read", _wrapped(list(READERS), width))
    _show_stores(stores, folder or STORES, width)


def _stores_in(folder: Path | None) -> list[dict[str, Any]]:
    """What there is to say about each store of a folder, or about the store that it is.

    Raises:
        DataError: a folder was named, and is not there.
    """
    from ..errors import DataError

    root = folder or STORES
    if not root.is_dir():
        if folder is None:
            return []
        raise DataError(f"There is no folder {folder}. Check the path.")
    places = [root, *sorted(each for each in root.iterdir() if each.is_dir())]
    return [_facts_of(place) for place in places if _is_store(place)]


def _is_store(folder: Path) -> bool:
    """Whether this is a store, or the beginning of one."""
    return (folder / "manifest.json").exists() or (folder / ".prepare").exists()


def _facts_of(folder: Path) -> dict[str, Any]:
    from ..data.store import Store
    from ..errors import DoodlewiseError
    from .data_stats import SPLITS

    try:
        store = Store(folder)
        return {
            "store": str(folder),
            "kind": store.kind,
            "image_shape": store.manifest.image_shape,
            "classes": store.classes,
            "n": store.size("all"),
            "sizes": {split: store.size(split) for split in SPLITS},
            "bytes": sum(file.stat().st_size for file in folder.iterdir()),
            "problem": None,
        }
    except DoodlewiseError as error:
        return {"store": str(folder), "problem": str(error)}


def _show_stores(stores: Sequence[Mapping[str, Any]], folder: Path, width: int) -> None:
    """The stores that can be used as a table, and below what is wrong with the others."""
    if not stores:
        _section(f"No stores in {folder}", [])
        output.say("Next: doodlewise data prepare quickdraw --classes animals10 --out stores/a10")
        return
    output.text(f"Stores in {folder}")
    usable = [each for each in stores if each["problem"] is None]
    if usable:
        rows = [
            [
                each["store"],
                _kind_of(each),
                f"{len(each['classes']):,}",
                f"{each['n']:,}",
                f"{each['bytes'] / 2**20:,.1f} MiB",
            ]
            for each in usable
        ]
        output.table(["store", "kind", "classes", "drawings", "size"], rows)
    for each in stores:
        if each["problem"] is not None:
            output.text(
                textwrap.fill(
                    each["problem"],
                    width,
                    initial_indent=INDENT,
                    subsequent_indent=INDENT,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
    if usable:
        output.say(f"Next: doodlewise train {usable[0]['store']}")


def _kind_of(store: Mapping[str, Any]) -> str:
    if store["image_shape"] is None:
        return str(store["kind"])
    height, width, channels = store["image_shape"]
    return f"{width} x {height} {'pixels' if channels == 1 else 'RGB'}"


def _section(title: str, lines: Sequence[str]) -> None:
    output.text("\n".join([title, *(INDENT + line for line in lines), ""]))


def _sets(sets: Mapping[str, Sequence[str]], width: int) -> list[str]:
    """A set a paragraph: its name, how many, and its words."""
    names = max(map(len, sets))
    lines = []
    for name, words in sets.items():
        hanging = f"{name:<{names}} {len(words):>3}  "
        lines += _wrapped(words, width, hanging)
    return lines


def _wrapped(names: Sequence[str], width: int, hanging: str = "") -> list[str]:
    """Names in lines of this width, none of them broken."""
    unbroken = ", ".join(name.replace(" ", "\0") for name in names)
    lines = textwrap.wrap(
        unbroken,
        width - len(INDENT),
        initial_indent=hanging,
        subsequent_indent=" " * len(hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\0", " ") for line in lines]


def _in_columns(words: Sequence[str], width: int) -> list[str]:
    """Words by the alphabet, down the columns, in as few lines as the width allows."""
    in_order = sorted(words, key=str.casefold)
    for n_lines in range(1, len(in_order) + 1):
        columns = [in_order[first : first + n_lines] for first in range(0, len(in_order), n_lines)]
        widths = [max(map(len, column)) for column in columns]
        if len(INDENT) + sum(widths) + 2 * (len(widths) - 1) <= width:
            break
    lines = []
    for line in range(n_lines):
        cells = [
            f"{column[line]:<{wide}}"
            for column, wide in zip(columns, widths, strict=True)
            if line < len(column)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
