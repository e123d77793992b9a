from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from doodlewise.errors import DataError
from doodlewise.evaluation import EvalResult, plots

Simulate = Callable[..., EvalResult]


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """The picture as it is saved: uint8 (height, width, 3)."""
    png = plots.to_png(figure)
    assert png.startswith(b"\x89PNG")
    with Image.open(io.BytesIO(png)) as image:
        return np.array(image.convert("RGB"))


def has_ink(figure: Figure) -> bool:
    """Whether there is dark ink, but none at the edge, where it would be cut off."""
    dark = pixels(figure).min(axis=2) < 120
    edge = np.concatenate([dark[:4].ravel(), dark[-4:].ravel(), dark[:, :4].ravel()])
    return bool(0.001 < dark.mean() < 0.6 and not edge.any() and not dark[:, -4:].any())


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def crosses(count: int, side: int = 28) -> NDArray[np.uint8]:
    """White paper (0) with a diagonal cross of ink (255)."""
    image = np.maximum(np.eye(side), np.eye(side)[::-1]) * 255
    return np.tile(image.astype(np.uint8), (count, 1, 1))


@pytest.mark.parametrize("classes", [2, 10, 345])
@pytest.mark.parametrize(
    "plot",
    [
        plots.plot_confusion_matrix,
        plots.plot_most_confused,
        plots.plot_reliability,
        plots.plot_by_ink,
        plots.plot_by_class,
    ],
)
def test_every_plot_has_ink(
    simulate: Simulate, plot: Callable[[EvalResult], Figure], classes: int
) -> None:
    assert has_ink(plot(simulate(classes)))


def test_few_classes_have_their_numbers_written_in(simulate: Simulate) -> None:
    result = simulate(3)
    share = result.by_class["word 0"]["recall"]
    assert f"{100 * share:.0f}" in texts(plots.plot_confusion_matrix(result))


def test_of_many_classes_the_best_and_the_worst_are_shown(simulate: Simulate) -> None:
    result = simulate(345)
    best, worst = plots.plot_by_class(result).axes
    shown = [text.get_text() for axes in (best, worst) for text in axes.get_yticklabels()]
    ordered = sorted(result.classes, key=lambda word: -result.by_class[word]["f1"])
    assert shown == ordered[:25] + ordered[-25:]


def test_some_dozens_of_classes_stand_in_two_columns(simulate: Simulate) -> None:
    figure = plots.plot_by_class(simulate(31))
    assert [len(axes.get_yticklabels()) for axes in figure.axes] == [16, 15]
    assert has_ink(figure)


def test_curves_mark_the_best_epoch() -> None:
    rows = [
        {
            "epoch": epoch,
            "train_loss": 1 / epoch,
            "val_loss": 1.1 / epoch,
            "train_top1": 0.5,
            "val_top1": top1,
            "lr": 0.001,
        }
        for epoch, top1 in enumerate((0.5, 0.75, 0.6), 1)
    ]
    figure = plots.plot_curves(rows)
    assert "best 75.00 % in epoch 2" in texts(figure)
    assert has_ink(figure)


def test_curves_of_one_epoch_without_validation() -> None:
    rows = [{"epoch": 1, "train_loss": 2.0, "val_loss": math.nan, "train_top1": 0.1, "lr": None}]
    assert has_ink(plots.plot_curves(rows))


def test_curves_need_an_epoch() -> None:
    with pytest.raises(DataError, match="Train"):
        plots.plot_curves([])


def test_by_ink_needs_more_than_whole_drawings(simulate: Simulate) -> None:
    with pytest.raises(DataError, match="by ink"):
        plots.plot_by_ink(replace(simulate(3), by_ink={}))


def test_examples_are_shown_beside_the_errors(simulate: Simulate) -> None:
    result = simulate(10)
    first = result.most_confused[0]
    figure = plots.plot_most_confused(result, {(first["true"], first["guessed"]): crosses(9)})
    assert sum(len(axes.images) for axes in figure.axes) == 6
    assert has_ink(figure)


def test_no_error_is_a_picture_too(simulate: Simulate) -> None:
    figure = plots.plot_most_confused(replace(simulate(3), most_confused=[]))
    assert "Nothing was confused" in texts(figure)
    assert pixels(figure).size


@pytest.mark.parametrize("count", [1, 3, 19])
def test_contact_sheets(simulate: Simulate, count: int) -> None:
    entries = simulate(345).top_losses[:count]
    figure = plots.plot_top_losses(crosses(count), entries)
    assert has_ink(figure)
    shown = texts(figure)
    assert entries[0]["true"] in shown
    assert f"{entries[0]['guessed']} {100 * entries[0]['p_guessed']:.0f} %" in shown
    assert has_ink(
        plots.plot_samples(crosses(count)[..., None], [each["true"] for each in entries])
    )


def test_a_contact_sheet_needs_an_image_for_each() -> None:
    with pytest.raises(DataError, match="one image for each"):
        plots.plot_samples(crosses(2), ["cat"])


def test_drawings_are_dark_on_white_and_photos_as_they_are() -> None:
    drawn = pixels(plots.plot_samples(crosses(1, 64), [""]))
    middle = drawn[drawn.shape[0] // 2 - 40 : drawn.shape[0] // 2 + 40]
    assert (middle == 255).all(axis=2).mean() > 0.2
    photo = np.zeros((1, 64, 64, 3), np.uint8)
    photo[..., 0] = 200
    shown = pixels(plots.plot_samples(photo, [""]))
    assert (shown == (200, 0, 0)).all(axis=2).mean() > 0.2


def test_words_are_shown_as_they_are(simulate: Simulate) -> None:
    """No formula between dollar signs, and a box where no font has the letter."""
    result = simulate(["$x$ $", r"a\frac", "猫", "the longest word of all there are"])
    for plot in (plots.plot_confusion_matrix, plots.plot_most_confused, plots.plot_by_class):
        assert pixels(plot(result)).size
    assert "the longest word of all…" in texts(plots.plot_by_class(result))


def test_settings_of_matplotlib_are_left_alone(simulate: Simulate) -> None:
    def settings() -> dict[str, object]:
        # Looking at the backend chooses one, and loads pyplot.
        return {key: matplotlib.rcParams[key] for key in matplotlib.rcParams if key != "backend"}

    before = settings()
    plots.to_png(plots.plot_reliability(simulate(3)))
    assert settings() == before
