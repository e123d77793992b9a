from __future__ import annotations

import io
import json
import pickletools
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from doodlewise.errors import BundleError, ConfigError
from doodlewise.models.bundle import (
    BundleInfo,
    find_bundle,
    load_bundle,
    read_bundle_info,
    save_bundle,
)
from doodlewise.models.registry import create_model
from doodlewise.raster import RenderSpec

WORDS = ["cat", "dog", "Eiffel Tower", "крот"]


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return create_model("quickdraw_cnn_v2", n_classes=len(WORDS)).eval()


@pytest.fixture
def info() -> BundleInfo:
    return BundleInfo(
        model="quickdraw_cnn_v2",
        classes=WORDS,
        image_shape=(1, 28, 28),
        render=RenderSpec(28, 14.0, 10.0),
        temperature=1.7,
        sure_from=0.85,
        metrics={"split": "val", "n": 12_345, "top1": 0.6912, "top3": 0.88, "loss": 1.2345},
        trained_on={"store": "a10", "drawings": 54_321, "epochs": 7, "best_epoch": 5},
        licence="CC-BY-4.0",
    )


@pytest.fixture
def bundle(network: nn.Module, info: BundleInfo, tmp_path: Path) -> Path:
    save_bundle(network, info, tmp_path / "model")
    return tmp_path / "model"


def edit(bundle: Path, **values: Any) -> None:
    path = bundle / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")


def test_everything_comes_back(bundle: Path, network: nn.Module, info: BundleInfo) -> None:
    again, read = load_bundle(bundle)
    assert read == info
    assert not again.training
    weights = again.state_dict()
    assert weights.keys() == network.state_dict().keys()
    for name, weight in network.state_dict().items():
        assert torch.equal(weights[name], weight), name


def test_there_is_no_pickle_in_the_folder(bundle: Path) -> None:
    assert sorted(path.name for path in bundle.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    for path in bundle.iterdir():
        content = path.read_bytes()
        assert not content.startswith(b"PK")
        with pytest.raises(ValueError, match=r"opcode|exhausted|truncate|ending|expected"):
            pickletools.dis(content, out=io.StringIO())


def test_the_card_says_what_a_stranger_must_know(bundle: Path, network: nn.Module) -> None:
    card = (bundle / "README.md").read_text("utf-8")
    weights = sum(weight.numel() for weight in network.parameters())
    for fact in (
        f"{weights:,} weights",
        "license: cc-by-4.0",
        "CC-BY-4.0",
        "Google, CC BY 4.0",
        "12,345 drawings (val split)",
        "| top1 | 69.12% |",
        "| loss | 1.2345 |",
        "54,321 drawings of a10, 7 epochs",
        "temperature 1.700",
        "sure from 85%",
        "28 x 28 pixels",
        "cat, dog, Eiffel Tower, крот",
    ):
        assert fact in card


def test_a_card_without_metrics_has_no_empty_table(network: nn.Module, tmp_path: Path) -> None:
    save_bundle(network, BundleInfo("quickdraw_cnn_v2", WORDS, (1, 28, 28)), tmp_path)
    card = (tmp_path / "README.md").read_text("utf-8")
    assert "not recorded" in card
    assert "---|" not in card.replace(" ", "")


def test_saving_again_replaces_all_of_it(bundle: Path, info: BundleInfo) -> None:
    other = create_model("quickdraw_cnn_v1", n_classes=2)
    save_bundle(other, BundleInfo("quickdraw_cnn_v1", ["a", "b"], (1, 28, 28)), bundle)
    again, read = load_bundle(bundle)
    assert (read.model, read.classes, read.temperature) == ("quickdraw_cnn_v1", ["a", "b"], 1.0)
    assert torch.equal(again.state_dict()["0.weight"], other.state_dict()["0.weight"])
    assert not list(bundle.glob(".*"))


def test_a_run_folder_stands_for_the_model_in_it(bundle: Path) -> None:
    assert find_bundle(bundle.parent) == bundle
    assert find_bundle(bundle) == bundle


def test_an_unfinished_run_has_no_model(tmp_path: Path) -> None:
    (tmp_path / "first" / "weights").mkdir(parents=True)
    with pytest.raises(BundleError, match=r"first has not finished.*--resume last --name first"):
        find_bundle(tmp_path / "first")


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_no_model_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match=r"There is no model in .*config\.json.*Name a run"):
        load_bundle(tmp_path / name)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "3", '{"version": 1}', '{"model": "quickdraw_cnn_v2"}']
)
def test_a_damaged_config(bundle: Path, text: str) -> None:
    (bundle / "config.json").write_text(text)
    with pytest.raises(BundleError, match=r"config\.json is damaged.*Train or download"):
        read_bundle_info(bundle)


@pytest.mark.parametrize(
    "values",
    [
        {"classes": "cat"},
        {"classes": [1, 2, 3, 4]},
        {"image_shape": [28, 28]},
        {"image_shape": None},
        {"temperature": "warm"},
        {"render": {"side": 28, "line_width": 16.0, "padding": 16.0, "colour": 1}},
        {"render": {"side": 3, "line_width": 16.0, "padding": 16.0}},
        {"render": 28},
    ],
)
def test_a_config_with_impossible_values(bundle: Path, values: dict[str, Any]) -> None:
    edit(bundle, **values)
    with pytest.raises(BundleError, match="is damaged"):
        load_bundle(bundle)


def test_another_version(bundle: Path) -> None:
    edit(bundle, version=99)
    with pytest.raises(BundleError, match=r"version 99.*reads version 1.*Install"):
        load_bundle(bundle)


def test_missing_weights(bundle: Path) -> None:
    (bundle / "model.safetensors").unlink()
    with pytest.raises(BundleError, match=r"model\.safetensors is missing or damaged"):
        load_bundle(bundle)


@pytest.mark.parametrize("kept", [0, 7, 1000])
def test_truncated_weights(bundle: Path, kept: int) -> None:
    path = bundle / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BundleError, match=r"model\.safetensors is missing or damaged"):
        load_bundle(bundle)


def test_a_pickle_in_place_of_the_weights_is_not_opened(bundle: Path) -> None:
    torch.save({"0.weight": torch.zeros(3)}, bundle / "model.safetensors")
    with pytest.raises(BundleError, match="missing or damaged"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("model", "words"), [("quickdraw_cnn_v1", WORDS), ("quickdraw_cnn_v2", WORDS[:3])]
)
def test_weights_of_another_network(
    bundle: Path, tmp_path: Path, model: str, words: list[str]
) -> None:
    save_bundle(
        create_model(model, n_classes=len(words)),
        BundleInfo(model, words, (1, 28, 28)),
        tmp_path / "other",
    )
    shutil.copy(tmp_path / "other" / "model.safetensors", bundle)
    with pytest.raises(BundleError, match="mixed up"):
        load_bundle(bundle)


def test_a_network_that_is_not_registered_here(bundle: Path) -> None:
    edit(bundle, model="quickdraw_cnn_v3")
    with pytest.raises(BundleError, match=r"cannot be used.*Did you mean 'quickdraw_cnn_v"):
        load_bundle(bundle)


def test_a_shape_that_the_network_cannot_take(bundle: Path) -> None:
    edit(bundle, image_shape=[1, 64, 64])
    with pytest.raises(BundleError, match=r"cannot be used.*not 64 x 64"):
        load_bundle(bundle)


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there(bundle: Path, device: str) -> None:
    with pytest.raises(ConfigError, match=f"device '{device}' cannot be used.*Choose cpu"):
        load_bundle(bundle, device)
