"""doodlewise explore"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from ..exploration.findings import Findings

__all__ = ["explore"]

STAGES = {
    "rows": "looking at all rows",
    "duplicates": "looking for copies",
    "suspects": "looking for odd ones",
    "map": "drawing the map",
}


def explore(
    store: Annotated[Path, typer.Argument(help="Folder of a store.")],
    out: Annotated[Path, typer.Option(help="Folder for report.html, stats.json and pictures.")],
    split: Annotated[str, typer.Option(help="train, val, test or all.")] = "all",
    map_: Annotated[
        Literal["pca", "tsne", "umap", "none"],
        typer.Option("--map", help="How the map is laid out; PCA is the quickest."),
    ] = "pca",
    model: Annotated[
        Path | None,
        typer.Option(help="A run or model folder whose network judges which labels look wrong."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another one picks other samples.")] = 0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """See what is in a store before training: a web page, pictures, numbers."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from ..exploration.explore import explore as explore_store
    from ..exploration.stats import to_stats

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with output.progress(*columns) as progress:
        task = progress.add_task("exploring", total=None)

        def tell(stage: str, done: int, total: int) -> None:
            progress.update(task, description=STAGES[stage], completed=done, total=total)

        page, findings = explore_store(
            store,
            out,
            split=split,
            method=None if map_ == "none" else map_,
            model=model,
            seed=seed,
            progress=tell,
        )
    if output.is_json:
        output.json(to_stats(findings))
    else:
        output.table(["", str(store)], _summary(findings))
    output.say(f"Report: {page}; each picture is in {page.parent / 'pictures'}")


def _summary(findings: Findings) -> list[tuple[str, str]]:
    """What a person should know at once."""
    f = findings
    most, least = int(f.counts.argmax()), int(f.counts.argmin())
    rows = [
        ("looked at", f"{f.n:,} of {len(f.classes)} classes"),
        ("largest class", f"{f.classes[most]}, {f.counts[most]:,}"),
        ("smallest class", f"{f.classes[least]}, {f.counts[least]:,}"),
        ("copies", f"{f.n_duplicates:,} of {f.n_compared:,} compared"),
        ("labels to check", f"{len(f.suspects):,}"),
    ]
    left_out = sum(f.skipped.get("counts", {}).values())
    return [*rows, ("left out", f"{left_out:,}")] if left_out else rows
