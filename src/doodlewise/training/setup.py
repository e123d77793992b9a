"""From settings to a trained model: resolve the input, make the folder, build the objects, start.

`train` is the way in, for Python and for the command line. What happens inside the epochs is in
`fit`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from ..data.batches import require_takes
from ..data.store import Store
from ..errors import ConfigError, Interrupted, RunError, StoreError
from ..evaluation.metrics import Tally
from ..evaluation.result import EvalResult
from ..evaluation.run import Subject, tally
from ..files import explain_os_errors, is_locked, locked
from ..heap import keep_freed_memory
from ..models.inputs import takes_of
from ..models.registry import ImageShape, channels_last, takes_by_name
from ..raster import RenderSpec
from .bundles import Bundles
from .cache import choose_cache, make_batches
from .checkpoint import load_checkpoint
from .config import TrainConfig
from .device import make_fabric
from .facts import facts_of, write_head, write_picture
from .finish import finish, leave
from .fit import Job, Position, fit
from .launch import launch
from .loggers.logger import require_loggers
from .norms import share_norms
from .optim import make_ema, make_optimizer, with_lr
from .record import Recorder, Reporter, SilentReporter
from .records import open_records
from .repeat import command, how_to_repeat, repeatable_arithmetic
from .run_dir import RunDir
from .start import starting_network
from .summary import summarise
from .usage import Usage
from .world import as_started, n_processes, outside_world, restarted_to_resume

__all__ = ["TrainedRun", "check", "describe", "input_of", "train"]

KEPT = ("batch_size", "seed", "render", "head_only", "freeze_until", "freeze_norms")
"""Settings without which the order or the look of the drawings would be another, or what learns."""


@dataclass(frozen=True, slots=True)
class TrainedRun:
    """What came out of a run.

    Attributes:
        folder: of the run.
        rows: a row of metrics for every epoch.
        best_epoch: counted from 1.
        best_top1: on the validation split.
        result: evaluation of the best weights on the validation split.
        stopped: why it ended early; empty if it did not.
        final_top1: of the last weights on the validation split.
        advice: what the curves say, and what to try.
        usage: what it has cost.
    """

    folder: Path
    rows: list[dict[str, Any]]
    best_epoch: int
    best_top1: float
    result: EvalResult
    stopped: str
    final_top1: float
    advice: list[str]
    usage: Usage


def train(
    config: TrainConfig | None = None,
    *,
    resume: str | None = None,
    exist_ok: bool = False,
    reporter: Callable[[], Reporter] = SilentReporter,
    **settings: Any,
) -> TrainedRun:
    """Train a network on a store, and leave a run folder with everything about it.

        train(store="stores/a10", model="convnet_tiny", epochs=5)

    Args:
        config: all settings; made of `settings` when None.
        resume: "last" goes on with the run of this name where it stopped; or the path of a
            checkpoint of it.
        exist_ok: start a run over that is already there.
        reporter: makes the object that shows progress, in the process that trains.
        **settings: as in `TrainConfig`, nested ones in a dictionary: `optim={"lr": 1e-3}`.

    Raises:
        ConfigError: an impossible setting.
        StoreError: no store, or too small a one.
        ModelError: no such network, or it cannot take the store's images.
        RunError: a run of this name exists, or is being trained by another process.
        BundleError: the checkpoint to go on from is damaged, or of another network.
        DivergedError: the loss is no number any more.
        MemoryExhaustedError: a batch does not fit into memory.
        DataError: the disk is full.
        Interrupted: Ctrl-C was pressed; the run can be resumed.
    """
    if config is None:
        config = TrainConfig(store=str(settings.pop("store", "")))
    # With its own values too, which have passed through no conversion if Python gave them.
    begun = time.time()
    config = with_lr(as_started(config.with_values(config.to_dict() | settings)))
    resume = restarted_to_resume(config, resume)
    check(config, Store(config.store), is_resumed=resume is not None)

    with ExitStack() as until_done:

        def prepare() -> tuple[TrainConfig, RunDir, Path | None, float, str]:
            run, checkpoint = _open_run(config, resume, exist_ok)
            until_done.callback(run.remove_if_empty)
            until_done.enter_context(locked(run.path, "trained"))
            return config.with_values({"name": run.name}), run, checkpoint, begun, command()

        result = launch(config, prepare, _main, reporter)
    assert isinstance(result, TrainedRun)
    return result


def _main(
    fabric: Fabric,
    config: TrainConfig,
    run: RunDir,
    checkpoint: Path | None,
    begun: float,
    given: str,
    reasons: dict[str, str],
    make_reporter: Callable[[], Reporter],
    asked: threading.Event | None = None,
) -> TrainedRun | None:
    """Build the objects, train, and finish; runs in every process, and the first one returns."""
    store = Store(config.store)
    spec, image_shape = input_of(store, config.render)
    if fabric.device.type == "cpu":
        keep_freed_memory()
    torch.manual_seed(config.seed)
    network = starting_network(config, store, image_shape, is_resumed=checkpoint is not None)
    network = channels_last(network)
    identity = {"model": config.model, "classes": store.classes, "config": config.to_dict()}
    text = summarise(network, config.model, image_shape)
    # A run that goes on has its picture, and may yet be refused.
    if fabric.is_global_zero and checkpoint is None:
        write_picture(run, network, config, image_shape)
    if fabric.world_size > 1:
        share_norms(network)
    # Fabric cannot clip gradients that a fused optimiser will unscale itself.
    is_scaled = fabric.strategy.precision.precision == "16-mixed"
    optimizer = make_optimizer(network, config.optim, fused=not is_scaled)
    wrapped, optimizer = fabric.setup(network, optimizer)
    ema = make_ema(network, config.optim.ema) if config.optim.ema else None
    takes = takes_of(network)
    cache, why = choose_cache(config, store, takes, fabric.device)
    reasons = {**reasons, "cache": f"{cache} ({why})"}
    batches = make_batches(
        store,
        spec,
        fabric.device,
        on_device=cache == "device",
        takes=takes,
        batch_size=config.batch_size,
        augment=config.augment if store.kind == "strokes" else None,
        pixels=config.pixels if store.kind == "pixels" else None,
        seed=config.seed,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )
    position = Position()
    if checkpoint is not None:
        position = _restore(checkpoint, identity, network, ema, optimizer)
    is_writer = fabric.is_global_zero
    reporter = make_reporter() if is_writer else SilentReporter()
    facts = facts_of(config, store, run, network, reasons)
    if is_writer:
        write_head(run, config, text, facts, how_to_repeat(fabric, store, given))
    judged = network if ema is None else ema.module
    subject = Subject(judged, store.classes, spec, fabric.device, name=run.name)

    def validate() -> EvalResult:
        judged.eval()
        own = tally(subject, store, "val", rank=fabric.global_rank, world_size=fabric.world_size)
        return _merged(fabric, own).result()

    records = open_records(
        fabric, config, store, run, position, subject, image_shape, facts,
        begun=begun, steps=len(batches),
    )  # fmt: skip
    recorder = Recorder(
        run, identity, network, ema, optimizer, reporter, records, asked, is_writer=is_writer
    )
    repeatable = repeatable_arithmetic(config.deterministic, fabric.device)
    with records.meter, recorder, repeatable:
        reporter.start(facts, config.epochs, len(batches))
        if checkpoint is not None:
            reporter.say(_where(position, config.epochs))
        records.begin(position)
        job = Job(config, fabric, wrapped, ema, optimizer, batches, validate, recorder)
        bundles = Bundles(run, config, store, spec, image_shape, position, fabric.device)
        try:
            fit(job, position)
        except Interrupted:
            if is_writer:
                with explain_os_errors(f"writing {run.path}", "Then go on by --resume last"):
                    for line in leave(bundles, records, config.epochs):
                        reporter.say(line)
            # Whoever started the others would end this one when they are gone.
            fabric.barrier()
            raise
    fabric.barrier()
    if not is_writer:
        return None
    with (
        records.meter,
        explain_os_errors(f"writing {run.path}", "Then finish the run by --resume last"),
    ):
        finished = finish(bundles, records, config.epochs)
    return TrainedRun(
        folder=run.path,
        rows=position.rows,
        best_epoch=position.best_epoch,
        best_top1=position.best_top1,
        result=finished.result,
        stopped=position.stopped,
        final_top1=finished.final_top1,
        advice=finished.advice,
        usage=finished.usage,
    )


def describe(config: TrainConfig) -> tuple[dict[str, str], str]:
    """What a run would do: facts, and the network as a table. Nothing is written.

    Raises:
        DoodlewiseError: as `train` would.
    """
    config, store = with_lr(config), Store(config.store)
    network = check(config, store)
    _, image_shape = input_of(store, config.render)
    fabric, reasons = make_fabric(config, outside_world())
    cache, why = choose_cache(config, store, takes_of(network), fabric.device)
    reasons["cache"] = f"{cache} ({why})"
    run = RunDir(Path(config.runs) / config.name)
    facts = facts_of(config, store, run, network, reasons)
    return facts, summarise(network, config.model, image_shape)


def input_of(store: Store, render: RenderSpec) -> tuple[RenderSpec | None, ImageShape]:
    """How the store's rows become input, and its shape."""
    if store.kind == "strokes":
        return render, render.image_shape
    assert store.manifest.image_shape is not None
    height, width, channels = store.manifest.image_shape
    return None, (channels, height, width)


def check(config: TrainConfig, store: Store, *, is_resumed: bool = False) -> nn.Module:
    """The network, if it can be trained on this store."""
    require_loggers(config.loggers)
    require_takes(store, takes_by_name(config.model))
    for split in ("train", "val"):
        if store.size(split) == 0:
            raise StoreError(
                f"The {split} split of {store.folder} is empty. Prepare the store with more"
                " drawings, or a larger share for validation: --val 0.2 --test 0"
            )
    n = n_processes(config)
    if store.size("train") < n:
        raise StoreError(
            f"{store.folder} has fewer drawings than there are devices. Use --devices 1."
        )
    if config.batch_size % n:
        raise ConfigError(
            f"batch_size {config.batch_size} cannot be shared evenly by {n} processes. Choose a"
            f" multiple of {n}."
        )
    _, image_shape = input_of(store, config.render)
    return starting_network(config, store, image_shape, is_resumed=is_resumed, is_trial=True)


def _open_run(
    config: TrainConfig, resume: str | None, exist_ok: bool
) -> tuple[RunDir, Path | None]:
    """The run folder, and the checkpoint to go on from."""
    folder = Path(config.runs) / config.name
    if config.name and is_locked(folder):
        raise RunError(
            f"{folder} is being trained by another process. Wait until it is done, or choose"
            " another --name."
        )
    with explain_os_errors(f"making a run in {config.runs}", "Choose another folder with --runs"):
        if resume is None:
            return RunDir.create(
                Path(config.runs), config.name, config.model, exist_ok=exist_ok
            ), None
        if not config.name:
            raise RunError("Say which run to resume: --resume last --name NAME.")
        run = RunDir.existing(folder)
        return run, run.last if resume == "last" else Path(resume)


def _restore(
    checkpoint: Path,
    identity: dict[str, Any],
    network: nn.Module,
    ema: torch.optim.swa_utils.AveragedModel | None,
    optimizer: torch.optim.Optimizer,
) -> Position:
    state = load_checkpoint(checkpoint, model=identity["model"], classes=identity["classes"])
    if "optimizer" not in state:
        raise RunError(f"{checkpoint} holds weights only. Resume from last.ckpt.")
    for name in KEPT:
        # A run of an earlier version may lack a setting that came later.
        now = identity["config"][name]
        before = state["config"].get(name, now)
        if name == "render":
            now, before = RenderSpec.from_dict(now), RenderSpec.from_dict(before)
        if now != before:
            raise ConfigError(
                f"{name} is {now}, but the run began with {before}. Resume it with the settings in"
                " its config.yaml."
            )
    network.load_state_dict(state["weights"])
    if ema is not None:
        if state["ema"] is None:
            raise ConfigError("The run began with optim.ema 0. Resume it with the same.")
        ema.load_state_dict(state["ema"])
    optimizer.load_state_dict(state["optimizer"])
    return Position(**state["position"])


def _where(position: Position, epochs: int) -> str:
    if position.epoch >= epochs:
        return f"All {epochs} epochs of this run are done; only its evaluation is made again."
    return f"Going on in epoch {position.epoch + 1} after step {position.batch}."


def _merged(fabric: Fabric, own: Tally) -> Tally:
    """The counts of all processes."""
    if fabric.world_size == 1:
        return own
    every: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(every, own)
    for other in every[1:]:
        every[0].merge(other)
    merged: Tally = every[0]
    return merged
