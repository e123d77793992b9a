"""What people send to teach words, checked: words, drawings, pictures."""

from __future__ import annotations

import base64
import binascii
import io
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from PIL import Image

from ..drawing import Drawing
from ..errors import DoodlewiseError
from ..predict.classifier import Classifier
from ..predict.picture import MAX_PIXELS
from .errors import ApiError, answer_to
from .schemas import DrawingIn, ModelId, Strokes, decode
from .settings import ServeSettings
from .strokes import drawing_of

__all__ = [
    "Keep",
    "Kept",
    "Lesson",
    "Teach",
    "TeachAnswer",
    "check_against",
    "clean_word",
    "keep_body",
    "lesson_of",
]

MOST_WORDS, MOST_EXAMPLES, LONGEST_WORD = 100, 100, 60
"""Words of a lesson, examples of a word, characters of a word."""
MOST_POINTS = 1_000_000
"""Of all drawings of a lesson."""
PICTURES_PER_LESSON = 5
"""So many times the pixels of the largest picture may all pictures of a lesson have."""

_DATA_URL = re.compile(r"data:image/(png|jpeg|webp);base64,([A-Za-z0-9+/]*={0,2})", re.ASCII)
_JOINER = "\u200d"
"""Of emoji such as families: no letter, but part of one."""

Word = Annotated[str, Meta(min_length=1, max_length=240, description="what is drawn")]


class WordIn(Struct, forbid_unknown_fields=True):
    """A word and examples of it, at least one."""

    word: Word
    drawings: Annotated[list[DrawingIn], Meta(max_length=MOST_EXAMPLES)] = []
    images: Annotated[
        list[str],
        Meta(
            max_length=MOST_EXAMPLES,
            description="pictures as data URLs: data:image/png;base64,..., also jpeg and webp",
        ),
    ] = []


class Teach(Struct, forbid_unknown_fields=True):
    """Words to learn."""

    words: Annotated[list[WordIn], Meta(min_length=1, max_length=MOST_WORDS)]
    keep_known: Annotated[bool, Meta(description="whether the words that the base knows stay")] = (
        False
    )
    base: ModelId | None = None


class TeachAnswer(Struct):
    """What was learnt. `model` is its name in later requests."""

    model: str
    words: list[str]
    examples: int
    seconds: float
    accuracy: Annotated[
        float | None,
        Meta(description="share of the examples guessed right by what the others teach"),
    ]
    notes: list[str]


class Keep(Struct, forbid_unknown_fields=True):
    """A drawing to keep. `keep` has to be true: nothing is kept by accident."""

    word: Word
    strokes: Strokes
    keep: bool


class Kept(Struct):
    """How many drawings are kept now."""

    kept: int


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is taught.

    Attributes:
        examples: of each word, drawings, and pictures as the bytes of their files.
        keep_known: whether the words that the base knows stay.
        base: id of the model that sees; None for the default one.
    """

    examples: dict[str, list[Drawing | bytes]]
    keep_known: bool
    base: str | None

    @property
    def drawings(self) -> Iterable[tuple[str, Drawing]]:
        """All drawings, with their words."""
        return (
            (word, example)
            for word, own in self.examples.items()
            for example in own
            if isinstance(example, Drawing)
        )


_teach = msgspec.json.Decoder(Teach)
_keep = msgspec.json.Decoder(Keep)


def lesson_of(body: bytes, settings: ServeSettings) -> Lesson:
    """A body as a lesson.

    Raises:
        ApiError: it is none, or too much.
    """
    read = decode(_teach, body)
    examples: dict[str, list[Drawing | bytes]] = {}
    folded: dict[str, str] = {}
    n_points = n_pixels = 0
    for number, each in enumerate(read.words):
        place = f"words[{number}]"
        word = clean_word(each.word, place)
        before = folded.setdefault(word.casefold(), word)
        if before is not word:
            raise ApiError(
                422, "same_word", f"The word '{word}' is there twice. Put its examples together."
            )
        if not 1 <= len(each.drawings) + len(each.images) <= MOST_EXAMPLES:
            raise ApiError(
                422,
                "examples",
                f"The word '{word}' has {len(each.drawings) + len(each.images)} examples. Give 1 to"
                f" {MOST_EXAMPLES}; 5 to 20 are good.",
            )
        own: list[Drawing | bytes] = []
        for index, drawn in enumerate(each.drawings):
            drawing = _drawing(drawn, settings, f"{place}.drawings[{index}]")
            n_points += drawing.n_points
            own.append(drawing)
        for index, url in enumerate(each.images):
            picture, size = _picture(url, f"{place}.images[{index}]")
            n_pixels += size
            own.append(picture)
        _check_sums(n_points, n_pixels)
        examples[word] = own
    return Lesson(examples, read.keep_known, read.base)


def keep_body(body: bytes, settings: ServeSettings) -> tuple[str, Drawing]:
    """A body as a word and its drawing.

    Raises:
        ApiError: it is none.
    """
    read = decode(_keep, body)
    if not read.keep:
        raise ApiError(
            422, "keep_is_false", 'The drawing is not to be kept. Send "keep": true if it is.'
        )
    return clean_word(read.word, "word"), drawing_of(read.strokes, settings)


def check_against(lesson: Lesson, base: Classifier) -> None:
    """That the base can learn this.

    Raises:
        ApiError: it cannot.
    """
    has_drawings = any(True for _ in lesson.drawings)
    if has_drawings and not base.takes_drawings:
        raise ApiError(
            422, "takes_pictures_only", "The base takes pictures only. Teach it with images."
        )
    if lesson.keep_known:
        known = {word.casefold(): word for word in base.classes}
        for word in lesson.examples:
            if word.casefold() in known:
                raise ApiError(
                    422,
                    "known_word",
                    f"The model knows '{known[word.casefold()]}' already. Choose another word, or"
                    " let it forget the known ones.",
                )


def clean_word(word: str, place: str) -> str:
    """A word in the normal form of Unicode, without blanks around it.

    Raises:
        ApiError: nothing is left, it is too long, or there are control characters in it.
    """
    cleaned = unicodedata.normalize("NFC", word).strip()
    if any(_is_control(letter) for letter in cleaned):
        raise ApiError(422, "bad_word", f"There is a control character in {place}. Leave it out.")
    if not 1 <= len(cleaned) <= LONGEST_WORD:
        raise ApiError(
            422,
            "bad_word",
            f"A word has 1 to {LONGEST_WORD} characters, and {place} has {len(cleaned)}. Choose"
            " another.",
        )
    return cleaned


def _is_control(letter: str) -> bool:
    category = unicodedata.category(letter)
    return category in ("Zl", "Zp") or (category[0] == "C" and letter != _JOINER)


def _drawing(drawn: DrawingIn, settings: ServeSettings, place: str) -> Drawing:
    """What is wrong with a drawing says which it is."""
    try:
        return drawing_of(drawn.strokes, settings)
    except ApiError as error:
        raise ApiError(error.status, error.code, f"{place}: {error}") from None
    except DoodlewiseError as error:
        wrong = answer_to(error)
        raise ApiError(wrong.status, wrong.code, f"{place}: {wrong}") from None


def _picture(url: str, place: str) -> tuple[bytes, int]:
    """The file in a data URL, and how many pixels it says it has; it is not decoded yet."""
    found = _DATA_URL.fullmatch(url)
    if found is None:
        raise ApiError(
            422,
            "bad_data_url",
            f"{place} is not a data URL of a picture. Send data:image/png;base64,... (or jpeg or"
            " webp).",
        )
    kind, text = found.groups()
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ApiError(
            422, "bad_data_url", f"{place} is not whole: its base64 is broken. Send it again."
        ) from None
    try:
        with Image.open(io.BytesIO(content), formats=[kind.upper()]) as picture:
            width, height = picture.size
    except Exception:  # decoders of hostile bytes fail in every way there is
        raise ApiError(
            422,
            "unusable_picture",
            f"{place} is not a {kind} picture, or it is broken. Save it as PNG and send it again.",
        ) from None
    if width * height > MAX_PIXELS:
        raise ApiError(
            422,
            "unusable_picture",
            f"{place} has {width} x {height} pixels; at most {MAX_PIXELS:,} are taken."
            " Make it smaller; 1000 x 1000 is plenty.",
        )
    return content, width * height


def _check_sums(n_points: int, n_pixels: int) -> None:
    if n_points > MOST_POINTS:
        raise ApiError(
            422,
            "too_many_points",
            f"The drawings have more than {MOST_POINTS:,} points together. Thin their strokes: a"
            " few hundred points of each show as much.",
        )
    if n_pixels > PICTURES_PER_LESSON * MAX_PIXELS:
        raise ApiError(
            422,
            "too_many_pixels",
            f"The pictures have more than {PICTURES_PER_LESSON * MAX_PIXELS:,} pixels"
            " together. Make them smaller; 300 x 300 is plenty.",
        )
