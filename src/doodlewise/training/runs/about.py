"""What is worth knowing about one run: settings that are not as usual, files, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

from ...bundle_info import read_bundle_info
from ...errors import BundleError
from ..config import all_defaults
from .evaluations import figure
from .record import Row, RunRecord

__all__ = ["about", "files_of", "next_commands", "shortened", "unusual_settings"]

FILES = {
    "report.html": "how good it is, to read",
    "model": "the best weights, with all that belongs to them: load, export or serve this",
    "model-final": "the same with the last weights",
    "plots": "pictures: curves, confusion, architecture",
    "metrics.csv": "a row an epoch",
    "eval.json": "the evaluation on validation, for programs",
    "confusion.npz": "what was taken for what, by epoch",
    "usage.json": "what it cost",
    "config.yaml": "every setting; starts the run again",
    "env.json": "versions and machine",
    "summary.txt": "layers, shapes, parameters",
    "train.log": "what was said",
    "weights": "last.ckpt, to go on from, and best.ckpt",
    "tb": "for TensorBoard",
}
"""What is what in a run folder."""
USUAL_LR = 4e-3
NOT_UNUSUAL = ("store", "name", "runs")


def unusual_settings(run: RunRecord) -> dict[str, tuple[Any, Any]]:
    """Settings that are not as they usually are: the value of this run, and the usual one."""
    usual = all_defaults()
    return {
        name: (value, usual.get(name))
        for name, value in run.config.items()
        if name not in NOT_UNUSUAL and not _same(value, usual.get(name))
    }


def shortened(rows: Sequence[Row], best: Row, at_most: int) -> list[Row | None]:
    """First, last and best epochs of many; None where some are left out."""
    if len(rows) <= at_most:
        return list(rows)
    near = rows.index(best) if best else 0
    kept = {0, 1, near, *range(len(rows) - (at_most - 5), len(rows))}
    found: list[Row | None] = []
    for index, row in enumerate(rows):
        if index in kept:
            found.append(row)
        elif found[-1] is not None:
            found.append(None)
    return found


def files_of(folder: Path) -> list[tuple[str, str, str]]:
    """Name, size and meaning of what is in a run folder; unknown things come last."""
    found = []
    try:
        names = {each.name: each for each in sorted(folder.iterdir()) if each.name[0] != "."}
    except OSError:
        return []
    for name in [*(name for name in FILES if name in names), *sorted(set(names) - set(FILES))]:
        text = FILES.get(name, "an evaluation" if name.startswith("eval-") else "")
        path = names[name]
        found.append((name + "/" * path.is_dir(), _size(_bytes_in(path)), text))
    return found


def next_commands(run: RunRecord) -> list[str]:
    """What one would do next with a run in its state."""
    where, path = run.path.parent, quote(str(run.path))
    runs = "" if where == Path("runs") else f" --runs {quote(str(where))}"
    can_go_on = run.state.can_go_on or run.state.name == "failed"
    if can_go_on and (run.path / "weights" / "last.ckpt").exists():
        return [f"doodlewise train --resume last --name {quote(run.name)}{runs}"]
    if run.state.name in ("running", "running?"):
        return [f"tail -f {path}/train.log"]
    if run.state.name == "diverged":
        lr = figure(run.config, "optim.lr") or USUAL_LR
        return [f"doodlewise train --config {path}/config.yaml --set optim.lr={lr / 10:g}"]
    if can_go_on:
        return [f"doodlewise train --config {path}/config.yaml"]
    if not (run.path / "model" / "config.json").exists():
        return []
    commands = [f"doodlewise predict {path} {_examples(run.path / 'model')}"]
    if (run.path / "report.html").exists():
        commands.append(f"open {path}/report.html")
    if not any(each.split == "test" for each in run.evaluations):
        commands.insert(0, f"doodlewise eval {path}")
    return commands


def _examples(model: Path) -> str:
    try:
        return read_bundle_info(model).examples
    except BundleError:
        return "DRAWING.ndjson"


def about(run: RunRecord) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "name": run.name,
        "path": str(run.path),
        "state": run.state.name,
        "reason": run.state.reason,
        "when": None if run.when is None else run.when.isoformat(),
        "problems": run.problems,
        "model": run.model,
        "parameters": run.n_parameters,
        "store": run.store,
        "words": run.n_words,
        "n_train": run.n_train,
        "n_val": run.n_val,
        "epochs": run.epochs,
        "epochs_done": run.epochs_done,
        "best": {name: value for name, value in run.best.items() if value == value},
        "ece": run.ece,
        "seconds": run.seconds,
        "drawings_per_s": run.drawings_per_s,
        "facts": run.log.facts,
        "advice": run.log.advice,
        "config": run.config,
        "unusual": {name: value for name, (value, _) in unusual_settings(run).items()},
        "rows": [{k: v for k, v in row.items() if v == v} for row in run.rows],
        "evaluations": [{**asdict(each), "folder": str(each.folder)} for each in run.evaluations],
        "usage": run.usage,
        "env": run.env,
        "files": [{"name": name, "about": text} for name, _, text in files_of(run.path)],
        "next": next_commands(run),
    }


def _same(one: Any, two: Any) -> bool:
    if isinstance(two, tuple):
        two = list(two)
    return bool(one == two)


def _bytes_in(path: Path) -> int:
    try:
        if path.is_dir():
            return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
        return path.stat().st_size
    except OSError:
        return 0


def _size(n_bytes: int) -> str:
    if not n_bytes:
        return "empty"
    if n_bytes < 1e6:
        return f"{n_bytes / 1e3:,.1f} kB"
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:,.1f} GB"
