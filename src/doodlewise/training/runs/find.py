"""Where runs are: all of a folder, and the one that a name stands for."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ...errors import RunError, did_you_mean
from .record import RunRecord

__all__ = ["Found", "find_runs", "newest_run", "read_run"]

MARKS = ("config.yaml", "metrics.csv", "train.log")
"""A folder with one of these is a run, or what is left of one; but for a sweep."""
TRIALS = "trials"
"""Where a sweep has its runs."""
DEPTH = 4
"""Folders in folders that are looked into when all runs below one are wanted."""


@dataclass(slots=True)
class Found:
    """What there is in a folder of runs.

    Attributes:
        folder: that was looked into.
        runs: newest first.
        sweeps: folders of sweeps, whose runs are not among `runs`.
        others: folders without a run, and what could not be opened, by name.
    """

    folder: Path
    runs: list[RunRecord] = field(default_factory=list)
    sweeps: list[Path] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def name_of(self, record: RunRecord) -> str:
        """By which the run is known in this folder."""
        try:
            return record.path.relative_to(self.folder).as_posix()
        except ValueError:
            return record.name


def find_runs(folder: Path, *, is_deep: bool = False) -> Found:
    """All runs of a folder; those of a sweep, if it is the folder of one.

    Args:
        folder: to look into.
        is_deep: whether to look into the folders in it too, sweeps among them.

    Raises:
        RunError: there is no such folder.
    """
    if not folder.is_dir():
        where = "a file" if folder.exists() else "no folder"
        raise RunError(
            f"{folder} is {where}. Name the folder of your runs by --runs, or begin one:"
            " doodlewise train STORE --name NAME"
        )
    if is_sweep(folder) and not is_deep:
        folder /= TRIALS
    found = Found(folder)
    _look_into(folder, found, DEPTH if is_deep else 1)
    found.runs.sort(key=_when, reverse=True)
    return found


def newest_run(runs: Path) -> RunRecord:
    """The run that something was last said about.

    Raises:
        RunError: there is none.
    """
    found = find_runs(runs).runs
    if not found:
        raise RunError(f"There are no runs in {runs}. Begin one: doodlewise train STORE")
    return found[0]


def read_run(name: str | Path, runs: str | Path = "runs") -> RunRecord:
    """The run of this name, or in this folder.

        record = dw.read_run("first")
        record.best["val_top1"], record.config["optim.lr"], record.state.name

    Args:
        name: of a run in `runs`, or the path of a run's folder.
        runs: folder of all runs.

    Raises:
        RunError: there is no such run; the message names those that are spelled like it.
    """
    runs, path = Path(runs), Path(name)
    is_name = path.name == str(name)
    places = [runs / path, path] if is_name else [path, runs / path]
    for place in places:
        if is_run(place):
            return RunRecord(place)
    # Someone may have named a file or a folder inside of a run.
    for place in places:
        if place.exists() and is_run(place.parent) and place.parent.name:
            return RunRecord(place.parent)
    for place in places:
        if is_sweep(place):
            raise RunError(
                f"{place} is a sweep of many runs. See: doodlewise runs list --runs {place}"
            )
    known = [each.name for each in _folders(runs) if is_run(each)] if runs.is_dir() else []
    near = did_you_mean(path.name, known)
    if not is_name and path.is_dir():
        raise RunError(f"There is no run in {path}: it has no config.yaml. Check the path.{near}")
    where = f"in {runs}" if is_name else f"at {path}"
    raise RunError(f"There is no run '{name}' {where}.{near} See: doodlewise runs list")


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run, or what is left of one."""
    return any((folder / mark).is_file() for mark in MARKS) and not is_sweep(folder)


def is_sweep(folder: Path) -> bool:
    """Whether a folder is that of a sweep."""
    return (folder / TRIALS).is_dir() and not (folder / "train.log").exists()


def _look_into(folder: Path, found: Found, depth: int) -> None:
    for each in _folders(folder):
        try:
            if is_run(each):
                found.runs.append(RunRecord(each))
            elif depth > 1:
                _look_into(each, found, depth - 1)
            elif is_sweep(each):
                found.sweeps.append(each)
            else:
                found.others.append(each.name)
        except OSError as error:
            found.others.append(f"{each.name} ({error.strerror})")


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder, by name, without hidden ones."""
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")
        )
    return [folder / name for name in names]


def _when(record: RunRecord) -> tuple[datetime, str]:
    return record.when or datetime.min.replace(tzinfo=UTC), record.name
