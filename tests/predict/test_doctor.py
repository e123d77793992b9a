"""Drawings made wrong in many ways: what the doctor finds, what mending changes, its reports."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import DRAWINGS, PEN, SPEC, away, dark_on_light
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from doodlewise.data.formats import write_ndjson
from doodlewise.drawing import Drawing
from doodlewise.errors import BundleError, ConfigError, PictureError
from doodlewise.predict.classifier import Classifier, load
from doodlewise.predict.doctor import Diagnosis, examine
from doodlewise.predict.doctor_report import write_report
from doodlewise.predict.findings import FINDINGS, found
from doodlewise.predict.picture import picture_to_pixels
from doodlewise.predict.plainly import MENDINGS
from doodlewise.raster import RenderSpec, render

FACE = Drawing.from_strokes(DRAWINGS["face"])
RIGHT = RenderSpec(side=255)
"""Place and pen are right, at another size."""


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load()


def levels(spec: RenderSpec = RIGHT) -> NDArray[np.uint8]:
    return 255 - render(FACE, spec)


def codes(diagnosis: Diagnosis) -> set[str]:
    return {finding.code for finding in diagnosis.findings}


def on_nothing() -> Image.Image:
    picture = Image.new("RGBA", (255, 255), (0, 0, 0, 0))
    picture.putalpha(Image.fromarray(render(FACE, RIGHT)))
    return picture


def on_a_canvas(x: int, y: int, side: int, size: tuple[int, int]) -> Image.Image:
    canvas = Image.new("L", size, 255)
    canvas.paste(dark_on_light(FACE, RenderSpec(side=side, line_width=16, padding=0)), (x, y))
    return canvas


def photo() -> Image.Image:
    y, x = np.mgrid[0:400, 0:400] / 400
    noise = np.random.default_rng(0).normal(0, 4, (400, 400))
    ink = render(FACE, RenderSpec(side=400, line_width=14, padding=20)) / 255
    return Image.fromarray(
        ((235 - 170 * ink) * (0.7 + 0.2 * x + 0.1 * y) + noise).clip(0, 255).astype(np.uint8)
    )


def enlarged(method: Image.Resampling) -> Image.Image:
    return dark_on_light(FACE, SPEC).resize((280, 280), method)


def framed() -> Image.Image:
    picture = dark_on_light(FACE, RIGHT)
    ImageDraw.Draw(picture).rectangle((0, 0, 254, 254), outline=20, width=2)
    return picture


def side_by_side() -> Image.Image:
    picture = Image.new("L", (700, 300), 255)
    one = dark_on_light(FACE, RenderSpec(side=260, padding=0))
    picture.paste(one, (20, 20))
    picture.paste(one, (420, 20))
    return picture


def coloured(ink: str, paper: str = "white") -> Image.Image:
    mask = Image.fromarray(render(FACE, RIGHT))
    return Image.composite(
        Image.new("RGB", mask.size, ink), Image.new("RGB", mask.size, paper), mask
    )


def painted() -> Image.Image:
    picture = Image.new("RGB", (300, 300), "white")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((20, 20, 280, 280), outline="black", width=8)
    pen.ellipse((60, 60, 200, 200), fill="red")
    pen.line((150, 20, 150, 280), fill="blue", width=10)
    return picture


def blackened() -> Image.Image:
    picture = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(picture).ellipse((30, 30, 170, 170), fill=0)
    return picture


def _with_holes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    values[:40, :40] = np.nan
    return values


WRONG: dict[str, tuple[Callable[[], Any], set[str]]] = {
    "nothing": (lambda: render(FACE, RIGHT), set()),
    "its own size": (lambda: render(FACE, SPEC), {"own-size"}),
    "dark on light": (levels, {"inverted"}),
    "transparent": (on_nothing, {"transparent"}),
    "thin": (lambda: levels(RenderSpec(side=255, line_width=5)), {"inverted", "thin"}),
    "thick": (lambda: levels(RenderSpec(side=255, line_width=28)), {"inverted", "thick"}),
    "small": (
        lambda: on_a_canvas(150, 150, 200, (500, 500)),
        {"inverted", "small"},
    ),
    "in a corner": (
        lambda: on_a_canvas(0, 0, 360, (410, 410)),
        {"inverted", "off-centre"},
    ),
    "wide": (lambda: on_a_canvas(100, 0, 300, (500, 300)), {"inverted", "stretched"}),
    "faint": (lambda: 255 - (255 - levels()) // 6, {"inverted", "faint"}),
    "yellow": (lambda: coloured("#fadc28"), {"inverted", "pale-colour"}),
    "photo": (photo, {"inverted", "uneven-paper"}),
    "frame": (framed, {"inverted", "frame"}),
    "blocks": (lambda: enlarged(Image.Resampling.NEAREST), {"inverted", "jagged"}),
    "smooth": (lambda: enlarged(Image.Resampling.BILINEAR), {"inverted", "blurred"}),
    "blurred": (
        lambda: dark_on_light(FACE, RIGHT).filter(ImageFilter.GaussianBlur(6)),
        {"inverted", "blurred"},
    ),
    "cut": (
        lambda: dark_on_light(FACE, RIGHT).crop((0, 0, 255, 150)),
        {"inverted", "cropped", "stretched"},
    ),
    "two": (side_by_side, {"inverted", "stretched", "several", "thin"}),
    "filled": (blackened, {"inverted", "shape-only"}),
    "floats": (lambda: levels() / 255.0, {"inverted", "range"}),
    "normalised": (lambda: (levels() / 127.5 - 1).astype(np.float32), {"inverted", "range"}),
    "standardised": (lambda: (levels() - 200.0) / 60.0, {"inverted", "range"}),
    "16 bits": (lambda: levels().astype(np.uint16) * 257, {"inverted", "range"}),
    "ones and zeros": (lambda: (levels() > 127).astype(np.uint8), {"inverted", "range"}),
    "booleans": (lambda: levels() > 127, {"inverted", "range"}),
    "ran over": (lambda: levels() * np.uint8(255), {"inverted", "wrapped"}),
    "with holes": (
        lambda: _with_holes(levels().astype(float)),
        {"inverted", "not-a-number"},
    ),
    "flat": (lambda: levels(SPEC).ravel(), {"inverted", "shape"}),
    "batch of one": (lambda: levels()[None, None], {"inverted", "shape"}),
    "channels first": (lambda: np.stack([levels()] * 3), {"inverted", "shape"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found_and_nothing_else(name: str, classifier: Classifier) -> None:
    make, wrong = WRONG[name]
    diagnosis = examine(make(), classifier)
    # What the bundled network suspects depends on the network.
    assert codes(diagnosis) - {"orientation"} == wrong
    assert diagnosis.mended is not None
    if not wrong & {"cropped", "several", "shape-only", "not-a-number"}:
        assert away(diagnosis.mended.pixels, FACE) < (13 if "blurred" in wrong else 8)
    for trial in diagnosis.trials:
        assert trial.code in wrong & MENDINGS


def test_painted_areas_and_colours_are_noticed(classifier: Classifier) -> None:
    assert {"filled", "colours"} <= codes(examine(painted(), classifier))


@pytest.mark.parametrize(
    "name", ["dark on light", "transparent", "small", "in a corner", "floats", "ran over"]
)
def test_all_mended_one_by_one_is_about_what_is_mended_together(
    name: str, classifier: Classifier
) -> None:
    """With one thing wrong beside dark on light, "all but dark on light" is the negative."""
    diagnosis = examine(WRONG[name][0](), classifier)
    assert diagnosis.mended is not None
    if len(diagnosis.trials) == 1:
        mended = diagnosis.trials[0].alone.pixels
    else:
        trial = diagnosis.trial("inverted")
        assert trial is not None
        mended = 255 - trial.without.pixels
    assert np.abs(mended.astype(float) - diagnosis.mended.pixels).mean() < 16


def test_mending_one_thing_changes_only_that(classifier: Classifier) -> None:
    corner = examine(WRONG["in a corner"][0](), classifier)
    assert corner.plain is not None
    inverted = corner.trial("inverted")
    centred = corner.trial("off-centre")
    assert inverted is not None
    assert centred is not None
    assert np.array_equal(inverted.alone.pixels, 255 - corner.plain.pixels)
    ink = 255.0 - centred.alone.pixels
    middle = (ink.sum(axis=0) @ np.arange(28) / ink.sum(), ink.sum(axis=1) @ np.arange(28))
    assert middle[0] == pytest.approx(13.5, abs=1.0)
    assert middle[1] / ink.sum() == pytest.approx(13.5, abs=1.5)


def test_the_plain_way_is_the_plain_way(classifier: Classifier) -> None:
    picture = on_a_canvas(30, 40, 200, (500, 300))
    diagnosis = examine(picture, classifier)
    assert diagnosis.plain is not None
    assert np.array_equal(diagnosis.plain.pixels, np.asarray(picture.resize((28, 28))))
    assert examine(levels() / 255.0, classifier).plain.pixels.max() <= 1  # type: ignore[union-attr]


def test_what_matters_most_comes_first(classifier: Classifier) -> None:
    diagnosis = examine(levels(RenderSpec(side=255, line_width=11)), classifier)
    assert [finding.code for finding in diagnosis.findings][:1] == ["inverted"]
    assert [f.severity for f in diagnosis.findings] == sorted(
        (f.severity for f in diagnosis.findings), key=["mended", "lost", "maybe", "note"].index
    )


def test_predict_sees_the_same(classifier: Classifier) -> None:
    for make, _ in WRONG.values():
        sketch = make()
        if isinstance(sketch, Image.Image):
            diagnosis = examine(sketch, classifier, top=3)
            prediction = classifier.predict(sketch, top=3)
            assert diagnosis.mended is not None
            assert diagnosis.mended.prediction.guesses == pytest.approx(prediction.guesses)
            assert set(prediction.notes) <= {finding.what for finding in diagnosis.findings}


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGBA", (200, 200), (0, 0, 0, 0)),
        Image.new("RGB", (200, 200), "black"),
        np.zeros((28, 28)),
        np.full((28, 28), 255, np.uint8),
    ],
    ids=["transparent", "black", "zeros", "white"],
)
def test_empty(picture: Image.Image | NDArray[Any], classifier: Classifier) -> None:
    diagnosis = examine(picture, classifier)
    assert codes(diagnosis) == {"empty"}
    assert diagnosis.mended is None
    assert "no ink" in diagnosis.verdict
    assert diagnosis.to_dict()["mended"] is None


@pytest.mark.parametrize("turn", ["x and y swapped", "upside down", "to the left"])
def test_a_turned_drawing_is_a_suspicion(turn: str, classifier: Classifier) -> None:
    """The network is made sure of what is upright, and of nothing else."""
    upright = render(FACE, SPEC)
    turned = {
        "x and y swapped": upright.T,
        "upside down": upright[::-1, ::-1],
        "to the left": np.rot90(upright),
    }[turn]
    sure = _SureOf(classifier, upright)
    found = {finding.code: finding for finding in examine(turned.copy(), sure).findings}
    assert "orientation" in found
    assert found["orientation"].severity == "maybe"
    line = found["orientation"].code_line
    assert line.startswith("pixels = ")
    mended = eval(line.removeprefix("pixels = "), {"np": np, "pixels": turned})
    assert np.abs(mended.astype(int) - upright).mean() < 12
    assert "orientation" not in codes(examine(upright, sure))


class _SureOf(Classifier):
    """Sure that what is like this is the first word, and of nothing else."""

    def __init__(self, like: Classifier, upright: NDArray[np.uint8]) -> None:
        super().__init__(like._backend, like.info)
        self._upright = upright.astype(float)

    def see(self, sketches: Any, **options: Any) -> Any:
        seen = super().see(sketches, **options)
        seen.probabilities[:] = 1.0 / len(self.classes)
        for row, each in zip(seen.probabilities, sketches, strict=True):
            if np.abs(each.sketch[0] - self._upright).mean() < 12:
                row[:] = 0.0
                row[0] = 1.0
        return seen


def test_drawings(classifier: Classifier, tmp_path: Path) -> None:
    house = Drawing.from_strokes(DRAWINGS["house"])
    write_ndjson([FACE, house], tmp_path / "two.ndjson")
    second = examine(tmp_path / "two.ndjson", classifier, number=2)
    assert second.source.endswith("two.ndjson:2")
    assert second.plain is None
    assert second.mended is not None
    assert np.array_equal(second.mended.pixels, render(house.simplified(), SPEC)) or (
        away(second.mended.pixels, house) < 2
    )
    assert "strokes" in codes(second)
    with pytest.raises(PictureError, match="no drawing number 3"):
        examine(tmp_path / "two.ndjson", classifier, number=3)


def test_files(classifier: Classifier, tmp_path: Path) -> None:
    np.save(tmp_path / "canvas.npy", levels() / 255.0)
    dark_on_light(FACE, PEN).save(tmp_path / "canvas.webp")
    for name in ("canvas.npy", "canvas.webp"):
        assert examine(tmp_path / name, classifier).source.endswith(name)
    np.save(tmp_path / "many.npy", np.zeros((7, 28, 28)))
    with pytest.raises(PictureError, match=r"shape \(7, 28, 28\).*pick one"):
        examine(tmp_path / "many.npy", classifier)
    with pytest.raises(PictureError, match="There is no file"):
        examine(tmp_path / "none.npy", classifier)
    (tmp_path / "words.npy").write_bytes(b"no array")
    with pytest.raises(PictureError, match="not an array"):
        examine(tmp_path / "words.npy", classifier)
    with pytest.raises(PictureError, match="not numbers"):
        examine(np.array([["a"] * 30] * 30), classifier)


def test_networks_that_do_not_read_drawings(classifier: Classifier) -> None:
    class OfPhotos(Classifier):
        takes_pictures = False  # type: ignore[assignment]

    with pytest.raises(
        BundleError, match="is a picture, and this model was exported by an older version"
    ):
        examine(levels(), OfPhotos(classifier._backend, classifier.info))


def test_every_finding_can_be_said() -> None:
    facts = dict.fromkeys(
        re.findall(r"{(\w+)", " ".join(str(kind.to_dict().values()) for kind in FINDINGS.values())),
        1.0,
    )
    for code in FINDINGS:
        finding = found(code, **facts)
        for text in (finding.title, finding.what, finding.why, finding.advice):
            assert text
            assert "{" not in text
        assert finding.advice.endswith((".", ".)"))
    assert set(FINDINGS) >= MENDINGS
    assert all(FINDINGS[code].severity in ("mended", "note") for code in MENDINGS)


def test_notes_are_what_is_unusual() -> None:
    reading = picture_to_pixels(levels(RenderSpec(side=255, line_width=5)), SPEC)
    assert [finding.code for finding in reading.findings] == ["inverted", "thin"]
    assert reading.notes == ("the line was thinner than the network knows it",)


@pytest.mark.parametrize("name", ["in a corner", "transparent", "nothing", "ran over"])
def test_reports(name: str, classifier: Classifier, tmp_path: Path) -> None:
    diagnosis = examine(WRONG[name][0](), classifier)
    write_report(diagnosis, tmp_path / "report.png")
    with Image.open(tmp_path / "report.png") as sheet:
        assert sheet.width == 1440
        assert sheet.height > 700
    write_report(diagnosis, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for finding in diagnosis.findings:
        assert finding.title in page
    assert not re.search(r"(src|href)=[\"']?(?!data:)http", page)
    assert "<script" not in page


def test_reports_of_the_odd(classifier: Classifier, tmp_path: Path) -> None:
    for sketch in (Image.new("RGBA", (9, 400)), FACE, np.zeros((28, 28))):
        write_report(examine(sketch, classifier), tmp_path / "report.png")
        write_report(examine(sketch, classifier), tmp_path / "report.html")
    with pytest.raises(ConfigError, match=r"report\.png"):
        write_report(examine(FACE, classifier), tmp_path / "report.pdf")


def test_bytes(classifier: Classifier) -> None:
    file = io.BytesIO()
    dark_on_light(FACE).save(file, "PNG")
    assert "thin" in codes(examine(file.getvalue(), classifier))
