"""New words from a handful of examples each: a new file, in seconds, without torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..bundle_info import BundleInfo
from ..drawing import Drawing
from ..errors import ConfigError, DrawingError, ModelError, PictureError
from ..version import __version__
from .classifier import Classifier, Prepared
from .feature_means import FEATURE_MEANS_KEY, feature_means_of, feature_means_text
from .few_shot import Examples, Known, fit
from .leave_out import Trial, try_out
from .means import MEANS_KEY, means_of_sheet, sheet_of_means
from .onnx_backend import METADATA_KEY, open_onnx
from .onnx_edit import read_head, replace_head
from .picture import open_picture
from .variations import vary_drawing, vary_pixels

__all__ = ["ENOUGH", "Taught", "teach"]

Example: TypeAlias = Drawing | Image.Image | NDArray[Any] | bytes | str | Path

VARIATIONS = 8
"""In which each example is seen besides."""
MOST_VARIED = 6_000
"""Examples and variations together, about; with many examples each has fewer."""
ENOUGH = 5
"""With fewer examples a word is learnt badly, and that is said."""
SEEN_AT_ONCE = 256


@dataclass(frozen=True, eq=False, slots=True)
class Taught:
    """What came of teaching.

    Attributes:
        classifier: knows the words.
        onnx: the same as a file, which `load`, `predict` and `serve` read.
        words: the new ones, in the order of the examples; with `keep_known` the classifier knows
            those of the base before them.
        n_examples: of all new words.
        accuracy: share of the examples that were guessed right by what was learnt from the others;
            None where a word has only one.
        temperature: by which the new rows were divided, so that confidence is honest.
        seconds: that it took.
        notes: what may help, in plain words.
    """

    classifier: Classifier
    onnx: bytes
    words: tuple[str, ...]
    n_examples: int
    accuracy: float | None
    temperature: float
    seconds: float
    notes: tuple[str, ...]


def teach(
    base: Classifier,
    examples: Mapping[str, Sequence[Example]],
    *,
    keep_known: bool = False,
    seed: int = 0,
) -> Taught:
    """Learn words from a few examples of each.

    Args:
        base: whose view of drawings is used: an exported file with features.
        examples: of each word some, 5 to 20 are good: drawings; pictures as paths, bytes, Pillow
            images or arrays; or both.
        keep_known: whether the words that the base knows stay.
        seed: of the variations in which examples are seen.

    Raises:
        ConfigError: too few words, or one that is known already.
        DrawingError: a word without examples.
        PictureError: a picture that cannot be read.
        BundleError: the base is not an exported file.
        ModelError: the base has no features; or no average features, which `keep_known` needs.
    """
    start = perf_counter()
    words = tuple(examples)
    _check(base, examples, keep_known)
    content = base.content()
    known = _known(base, content) if keep_known else None
    seen, pixels = _see(base, examples, np.random.default_rng(seed))
    trial = try_out(seen, known)
    rows = fit(seen, known)
    # The graph divides by the temperature of the base.
    back = np.float32(base.info.temperature / trial.temperature)
    weight, bias = rows.weight * back, rows.bias * back
    if known is not None:
        old_weight, old_bias = read_head(content)
        weight, bias = np.concatenate([old_weight, weight]), np.concatenate([old_bias, bias])
    info = _info(base.info, examples, trial, keep_known)
    format_and_input = json.loads(base.metadata[METADATA_KEY])
    facts = format_and_input | {"info": asdict(info)}
    onnx = replace_head(
        content,
        weight,
        bias,
        {
            METADATA_KEY: json.dumps(facts, ensure_ascii=False),
            FEATURE_MEANS_KEY: _feature_means(seen, known),
            MEANS_KEY: _sheet(base, pixels, keep_known),
        },
    )
    classifier = Classifier(*open_onnx(Path("the taught model"), onnx))
    return Taught(
        classifier,
        onnx,
        words,
        len(seen.words),
        trial.accuracy,
        trial.temperature,
        perf_counter() - start,
        tuple(_notes(examples, trial, 0 if known is None else len(known.bias))),
    )


def _check(base: Classifier, examples: Mapping[str, Sequence[Example]], keep_known: bool) -> None:
    if not base.has_features:
        base.see([], features=True)  # which says why not
    least = 1 if keep_known else 2
    if len(examples) < least:
        raise ConfigError(
            f"Too few words are to be learnt: {len(examples)}. Give {least} or more, for a guess is"
            " a choice."
        )
    for word, own in examples.items():
        if len(own) == 0:
            raise DrawingError(f"There is no example of '{word}'. Draw at least one.")
        if keep_known and word in base.classes:
            raise ConfigError(
                f"The model knows '{word}' already. Choose another word, or let it forget the known"
                " ones."
            )


def _known(base: Classifier, content: bytes) -> Known:
    text = base.metadata.get(FEATURE_MEANS_KEY)
    if text is None:
        raise ModelError(
            "The model does not say what its words look like to it, so new ones cannot stand beside"
            " them. Export it again with this version; or let it forget the words that it knows."
        )
    weight, bias = read_head(content)
    temperature = np.float32(base.info.temperature)
    means = feature_means_of(text, len(bias))
    return Known(weight / temperature, bias / temperature, means)


def _see(
    base: Classifier, examples: Mapping[str, Sequence[Example]], rng: np.random.Generator
) -> tuple[Examples, list[NDArray[np.uint8]]]:
    """What the last layer sees of all examples, and of each word its pixels."""
    counts = [len(own) for own in examples.values()]
    variations = min(VARIATIONS, max(MOST_VARIED // sum(counts) - 1, 0))
    varied = (
        sketch
        for own in examples.values()
        for example in own
        for sketch in _varied(base, example, variations, rng)
    )
    parts, images = [], []
    while batch := list(islice(varied, SEEN_AT_ONCE)):
        seen = base.see(batch, features=True, pixels=True)
        assert seen.features is not None
        assert seen.pixels is not None
        parts.append(seen.features)
        images.append(seen.pixels)
    width = parts[0].shape[1]
    features = np.concatenate(parts).reshape(sum(counts), 1 + variations, width)
    pixels = np.concatenate(images)[:: 1 + variations]
    words = np.repeat(np.arange(len(counts)), counts)
    by_word = np.split(pixels, np.cumsum(counts)[:-1])
    return Examples(features, words), by_word


def _varied(
    base: Classifier, example: Example, n: int, rng: np.random.Generator
) -> Iterator[Drawing | Prepared]:
    if isinstance(example, Drawing):
        yield from vary_drawing(example, n, rng)
        return
    try:
        prepared = base.prepare(open_picture(example))
    except PictureError as error:
        if not isinstance(example, str | Path) or str(example) in str(error):
            raise
        raise PictureError(f"{example}: {error}", error.reason) from error
    assert not isinstance(prepared.sketch, Drawing)
    is_ink = base.info.render is not None or (base.image is not None and base.image.look != "photo")
    for pixels in vary_pixels(prepared.sketch, n, rng, is_ink=is_ink):
        yield replace(prepared, sketch=pixels)


def _info(
    base: BundleInfo,
    examples: Mapping[str, Sequence[Example]],
    trial: Trial,
    keep_known: bool,
) -> BundleInfo:
    counts = {word: len(own) for word, own in examples.items()}
    metrics: dict[str, Any] = {
        "split": "examples, each left out in turn",
        "n": sum(counts.values()),
    }
    if trial.accuracy is not None:
        metrics["top1"] = round(trial.accuracy, 6)
    if keep_known:
        metrics["known"] = base.metrics
    return replace(
        base,
        classes=[*base.classes, *counts] if keep_known else list(counts),
        sure_from=base.sure_from if keep_known else trial.sure_from,
        metrics=metrics,
        trained_on={"examples": counts, "base": base.trained_on},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        doodlewise=__version__,
    )


def _feature_means(seen: Examples, known: Known | None) -> str:
    own = [seen.features[seen.words == word].mean(axis=(0, 1)) for word in range(seen.n_words)]
    means = np.stack(own)
    return feature_means_text(means if known is None else np.concatenate([known.means, means]))


def _sheet(base: Classifier, pixels: Sequence[NDArray[np.uint8]], keep_known: bool) -> str | None:
    """The sheet of average drawings; None where the network sees no ink."""
    render = base.info.render
    if render is None:
        return None
    means = np.stack([own[:, render.shown].mean(axis=0) for own in pixels])
    if keep_known:
        sheet = base.metadata.get(MEANS_KEY)
        if sheet is None:
            return None
        means = np.concatenate([means_of_sheet(sheet, len(base.classes)), means])
    return sheet_of_means(means)


def _notes(examples: Mapping[str, Sequence[Example]], trial: Trial, n_known: int) -> Iterator[str]:
    few = [word for word, own in examples.items() if len(own) < ENOUGH]
    if few:
        listed = ", ".join(few[:5]) + (", ..." if len(few) > 5 else "")
        yield f"{ENOUGH} examples or more of a word make it surer; there are fewer of: {listed}"
    if trial.mixed_up is not None:
        words = [*[""] * n_known, *examples]
        one, other = (words[index] for index in trial.mixed_up)
        if other:
            yield f"{one} is often taken for {other}; more examples of both help"
