"""A recogniser that takes drawings as people have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..drawing import Drawing
from ..errors import BundleError, DrawingError, FormatError, PictureError
from ..ragged import Ragged
from ..raster import RenderSpec

if TYPE_CHECKING:
    from ..models.bundle import BundleInfo

__all__ = ["Backend", "Classifier", "Guess", "Prediction", "load"]

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}

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


class Backend(Protocol):
    """Something that runs a network."""

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (n, channels, height, width) to float32 (n, classes), each row summing to 1."""
        ...


@dataclass(frozen=True, slots=True)
class _Input:
    """A drawing on its way: as pixels of the network's input."""

    pixels: NDArray[np.uint8]
    source: str
    notes: tuple[str, ...] = ()


class Classifier:
    """A network together with everything that turns a drawing into its input.

    Args:
        backend: runs the network.
        info: what travelled with it.
    """

    def __init__(self, backend: Backend, info: BundleInfo) -> None:
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
            raise BundleError(
                f"{self.info.model} was trained on pictures that Doodlewise did not draw, so it"
                " takes pictures only. Give it a PNG or JPEG."
            )
        return self.info.render

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
                (.ndjson or .bin) or a folder of files; or a list of any of these.
            top: how many guesses.

        Returns:
            A Prediction for one drawing or one picture; a list of them for everything else.

        Raises:
            DrawingError: neither a drawing nor a picture nor a path; or `top` is below 1.
            PictureError: a picture without ink, or not a picture.
            FormatError: a file that is neither a picture nor drawings, or a broken line.
        """
        if top < 1:
            raise DrawingError(f"top is {top}; ask for 1 guess or more.")
        inputs = list(self._inputs(sketch))
        predictions = self._predict(inputs, top)
        return predictions[0] if _is_single(sketch) else predictions

    def probabilities(self, drawings: Ragged | Iterable[Drawing]) -> NDArray[np.float32]:
        """Probability of each class for many drawings: float32 (n, classes)."""
        ragged = drawings if isinstance(drawings, Ragged) else Ragged.from_drawings(drawings)
        return self._backend.probabilities(_draw(ragged, self.render)[:, None])

    def _predict(self, inputs: list[_Input], top: int) -> list[Prediction]:
        if not inputs:
            return []
        every = self._backend.probabilities(np.stack([each.pixels for each in inputs]))
        top = min(top, len(self.classes))
        predictions = []
        for each, probabilities in zip(inputs, every, strict=True):
            best = np.argsort(-probabilities, kind="stable")[:top]
            guesses = tuple(Guess(self.classes[i], float(probabilities[i])) for i in best)
            sure = guesses[0].probability >= self.info.sure_from
            predictions.append(Prediction(guesses, sure, each.source, each.notes))
        return predictions

    def _inputs(self, sketch: Any, source: str = "") -> Iterable[_Input]:
        """The network's input for everything in `sketch`, one after the other."""
        if isinstance(sketch, Drawing):
            pixels = _draw(Ragged.from_drawings([sketch]), self.render)
            yield _Input(pixels, source)
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

    def _inputs_of_path(self, path: Path) -> Iterable[_Input]:
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

    def _input_of_picture(self, picture: Path | Image.Image | NDArray[Any], source: str) -> _Input:
        from .picture import picture_to_pixels

        try:
            reading = picture_to_pixels(picture, self.render)
        except PictureError as error:
            if not source or source in str(error):
                raise
            raise PictureError(f"{source}: {error}") from error
        return _Input(reading.pixels[None], source, tuple(reading.notes))


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


def _draw(drawings: Ragged, spec: RenderSpec) -> NDArray[np.uint8]:
    """uint8 (n, side, side), by the fast rasteriser where it is installed."""
    try:
        from ..raster_host import render_rows
    except ImportError:
        from ..raster import render_many

        return render_many(drawings, spec)
    return render_rows(drawings, spec)


def load(path: str | Path, *, device: str = "cpu") -> Classifier:
    """Load a recogniser with everything that belongs to it.

    Args:
        path: a run folder, or a model folder.
        device: where the network runs.

    Raises:
        BundleError: there is no model, or it is damaged.
        MissingExtraError: torch is not installed.
    """
    from .backends import TorchBackend

    backend, info = TorchBackend.load(Path(path), device)
    return Classifier(backend, info)
