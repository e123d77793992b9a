"""After the last epoch: the models, their evaluation, and everything that sums up the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..evaluation.plots import plot_curves, to_png
from ..evaluation.plots_epochs import plot_confusion_over_epochs
from ..evaluation.result import EvalResult, percent
from ..evaluation.write import Told, write_evaluation, write_figures
from ..files import write_text
from .bundles import Bundles
from .fit import Position
from .records import Records
from .run_dir import RunDir
from .usage import Usage

__all__ = ["Finished", "finish", "leave"]


@dataclass(frozen=True, slots=True)
class Finished:
    """What the end of a run has found.

    Attributes:
        result: evaluation of the best weights on the validation split.
        final_top1: of the last weights, likewise.
        advice: what the curves say.
        usage: what the run has cost.
    """

    result: EvalResult
    final_top1: float
    advice: list[str]
    usage: Usage


def finish(bundles: Bundles, records: Records, epochs: int) -> Finished:
    """Write the models, the evaluation of the best one, the curves, and what the run has cost.

    Args:
        bundles: makes the models.
        records: of the run.
        epochs: that were asked for.
    """
    run, position = bundles.run, bundles.position
    with records.meter.phase("finishing"):
        best, result, final_top1 = bundles.keep()
        advice = records.curves(position).advice()
        facts = _facts(position, epochs, result.top1, final_top1)

        def told() -> Told:
            return Told(notes=advice, facts=facts | records.meter.usage(position).facts())

        if bundles.config.report:
            pictures = _pictures(run, position, records)
            write_evaluation(run.path, best, bundles.store, "val", result, more=pictures, told=told)
        else:
            write_figures(run.path, result)
    usage = records.keep_usage(position)
    _add_to_summary(run, facts | usage.facts(), advice)
    for line in (f"ended: {facts['ended']}", *advice, f"cost: {usage.line()}"):
        run.write_log(line)
    return Finished(result, final_top1, advice, usage)


def leave(bundles: Bundles, records: Records, epochs: int) -> list[str]:
    """Keep the models of a run that is stopped before its end, if there are any.

    Args:
        bundles: makes the models.
        records: of the run.
        epochs: that were asked for.

    Returns:
        Where they are, for people.
    """
    run, position = bundles.run, bundles.position
    if not position.rows:
        return []
    with records.meter.phase("saving"):
        bundles.keep_quickly()
    final_top1 = position.rows[-1]["val_top1"] if position.batch == 0 else None
    facts = _facts(position, epochs, position.best_top1, final_top1)
    _add_to_summary(run, facts | records.keep_usage(position).facts(), [])
    return [
        f"The best model so far, of epoch {position.best_epoch}"
        f" ({percent(position.best_top1)} validation top-1), is in {run.model}; as it is now, in"
        f" {run.final}."
    ]


def _facts(
    position: Position, epochs: int, best_top1: float, final_top1: float | None
) -> dict[str, str]:
    """How the run ended, and its two models."""
    done = len(position.rows)
    if position.stopped:
        ended = position.stopped
    elif done < epochs or position.batch:
        ended = f"stopped by hand after {done} of {epochs} epochs"
    else:
        ended = f"after all {epochs} epochs" if epochs > 1 else "after its one epoch"
    final = "not judged" if final_top1 is None else f"{percent(final_top1)} validation top-1"
    at = f"within epoch {done + 1}" if position.batch else f"epoch {done}"
    return {
        "ended": ended,
        "best": f"epoch {position.best_epoch}, {percent(best_top1)} validation top-1, in model/",
        "final": f"{at}, {final}, in model-final/",
    }


def _pictures(run: RunDir, position: Position, records: Records) -> dict[str, bytes]:
    """Curves, confusion over the epochs and the network, in plots/ and for the report."""
    pictures = {"Training": to_png(plot_curves(position.rows))}
    (run.plots / "curves.png").write_bytes(pictures["Training"])
    confusion = records.confusion
    if confusion is not None and confusion.epochs:
        over_epochs = to_png(
            plot_confusion_over_epochs(
                confusion.classes,
                confusion.epochs,
                confusion.confusion,
                confusion.all_epochs,
                confusion.right,
            )
        )
        (run.plots / "confusion_over_epochs.png").write_bytes(over_epochs)
        pictures["Confusion over the epochs"] = over_epochs
    drawn = run.plots / "architecture.png"
    if drawn.exists():
        pictures["The network"] = drawn.read_bytes()
    return pictures


def _add_to_summary(run: RunDir, facts: Mapping[str, str], advice: list[str]) -> None:
    """Below the network's layers; what an earlier end of the same run has added is replaced."""
    network = run.summary.read_text(encoding="utf-8").split("\n\nThe run\n")[0].rstrip()
    width = max(map(len, facts))
    lines = [f"{name.ljust(width)}  {value}" for name, value in facts.items()]
    write_text(run.summary, "\n".join([network, "", "The run", "-------", *lines, *advice, ""]))
