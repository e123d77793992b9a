"""A recogniser that takes drawings as people have them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..bundle_info import BundleInfo
from ..drawing import Drawing
from ..errors import BundleError, DrawingError, FormatError, ModelError, PictureError
from ..image import ImageSpec, image_pixels, read_image
from ..ragged import Ragged
from ..raster import RenderSpec
from .backends import FEATURES, PIXELS, Backend, StrokesBackend, open_backend
from .bundled import BUNDLED
from .no_pictures import why_no_pictures

__all__ = ["Backend", "Classifier", "Guess", "Prediction", "Prepared", "Seen", "Sketch", "load"]

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}

BATCH_ROWS, BATCH_BYTES = 512, 16 * 2**20
"""At most so many sketches, and so much of their pixels, are in memory at once."""
AS_PICTURE = RenderSpec(side=255, line_width=2.5, padding=4.0)
"""How a drawing becomes a picture, for networks that learnt from pictures of drawings: fine lines,
as in Kaggle's Doodle Dataset."""

Sketch: TypeAlias = Drawing | str | Path | Image.Image | NDArray[Any]


@dataclass(frozen=True, slots=True)
class Guess:
    """A word and its probability."""

    word: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a drawing may be, best guess first.

    Attributes:
        guesses: as many as were asked for.
        sure: whether the best guess is likely enough to be said aloud.
        source: where the drawing came from, such as "cat.ndjson:3"; "" for objects.
        notes: what was mended in a picture, in plain words.
    """

    guesses: tuple[Guess, ...]
    sure: bool
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        return self.guesses[0].word

    @property
    def probability(self) -> float:
        return self.guesses[0].probability

    def __str__(self) -> str:
        listed = ", ".join(f"{guess.word} {guess.probability:.1%}" for guess in self.guesses)
        return listed if self.sure else f"not sure: {listed}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "word": self.word,
            "probability": round(self.probability, 6),
            "sure": self.sure,
            "guesses": [
                {"word": guess.word, "probability": round(guess.probability, 6)}
                for guess in self.guesses
            ],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """What a network made of some sketches, a row for each.

    Attributes:
        probabilities: float32 (n, classes), each row summing to 1.
        features: float32 (n, width of the last layer), what it decides by; None unless asked for.
        pixels: uint8 (n, channels, height, width), what it saw; None unless asked for.
        notes: what was mended in each, in plain words.
    """

    probabilities: NDArray[np.float32]
    features: NDArray[np.float32] | None
    pixels: NDArray[np.uint8] | None
    notes: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A sketch on its way: a drawing, or pixels of the network's input (channels first)."""

    sketch: Drawing | NDArray[np.uint8]
    source: str
    notes: tuple[str, ...] = ()


class Classifier:
    """A network together with everything that turns a drawing into its input.

    Args:
        backend: runs the network.
        info: what travelled with it.
    """

    def __init__(self, backend: Backend | StrokesBackend, info: BundleInfo) -> None:
        self._backend = backend
        self.info = info

    def __repr__(self) -> str:
        return f"Classifier({self.info.model}, {len(self.classes)} classes)"

    @property
    def classes(self) -> list[str]:
        """The words it knows."""
        return self.info.classes

    @property
    def render(self) -> RenderSpec:
        """How it sees drawings.

        Raises:
            BundleError: it takes pictures only.
        """
        if self.info.render is None:
            kind = "photos" if self._takes_photos else "pictures that Doodlewise did not draw"
            raise BundleError(
                f"{self.info.model} was trained on {kind}, so it takes pictures only. Give it a PNG"
                " or JPEG."
            )
        return self.info.render

    @property
    def image(self) -> ImageSpec | None:
        """How it sees pictures; None where they are read for the ink of a drawing."""
        if self.info.image is None and self.info.render is None:
            # It learnt from images that were no files, so nothing more is known of them.
            channels, height, width = self.info.image_shape
            return ImageSpec(height, width, channels)
        return self.info.image

    @overload
    def predict(self, sketch: Drawing | Image.Image, *, top: int = ...) -> Prediction: ...
    @overload
    def predict(
        self, sketch: str | Path | NDArray[Any], *, top: int = ...
    ) -> Prediction | list[Prediction]: ...
    @overload
    def predict(
        self, sketch: list[Any] | tuple[Any, ...], *, top: int = ...
    ) -> list[Prediction]: ...

    def predict(
        self, sketch: Sketch | list[Any] | tuple[Any, ...], *, top: int = 5
    ) -> Prediction | list[Prediction]:
        """Guess what a drawing is.

        Args:
            sketch: a Drawing; a picture (path, Pillow image, or array); a file of drawings
                (.ndjson or .bin) or a folder of files; or a list of any of these. Files of any
                length are read a few hundred drawings at a time.
            top: how many guesses.

        Returns:
            A Prediction for one drawing or one picture; a list of them for everything else.

        Raises:
            DrawingError: neither a drawing nor a picture nor a path; or `top` is below 1.
            PictureError: a picture without ink, or not a picture.
            FormatError: a file that is neither a picture nor drawings, or a broken line.
            BundleError: a drawing for a network that was trained on photos; or a picture for one
                that sees strokes, or that an older version exported to take strokes only.
        """
        if top < 1:
            raise DrawingError(f"top is {top}; ask for 1 guess or more.")
        predictions = list(self._predictions(self._inputs(sketch), top))
        return predictions[0] if _is_single(sketch) else predictions

    @property
    def has_features(self) -> bool:
        """Whether `see` can give what the last layer decides by."""
        return FEATURES in self._backend.outputs

    @property
    def has_pixels(self) -> bool:
        """Whether `see` can give what the network saw; files of older versions cannot."""
        return not isinstance(self._backend, StrokesBackend) or PIXELS in self._backend.outputs

    @property
    def takes_pictures(self) -> bool:
        """Whether it takes pictures; networks that see strokes, or when what was drawn, do not, and
        files that were exported long ago may not."""
        if not self.info.takes_pictures:
            return False
        return not isinstance(self._backend, StrokesBackend) or self._backend.takes_images

    @property
    def why_no_pictures(self) -> str:
        """Where it does not take pictures, the reason and what to do: the end of a sentence."""
        return why_no_pictures(self.info)

    @property
    def takes_drawings(self) -> bool:
        """Whether it takes drawings; a network that was trained on photos does not."""
        return not self._takes_photos and (self.info.render is not None or self.image is not None)

    @property
    def feature_width(self) -> int | None:
        """How many features `see` gives; None if none."""
        return self._backend.feature_width

    @property
    def runtime(self) -> str:
        """What runs the network, such as "onnxruntime 1.32.0, 2 threads"."""
        return self._backend.runtime

    @property
    def bits(self) -> int:
        """Of the weights: 32, or 8 for a file that was exported so."""
        return self._backend.bits

    @property
    def metadata(self) -> dict[str, str]:
        """What else travels in an exported file, by key; nothing for a folder."""
        return dict(getattr(self._backend, "metadata", {}))

    def content(self) -> bytes:
        """The exported file that it was loaded from, byte for byte.

        Raises:
            BundleError: it was loaded from a folder.
        """
        content = getattr(self._backend, "content", None)
        if content is None:
            raise BundleError(
                f"{self.info.model} was loaded from a run or model folder, and this needs an"
                " exported file. Run: doodlewise export runs/first --to model.onnx"
            )
        return bytes(content())

    def prepare(self, sketch: Drawing | Image.Image) -> Prepared:
        """Read a drawing or a picture for `see`, which then only runs the network.

        Raises:
            DoodlewiseError: as `predict`.
        """
        return next(self._inputs(sketch))

    def see(
        self, sketches: Iterable[Sketch | Prepared], *, features: bool = False, pixels: bool = False
    ) -> Seen:
        """Look at sketches and tell all, for those who build on it.

        Args:
            sketches: as `predict` takes them, or from `prepare`, few enough for memory.
            features: whether to give what the last layer decides by.
            pixels: whether to give what the network saw.

        Raises:
            ModelError: there are no features: the network does not end in a linear layer, or the
                file was exported by an older version.
            DoodlewiseError: as `predict`.
        """
        if features and not self.has_features:
            raise ModelError(
                f"{self.info.model} gives no features, so nothing can be taught to it. Export it"
                " again with this version; its last layer has to be a linear one."
            )
        inputs = list(self._inputs(list(sketches)))
        names = ["probabilities"] + [FEATURES] * features + [PIXELS] * pixels
        found = self._run(inputs, names)
        notes = tuple(each.notes for each in inputs)
        return Seen(found["probabilities"], found.get(FEATURES), found.get(PIXELS), notes)

    def predictions(self, seen: Seen, *, top: int = 5) -> list[Prediction]:
        """Say what was seen in words."""
        return [
            self._in_words(probabilities, top, notes=notes)
            for probabilities, notes in zip(seen.probabilities, seen.notes, strict=True)
        ]

    def probabilities(self, drawings: Ragged | Iterable[Drawing]) -> NDArray[np.float32]:
        """Probability of each class for many drawings: float32 (n, classes)."""
        ragged = drawings if isinstance(drawings, Ragged) else Ragged.from_drawings(drawings)
        # Once at least: no drawings give no rows, but as many columns as ever.
        parts = [
            self._of_drawings(ragged.slice(first, first + self._batch_rows))
            for first in range(0, max(len(ragged), 1), self._batch_rows)
        ]
        return np.concatenate(parts)

    @property
    def _takes_photos(self) -> bool:
        return self.image is not None and self.image.look == "photo"

    @property
    def _batch_rows(self) -> int:
        return max(1, min(BATCH_ROWS, BATCH_BYTES // math.prod(self.info.image_shape)))

    def _predictions(self, inputs: Iterator[Prepared], top: int) -> Iterator[Prediction]:
        while batch := list(islice(inputs, self._batch_rows)):
            every = self._run(batch, ["probabilities"])["probabilities"]
            for each, probabilities in zip(batch, every, strict=True):
                yield self._in_words(probabilities, top, each.source, each.notes)

    def _in_words(
        self,
        probabilities: NDArray[np.float32],
        top: int,
        source: str = "",
        notes: tuple[str, ...] = (),
    ) -> Prediction:
        best = np.argsort(-probabilities, kind="stable")[:top]
        guesses = tuple(Guess(self.classes[i], float(probabilities[i])) for i in best)
        sure = guesses[0].probability >= self.info.sure_from
        return Prediction(guesses, sure, source, notes)

    def _run(self, batch: Sequence[Prepared], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """What the backend gives, a row for each input."""
        backend = self._backend
        if not isinstance(backend, StrokesBackend):
            images = self._pixels(batch)
            own = backend.run(images, [name for name in names if name != PIXELS])
            return own | {PIXELS: images}
        drawn = [i for i, each in enumerate(batch) if isinstance(each.sketch, Drawing)]
        pictures = [i for i, each in enumerate(batch) if not isinstance(each.sketch, Drawing)]
        drawings = (each.sketch for each in batch if isinstance(each.sketch, Drawing))
        found = backend.run_drawings(Ragged.from_drawings(drawings), names)
        if not pictures:
            return found
        more = backend.run(self._pixels([batch[i] for i in pictures]), names)
        order = np.argsort(drawn + pictures)
        return {name: np.concatenate([found[name], more[name]])[order] for name in names}

    def _of_drawings(self, drawings: Ragged) -> NDArray[np.float32]:
        names = ["probabilities"]
        if isinstance(self._backend, StrokesBackend):
            return self._backend.run_drawings(drawings, names)["probabilities"]
        return self._backend.run(self._draw(drawings), names)["probabilities"]

    def _pixels(self, batch: Sequence[Prepared]) -> NDArray[np.uint8]:
        """The network's input, uint8 (n, channels, height, width); drawings are drawn together."""
        pixels = np.empty((len(batch), *self.info.image_shape), np.uint8)
        drawings = {
            i: each.sketch for i, each in enumerate(batch) if isinstance(each.sketch, Drawing)
        }
        if drawings:
            pixels[list(drawings)] = self._draw(Ragged.from_drawings(drawings.values()))
        for i, each in enumerate(batch):
            if not isinstance(each.sketch, Drawing):
                pixels[i] = each.sketch
        return pixels

    def _draw(self, drawings: Ragged) -> NDArray[np.uint8]:
        """Drawings as the network saw them: uint8 (n, channels, height, width)."""
        image = self.image
        if self.info.render is not None or image is None or self._takes_photos:
            return _render(drawings, self.render)
        pixels = np.empty((len(drawings), *self.info.image_shape), np.uint8)
        for i, ink in enumerate(_render(drawings, AS_PICTURE)[:, 0]):
            pixels[i] = _channels_first(image_pixels(Image.fromarray(255 - ink), image))
        return pixels

    def _inputs(self, sketch: Any, source: str = "") -> Iterator[Prepared]:
        """Everything in `sketch`, one after the other."""
        if isinstance(sketch, Drawing):
            yield Prepared(sketch, source, self._notes_on(sketch))
        elif isinstance(sketch, Prepared):
            yield sketch
        elif isinstance(sketch, str | Path):
            yield from self._inputs_of_path(Path(sketch))
        elif isinstance(sketch, list | tuple):
            for number, each in enumerate(sketch):
                yield from self._inputs(each, source or f"[{number}]")
        elif isinstance(sketch, np.ndarray | Image.Image):
            yield self._input_of_picture(sketch, source)
        else:
            raise DrawingError(
                f"{source or 'This'} is a {type(sketch).__name__}. Give a Drawing (strokes become"
                " one by Drawing.from_strokes), a picture, an array, a path, or a list of these."
            )

    def _inputs_of_path(self, path: Path) -> Iterator[Prepared]:
        from ..data.formats import read_drawings

        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            usable = [file for file in files if not file.name.startswith(".")]
            if not usable:
                raise FormatError(f"The folder {path} is empty. Give one with drawings in it.")
            for file in usable:
                yield from self._inputs_of_path(file)
        elif not path.exists():
            raise FormatError(f"There is no file {path}. Check the path.")
        elif path.suffix.lower() in PICTURES or _looks_like_picture(path):
            yield self._input_of_picture(path, str(path))
        else:
            for number, drawing in enumerate(read_drawings(path), 1):
                yield from self._inputs(drawing, f"{path}:{number}")

    def _input_of_picture(
        self, picture: Path | Image.Image | NDArray[Any], source: str
    ) -> Prepared:
        from .picture import open_picture, picture_to_pixels

        if not self.takes_pictures:
            raise BundleError(f"{source or 'This'} is a picture, and {self.why_no_pictures}")
        image = self.image
        try:
            if image is None:
                reading = picture_to_pixels(picture, self.render)
                return Prepared(reading.pixels[None], source, tuple(reading.notes))
            if isinstance(picture, Path):
                pixels = read_image(picture, image).pixels
            else:
                pixels = image_pixels(open_picture(picture), image)
        except PictureError as error:
            if not source or source in str(error):
                raise
            raise PictureError(f"{source}: {error}", error.reason) from error
        return Prepared(_channels_first(pixels), source)

    def _notes_on(self, drawing: Drawing) -> tuple[str, ...]:
        """What is said of a drawing.

        Raises:
            BundleError: the network takes pictures only.
        """
        if self.info.render is None and not self._takes_photos:
            return ("it was drawn as a picture first, because the network learnt from pictures",)
        if "time" in self.render.channels and drawing.times is None:
            return ("it has no pen times, so the order of its strokes stood in for them",)
        return ()


def _is_single(sketch: Any) -> bool:
    """Whether the caller gave one drawing or one picture, and expects one answer."""
    if isinstance(sketch, str | Path):
        path = Path(sketch)
        return path.is_file() and (path.suffix.lower() in PICTURES or _looks_like_picture(path))
    return not isinstance(sketch, list | tuple)


def _looks_like_picture(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(12)
    return head.startswith((b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM")) or (
        head[:4] == b"RIFF" and head[8:] == b"WEBP"
    )


def _channels_first(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels.transpose(2, 0, 1)


def _render(drawings: Ragged, spec: RenderSpec) -> NDArray[np.uint8]:
    """uint8 (n, channels, side, side), by the fast rasteriser where it is installed."""
    try:
        from ..raster_host import render_rows
    except ImportError:
        from ..raster import render_many

        return render_many(drawings, spec)
    return render_rows(drawings, spec)


def load(path: str | Path | None = None, *, device: str = "cpu") -> Classifier:
    """Load a recogniser with everything that belongs to it.

    Args:
        path: an exported model.onnx, which needs no torch; or a run folder, or a model folder; the
            model that comes with the package when None.
        device: where the network runs; an exported one runs on the cpu.

    Raises:
        BundleError: there is no model, it is damaged, or torch is needed and not installed.
        ConfigError: the device is not there.
    """
    return Classifier(*open_backend(BUNDLED if path is None else Path(path), device))
