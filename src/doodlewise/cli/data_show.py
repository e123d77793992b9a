"""doodlewise data show"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..data.rows import Rows
    from ..data.store import Store

__all__ = ["show"]

OF_ONE, OF_EACH = 64, 12
"""Drawings shown of a class: the only one, or one of several."""


def show(
    store: Annotated[Path, typer.Argument(help="Folder of a store.")],
    class_: Annotated[
        list[str] | None,
        typer.Option("--class", help="Only these words: cat,dog or a set. All if not given."),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "--n",
            min=1,
            help=f"Drawings of each class; if not given, {OF_ONE} of one, or {OF_EACH} of each.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Picture to write.")] = Path("sheet.png"),
    split: Annotated[str, typer.Option(help="train, val, test or all.")] = "all",
    seed: Annotated[int, typer.Option(help="Another one shows other drawings.")] = 0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Make a picture of some drawings of a store: a sheet of one class, or a line of each."""
    from ..data.catalog import resolve_words
    from ..data.pick import pick
    from ..data.store import Store
    from ..errors import ConfigError
    from ..evaluation.sheet import MOST_DRAWINGS, check_number, contact_sheet
    from ..files import explain_os_errors, replacing

    if out.suffix.lower() != ".png":
        raise ConfigError(f"The picture is a PNG, and {out} does not end in .png. Choose another.")
    opened = Store(store)
    words = resolve_words(class_, opened.classes) if class_ else opened.classes
    if n is None:
        n = OF_ONE if len(words) == 1 else max(1, min(OF_EACH, MOST_DRAWINGS // len(words)))
    check_number(n * len(words))
    picked = pick(opened, opened.indices_of(words), n, split=split, seed=seed)
    is_ink = opened.manifest.holds_ink
    noun = "drawings" if is_ink else "photos"
    shown = {opened.classes[label]: len(rows) for label, rows in picked.items()}
    sheet = contact_sheet(
        _images_of(opened, picked),
        title=words[0] if len(words) == 1 else opened.folder.resolve().name,
        subtitle=f"{sum(shown.values()):,} of {_what_there_is(opened, words, split, noun)}",
        is_ink=is_ink,
    )
    with (
        explain_os_errors(f"writing {out}", "Run the same command again"),
        replacing(out) as temporary,
    ):
        temporary.write_bytes(sheet)
    if output.is_json:
        output.json({"out": str(out), "classes": shown})
        return
    what = f"'{words[0]}'" if len(shown) == 1 else f"{len(shown)} classes"
    output.text(f"{out}: {sum(shown.values()):,} {noun} of {what}")


def _images_of(store: Store, picked: dict[int, Rows]) -> dict[str, NDArray[np.uint8]]:
    """Images by word; strokes are drawn larger and with a thinner pen than for a network."""
    from ..evaluation.sheet import tile_side
    from ..raster import RenderSpec
    from ..raster_host import render_rows

    spec = RenderSpec(side=tile_side(len(picked)), line_width=5.0, padding=14.0)
    images = {}
    for label, rows in picked.items():
        if rows.drawings is not None:
            images[store.classes[label]] = render_rows(rows.drawings, spec).transpose(0, 2, 3, 1)
        elif rows.images is not None:
            images[store.classes[label]] = rows.images
    return images


def _what_there_is(store: Store, words: list[str], split: str, noun: str) -> str:
    """How many there are to choose from, of which size, and where."""
    from ..data.store import splits_of

    counts = store.manifest.counts
    there = sum(counts[part].get(word, 0) for part in splits_of(split) for word in words)
    what = f"{there:,} {noun}" + ("" if split == "all" else f" of the {split} split")
    if store.manifest.image_shape is not None:
        height, width, channels = store.manifest.image_shape
        what += f" · {width} × {height} {'pixels' if channels == 1 else 'pixels, colour'}"
    return f"{what} · {store.folder}"
