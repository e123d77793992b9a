"""With what weights training begins, and which of them learn."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from doodlewise.bundle_info import BundleInfo
from doodlewise.data.batches import inputs_of, windows
from doodlewise.data.store import Store
from doodlewise.errors import BundleError, ConfigError, StoreError
from doodlewise.models.bundle import load_bundle, read_bundle_info, save_bundle
from doodlewise.models.inputs import scores
from doodlewise.models.registry import ImageShape, create_model, register_model
from doodlewise.raster import RenderSpec
from doodlewise.training.checkpoint import load_checkpoint
from doodlewise.training.config import TrainConfig
from doodlewise.training.freeze import before, freeze, is_frozen, learning_mode
from doodlewise.training.setup import TrainedRun, input_of
from doodlewise.training.start import starting_network

pytestmark = pytest.mark.usefixtures("without_report")

Train = Callable[..., TrainedRun]
Interrupt = Callable[..., str]
MakeBase = Callable[..., Path]

SMALL = RenderSpec(side=20)
FEW = ["cat", "moon", "star", "tractor"]
"""Words of a base; the store knows two of them, and four others."""


@pytest.fixture
def make_base(tmp_path: Path) -> MakeBase:
    """A model folder with a network that has not learnt, but whose batch norms have seen noise."""

    def make(
        model: str = "convnet_tiny",
        classes: list[str] = FEW,
        render: RenderSpec | None = SMALL,
        image_shape: ImageShape = (1, 20, 20),
    ) -> Path:
        torch.manual_seed(11)
        network = create_model(model, n_classes=len(classes), image_shape=image_shape).train()
        with torch.no_grad():
            network(torch.rand(64, *image_shape))
        info = BundleInfo(model, classes, image_shape, render)
        save_bundle(network.eval(), info, tmp_path / "base")
        return tmp_path / "base"

    return make


def settings_from(base: Path, store: Path, **more: Any) -> TrainConfig:
    config = TrainConfig(store=str(store), render=SMALL, init_from=str(base))
    return config.with_values(more)


def started(config: TrainConfig) -> nn.Module:
    store = Store(config.store)
    return starting_network(config, store, input_of(store, config.render)[1])


def test_layers_and_known_words_are_taken_over(make_base: MakeBase, strokes_store: Path) -> None:
    base = make_base()
    network = started(settings_from(base, strokes_store)).state_dict()
    theirs = load_bundle(base)[0].state_dict()
    for name, value in theirs.items():
        if not name.startswith("head."):
            assert torch.equal(network[name], value), name
    ours = Store(strokes_store).classes
    for word in ("cat", "star"):
        for part in ("head.weight", "head.bias"):
            assert torch.equal(network[part][ours.index(word)], theirs[part][FEW.index(word)])
    new = [ours.index(word) for word in ours if word not in FEW]
    assert network["head.weight"][new].abs().amax(dim=1).min() > 0


def test_new_words_are_guessed_before_the_first_step(
    make_base: MakeBase, strokes_store: Path
) -> None:
    """Even by the features of a network that has learnt nothing, far better than by chance."""
    base = make_base(classes=["moon", "tractor"])
    network = started(settings_from(base, strokes_store)).eval()
    rows = next(windows(Store(strokes_store), "val"))
    with torch.inference_mode():
        guesses = scores(network, inputs_of(rows, SMALL, "images")).argmax(dim=1)
    right = (guesses == torch.from_numpy(rows.labels)).float().mean()
    assert right > 0.5


def test_beginning_is_the_same_every_time(make_base: MakeBase, strokes_store: Path) -> None:
    config = settings_from(make_base(), strokes_store)
    one, two = started(config).state_dict(), started(config).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    ("settings", "learns"),
    [
        ({"head_only": True}, ("head.",)),
        ({"freeze_until": "stage3"}, ("stages.3", "stages.4", "head.")),
        ({"freeze_until": "stages.4.conv2"}, ("stages.4.conv2", "stages.4.norm2", "head.")),
    ],
)
def test_what_is_frozen_stays_to_the_last_bit(
    settings: dict[str, Any],
    learns: tuple[str, ...],
    make_base: MakeBase,
    train_tiny: Train,
    strokes_store: Path,
    tmp_path: Path,
) -> None:
    base = make_base()
    run = train_tiny(
        model="convnet_tiny", init_from=base, render={"side": 20}, epochs=2, **settings
    ).folder
    before_it = load_bundle(base)[0].state_dict()
    last = load_checkpoint(
        run / "weights" / "last.ckpt", model="convnet_tiny", classes=Store(strokes_store).classes
    )
    mean = {name.removeprefix("module."): value for name, value in last["ema"].items()}
    model = load_bundle(run / "model")[0].state_dict()
    changed = set()
    for name, value in before_it.items():
        is_same = [
            value.shape == weights[name].shape and torch.equal(weights[name], value)
            for weights in (last["weights"], mean, model)
        ]
        assert all(is_same) or not any(is_same), name
        if not all(is_same):
            changed.add(name)
    assert changed == {name for name in before_it if name.startswith(learns)}
    n_learning = sum(not name.endswith(("_mean", "_var", "_tracked")) for name in changed)
    assert len(last["optimizer"]["state"]) == n_learning


def test_norms_keep_their_averages_and_learn_scale_and_shift(
    make_base: MakeBase, train_tiny: Train
) -> None:
    base = make_base()
    run = train_tiny(
        model="convnet_tiny", init_from=base, render={"side": 20}, epochs=1, freeze_norms=True
    ).folder
    theirs = load_bundle(base)[0].state_dict()
    weights = load_bundle(run / "model-final")[0].state_dict()
    same = {
        name
        for name, value in theirs.items()
        if value.shape == weights[name].shape and torch.equal(weights[name], value)
    }
    assert same == {name for name in theirs if name.endswith(("_mean", "_var", "_tracked"))}


def test_frozen_norms_and_dropouts_do_not_train(own_registry: None) -> None:
    network = create_model("convnet_small", n_classes=3)
    freeze(network, before(network, "stage2"))
    learning_mode(network)
    modes = {name: layer.training for name, layer in network.named_modules()}
    assert not modes["stem.1"]
    assert not modes["stages.0.norm1"]
    assert modes["stages.2.1"]
    assert modes["dropout"]
    assert modes["stages"]
    assert modes[""]
    assert is_frozen(network.get_submodule("stages.0"))
    assert not is_frozen(network.get_submodule("stages"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stage33", r"no layer 'stage33'.*Did you mean 'stage3'.*stage1, stage2, stage3, stem"),
        ("conv9", r"no layer 'conv9' in this network.*Choose one of stage1, .*, head\.$"),
        ("stem", r"Nothing is before the layer 'stem'.*or leave freeze_until out\.$"),
    ],
)
def test_a_wrong_layer_is_answered_with_the_names(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        before(create_model("convnet_tiny", n_classes=3), name)


def test_something_has_to_learn() -> None:
    network = create_model("convnet_tiny", n_classes=3)
    with pytest.raises(ConfigError, match=r"No layer is left to learn\..*or leave it out\."):
        freeze(network, ["stem", *(name for name, _ in network.named_modules() if name)])


def test_a_long_list_of_layers_is_cut() -> None:
    with pytest.raises(ConfigError, match=r" \.\.\. \(\d+ in all\)\.$"):
        before(create_model("convnet_base", n_classes=3), "nonsense")


def test_a_resumed_fine_tuning_equals_an_uninterrupted_one(
    make_base: MakeBase,
    train_tiny: Train,
    interrupt: Interrupt,
    assert_same_learning: Callable[[Path, Path], None],
    tmp_path: Path,
) -> None:
    """Also when what it began with is gone by then."""
    base = make_base()
    settings: dict[str, Any] = {
        "model": "convnet_tiny", "init_from": base, "render": {"side": 20}, "epochs": 2,
        "freeze_until": "stage2",
    }  # fmt: skip
    whole = train_tiny(**settings, name="whole")
    interrupt(2, 7, **settings, name="broken")
    shutil.rmtree(base)
    resumed = train_tiny(**settings, name="broken", resume="last")
    assert_same_learning(whole.folder, resumed.folder)


def test_it_is_not_resumed_with_other_layers_frozen(
    make_base: MakeBase, train_tiny: Train, interrupt: Interrupt
) -> None:
    settings: dict[str, Any] = {
        "model": "convnet_tiny", "init_from": make_base(), "render": {"side": 20}, "epochs": 2,
    }  # fmt: skip
    interrupt(1, 2, **settings, head_only=True)
    with pytest.raises(ConfigError, match="head_only is False, but the run began with True"):
        train_tiny(**settings, resume="last")


def test_a_run_says_what_it_began_with(make_base: MakeBase, train_tiny: Train) -> None:
    base = make_base()
    run = train_tiny(model="convnet_tiny", init_from=base, render={"side": 20}, epochs=1).folder
    assert f"init_from: {base}" in (run / "config.yaml").read_text()
    assert read_bundle_info(run / "model").trained_on["base"] == str(base)
    assert f"from the weights of {base}" in (run / "model" / "README.md").read_text()
    assert f"begins: with the weights of {base}" in (run / "train.log").read_text()


@pytest.mark.parametrize(
    ("settings", "kind", "said"),
    [
        ({"model": "convnet_small"}, ConfigError, "is a convnet_tiny, and a convnet_small cannot"),
        ({"render.side": 28}, ConfigError, "another look.*doodlewise finetune"),
        ({"init_from": "nowhere"}, BundleError, "There is no model at nowhere.*'bundled'"),
        ({"init_from": ""}, ConfigError, "head_only keeps what a .*--init-from runs/first"),
        ({"freeze_until": "stem"}, ConfigError, "both say what learns. Choose one"),
        ({"pretrained": True}, ConfigError, "two ways to begin. Choose one"),
    ],
)
def test_what_does_not_fit_is_said(
    settings: dict[str, Any],
    kind: type[Exception],
    said: str,
    make_base: MakeBase,
    strokes_store: Path,
) -> None:
    config = settings_from(make_base(), strokes_store, head_only=True).with_values(settings)
    with pytest.raises(kind, match=said):
        started(config)


def test_a_network_for_pictures_is_no_base_for_strokes(
    make_base: MakeBase, strokes_store: Path
) -> None:
    base = make_base(render=None)
    with pytest.raises(StoreError, match="takes pictures only"):
        started(settings_from(base, strokes_store))


def test_pictures_of_another_size_do_not_fit(make_base: MakeBase, bitmap_store: Path) -> None:
    with pytest.raises(StoreError, match=r"images of 1x28x28 .*takes 1x20x20.*--size 20"):
        started(settings_from(make_base(), bitmap_store))


def test_bitmaps_begin_with_a_network_for_drawings(make_base: MakeBase, bitmap_store: Path) -> None:
    base = make_base(render=RenderSpec(), image_shape=(1, 28, 28))
    network = started(settings_from(base, bitmap_store)).state_dict()
    theirs = load_bundle(base)[0].state_dict()
    ours = Store(bitmap_store).classes
    assert torch.equal(network["head.weight"][ours.index("star")], theirs["head.weight"][2])
    assert torch.equal(network["stem.0.weight"], theirs["stem.0.weight"])


@pytest.fixture
def all_convolutions(own_registry: None) -> str:
    @register_model
    def all_convolutions(n_classes: int, image_shape: ImageShape) -> nn.Module:
        """Ends in the mean of a convolution."""
        return nn.Sequential(
            nn.Conv2d(1, n_classes, 5, stride=4), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )

    return "all_convolutions"


def test_a_network_without_a_last_linear_layer(
    all_convolutions: str, make_base: MakeBase, strokes_store: Path
) -> None:
    words = Store(strokes_store).classes
    base = make_base(all_convolutions, words)
    config = settings_from(base, strokes_store, model=all_convolutions)
    network, theirs = started(config).state_dict(), load_bundle(base)[0].state_dict()
    assert all(torch.equal(network[name], theirs[name]) for name in theirs)
    with pytest.raises(ConfigError, match=r"does not end in a linear layer.*--freeze-until"):
        started(config.with_values({"head_only": True}))
    base = make_base(all_convolutions, words[::-1])
    with pytest.raises(BundleError, match="Only networks that end in a linear layer"):
        started(config)
