"""doodlewise runs list"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError, did_you_mean
from ._columns import fitting, long_table
from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from ..training.runs.find import Found
    from ..training.runs.record import RunRecord

__all__ = ["RunsFolder", "list_runs"]

RunsFolder = Annotated[Path, typer.Option("--runs", help="Folder of all runs.")]

SORTS = {"when": True, "name": False, "val_top1": True, "seconds": True, "epochs": True}
"""What can be sorted by, and whether the largest comes first."""
OPTIONAL = ("time", "words", "store", "network", "when")
"""Columns that a narrow terminal does without, the first of them first."""
SAID = 5
"""Things of a kind that get a line each."""


def list_runs(
    runs: RunsFolder = Path("runs"),
    sort: Annotated[
        str, typer.Option(help=f"By what: {', '.join(SORTS)}. The best or newest first.")
    ] = "when",
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="The runs in folders below too, and sweeps.")
    ] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """List all runs: what they are, how far they came, and how good they are."""
    from ..training.runs.find import find_runs

    if sort not in SORTS:
        raise ConfigError(
            f"--sort {sort} is not known.{did_you_mean(sort, SORTS)} Choose {', '.join(SORTS)}."
        )
    found = find_runs(runs, is_deep=recursive)
    facts = [(_facts(found, run), run) for run in found.runs]
    if sort != "when":
        facts.sort(key=lambda pair: _order(pair[0], sort), reverse=SORTS[sort])
    if output.is_json:
        output.json([fact for fact, _ in facts])
        return
    if facts:
        _show(facts)
    else:
        output.text(f"No runs in {found.folder}")
        if not found.sweeps:
            output.say("Next: doodlewise train STORE --name NAME")
    _say_more(found, facts)


def _facts(found: Found, run: RunRecord) -> dict[str, Any]:
    return {
        "name": found.name_of(run),
        "path": str(run.path),
        "model": run.model,
        "store": run.store,
        "words": run.n_words,
        "state": run.state.name,
        "reason": run.state.reason,
        "epochs_done": run.epochs_done,
        "epochs": run.epochs,
        "val_top1": run.best.get("val_top1"),
        "best_epoch": int(run.best["epoch"]) if run.best else None,
        "seconds": run.seconds,
        "when": None if run.when is None else run.when.isoformat(),
        "problems": run.problems,
    }


def _order(facts: dict[str, Any], sort: str) -> Any:
    if sort == "name":
        return facts["name"].lower()
    value = facts["epochs_done" if sort == "epochs" else sort]
    return -1.0 if value is None else value


def _show(facts: list[tuple[dict[str, Any], RunRecord]]) -> None:
    from ..training.runs.spell import share, when
    from ..training.usage import duration

    rows = []
    for fact, run in facts:
        at = f" @{fact['best_epoch']}" if fact["best_epoch"] else ""
        rows.append(
            {
                "run": fact["name"],
                "network": fact["model"] or "–",
                "store": Path(fact["store"]).name if fact["store"] else "–",
                "words": f"{fact['words']:,}" if fact["words"] else "–",
                "state": fact["state"],
                "epochs": f"{fact['epochs_done']}/{fact['epochs'] or '?'}",
                "val top-1 @epoch": share(fact["val_top1"]) + at,
                "time": "–" if fact["seconds"] is None else duration(fact["seconds"]),
                "when": when(run.when),
            }
        )
    columns = fitting(rows, OPTIONAL)
    output.text("\n".join(long_table(columns, [[row[name] for name in columns] for row in rows])))


def _say_more(found: Found, facts: list[tuple[dict[str, Any], RunRecord]]) -> None:
    """A line for everything that is not as it should be, and what to do next."""
    lines = []
    for fact, run in facts:
        if run.problems:
            lines.append(f"{fact['name']}: {', '.join(run.problems)}.")
        if run.state.name == "running?":
            lines.append(f"{fact['name']} may be going on: {run.state.reason}.")
    lines = _short(lines, "more like these")
    others = _short(found.others, "others")
    if others:
        lines.append(f"Folders that are no runs: {', '.join(others)}.")
    lines += _short(
        [
            f"{sweep.name} is a sweep: doodlewise runs list --runs {quote(str(sweep))}"
            for sweep in found.sweeps
        ],
        "more sweeps: see them all by --recursive",
    )
    for line in lines:
        output.say(line)
    comparable = [fact["name"] for fact, run in facts if run.rows]
    if len(comparable) > 1:
        first, second = map(quote, comparable[:2])
        where = "" if found.folder == Path("runs") else f" --runs {quote(str(found.folder))}"
        output.say(f"Next: doodlewise runs compare {first} {second}{where}")


def _short(lines: list[str], rest: str) -> list[str]:
    if len(lines) <= SAID:
        return list(lines)
    return [*lines[: SAID - 1], f"and {len(lines) - SAID + 1} {rest}"]
