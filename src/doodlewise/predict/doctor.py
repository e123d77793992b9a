"""Why may a picture be misread? What a plain program feeds a network, and what it should.

    diagnosis = examine("canvas.png", load())
    diagnosis.plain.prediction.word      # "suitcase"
    diagnosis.mended.prediction.word     # "cat"
    diagnosis.findings[0].advice         # "Invert the pixels before they go into the network."

The mended reading is what `Classifier.predict` sees, by the same code (`picture`), and findings are
its notes with reasons (`findings`). For each finding there is a trial: the plain way with only that
mended, and with all mended but that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..drawing import Drawing
from ..errors import BundleError, PictureError
from ..raster import RenderSpec, render
from .classifier import Classifier, Prediction, Prepared
from .dump import Dump, open_dump
from .findings import Finding, found
from .picture import PictureReading, PictureSource, picture_to_pixels
from .plainly import MENDINGS, PlainWay, read_plainly

__all__ = ["Diagnosis", "Trial", "View", "examine"]

SURER_FROM, UNSURE_UP_TO = 0.9, 0.3
"""A turned drawing is a suspicion if it is as sure as that, and upright no surer than that."""
LOOKED_AT = 300
"""Side of the picture that is made of a drawing to look at it, pixels."""
ORDER = ("mended", "lost", "maybe", "note")


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """What a network sees, and what it makes of it.

    Attributes:
        pixels: uint8 (side, side), 0 is paper, 255 is ink.
        prediction: its guesses.
    """

    pixels: NDArray[np.uint8]
    prediction: Prediction


@dataclass(frozen=True, eq=False, slots=True)
class Trial:
    """How much one finding matters.

    Attributes:
        code: of the finding.
        alone: the plain way with only this mended.
        without: with all mended but this.
    """

    code: str
    alone: View
    without: View


@dataclass(frozen=True, eq=False, slots=True)
class Diagnosis:
    """What was found out about a picture.

    Attributes:
        source: where it came from; "" for objects.
        facts: what it is, such as "600 x 400 pixels, colour".
        picture: mode L, RGB or RGBA; of a drawing, how it looks.
        ink_box: left, top, right, bottom of the ink, in pixels of the picture; None without ink.
        findings: those that were mended first, by how much they matter; then the others.
        plain: what a plain program feeds the network; None for a drawing.
        mended: what Doodlewise feeds it; None if there is no ink.
        trials: for each finding that can be mended by itself.
    """

    source: str
    facts: str
    picture: Image.Image
    ink_box: tuple[int, int, int, int] | None
    findings: tuple[Finding, ...]
    plain: View | None
    mended: View | None
    trials: tuple[Trial, ...]

    @property
    def verdict(self) -> str:
        """All of it in a sentence or two."""
        if self.mended is None:
            return "There is nothing to recognise: no ink was found."
        after = _said(self.mended.prediction)
        if self.plain is None:
            return f"It looks like {after}."
        before = _said(self.plain.prediction)
        if not any(finding.severity == "mended" for finding in self.findings):
            return f"The picture is as the network wants it. It looks like {after}."
        if self.plain.prediction.word == self.mended.prediction.word:
            return f"Read the plain way it looks like {before}; mended, too: {after}."
        return f"Read the plain way it looks like {before}; mended, like {after}."

    def trial(self, code: str) -> Trial | None:
        """The trial of a finding, if there is one."""
        return next((trial for trial in self.trials if trial.code == code), None)

    def to_dict(self) -> dict[str, Any]:
        """For programs; without pixels."""
        return {
            "source": self.source,
            "facts": self.facts,
            "verdict": self.verdict,
            "ink_box": self.ink_box and list(self.ink_box),
            "findings": [finding.to_dict() for finding in self.findings],
            "plain": self.plain and _guesses(self.plain),
            "mended": self.mended and _guesses(self.mended),
            "trials": [
                {
                    "code": trial.code,
                    "alone": _guesses(trial.alone),
                    "without": _guesses(trial.without),
                }
                for trial in self.trials
            ],
        }


def examine(
    sketch: PictureSource | Drawing,
    classifier: Classifier,
    *,
    number: int = 1,
    top: int = 5,
    trials: bool = True,
) -> Diagnosis:
    """Find out why a picture may be misread.

    Args:
        sketch: what `open_picture` takes; an .npy file; an array of nearly any shape and range; a
            Drawing, or a file of drawings.
        classifier: the network that reads it; one that learnt from drawings.
        number: which drawing of a file of many, from 1.
        top: how many guesses.
        trials: whether to try each finding by itself, which takes most of the time.

    Raises:
        PictureError: not a picture, broken, or too large.
        FormatError: a file that is neither a picture nor drawings.
        BundleError: the network learnt from photos, or takes no pictures and this is one.
    """
    doctor = _Doctor(classifier, top, trials)
    source = str(sketch) if isinstance(sketch, str | Path) else ""
    if isinstance(sketch, str | Path) and _is_of_drawings(Path(sketch)):
        sketch = _drawing(Path(sketch), number)
        source = f"{source}:{number}"
    if isinstance(sketch, Drawing):
        return replace(doctor.of_drawing(sketch), source=source)
    return replace(doctor.of_picture(open_dump(sketch)), source=source)


class _Doctor:
    def __init__(self, classifier: Classifier, top: int, tries: bool) -> None:
        if classifier.image is not None:
            raise BundleError(
                f"{classifier.info.model} does not read pictures as drawings, so there is nothing"
                " to explain. Name a model that was trained on drawings, or none for the one that"
                " comes with Doodlewise."
            )
        self._classifier, self._top, self._tries = classifier, top, tries
        self._spec = classifier.render

    def of_picture(self, dump: Dump) -> Diagnosis:
        if not self._classifier.takes_pictures:
            raise BundleError(f"This is a picture, and {self._classifier.why_no_pictures}")
        try:
            reading = picture_to_pixels(dump.picture, self._spec)
        except PictureError as error:
            if not error.reason.startswith("no ink"):
                raise
            return self._empty(dump, error.reason.partition(": ")[2])
        findings = [*dump.findings, *reading.findings]
        codes = [each.code for each in findings if self._tries and each.code in MENDINGS]
        plain, mended, tried, turned = self._views(dump, reading, codes)
        trials = [
            Trial(code, alone, without) for code, (alone, without) in zip(codes, tried, strict=True)
        ]
        findings += _suspicion(mended, turned, "pixels")
        return Diagnosis(
            source="",
            facts=dump.facts,
            picture=dump.picture,
            ink_box=reading.ink_box,
            findings=_in_order(findings, trials, mended.prediction.word),
            plain=plain,
            mended=mended,
            trials=tuple(trials),
        )

    def of_drawing(self, drawing: Drawing) -> Diagnosis:
        ink = render(drawing, RenderSpec(side=LOOKED_AT, line_width=6))
        picture = Image.fromarray(255 - ink)
        looked = picture_to_pixels(picture, self._spec)
        findings = [each for each in looked.findings if each.code in ("several", "dot")]
        mended, *turned = self._see_drawings(list(_turned(drawing)))
        findings += [found("strokes"), *_suspicion(mended, turned, "points")]
        points, strokes = len(drawing.points), len(drawing.lengths)
        return Diagnosis(
            source="",
            facts=f"a drawing of {strokes} strokes, {points} points",
            picture=picture,
            ink_box=looked.ink_box,
            findings=_in_order(findings, [], mended.prediction.word),
            plain=None,
            mended=mended,
            trials=(),
        )

    def _empty(self, dump: Dump, reason: str) -> Diagnosis:
        (plain,) = self._see([read_plainly(dump.plain, self._spec)])
        findings = (found("empty", reason=reason), *dump.findings)
        return Diagnosis("", dump.facts, dump.picture, None, findings, plain, None, ())

    def _views(
        self, dump: Dump, reading: PictureReading, codes: Sequence[str]
    ) -> tuple[View, View, list[tuple[View, View]], list[View]]:
        """Plain, mended, a pair for each code, and the mended one turned in all ways."""
        every = frozenset(codes)
        ways = [frozenset({code}) for code in codes] + [every - {code} for code in codes]
        plain_way = PlainWay(dump, reading, self._spec)
        images = [
            read_plainly(dump.plain, self._spec),
            reading.pixels,
            *(plain_way.pixels(way) for way in ways),
            *(turn(reading.pixels) for turn in _TURNS.values()),
        ]
        plain, mended, *rest = self._see(images)
        n = len(codes)
        tried = list(zip(rest[:n], rest[n : 2 * n], strict=True))
        return plain, mended, tried, rest[2 * n :]

    def _see(self, images: Sequence[NDArray[np.uint8]]) -> list[View]:
        """What the network makes of its own inputs."""
        seen = self._classifier.see([Prepared(pixels[None], "") for pixels in images])
        predictions = self._classifier.predictions(seen, top=self._top)
        return [View(*pair) for pair in zip(images, predictions, strict=True)]

    def _see_drawings(self, drawings: Sequence[Drawing]) -> list[View]:
        """What the network makes of drawings, and what they look like to it."""
        images = [render(each, self._spec) for each in drawings]
        if self._classifier.takes_pictures:
            return self._see(images)
        predictions = self._classifier.predictions(self._classifier.see(drawings), top=self._top)
        return [View(*pair) for pair in zip(images, predictions, strict=True)]


_TURNS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "with x and y swapped": lambda pixels: pixels.T,
    "mirrored top to bottom": lambda pixels: pixels[::-1],
    "turned by 90 degrees to the right": lambda pixels: np.rot90(pixels, -1),
    "turned by 90 degrees to the left": lambda pixels: np.rot90(pixels, 1),
    "turned upside down": lambda pixels: pixels[::-1, ::-1],
}
"""How pixels may have been turned by accident, the commonest first. That something is mirrored left
to right cannot be told: people draw cats that look to either side."""
_RECIPES = {
    "pixels": ("pixels.T", "pixels[::-1]", "np.rot90(pixels, -1)", "np.rot90(pixels)",
               "pixels[::-1, ::-1]"),
    "points": ("x, y = y, x", "y = -y", "x, y = -y, x", "x, y = y, -x", "x, y = -x, -y"),
}  # fmt: skip


def _turned(drawing: Drawing) -> Iterator[Drawing]:
    """A drawing, and then as in `_TURNS`."""
    x, y = drawing.points.T
    for pair in ((x, y), (y, x), (x, -y), (-y, x), (y, -x), (-x, -y)):
        yield Drawing(np.stack(pair, axis=1).astype(np.float32), drawing.lengths)


def _suspicion(upright: View, turned: Sequence[View], kind: str) -> list[Finding]:
    """That it lies on its side, if the network is unsure as it is, and sure when it is turned."""
    now = upright.prediction
    if now.probability > UNSURE_UP_TO:
        return []
    # Of turns that are about as likely the commonest one.
    likely = [round(view.prediction.probability, 1) for view in turned]
    best = int(np.argmax(likely))
    then = turned[best].prediction
    if then.probability < SURER_FROM:
        return []
    how, recipe = list(_TURNS)[best], _RECIPES[kind][best]
    return [
        found("orientation", turned=how, word=then.word, probability=then.probability,
              upright=now.word, upright_probability=now.probability,
              recipe=recipe if kind == "points" else f"pixels = {recipe}")
    ]  # fmt: skip


def _in_order(
    findings: Sequence[Finding], trials: Sequence[Trial], word: str
) -> tuple[Finding, ...]:
    """Grouped by severity; within, what costs the right word most comes first."""
    costs = {trial.code: _probability(trial.without, word) for trial in trials}
    ranked = sorted(findings, key=lambda f: (ORDER.index(f.severity), costs.get(f.code, 1.0)))
    return tuple(ranked)


def _probability(view: View, word: str) -> float:
    """Of a word, 0 if it is not among the guesses."""
    return next((g.probability for g in view.prediction.guesses if g.word == word), 0.0)


def _guesses(view: View) -> dict[str, Any]:
    said = view.prediction.to_dict()
    return {key: said[key] for key in ("word", "probability", "sure", "guesses")}


def _said(prediction: Prediction) -> str:
    return f"{prediction.word} ({prediction.probability:.0%})"


def _is_of_drawings(path: Path) -> bool:
    return path.suffix.lower() in (".ndjson", ".bin", ".jsonl")


def _drawing(path: Path, number: int) -> Drawing:
    from ..data.formats import read_drawings

    drawing = next(islice(read_drawings(path), number - 1, None), None)
    if drawing is None:
        raise PictureError(f"{path} has no drawing number {number}. Count from 1.")
    return drawing
