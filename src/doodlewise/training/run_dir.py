"""The folder of a run, and what is where in it.

runs/first/
  config.yaml  env.json  summary.txt  train.log  metrics.csv  usage.json  confusion.npz
  weights/{last,best}.ckpt   model/   model-final/   plots/   tb/   eval.json   report.html
"""

from __future__ import annotations

import csv
import io
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..files import write_text

__all__ = ["RunDir"]


@dataclass(frozen=True, slots=True)
class RunDir:
    """Paths inside a run folder."""

    path: Path

    @classmethod
    def create(cls, runs: Path, name: str, model: str, *, exist_ok: bool) -> RunDir:
        """Make the folder of a new run.

        Raises:
            RunError: there is a run of this name, and `exist_ok` is not set.
        """
        # Not every system takes the colon of "timm:resnet18" in a path.
        name = name or f"{model.replace(':', '-')}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        run = cls(runs / name)
        if run.config.exists() and not exist_ok:
            raise RunError(
                f"There already is a run {run.path}. Choose another --name, go on with it by"
                " --resume last, or start it over by --exist-ok."
            )
        # Of a run that is started over, nothing may pass for a result of the new one.
        for old in (
            run.config, run.metrics, run.log, run.usage, run.confusion, run.evaluation, run.report,
        ):  # fmt: skip
            old.unlink(missing_ok=True)
        for folder in (run.last.parent, run.model, run.final, run.plots, run.tensorboard):
            if folder.exists():
                shutil.rmtree(folder)
        run.plots.mkdir(parents=True, exist_ok=True)
        return run

    @classmethod
    def existing(cls, path: Path) -> RunDir:
        """The folder of a run that was begun.

        Raises:
            RunError: there is none.
        """
        run = cls(path)
        if not run.config.exists():
            raise RunError(f"There is no run at {path}. See what there is: ls {path.parent}")
        return run

    def remove_if_empty(self) -> None:
        """Leave no folder of a run that ended before anything was written."""
        if not any(each.is_file() for each in self.path.rglob("*")):
            shutil.rmtree(self.path, ignore_errors=True)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def env(self) -> Path:
        return self.path / "env.json"

    @property
    def summary(self) -> Path:
        return self.path / "summary.txt"

    @property
    def log(self) -> Path:
        return self.path / "train.log"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def usage(self) -> Path:
        return self.path / "usage.json"

    @property
    def confusion(self) -> Path:
        return self.path / "confusion.npz"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tb"

    @property
    def last(self) -> Path:
        return self.path / "weights" / "last.ckpt"

    @property
    def best(self) -> Path:
        return self.path / "weights" / "best.ckpt"

    @property
    def model(self) -> Path:
        """The bundle of the best weights."""
        return self.path / "model"

    @property
    def final(self) -> Path:
        """The bundle of the last weights."""
        return self.path / "model-final"

    @property
    def evaluation(self) -> Path:
        return self.path / "eval.json"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def plots(self) -> Path:
        return self.path / "plots"

    def write_metrics(self, rows: list[dict[str, Any]]) -> None:
        """Write all epochs so far, a row each."""
        text = io.StringIO()
        # A run that goes on elsewhere may measure more than it did where it began.
        names = dict.fromkeys(name for row in rows for name in row)
        writer = csv.DictWriter(text, fieldnames=list(names), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.metrics, text.getvalue())

    def write_log(self, line: str) -> None:
        """Add a line to train.log, with the time."""
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}\n")
