"""The picture of a network: what is in it, and that nothing lies over anything else."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from doodlewise.cli.app import run as run_command
from doodlewise.models.registry import create_model, list_models, usual_shape
from doodlewise.models.stages import stages_of
from doodlewise.training.diagram import picture_of, to_png, to_svg
from doodlewise.training.diagram.flow import flow_of
from doodlewise.training.diagram.items import Block, Fork, Item, Layer, items_of
from doodlewise.training.diagram.marks import Box, Line, Words, width_of
from doodlewise.training.setup import TrainedRun

Train = Callable[..., TrainedRun]


def parts(network: nn.Module, shape: tuple[int, int, int] = (1, 28, 28)) -> list[Item]:
    return items_of(flow_of(network.eval(), shape))


def said(items: list[Item] | tuple[Item, ...]) -> list[object]:
    """Layers as text, blocks and forks as nested lists."""
    found: list[object] = []
    for item in items:
        if isinstance(item, Layer):
            found.append(" · ".join((item.text, *item.notes)))
        elif isinstance(item, Block):
            found.append((item.times, said(item.items)))
        else:
            found.append((item.join, *(said(branch) for branch in item.branches), *item.notes))
    return found


def test_a_residual_network_is_seen_as_one() -> None:
    residual = ("+", ["conv 3×3 · batch norm · ReLU", "conv 3×3 · batch norm"], [], "ReLU")
    reduce = "conv 3×3, stride 2 · batch norm · ReLU"
    assert said(parts(create_model("convnet_small", n_classes=5))) == [
        "image",
        "conv 5×5, stride 2 · batch norm · ReLU",
        (2, [residual]),
        reduce,
        (2, [residual]),
        reduce,
        (2, [residual]),
        "mean over the image · dropout 10 %",
        "linear",
    ]


@pytest.mark.parametrize("name", list_models())
def test_the_picture_of_each_network_has_all_its_parameters_and_no_collisions(name: str) -> None:
    shape = usual_shape(name)
    network = create_model(name, n_classes=345, image_shape=shape)
    modes = [layer.training for layer in network.modules()]
    state = torch.random.get_rng_state()
    picture = picture_of(network, name, shape)
    assert [layer.training for layer in network.modules()] == modes
    assert torch.equal(torch.random.get_rng_state(), state)

    total = sum(weight.numel() for weight in network.parameters())
    assert counted(parts(network, shape)) == total
    texts = [mark.text for mark in picture.marks if isinstance(mark, Words)]
    assert name in texts
    assert f"{total:,} parameters" in texts
    assert "345 scores" in texts
    assert_legible(picture.marks, picture.width, picture.height)

    root = ElementTree.fromstring(to_svg(picture))
    assert root.attrib["width"] == f"{picture.width:.0f}"
    assert {each.text for each in root.iter("{http://www.w3.org/2000/svg}text")} == set(texts)
    with Image.open(io.BytesIO(to_png(picture))) as image:
        assert image.size == (2 * round(picture.width), 2 * round(picture.height))
        colours = image.getcolors(1 << 24)
        assert colours is not None
        assert len(colours) > 20


def counted(items: list[Item] | tuple[Item, ...]) -> int:
    """Parameters, of repeated blocks as often as they are there."""
    total = 0
    for item in items:
        times = item.times if isinstance(item, Block) and not item.varies else 1
        total += times * item.parameters
    return total


def assert_legible(marks: list[object], width: float, height: float) -> None:
    """All words are on the paper, none lies over others, and none is wider than its box."""
    places = []
    for mark in marks:
        if not isinstance(mark, Words):
            continue
        wide = width_of(mark.text, mark.size, bold=mark.bold)
        left = mark.x - {"start": 0.0, "middle": wide / 2, "end": wide}[mark.anchor]
        place = (left, mark.y - 0.75 * mark.size, left + wide, mark.y + 0.2 * mark.size)
        assert left >= 0, mark
        assert place[2] <= width, mark
        assert 0 <= place[1] < place[3] <= height, mark
        for other, text in places:
            is_apart = (
                place[2] <= other[0] or other[2] <= place[0]
                or place[3] <= other[1] or other[3] <= place[1]
            )  # fmt: skip
            assert is_apart, (mark.text, text)
        places.append((place, mark.text))
    for box in (mark for mark in marks if isinstance(mark, Box) and mark.height < 40):
        for (left, top, right, bottom), text in places:
            inside = box.x <= left < box.x + box.width and box.y <= top < box.y + box.height
            assert not inside or (right <= box.x + box.width and bottom <= box.y + box.height), text


class Ways(nn.Module):
    """Three ways, of which one is a shortcut with a layer, and a gate over their sum."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(4, 4, (1, 7), padding=(0, 3))
        self.deep = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.gate = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = torch.cat([F.gelu(self.wide(x)), self.deep(x)], dim=1)[:, :4]
        mean = both.mean(dim=(2, 3))
        return both * torch.sigmoid(self.gate(mean))[:, :, None, None]


class Custom(nn.Module):
    """What tutorials do not have: a weight used twice, one that is not used, a norm alone."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.ways = Ways()
        self.again = nn.Linear(4, 4)
        self.unused = nn.Linear(4, 4)
        self.recurrent = nn.GRU(4, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.norm = nn.LayerNorm(12)
        self.last = nn.Linear(12, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.ways(torch.tanh(self.stem(images)))
        steps = self.again(self.again(maps.flatten(2).transpose(1, 2)))
        found, _ = self.recurrent(steps)
        return self.last(self.norm(found).mean(dim=1))


def test_whatever_forward_does_is_seen() -> None:
    network = Custom()
    assert said(parts(network)) == [
        "image",
        "conv 3×3, stride 2 · tanh",
        (
            1,
            [
                ("joined", ["conv 1×7 · GELU"], ["depthwise conv 3×3"]),
                ("×", ["mean over the image", "linear · sigmoid"], []),
            ],
        ),
        "linear",
        "linear",
        "GRU, 2 layers, both directions · layer norm",
        "mean over all positions",
        "linear",
    ]
    layers = [item for item in parts(network) if isinstance(item, Layer)]
    # The weights that are used twice are counted once.
    assert [each.parameters for each in layers if each.path == "again"] == [20, 0]
    assert_legible(*_marks(network))


def _marks(network: nn.Module) -> tuple[list[object], float, float]:
    picture = picture_of(network, "custom", (1, 28, 28))
    return list(picture.marks), picture.width, picture.height


def test_equal_blocks_are_drawn_once_and_long_networks_in_columns() -> None:
    class Net(nn.Module):
        def __init__(self, depth: int) -> None:
            super().__init__()
            self.blocks = nn.Sequential(*(Double(4 + number) for number in range(depth)))
            self.last = nn.Linear(4 + depth, 2)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.last(self.blocks(images.expand(-1, 4, -1, -1)).mean(dim=(2, 3)))

    class Double(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.inner = nn.Conv2d(width, width, 1)
            self.outer = nn.Conv2d(width, width + 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.outer(x + self.inner(x))

    (_, block, *_) = parts(Net(5))
    assert isinstance(block, Block)
    assert (block.times, block.varies) == (5, True)
    assert block.paths == tuple(f"blocks.{number}" for number in range(5))
    assert block.parameters == sum(w.numel() for w in Net(5).blocks.parameters())

    three = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(3)), nn.Flatten(), nn.Linear(784, 2))
    (_, repeat, _) = parts(three)
    assert isinstance(repeat, Block)
    assert (repeat.title, repeat.times) == ("", 3)

    kernels = [3, 5, 7, 3, 1, 5, 5, 7, 1, 3, 7, 5, 3, 3, 9, 1, 7, 7, 5, 1, 9, 9, 3]
    long = nn.Sequential(
        *(
            nn.Conv2d(1, 1, k + 2 * (n // 2), padding=k // 2 + n // 2)
            for n, k in enumerate(kernels)
        ),
        nn.Flatten(),
        nn.Linear(784, 2),
    )
    marks, width, height = _marks(long)
    assert len({mark.x for mark in marks if isinstance(mark, Box) and 300 < mark.width < 500}) == 2
    assert height < 1300 < width + 700
    turns = [mark for mark in marks if isinstance(mark, Line) and len(mark.points) == 6]
    assert len(turns) == 1


def test_frozen_weights_and_stages_are_in_the_picture() -> None:
    network = create_model("convnet_tiny", n_classes=4)
    for name, weight in network.named_parameters():
        weight.requires_grad_(name.startswith("head"))
    texts = [m.text for m in picture_of(network, "n", (1, 28, 28)).marks if isinstance(m, Words)]
    assert "851,540 parameters, 644 of them learn" in texts
    assert [text for text in texts if text in stages_of(network)] == list(stages_of(network))


def test_words_are_escaped() -> None:
    svg = to_svg(picture_of(create_model("quickdraw_cnn_v1", n_classes=3), "<a&b>", (1, 28, 28)))
    assert "&lt;a&amp;b&gt;" in svg
    ElementTree.fromstring(svg)


def test_fork_of_ways_that_cross_is_drawn_as_a_line() -> None:
    class Crossed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(1, 1, 1) for _ in range(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            one, two = self.convs[0](x), self.convs[1](x)
            three, four = self.convs[2](one + two), self.convs[3](one * two)
            return (three + four + one).flatten(1)

    items = parts(Crossed())
    assert counted(items) == 8
    assert not any(isinstance(item, Fork) and len(item.branches) > 3 for item in items)
    assert_legible(*_marks(Crossed()))


# The command, and what runs leave


def test_models_show_prints_the_layers_and_writes_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "new" / "net.svg"
    assert run_command(["models", "show", "convnet_tiny", "--classes", "7", "--to", str(to)]) == 0
    printed = capsys.readouterr()
    assert re.search(r"^stem\.0 +Conv2d +48x14x14 +1,200$|^stem\.0 .*1,296$", printed.out, re.M)
    assert "852,023 parameters" in printed.out
    assert "stages: stem, stage1, stage2, stage3, head" in printed.out
    assert "7 scores" in to.read_text(encoding="utf-8")
    png = tmp_path / "net.png"
    assert run_command(["models", "show", "doodle_cnn", "--side", "64", "--to", str(png)]) == 0
    with Image.open(png) as image:
        assert image.format == "PNG"
    capsys.readouterr()
    assert run_command(["models", "show", "convnet_tiny", "--side", "32", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["input"] == [1, 32, 32]
    assert shown["layers"][0] == {
        "layer": "stem.0", "kind": "Conv2d", "output": "48x16x16", "parameters": 1200,
    }  # fmt: skip
    assert list(shown["stages"]) == ["stem", "stage1", "stage2", "stage3", "head"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["convnet_tinny"], "Did you mean 'convnet_tiny'"),
        (["convnet_tiny", "--side", "8"], "--side 16 or more"),
        (["nowhere/run"], "There is no model in nowhere/run"),
        (["timm:resnet18"], "pip install 'doodlewise[timm]'"),
    ],
)
def test_what_cannot_be_shown_is_told(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["models", "show", *arguments]) == 1
    assert expected in capsys.readouterr().err
    assert run_command(["models", "show", "convnet_tiny", "--to", "net.gif"]) == 2
    assert "neither an .svg nor a .png. Give it one" in capsys.readouterr().err


def test_a_run_draws_its_network_at_the_start_and_shows_it_in_the_report(
    train_tiny: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: dict[str, bytes] = {}
    monkeypatch.setattr(
        "doodlewise.training.finish.write_evaluation",
        lambda *_, more, **__: reported.update(more),
    )
    folder = train_tiny(epochs=1).folder
    assert "6 scores" in (folder / "plots" / "architecture.svg").read_text(encoding="utf-8")
    assert reported["The network"] == (folder / "plots" / "architecture.png").read_bytes()


@pytest.mark.usefixtures("without_report", "own_registry")
def test_a_network_that_cannot_be_drawn_is_trained_all_the_same(
    train_tiny: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("too strange")

    monkeypatch.setattr("doodlewise.training.facts.picture_of", broken)
    folder: Path = train_tiny(epochs=1).folder
    assert not (folder / "plots" / "architecture.svg").exists()
    log = (folder / "train.log").read_text(encoding="utf-8")
    assert "picture: the network cannot be drawn (ValueError: too strange)" in log
