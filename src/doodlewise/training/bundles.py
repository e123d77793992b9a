"""The two models that a run keeps: with the weights of its best epoch, and with its last ones."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..data.store import Store
from ..evaluation.result import EvalResult
from ..evaluation.run import Subject, evaluate, fit_temperature
from ..files import replacing
from ..models.bundle import BundleInfo, save_bundle
from ..models.registry import ImageShape, channels_last, create_model
from ..raster import RenderSpec
from .checkpoint import load_checkpoint
from .config import TrainConfig
from .fit import Position
from .licence import licence_of
from .run_dir import RunDir

__all__ = ["Bundles", "sure_from"]

RIGHT_WHEN_SURE = 0.9
"""A guess counts as sure from the confidence at which at least this share is right."""
CAUTIOUS = 0.95
"""From here on a guess counts as sure where nobody has looked."""
QUICK_ROWS = 2_000
"""Drawings by which confidence is calibrated when someone waits for the end of a run."""
FIGURES = ("top1", "top3", "top5", "map3", "loss", "ece")


@dataclass(frozen=True, slots=True)
class Bundles:
    """Makes model/ and model-final/ of a run.

    Attributes:
        run: its folder.
        config: its settings.
        store: that it learns from.
        spec: how drawings become input; None for a pixels store.
        image_shape: of the input.
        position: where it stands.
        device: where its networks are judged.
    """

    run: RunDir
    config: TrainConfig
    store: Store
    spec: RenderSpec | None
    image_shape: ImageShape
    position: Position
    device: torch.device

    @property
    def final_is_best(self) -> bool:
        """Whether the last weights are those of the best epoch."""
        return self.position.best_epoch == self.position.epoch and self.position.batch == 0

    def keep(self) -> tuple[Subject, EvalResult, float]:
        """Judge both on the validation split, and write them.

        Returns:
            The best network, its evaluation, and top-1 of the last weights.
        """
        best = self._calibrated(self._best())
        result = evaluate(best, self.store, "val")
        self._save(best, result)
        if self.final_is_best:
            self._link()
            return best, result, result.top1
        last = self._calibrated(self._last())
        final = evaluate(last, self.store, "val", by_ink=False)
        self._save(last, final, is_final=True)
        return best, result, final.top1

    def keep_quickly(self) -> None:
        """Write both without another look at all validation drawings; someone waits."""
        n = self.store.size("val")
        rows = self.position.rows
        of_best = rows[self.position.best_epoch - 1]
        self._save(self._calibrated(self._best(), QUICK_ROWS), _metrics_of_row(of_best, n))
        if self.final_is_best:
            self._link()
            return
        # Within an epoch, nobody has judged the weights.
        known = _metrics_of_row(rows[-1], n) if self.position.batch == 0 else {}
        self._save(self._calibrated(self._last(), QUICK_ROWS), known, is_final=True)

    def _best(self) -> Subject:
        state = load_checkpoint(self.run.best, model=self.config.model, classes=self.store.classes)
        return self._subject(state["weights"])

    def _last(self) -> Subject:
        state = load_checkpoint(self.run.last, model=self.config.model, classes=self.store.classes)
        if state["ema"] is None:
            return self._subject(state["weights"])
        # The running mean is what is judged; it keeps the weights one level down.
        inner = "module."
        return self._subject(
            {
                name.removeprefix(inner): value
                for name, value in state["ema"].items()
                if name.startswith(inner)
            }
        )

    def _subject(self, weights: Mapping[str, Any]) -> Subject:
        network = create_model(
            self.config.model, n_classes=len(self.store.classes), image_shape=self.image_shape
        )
        network.load_state_dict(weights)
        network = channels_last(network).to(self.device).eval()
        return Subject(network, self.store.classes, self.spec, self.device, name=self.run.name)

    def _calibrated(self, subject: Subject, rows: int | None = None) -> Subject:
        at_most = {} if rows is None else {"at_most": rows}
        return replace(subject, temperature=fit_temperature(subject, self.store, "val", **at_most))

    def _save(
        self, subject: Subject, measured: EvalResult | dict[str, Any], *, is_final: bool = False
    ) -> None:
        metrics, sure = (
            (_metrics(measured), sure_from(measured))
            if isinstance(measured, EvalResult)
            else (measured, CAUTIOUS)
        )
        position = self.position
        info = BundleInfo(
            model=self.config.model,
            classes=self.store.classes,
            image_shape=self.image_shape,
            # A network for Google's bitmaps takes drawings too: in the look of its own store.
            render=self.spec or self.store.manifest.render,
            image=self.store.manifest.image,
            temperature=subject.temperature,
            sure_from=sure,
            metrics=metrics,
            trained_on={
                "store": self.store.folder.name,
                "drawings": self.store.size("train"),
                "epochs": len(position.rows),
                "best_epoch": position.best_epoch,
                "weights": "of the last epoch" if is_final else "of the best epoch",
                **({"base": self.config.init_from} if self.config.init_from else {}),
            },
            licence=licence_of(self.config),
        )
        save_bundle(subject.network, info, self.run.final if is_final else self.run.model)

    def _link(self) -> None:
        """The last model is the best one: the same files, which take no room of their own."""
        for path in self.run.model.iterdir():
            with replacing(self.run.final / path.name) as temporary:
                try:
                    os.link(path, temporary)
                except OSError:
                    # Not every disk has links.
                    shutil.copyfile(path, temporary)


def sure_from(result: EvalResult) -> float:
    """The lowest confidence from which on guesses are right often enough; 0.95 if none is."""
    for at in result.sure:
        if at["accuracy"] is not None and at["accuracy"] >= RIGHT_WHEN_SURE:
            return float(at["threshold"])
    return CAUTIOUS


def _metrics(result: EvalResult) -> dict[str, Any]:
    figures = {name: round(getattr(result, name), 6) for name in FIGURES}
    return {"split": "val", "n": result.n, **figures}


def _metrics_of_row(row: Mapping[str, Any], n: int) -> dict[str, Any]:
    """What the epoch has measured."""
    return {
        "split": "val",
        "n": n,
        **{name: row[f"val_{name}"] for name in ("top1", "top3", "top5")},
    }
