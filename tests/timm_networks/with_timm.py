"""Networks of timm. Run by `test_timm.py` in an environment that has timm in it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from huggingface_hub.constants import HF_HUB_CACHE
from PIL import Image, ImageDraw
from safetensors.torch import save_file
from torch.nn import functional as F

import doodlewise as dw
from doodlewise.bundle_info import BundleInfo
from doodlewise.cli.app import run as run_command
from doodlewise.data.prepare import PictureWish, prepare
from doodlewise.data.split import Fractions
from doodlewise.errors import ConfigError, ModelError, UnknownModelError
from doodlewise.models.bundle import load_bundle, save_bundle
from doodlewise.models.head import divided
from doodlewise.models.registry import as_input, create_model, usual_shape
from doodlewise.models.stages import stages_of
from doodlewise.models.timm_backbone import list_timm
from doodlewise.training.diagram import picture_of, to_svg
from test_docs import blocks, commands_in

SMALL = "timm:test_resnet"
"""A network that timm has for tests, of 0.5 million parameters."""
SAVED = "test_resnet.r160_in1k"

SOME = [
    ("timm:test_resnet", (1, 28, 28)),
    ("timm:test_efficientnet", (3, 40, 48)),
    ("timm:test_vit", (1, 32, 32)),
    ("timm:test_convnext", (3, 32, 32)),
    ("timm:mobilenetv4_conv_small", (3, 64, 64)),
]


def images(n: int, shape: tuple[int, int, int]) -> torch.Tensor:
    pixels = np.random.default_rng(3).integers(0, 256, (n, *shape), np.uint8)
    return as_input(torch.from_numpy(pixels))


@pytest.mark.parametrize(("name", "shape"), SOME)
def test_a_backbone_learns_is_saved_and_comes_back(
    name: str, shape: tuple[int, int, int], tmp_path: Path
) -> None:
    torch.manual_seed(1)
    network = create_model(name, n_classes=3, image_shape=shape)
    some = images(6, shape)
    loss = F.cross_entropy(network(some), torch.tensor([0, 1, 2, 0, 1, 2]))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(weight.grad is not None for weight in network.parameters())
    save_bundle(network, BundleInfo(name, ["a", "b", "c"], shape), tmp_path)
    again, info = load_bundle(tmp_path)
    assert info.model == name
    with torch.inference_mode():
        expected = network.eval()(some)
        torch.testing.assert_close(again(some), expected, rtol=1e-4, atol=1e-5)
        # And it is ready for new words: it ends in a linear layer.
        body, head = divided(network, shape)
        assert head is not None
        torch.testing.assert_close(head(body(some)), expected)


def test_images_are_brought_into_the_form_that_the_authors_used() -> None:
    network = create_model(SMALL, n_classes=3, image_shape=(3, 32, 32)).eval()
    some = images(2, (3, 32, 32))
    mean = torch.tensor(timm.get_pretrained_cfg("test_resnet").mean)[:, None, None]
    deviation = torch.tensor(timm.get_pretrained_cfg("test_resnet").std)[:, None, None]
    with torch.inference_mode():
        expected = network.get_submodule("backbone")((some - mean) / deviation)
        assert torch.equal(network(some), expected)
        grey = create_model(SMALL, n_classes=3, image_shape=(1, 32, 32))
    assert grey.get_buffer("mean").flatten().item() == pytest.approx(float(mean.mean()))


def test_a_last_batch_of_one_image_is_learnt_from() -> None:
    # mobilenetv4 has a batch norm behind the mean over the image.
    network = create_model("timm:mobilenetv4_conv_small", n_classes=2, image_shape=(1, 32, 32))
    assert network.training
    scores = network(images(1, (1, 32, 32)))
    assert scores.shape == (1, 2)
    scores.sum().backward()


def test_fresh_scores_are_near_to_one_another() -> None:
    network = create_model("timm:mobilenetv4_conv_small", n_classes=2, image_shape=(3, 64, 64))
    with torch.no_grad():
        loss = F.cross_entropy(network(images(8, (3, 64, 64))), torch.tensor([0, 1] * 4))
    assert 0.3 < loss < 1.5


def test_a_network_follows_from_the_seed() -> None:
    one, two = (
        torch.manual_seed(4) and create_model(SMALL, n_classes=3, image_shape=(1, 28, 28))
        for _ in range(2)
    )
    for first, second in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("timm:test_vit", (1, 28, 28), r"28 x 28 with 1 channel .*16.*--side.*--size"),
        ("timm:convnext_atto", (3, 28, 28), r"made for 224 x 224: choose a larger --side"),
    ],
)
def test_a_size_that_a_network_cannot_take_is_told_with_what_to_do(
    name: str, shape: tuple[int, int, int], expected: str
) -> None:
    with pytest.raises(ModelError, match=expected):
        create_model(name, n_classes=3, image_shape=shape)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("timm:resnet81", r"no network 'resnet81'. Did you mean 'resnet18'.*models list --timm"),
        ("timm:mobilenetv4", r"Did you mean 'mobilenetv4_conv_aa_large' or"),
        ("timm:resnet18.nope", r"no weights 'nope' of resnet18. Choose timm:resnet18.a1_in1k,"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(name: str, expected: str) -> None:
    with pytest.raises(UnknownModelError, match=expected):
        create_model(name, n_classes=3)


def test_networks_are_found_by_a_part_of_their_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert "timm:test_resnet" in [each.name for each in list_timm("timm:test_res*")]
    (found,) = list_timm("mobilenetv4_conv_small_050")
    assert found.weights == ("timm:mobilenetv4_conv_small_050.e3000_r224_in1k",)
    assert (found.shape, found.licence) == ((3, 224, 224), "apache-2.0")
    assert usual_shape("timm:test_resnet") == (3, 160, 160)
    assert run_command(["models", "list", "--timm", "conv_small", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert "timm:mobilenetv4_conv_small" in [each["name"] for each in listed]
    assert run_command(["models", "list", "--timm", "nothing like it"]) == 1
    assert "Try a part of a name" in capsys.readouterr().err


# Weights of the authors


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, torch.Tensor]]:
    """Weights where Hugging Face's library would keep them, as if they had been fetched."""

    def publish() -> dict[str, torch.Tensor]:
        torch.manual_seed(99)
        theirs = timm.create_model("test_resnet", num_classes=1000, in_chans=3)
        repository = Path(HF_HUB_CACHE) / f"models--timm--{SAVED}"
        commit = repository / "snapshots" / ("0" * 40)
        commit.mkdir(parents=True, exist_ok=True)
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text("0" * 40)
        weights = {name: value.contiguous() for name, value in theirs.state_dict().items()}
        save_file(weights, commit / "model.safetensors")
        return weights

    return publish


def test_weights_that_are_not_there_are_told_with_what_to_do() -> None:
    with pytest.raises(ModelError) as raised:
        create_model("timm:test_convnext", n_classes=3, pretrained=True)
    text = str(raised.value)
    assert "timm:test_convnext are not on this machine and cannot be fetched" in text
    assert "HF_HUB_OFFLINE is set" in text
    assert "copy the folder models--timm--test_convnext.r160_in1k from a machine" in text
    assert HF_HUB_CACHE in text
    with pytest.raises(ModelError, match="Nobody has published weights of timm:botnet50ts_256"):
        create_model("timm:botnet50ts_256", n_classes=3, pretrained=True)
    with pytest.raises(ModelError, match=r"weights of convnet_tiny.*--init-from RUN"):
        create_model("convnet_tiny", n_classes=3, pretrained=True)


def test_an_unreachable_hub_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("doodlewise.models.timm_weights.getproxies", dict)
    with pytest.raises(ModelError, match=r"127.0.0.1 cannot be reached: Connection refused"):
        create_model("timm:test_convnext", n_classes=3, pretrained=True)


def test_weights_of_the_authors_are_loaded_but_for_the_last_layer(
    published: Callable[[], dict[str, torch.Tensor]],
) -> None:
    theirs = published()
    network = create_model(SMALL, n_classes=3, image_shape=(3, 64, 64), pretrained=True)
    ours = network.get_submodule("backbone").state_dict()
    for name, value in ours.items():
        if not name.startswith("fc."):
            assert torch.equal(value, theirs[name]), name
    assert ours["fc.weight"].shape == (3, theirs["fc.weight"].shape[1])
    # One channel of ink takes the sum of what red, green and blue would take.
    grey = create_model(SMALL, n_classes=3, image_shape=(1, 28, 28), pretrained=True)
    first = "conv1.0.weight"
    torch.testing.assert_close(
        grey.get_submodule("backbone").state_dict()[first],
        theirs[first].sum(dim=1, keepdim=True),
    )


# Stages


def test_stages_have_plain_names_in_their_order() -> None:
    stages = stages_of(create_model("timm:mobilenetv4_conv_small", n_classes=2))
    assert list(stages) == ["stem", *(f"stage{n}" for n in range(1, 6)), "head"]
    assert stages["stem"][0] == "backbone.conv_stem"
    assert all(name.startswith("backbone.blocks.2.") for name in stages["stage3"])
    assert stages["head"][-1] == "backbone.classifier"
    ours = stages_of(create_model("convnet_tiny", n_classes=2))
    assert list(ours) == ["stem", "stage1", "stage2", "stage3", "head"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of photos: 20 of red, 20 of green, 32 x 32."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for channel, word in enumerate(("red", "green")):
        (folder / word).mkdir()
        for number in range(20):
            pixels = random.integers(0, 90, (32, 32, 3), np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(folder / word / f"{number}.png")
    out = tmp_path_factory.mktemp("stores") / "photos"
    wish = PictureWish(size=(32, 32), look="photo")
    prepare([folder], out, fractions=Fractions(val=0.2, test=0.1), jobs=1, pictures=wish)
    return out


def test_frozen_stages_keep_the_weights_of_the_authors(
    photos: Path, published: Callable[[], dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    theirs = published()
    run = dw.train(
        store=str(photos), model=SMALL, epochs=2, batch_size=9, name="pets", runs=str(tmp_path),
        device="cpu", precision="32-true", pretrained=True, freeze_until="stage3",
        optim={"lr": 1e-2},
    )  # fmt: skip
    network, info = load_bundle(run.folder / "model")
    ours = network.get_submodule("backbone").state_dict()
    for name, value in ours.items():
        is_frozen = name.startswith(("conv1", "bn1", "layer1", "layer2"))
        if name.endswith("num_batches_tracked"):
            continue
        assert torch.equal(value, theirs[name]) == is_frozen, name
    assert info.licence == "apache-2.0"
    assert "timm:test_resnet" in (run.folder / "model" / "README.md").read_text()
    assert (run.folder / "plots" / "architecture.svg").exists()
    # It learns again without what it began with.
    dw.train(store=str(photos), name="pets", runs=str(tmp_path), resume="last",
             **{**_settings(run.folder), "epochs": 3})  # fmt: skip


def _settings(run: Path) -> dict[str, object]:
    from doodlewise.training.config import load_config

    values = load_config(run / "config.yaml")
    return {
        name: values[name]
        for name in values
        if "." not in name and name not in ("store", "runs", "name")
    }


def test_an_unknown_stage_is_answered_with_those_that_there_are(photos: Path) -> None:
    with pytest.raises(ConfigError, match=r"stage9.*Choose one of stem, stage1"):
        dw.train(
            store=str(photos), model=SMALL, epochs=1, freeze_until="stage9", device="cpu",
            pretrained=True,
        )  # fmt: skip


# From a drawing to a file that needs neither torch nor timm


def test_the_page_does_what_it_says(
    strokes_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stores").mkdir()
    (tmp_path / "stores" / "first").symlink_to(strokes_store)
    Image.new("L", (64, 64), 255).save(tmp_path / "doodle.png")
    with Image.open(tmp_path / "doodle.png") as paper:
        ImageDraw.Draw(paper).line([(8, 8), (50, 20), (30, 55)], fill=0, width=4)
        paper.save(tmp_path / "doodle.png")
    commands = [each for _, text in blocks("docs/timm.md") for each in commands_in(text)]
    assert len(commands) == 7
    monkeypatch.chdir(tmp_path)
    for command in commands:
        # In this process: most of a command's time would be the import of timm.
        assert run_command(shlex.split(command)[1:]) == 0, command
    assert "mobilenetv4" in (tmp_path / "runs/backbone/summary.txt").read_text()
    assert "10 scores" in (tmp_path / "convnet_tiny.svg").read_text()
    # What was proven against torch before it was written.
    model = dw.load(tmp_path / "backbone.onnx")
    triangle = dw.Drawing.from_strokes([[[0, 255, 128, 0], [255, 255, 0, 255]]])
    assert model.predict(triangle).word in model.classes


def test_a_backbone_is_drawn_with_its_stages_and_shortcuts() -> None:
    network = create_model("timm:mobilenetv4_conv_small", n_classes=2, image_shape=(3, 64, 64))
    svg = to_svg(picture_of(network, "timm:mobilenetv4_conv_small", (3, 64, 64)))
    said = re.findall(r">([^<>]+)</text>", svg)
    for text in ("stem", "stage3", "head", "universal inverted residual", "× 4", "2 scores"):
        assert text in said
    assert f"{sum(weight.numel() for weight in network.parameters()):,} parameters" in said
