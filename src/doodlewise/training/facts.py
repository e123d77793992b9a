"""What is said and written before the first step: the facts of a run, its settings, its network."""

from __future__ import annotations

from typing import Any

from torch import nn

from ..augment import PixelAugment
from ..data.store import Store
from ..environment import environment
from ..files import replacing, write_json, write_text
from ..models.registry import ImageShape, usual_lr
from .config import TrainConfig, save_config
from .diagram import picture_of, to_png, to_svg
from .run_dir import RunDir
from .summary import spell_parameters

__all__ = ["facts_of", "write_head", "write_picture"]

FEW = 50
"""With fewer drawings to validate, each moves the figures by more than two points."""


def facts_of(
    config: TrainConfig, store: Store, run: RunDir, network: nn.Module, reasons: dict[str, str]
) -> dict[str, str]:
    """What a person wants to know before it begins."""
    facts = {
        **reasons,
        "data": f"{store.folder}: {store.size('train'):,} {store.manifest.things} to learn from,"
        f" {store.size('val'):,} to validate, {len(store.classes)} classes",
        "network": f"{config.model}, {spell_parameters(network)}",
        "lr": _rate(config),
        "run": str(run.path),
    }
    if config.init_from:
        facts["begins"] = f"with the weights of {config.init_from}"
    manifest = store.manifest
    if manifest.kind == "strokes" and "time" in config.render.channels and not manifest.has_times:
        facts["times"] = (
            "the store has no pen times, so the time channel will show the order. Prepare it from"
            " raw files, which have them: doodlewise data prepare quickdraw --format raw"
        )
    n = store.size("val")
    if n < FEW:
        facts["caution"] = (
            f"with {n} drawings to validate, each moves the figures by {100 / n:.0f} points. "
            + (
                "Prepare the store with --val 0.2 --test 0 to hold out more"
                if store.manifest.fractions.val < 0.2
                else "More drawings make them surer"
            )
        )
    if store.kind == "pixels":
        facts["variation"] = _variation(config.pixels, is_ink=store.manifest.holds_ink)
    return facts


def _rate(config: TrainConfig) -> str:
    """The highest learning rate, and why so."""
    usual = usual_lr(config.model)
    if config.optim.lr == usual:
        return f"{usual:g} at most (usual for {config.model})"
    return f"{config.optim.lr:g} at most (as asked; usual for {config.model} is {usual:g})"


def _variation(pixels: PixelAugment, *, is_ink: bool) -> str:
    """How images vary, and why so."""
    parts = pixels.values(is_ink=is_ink)
    spelled = ", ".join(f"{name} {value:g}" for name, value in parts.items() if value)
    reason = (
        f"the images are {'ink' if is_ink else 'photos'}" if pixels.preset == "auto" else "as asked"
    )
    return f"{spelled or 'none'} ({reason})"


def write_head(
    run: RunDir,
    config: TrainConfig,
    summary: str,
    facts: dict[str, str],
    repeat: dict[str, Any],
) -> None:
    """Write config.yaml, env.json, summary.txt, and the facts into train.log."""
    save_config(config, run.config)
    write_json(run.env, environment() | repeat)
    write_text(run.summary, summary)
    for name, value in facts.items():
        run.write_log(f"{name}: {value}")


def write_picture(
    run: RunDir, network: nn.Module, config: TrainConfig, image_shape: ImageShape
) -> None:
    """Draw the network into plots/; one that cannot be drawn is trained all the same."""
    try:
        picture = picture_of(network, config.model, image_shape)
        png = to_png(picture)
    # Whatever is in a network that someone has written: the run is worth more than its picture.
    except Exception as error:
        run.write_log(f"picture: the network cannot be drawn ({type(error).__name__}: {error})")
        return
    write_text(run.plots / "architecture.svg", to_svg(picture))
    with replacing(run.plots / "architecture.png") as temporary:
        temporary.write_bytes(png)
