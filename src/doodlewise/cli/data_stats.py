"""doodlewise data stats"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._output import JsonFlag, VerboseFlag, output

if TYPE_CHECKING:
    from ..data.store import Store

__all__ = ["facts_of", "stats"]

SPLITS = ("train", "val", "test")
SHOWN = 40
"""Classes listed on a terminal; --json has all."""


def stats(
    store: Annotated[Path, typer.Argument(help="Folder of a store.")],
    json: JsonFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Show what is in a store."""
    from ..data.store import Store

    facts = facts_of(Store(store))
    if output.is_json:
        output.json(facts)
        return
    output.text(
        f"{facts['store']}: {facts['n']:,} {facts['things']} of {len(facts['classes'])} classes,"
        f" {facts['bytes'] / 2**20:,.1f} MiB"
    )
    if facts["image_shape"]:
        height, width, channels = facts["image_shape"]
        colour = "in colour" if channels == 3 else "of ink" if facts["holds_ink"] else "of grey"
        output.text(f"kept as {width} x {height} pixels {colour}")
    else:
        output.text("kept as strokes" + (", with pen times" if facts["has_times"] else ""))
    counts = facts["counts"]
    rows = [
        [word, *(f"{counts[split][word]:,}" for split in SPLITS)]
        for word in facts["classes"][:SHOWN]
    ]
    left = facts["classes"][SHOWN:]
    if left:
        rest = [f"{sum(counts[split][word] for word in left):,}" for split in SPLITS]
        rows.append([f"{len(left)} more", *rest])
    rows.append(["all", *(f"{facts['sizes'][split]:,}" for split in SPLITS)])
    output.table(["class", *SPLITS], rows)
    for reason, count in facts["skipped"].get("counts", {}).items():
        places = ", ".join(facts["skipped"]["examples"].get(reason, []))
        output.text(f"left out {count:,}: {reason} ({places})")
    for note, count in facts["skipped"].get("notes", {}).items():
        output.text(f"{count:,} {note}")


def facts_of(store: Store) -> dict[str, Any]:
    """What there is to say about a store, as plain values."""
    manifest = store.manifest
    return {
        "store": str(store.folder),
        "kind": manifest.kind,
        "things": manifest.things,
        "holds_ink": manifest.holds_ink,
        "n": store.size("all"),
        "sizes": {split: store.size(split) for split in SPLITS},
        "classes": manifest.classes,
        "counts": manifest.counts,
        "image_shape": manifest.image_shape,
        "has_times": manifest.has_times,
        "bytes": sum(file.stat().st_size for file in store.folder.iterdir()),
        "sources": len(manifest.sources),
        "skipped": manifest.skipped,
        "version": manifest.version,
    }
