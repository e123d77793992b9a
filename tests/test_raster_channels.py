"""The order and time channels: what they show, and that all implementations agree about it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from doodlewise.augment import Augment
from doodlewise.data.augment import render_augmented
from doodlewise.data.points import place_strokes, simplified_rows, vary_strokes
from doodlewise.drawing import Drawing
from doodlewise.errors import ConfigError
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, render, render_channels, render_many
from doodlewise.raster_host import render_rows
from doodlewise.raster_torch import render_tensor
from raster_cases import SPECS, drawings, far_apart, needs_quickdraw, real_drawings

ALL = RenderSpec(channels=("ink", "order", "time"))
# A pixel is 1 unit wide.
ONE_TO_ONE = RenderSpec(side=304, channels=("ink", "order", "time"))
ONE_BY_ONE = {1: "ink", 2: "order", 3: "time"}

gpu = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    ],
)


def order_of(strokes: list[list[list[float]]], spec: RenderSpec = ONE_TO_ONE) -> NDArray[np.uint8]:
    order = replace(spec, channels=("order",))
    return render_channels(Drawing.from_strokes(strokes), order)[0]


def timed(some: list[Drawing], seed: int) -> Ragged:
    """Most of them with times: growing, resting, running backwards, or all equal."""
    rng = np.random.default_rng(seed)
    every = []
    for drawing in some:
        steps = rng.choice([0.0, 1.0, 16.0, 1000.0], drawing.n_points) * rng.integers(0, 2)
        times = np.cumsum(steps) if rng.random() < 0.8 else rng.permutation(steps)
        known = (times - times[0]).astype(np.float32) if rng.random() < 0.8 else None
        every.append(replace(drawing, times=known))
    return Ragged.from_drawings(every)


def test_a_line_darkens_from_its_beginning_to_its_end() -> None:
    order = order_of([[[0, 255], [0, 0]]])
    middle = order[152]
    assert middle[24] == 64
    assert middle[279] == 255
    expected = 255 * (0.25 + 0.75 * np.arange(256) / 255)
    assert np.abs(middle[24:280] - expected).max() <= 0.51
    assert (order[:143] == 0).all()


def test_the_pen_and_the_paper_are_those_of_the_ink(hand_made: dict[str, Drawing]) -> None:
    for drawing in hand_made.values():
        ink, order, time = render_channels(drawing, ALL)
        assert np.array_equal(ink, render(drawing))
        assert ((order > 0) == (ink > 1))[ink != 1].all()
        assert (order <= ink).all()
        assert (order >= ink / 4 - 1).all()
        # Nobody knows the times.
        assert np.array_equal(time, order)


def test_later_strokes_are_darker_and_cover_earlier_ones() -> None:
    across, down = [[0, 255], [128, 128]], [[128, 128], [0, 255]]
    order = order_of([across, down])
    assert order[152, 25] == 64
    assert order[25, 152] == pytest.approx(160, abs=1)
    # Where they cross, the second one is drawn to its middle.
    assert order[152, 152] == pytest.approx(255 * (0.25 + 0.75 * 0.75), abs=2)
    # The other way round they cross at the same place, with the same share.
    assert order_of([down, across])[152, 152] == order[152, 152]


def test_going_back_on_its_way_the_pen_covers_it() -> None:
    there_and_back = order_of([[[0, 255, 0], [0, 0, 0]]])
    assert there_and_back[152, 26] == pytest.approx(255, abs=2)
    assert there_and_back[152, 277] == pytest.approx(160, abs=2)


def test_points_on_a_line_change_next_to_nothing() -> None:
    """Raw drawings have many more points than simplified ones, and look the same."""
    few = order_of([[[0, 255], [0, 90]]], RenderSpec(side=64))
    along = np.linspace(0, 1, 60)
    many = order_of([[(255 * along).tolist(), (90 * along).tolist()]], RenderSpec(side=64))
    # The end of a line that is near enough for full ink counts: 1.2 of 54 pixels.
    assert far_apart(few, many) <= 5


def test_dots_alone_are_all_last() -> None:
    dots = order_of([[[0], [0]], [[255], [120]]])
    assert set(np.unique(dots[dots > 250])) == {255}
    after = order_of([[[0, 200], [0, 0]], [[255], [120]]])
    assert after[212, 279] == 255


def test_time_goes_by_the_clock() -> None:
    """Half of the ink in a tenth of the time, then a rest."""
    drawing = Drawing.from_strokes([[[0, 128, 255], [0, 0, 0], [0, 100, 1000]]])
    _, order, time = render_channels(drawing, ONE_TO_ONE)
    assert order[152, 152] == pytest.approx(160, abs=2)
    assert time[152, 152] == pytest.approx(255 * (0.25 + 0.75 * 0.1), abs=2)
    assert time[152, 24] == 64
    assert time[152, 279] == 255


@pytest.mark.parametrize("times", [[0, 0, 0], [5, 2, 0], [float("nan")] * 3])
def test_times_that_say_nothing_leave_the_order(times: list[float]) -> None:
    drawing = Drawing.from_strokes([[[0, 128, 255], [0, 90, 0], times]])
    _, order, time = render_channels(drawing, ALL)
    assert np.array_equal(time, order)


def test_times_that_run_backwards_stay_between_first_and_last() -> None:
    drawing = Drawing.from_strokes([[[0, 80, 160, 255], [0, 0, 0, 0], [0, -50, 900, 100]]])
    time = render_channels(drawing, ONE_TO_ONE)[2]
    assert time[152, 24 + 80] == 64
    assert time[152, 24 + 160] == 255


def test_a_rest_of_the_pen_counts_as_its_end() -> None:
    drawing = Drawing.from_strokes([[[0, 0, 255, 255], [0, 0, 0, 0], [0, 500, 600, 1000]]])
    time = render_channels(drawing, ONE_TO_ONE)[2]
    assert time[152, 24] == pytest.approx(255 * (0.25 + 0.75 * 0.5), abs=2)
    assert time[152, 279] == 255


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_beginnings_look_as_they_did_while_they_were_drawn(
    hand_made: dict[str, Drawing], share: float
) -> None:
    """What comes later is not known yet: the last ink so far is the darkest."""
    every = timed(list(hand_made.values()), 3)
    images = render_rows(every, ALL, share=share)
    for image, drawing in zip(images, every, strict=True):
        assert far_apart(image, render_channels(drawing.prefix(share), ALL)) <= 1
        assert image[1].max() >= 0.9 * image[0].max()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"side {spec.side}")
@pytest.mark.parametrize("device", ["host", "cpu", gpu])
def test_drawings_by_hand(hand_made: dict[str, Drawing], spec: RenderSpec, device: str) -> None:
    every = timed(list(hand_made.values()), 1)
    spec = replace(spec, channels=("time", "ink", "order"))
    assert far_apart(drawn(every, spec, device), render_many(every, spec)) <= 1


@pytest.mark.parametrize("device", ["host", "cpu", gpu])
@settings(max_examples=100, deadline=None)
@given(
    some=st.lists(drawings(), min_size=1, max_size=3),
    side=st.integers(8, 80),
    seed=st.integers(0, 1000),
)
def test_any_drawings(some: list[Drawing], side: int, seed: int, device: str) -> None:
    spec = replace(ALL, side=side)
    every = timed(some, seed)
    assert far_apart(drawn(every, spec, device), render_many(every, spec)) <= 1


@needs_quickdraw
@pytest.mark.parametrize("device", ["host", "cpu", gpu])
@pytest.mark.parametrize("raw", [True, False], ids=["raw", "simplified"])
def test_real_drawings(raw: bool, device: str) -> None:
    """One pixel of a thousand may differ, by one level."""
    every, spec = real_drawings(raw), replace(ALL, side=40)
    assert (every.times is not None) == raw
    ours, theirs = drawn(every, spec, device), render_many(every, spec)
    assert far_apart(ours, theirs) <= 1
    assert (ours != theirs).mean() < 1e-3
    assert np.array_equal(ours[:, 0], drawn(every, replace(spec, channels=("ink",)), device)[:, 0])
    if not raw:
        assert np.array_equal(ours[:, 1], ours[:, 2])


def drawn(every: Ragged, spec: RenderSpec, device: str) -> NDArray[np.uint8]:
    if device == "host":
        return render_rows(every, spec)
    return render_tensor(every, spec, device).cpu().numpy()


def test_varied_drawings_keep_order_and_times(hand_made: dict[str, Drawing]) -> None:
    """Each word of a variation is drawn again from its points, as the reference draws them."""
    every = timed(list(hand_made.values()), 2)
    n = len(every)
    how = {
        "rows": np.arange(n),
        "seeds": np.arange(n, dtype=np.uint64) + np.uint64(7),
        "may_mirror": np.ones(n, bool),
    }
    plain = render_augmented(every, ALL, Augment.off(), **how)  # type: ignore[arg-type]
    assert far_apart(plain, render_many(every, ALL)) <= 1
    # Nothing that moves points against each other, or the paper: they are fitted again.
    augment = replace(
        Augment.off(), mirror=1.0, prefix=0.7, drop=0.3, rotate=30.0, stroke_shift=9.0
    )
    varied = render_augmented(every, ALL, augment, **how)  # type: ignore[arg-type]
    strokes = vary_strokes(every, augment, **how)  # type: ignore[arg-type]
    assert strokes.times is not None
    for row, image in enumerate(varied):
        within = slice(int(strokes.offsets[row]), int(strokes.offsets[row + 1]))
        begins = np.flatnonzero(strokes.begins[within])
        own = strokes.times[within].numpy()
        points = strokes.points[within].numpy()
        lengths = np.diff(begins, append=len(points)).astype(np.int32)
        times = None if np.isnan(own).any() else own
        again = render_channels(Drawing(points, lengths, times), ALL)
        assert far_apart(image, again) <= 2


def test_points_of_stroke_networks_have_their_times() -> None:
    drawing = Drawing.from_strokes([[[0, 0, 255], [0, 128, 128], [0, 300, 900]]])
    bare = Drawing.from_strokes([[[0, 255], [0, 9]]])
    strokes = place_strokes(simplified_rows(Ragged.from_drawings([drawing, bare])))
    assert strokes.times is not None
    assert strokes.times[:3].tolist() == [0, 300, 900]
    assert strokes.times[3:].isnan().all()
    cut = simplified_rows(Ragged.from_drawings([drawing]), share=0.5)
    assert cut.times is not None
    assert cut.times[-1] == pytest.approx(300 + 600 * 0.25, abs=2)
    assert place_strokes(simplified_rows(Ragged.from_drawings([bare]))).times is None


def test_images_have_the_channels_that_are_asked_for(hand_made: dict[str, Drawing]) -> None:
    every = timed(list(hand_made.values()), 1)
    whole = render_rows(every, ALL)
    spec = RenderSpec(channels=("time", "ink"))
    assert spec.image_shape == (2, 28, 28)
    assert np.array_equal(render_rows(every, spec), whole[:, [2, 0]])
    assert np.array_equal(
        render_tensor(every, spec).numpy()[:, 1:], render_tensor(every, RenderSpec())
    )
    only = RenderSpec(channels=("order",))
    assert np.array_equal(render_rows(every, only), whole[:, 1:2])
    assert render_many(Ragged.empty(), ALL).shape == (0, 3, 28, 28)
    assert render_rows(Ragged.empty(), ALL).shape == (0, 3, 28, 28)
    assert render_tensor(Ragged.empty(), ALL).shape == (0, 3, 28, 28)


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        (("ink", "odrer"), "There is no channel 'odrer'. Did you mean 'order'?"),
        ((), "channels is empty; choose each once, and one at least, of ink, order, time"),
        (("ink", "ink"), "channels is ink,ink; choose each once"),
    ],
)
def test_channels_that_make_no_sense(channels: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        RenderSpec(channels=channels)


def test_channels_go_through_json_and_older_files_have_ink() -> None:
    assert RenderSpec.from_dict(json.loads(json.dumps(ALL.to_dict()))) == ALL
    old = {"side": 28, "line_width": 16.0, "padding": 16.0}
    assert RenderSpec.from_dict(old) == RenderSpec()
    with pytest.raises(ConfigError, match="does not know gamma"):
        RenderSpec.from_dict({"gamma": 2.0})
