"""The network with which training begins: with fresh weights, or with those of another network.

Where they are another's, rows of the last layer go by words: a word that both know keeps its row,
a new one begins as `few_shot` would teach it, from a few of the drawings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..bundle_info import BundleInfo, find_bundle
from ..data.batches import Batch, TrainingBatches
from ..data.store import Store
from ..errors import BundleError, ConfigError, StoreError
from ..models.bundle import load_bundle
from ..models.head import last_linear
from ..models.inputs import scores, takes_of
from ..models.registry import ImageShape, create_model
from ..predict.bundled import BUNDLED, BUNDLED_NAME
from ..predict.few_shot import Examples, Known, fit
from .config import TrainConfig
from .freeze import before, before_last, freeze, freeze_norms
from .from_onnx import read_network, settle_norms

__all__ = ["Base", "open_base", "starting_network"]

EXAMPLES = 80
"""Of each word, varied as in training: by so many its row of the last layer begins."""
VARIATIONS = 8
"""Of each drawing at most."""
AT_ONCE, MOST_BATCHES = 512, 200
"""Drawings are looked at in batches: a store may have millions, and of a word only a few."""


@dataclass(frozen=True, slots=True)
class Base:
    """A network to begin with.

    Attributes:
        name: as it was asked for.
        network: in eval mode, on the CPU.
        info: what travels with it.
        is_folded: whether it comes from a file, whose batch norms were folded away.
    """

    name: str
    network: nn.Module
    info: BundleInfo
    is_folded: bool = False


def open_base(name: str) -> Base:
    """A network by its run folder, model folder or exported file, or "bundled".

    Raises:
        BundleError: there is none, or it is damaged.
        ModelError: no network is registered under its name.
    """
    path = BUNDLED if name in ("bundled", BUNDLED_NAME) else Path(name)
    if not path.exists():
        raise BundleError(
            f"There is no model at {name}. Name a run folder, such as runs/first, a model folder,"
            " an exported file, or 'bundled', the model that comes with Doodlewise."
        )
    if path.is_file():
        return Base(name, *read_network(path), is_folded=True)
    return Base(name, *load_bundle(find_bundle(path)))


def starting_network(
    config: TrainConfig,
    store: Store,
    image_shape: ImageShape,
    *,
    is_resumed: bool = False,
    is_trial: bool = False,
) -> nn.Module:
    """The network, in train mode, with what keeps its weights frozen.

    Args:
        config: of the run.
        store: whose words it is to know.
        image_shape: of its input.
        is_resumed: weights come from a checkpoint; what the run began with may be gone.
        is_trial: only whether everything fits is wanted; no drawing is looked at.

    Raises:
        ConfigError: the base is another network or draws otherwise, or no such layer can be frozen.
        StoreError: the base cannot take what is in the store.
        BundleError: the base is missing or damaged.
        ModelError: no such network, or it cannot take the store's images.
    """
    _check_settings(config)
    network = create_model(
        config.model,
        n_classes=len(store.classes),
        image_shape=image_shape,
        pretrained=config.pretrained and not (is_resumed or is_trial),
    )
    if config.head_only:
        freeze(network, before_last(network, len(store.classes)))
    elif config.freeze_until:
        freeze(network, before(network, config.freeze_until))
    if config.freeze_norms:
        freeze_norms(network)
    if config.init_from and not is_resumed:
        base = open_base(config.init_from)
        _check_fits(base, config, store, image_shape)
        new = _take_over(network, base, store.classes)
        if not is_trial:
            _settle(network, base, config, store, new)
    return network.train()


def _check_settings(config: TrainConfig) -> None:
    if config.init_from and config.pretrained:
        raise ConfigError("init_from and pretrained are two ways to begin. Choose one of them.")
    if config.head_only and config.freeze_until:
        raise ConfigError("head_only and freeze_until both say what learns. Choose one of them.")
    ways = ("head_only", "freeze_until", "freeze_norms")
    keeps = next((name for name in ways if getattr(config, name)), "")
    if keeps and not config.init_from and not config.pretrained:
        raise ConfigError(
            f"{keeps} keeps what a network has, but this one begins with nothing. Say whose weights"
            " it takes over: --init-from runs/first"
        )


def _check_fits(base: Base, config: TrainConfig, store: Store, image_shape: ImageShape) -> None:
    info = base.info
    if info.model != config.model:
        raise ConfigError(
            f"{base.name} is a {info.model}, and a {config.model} cannot begin with its weights."
            f" Add --model {info.model}; or run: doodlewise finetune {base.name} {store.folder}"
        )
    if store.kind == "strokes":
        if info.render is None:
            raise StoreError(
                f"{base.name} takes pictures only, and {store.folder} holds strokes. Begin with a"
                " network that learnt from drawings, or prepare a store of pictures."
            )
        if info.render != config.render:
            raise ConfigError(
                f"{base.name} learnt from drawings in another look ({info.render}) than this run"
                f" is to draw ({config.render}). Run: doodlewise finetune {base.name}"
                f" {store.folder}, which takes the look of the base"
            )
    elif tuple(info.image_shape) != image_shape:
        ours, theirs = ("x".join(map(str, shape)) for shape in (image_shape, info.image_shape))
        raise StoreError(
            f"{store.folder} holds images of {ours} (channels, height, width), and {base.name}"
            f" takes {theirs}. Prepare the store again with --size {info.image_shape[1]}, or begin"
            " with another network."
        )


def _take_over(network: nn.Module, base: Base, classes: list[str]) -> list[int]:
    """Give it the weights of the base; labels of the words that the base does not know."""
    head = last_linear(network, len(classes))
    before_head = "" if head is None else f"{head}."
    weights, theirs = network.state_dict(), base.network.state_dict()
    body = {
        name: value
        for name, value in theirs.items()
        if head is None or not name.startswith(before_head)
    }
    fits = weights.keys() == theirs.keys() and all(
        weights[name].shape == value.shape for name, value in body.items()
    )
    if not fits or (head is None and base.info.classes != classes):
        raise BundleError(
            f"The layers of {base.name} are not those of a {base.info.model} for"
            f" {len(classes)} words. Only networks that end in a linear layer, and are alike before"
            " it, can take over weights; train this one from nothing: doodlewise train"
        )
    network.load_state_dict(body, strict=False)
    if head is None:
        return []
    number = {word: row for row, word in enumerate(base.info.classes)}
    known = [(label, number[word]) for label, word in enumerate(classes) if word in number]
    ours = [label for label, _ in known]
    for name in (f"{head}.weight", f"{head}.bias"):
        if name in weights:
            weights[name][ours] = theirs[name][[row for _, row in known]]
    return sorted({*range(len(classes))} - {*ours})


@torch.no_grad()
def _settle(
    network: nn.Module, base: Base, config: TrainConfig, store: Store, new: list[int]
) -> None:
    """Averages for batch norms that were folded away, and rows for new words."""
    network.eval()
    if base.is_folded:
        batch = next(_drawings(network, config, store))
        assert batch.inputs.images is not None
        settle_norms(network, batch.inputs.images)
    name = last_linear(network, len(store.classes))
    if not new or name is None:
        return
    head = network.get_submodule(name)
    assert isinstance(head, nn.Linear)
    features, labels = _examples(network, head, config, store)
    is_new = np.isin(labels, new)
    known = None
    if not is_new.all():
        there, word = np.unique(labels[~is_new], return_inverse=True)
        means = np.stack([features[~is_new][word == row].mean(axis=0) for row in range(len(there))])
        known = Known(head.weight[there].numpy(), head.bias[there].numpy(), means)
    there, word = np.unique(labels[is_new], return_inverse=True)
    rows = fit(Examples(features[is_new][:, None], word), known)
    head.weight[there] = torch.from_numpy(rows.weight)
    if head.bias is not None:
        head.bias[there] = torch.from_numpy(rows.bias)


def _examples(
    network: nn.Module, head: nn.Module, config: TrainConfig, store: Store
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What the last layer sees of some drawings of every word: (n, width); and their labels."""
    seen: list[torch.Tensor] = []
    hook = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    counts = np.zeros(len(store.classes), np.int64)
    features, labels = [], []
    for batch in _drawings(network, config, store):
        own = batch.labels.numpy()
        wanted = counts[own] < EXAMPLES
        if wanted.any():
            scores(network, batch.inputs)
            features.append(seen.pop().float().numpy()[wanted])
            labels.append(own[wanted])
            np.add.at(counts, own[wanted], 1)
        if (counts >= EXAMPLES).all():
            break
    hook.remove()
    return np.concatenate(features), np.concatenate(labels)


def _drawings(network: nn.Module, config: TrainConfig, store: Store) -> Iterator[Batch]:
    """Of the train split, varied as in training."""
    is_strokes = store.kind == "strokes"
    batches = TrainingBatches(
        store,
        "train",
        config.render if is_strokes else None,
        takes=takes_of(network),
        batch_size=AT_ONCE,
        augment=config.augment if is_strokes else None,
        pixels=None if is_strokes else config.pixels,
        # Not those of the first epochs once more.
        seed=config.seed + 1,
    )
    every = (batch for epoch in range(VARIATIONS) for batch in batches.epoch(epoch))
    yield from islice(every, MOST_BATCHES)
