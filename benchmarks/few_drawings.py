"""Learning own words from few drawings: ours against other ways, by the number of examples.

    python benchmarks/few_drawings.py                    # the model of the package
    python benchmarks/few_drawings.py --base mine.onnx   # another; words it does not know are new

Everything works on what the last layer of the base sees (features), and learns a new last layer.
Each example is also seen in 8 variations, by every way alike. Three kinds of words are taught:

- *Google's words*: rows of the last layer are taken away, and taught again. The features have seen
  other drawings of these words in training, so this flatters every way alike. All drawings are of
  the val split. Words that the base does not know are taught instead, if there are any; then only
  drawings of the test split are left out. That is never looked at.
- *invented signs*: drawn by code, each a few random strokes that every drawing bends otherwise. No
  network has seen them.
- *shapes*: four classes of pictures (if --data has them).

Then words are taught beside those that the base knows: what becomes of these?
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common import DATA, machine
from doodlewise.data.formats import read_drawings
from doodlewise.data.split import SPLITS, Fractions, split_of
from doodlewise.drawing import Drawing
from doodlewise.predict.classifier import Classifier, load
from doodlewise.predict.feature_means import FEATURE_MEANS_KEY, feature_means_of
from doodlewise.predict.few_shot import Examples, Known, Rows, fit, scores_of
from doodlewise.predict.leave_out import try_out
from doodlewise.predict.onnx_edit import read_head
from doodlewise.predict.teach import VARIATIONS
from doodlewise.predict.variations import vary_drawing, vary_pixels

SHOTS = (1, 5, 10, 20)
HELD_OUT, OF_UNSEEN = 25, 50
"""Drawings of a word on which it is tested, at most; never among the examples. Of words that the
base has never seen there are more."""
WAYS = 10
"""Words that are taught at once."""
BESIDE = 5
"""Likewise beside known ones."""
INKS = (0.5, 0.75)

Way = Callable[[Examples], Rows]


class Word:
    """What the base sees of a word.

    Attributes:
        examples: (n, 1 + variations, width).
        held_out: (m, 1 + inks, width): whole drawings, then beginnings of them.
    """

    def __init__(self, examples: NDArray[np.float32], held_out: NDArray[np.float32]) -> None:
        self.examples, self.held_out = examples, held_out


def seen(
    base: Classifier, drawings: list[Drawing], rng: np.random.Generator, held_out: int = HELD_OUT
) -> Word:
    """The first 20 are examples, the rest is held out."""
    taught, rest = drawings[: SHOTS[-1]], drawings[SHOTS[-1] : SHOTS[-1] + held_out]
    varied = [each for drawing in taught for each in vary_drawing(drawing, VARIATIONS, rng)]
    begun = [each for drawing in rest for each in (drawing, *(drawing.prefix(i) for i in INKS))]
    features = base.see(varied + begun, features=True).features
    assert features is not None
    width = features.shape[1]
    return Word(
        features[: len(varied)].reshape(len(taught), 1 + VARIATIONS, width),
        features[len(varied) :].reshape(len(rest), 1 + len(INKS), width),
    )


def google(base: Classifier, data: Path, n_words: int) -> tuple[dict[str, Word], list[str]]:
    """Words with enough drawings, and those that are left."""
    rng = np.random.default_rng(0)
    words, others = {}, []
    paths = sorted(data.glob("*.ndjson"))
    unknown = [path for path in paths if path.stem not in base.classes]
    held_out = OF_UNSEEN if unknown else HELD_OUT
    for path in unknown or paths:
        drawings = of_sides(path, "train", "val") if unknown else of_sides(path, "val")
        if len(drawings) >= SHOTS[-1] + held_out and len(words) < n_words:
            words[path.stem] = seen(base, drawings, rng, held_out)
    others = [path.stem for path in paths if path.stem not in words and path not in unknown]
    return words, others


def of_sides(path: Path, *splits: str) -> list[Drawing]:
    drawings = [each for each in read_drawings(path) if each.recognised is not False]
    ids = np.array([each.key_id for each in drawings], np.uint64)
    sides = split_of(ids, Fractions())
    return [each for each, side in zip(drawings, sides, strict=True) if SPLITS[side] in splits]


def signs(base: Classifier, n_words: int) -> dict[str, Word]:
    """Two to four strokes through random points; every drawing moves and bends them."""
    words = {}
    for number in range(n_words):
        rng = np.random.default_rng([7, number])
        strokes = [
            rng.uniform(0.0, 1.0, (rng.integers(2, 5), 2)) for _ in range(rng.integers(2, 5))
        ]
        drawings = [sign(strokes, rng) for _ in range(SHOTS[-1] + HELD_OUT)]
        words[f"sign {number}"] = seen(base, drawings, rng)
    return words


def sign(strokes: list[NDArray[np.float64]], rng: np.random.Generator) -> Drawing:
    drawn = []
    for stroke in strokes:
        points = stroke + rng.normal(scale=0.06, size=2) + rng.normal(scale=0.07, size=stroke.shape)
        at = np.linspace(0.0, len(points) - 1.0, 12)
        lines = [np.interp(at, np.arange(len(points)), points[:, axis]) for axis in (0, 1)]
        line = np.stack(lines, axis=1)
        # Hands round the corners.
        line[1:-1] = (line[:-2] + line[1:-1] + line[2:]) / 3.0
        drawn.append(255.0 * line)
    return Drawing.from_strokes(drawn)


def shapes(base: Classifier, data: Path) -> dict[str, Word]:
    words = {}
    rng = np.random.default_rng(0)
    for folder in sorted((data.parents[1] / "shapes").iterdir()):
        paths = sorted(folder.iterdir())
        rng.shuffle(paths)  # type: ignore[arg-type]
        pixels = [base.prepare(_opened(path)) for path in paths[: SHOTS[-1] + 100]]
        varied = []
        for prepared in pixels[: SHOTS[-1]]:
            for image in vary_pixels(prepared.sketch, VARIATIONS, rng, is_ink=True):  # type: ignore[arg-type]
                varied.append(type(prepared)(image, prepared.source))
        features = base.see(varied + pixels[SHOTS[-1] :], features=True).features
        assert features is not None
        words[folder.name] = Word(
            features[: len(varied)].reshape(SHOTS[-1], 1 + VARIATIONS, -1),
            features[len(varied) :][:, None],
        )
    return words


def _opened(path: Path):  # type: ignore[no-untyped-def]
    from doodlewise.predict.picture import open_picture

    return open_picture(path)


def _flat(examples: Examples) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    x = examples.features.reshape(-1, examples.features.shape[-1]).astype(np.float64)
    return x, np.repeat(examples.words, examples.features.shape[1])


def _means(x: NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.stack([x[y == word].mean(axis=0) for word in range(y.max() + 1)])


def nearest_mean(examples: Examples) -> Rows:
    means = _means(*_flat(examples))
    return _rows(means, -0.5 * (means * means).sum(axis=1))


def cosine(examples: Examples) -> Rows:
    """Weight imprinting (Qi et al., 2018)."""
    x, y = _flat(examples)
    means = _means(x / np.linalg.norm(x, axis=1, keepdims=True), y)
    return _rows(means / np.linalg.norm(means, axis=1, keepdims=True), np.zeros(len(means)))


def lda(shrink: float) -> Way:
    """Linear discriminant analysis, its covariance shrunk towards a multiple of the identity."""

    def way(examples: Examples) -> Rows:
        x, y = _flat(examples)
        means = _means(x, y)
        away = x - means[y]
        covariance = away.T @ away / len(x)
        round_one = np.eye(len(covariance)) * (np.trace(covariance) / len(covariance) + 1e-9)
        covariance = (1.0 - shrink) * covariance + shrink * round_one
        weight = np.linalg.solve(covariance, means.T).T
        return _rows(weight, -0.5 * (weight * means).sum(axis=1))

    return way


def logistic(penalty: float) -> Way:
    """Multinomial logistic regression on standardised features, rows pulled to 0."""

    def way(examples: Examples) -> Rows:
        x, y = _flat(examples)
        middle = x.mean(axis=0)
        spread = np.sqrt(x.var(axis=0) + 0.01 * x.var(axis=0).mean())
        z = (x - middle) / spread
        truth = np.eye(y.max() + 1)[y]
        weight, bias = np.zeros((truth.shape[1], x.shape[1])), np.zeros(truth.shape[1])
        curvature = 0.5 * (np.linalg.norm(z.T @ z / len(z), 2) + 1.0) + penalty
        ahead, ahead_bias, pace = weight, bias, 1.0
        for _ in range(200):
            scores = z @ ahead.T + ahead_bias
            powers = np.exp(scores - scores.max(axis=1, keepdims=True))
            excess = powers / powers.sum(axis=1, keepdims=True) - truth
            new = ahead - (excess.T @ z / len(z) + penalty * ahead) / curvature
            new_bias = ahead_bias - excess.mean(axis=0) / curvature
            new_pace = (1.0 + np.sqrt(1.0 + 4.0 * pace * pace)) / 2.0
            ahead = new + (pace - 1.0) / new_pace * (new - weight)
            ahead_bias = new_bias + (pace - 1.0) / new_pace * (new_bias - bias)
            weight, bias, pace = new, new_bias, new_pace
        weight = weight / spread
        return _rows(weight, bias - weight @ middle)

    return way


def _rows(weight: NDArray[np.float64], bias: NDArray[np.float64]) -> Rows:
    return Rows(weight.astype(np.float32), bias.astype(np.float32))


WAYS_TO_LEARN: dict[str, Way] = {
    "ours": fit,
    "cosine prototypes": cosine,
    "nearest mean": nearest_mean,
    "LDA, shrunk by 0.5": lda(0.5),
    "LDA, shrunk by 0.8": lda(0.8),
    "logistic, L2 0.01": logistic(0.01),
    "logistic, L2 0.1": logistic(0.1),
}


def taken(words: list[Word], shots: int, rng: np.random.Generator) -> Examples:
    chosen = [word.examples[rng.permutation(len(word.examples))[:shots]] for word in words]
    return Examples(np.concatenate(chosen), np.repeat(np.arange(len(words)), shots))


def table(title: str, words: dict[str, Word], seeds: int) -> None:
    """Top-1 of each way by the number of examples: whole drawings, and beginnings."""
    every = list(words.values())
    inks = ("whole", *(f"{ink:.0%}" for ink in INKS))[: every[0].held_out.shape[1]]
    print(f"\n{title}: {min(WAYS, len(every))} words of {len(every)}, {seeds} draws (± over draws)")
    print(f"{'':22}" + "".join(f"{f'{shots} a word':^24}" for shots in SHOTS))
    print(f"{'':22}" + f"{'  '.join(f'{ink:>5}' for ink in inks):^24}" * len(SHOTS))
    for name, way in [*WAYS_TO_LEARN.items(), ("ours, no variations", None)]:
        line = f"{name:22}"
        for shots in SHOTS:
            found = []
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                picked = rng.choice(len(every), min(WAYS, len(every)), replace=False)
                chosen = [every[index] for index in picked]
                examples = taken(chosen, shots, rng)
                if way is None:
                    rows = fit(Examples(examples.features[:, :1], examples.words))
                else:
                    rows = way(examples)
                found.append(accuracies(rows, chosen))
            mean, spread = np.mean(found, axis=0), np.std(found, axis=0)
            cells = [f"{mean[0]:.1%}±{100 * spread[0]:.1f}", *(f"{each:.1%}" for each in mean[1:])]
            line += f"{' '.join(cells):^24}"
        print(line, flush=True)


def accuracies(rows: Rows, words: list[Word]) -> NDArray[np.float64]:
    """Top-1 by share of the ink; each word counts alike."""
    by_word = [
        (
            scores_of(word.held_out.reshape(-1, word.held_out.shape[-1]), rows)
            .argmax(axis=1)
            .reshape(word.held_out.shape[:2])
            == index
        ).mean(axis=0)
        for index, word in enumerate(words)
    ]
    return np.asarray(np.mean(by_word, axis=0))


def calibration(title: str, words: dict[str, Word], seeds: int) -> None:
    """Whether confidence and the accuracy that is told are true of other drawings."""
    every = list(words.values())
    print(f"\n{title}: is what it says of itself true? (held-out drawings, whole)")
    print(f"{'examples':>8} {'T':>6} {'loss':>7} {'with T=1':>9} {'ECE':>6} {'with T=1':>9}"
          f" {'said':>7} {'true':>7} {'sure':>6} {'right when sure':>16}")  # fmt: skip
    for shots in SHOTS:
        found = []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            chosen = [
                every[i] for i in rng.choice(len(every), min(WAYS, len(every)), replace=False)
            ]
            examples = taken(chosen, shots, rng)
            trial, rows = try_out(examples, None), fit(examples)
            whole = np.concatenate([word.held_out[:, 0] for word in chosen])
            truth = np.repeat(np.arange(len(chosen)), [len(word.held_out) for word in chosen])
            scores = scores_of(whole, rows)
            calm, hot = (_probabilities(scores / t) for t in (trial.temperature, 1.0))
            sure = calm.max(axis=1) >= trial.sure_from
            right = scores.argmax(axis=1) == truth
            said = np.nan if trial.accuracy is None else trial.accuracy
            found.append([
                trial.temperature, _loss(calm, truth), _loss(hot, truth), _ece(calm, right),
                _ece(hot, right), said, right.mean(), sure.mean(),
                right[sure].mean() if sure.any() else np.nan,
            ])  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            m = np.nanmean(found, axis=0)
        print(f"{shots:>8} {m[0]:>6.2f} {m[1]:>7.3f} {m[2]:>9.3f} {m[3]:>6.1%} {m[4]:>9.1%}"
              f" {m[5]:>7.1%} {m[6]:>7.1%} {m[7]:>6.1%} {m[8]:>16.1%}", flush=True)  # fmt: skip


def _probabilities(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _loss(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    return float(-np.log(probabilities[np.arange(len(truth)), truth] + 1e-12).mean())


def _ece(probabilities: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    confidence = probabilities.max(axis=1)
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [
        abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(np.sum(gaps))


def beside(
    base: Classifier, words: dict[str, Word], known: list[str], data: Path, seeds: int
) -> None:
    """New words beside known ones: top-1 of both, with and without averages of the known ones."""
    weight, bias = read_head(base.content())
    temperature = np.float32(base.info.temperature)
    rows = [base.classes.index(word) for word in known]
    stored = feature_means_of(base.metadata[FEATURE_MEANS_KEY], len(bias))[rows]
    weight, bias = weight[rows] / temperature, bias[rows] / temperature
    parts, truth = [], []
    for label, word in enumerate(known):
        drawings = of_sides(data / f"{word}.ndjson", "val")[:8]
        features = base.see(drawings, features=True).features
        assert features is not None
        parts.append(features)
        truth += [label] * len(drawings)
    old, label_of = np.concatenate(parts), np.array(truth)
    before = ((old @ weight.T + bias).argmax(axis=1) == label_of).mean()
    pointing = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    length = np.linalg.norm(stored, axis=1).mean()
    stand_ins = {"averages of the known words": stored, "their rows instead": pointing * length}
    print(f"\n{BESIDE} words beside {len(known)} known ones, {seeds} draws;"
          f" {len(old):,} drawings of known words: {before:.1%} before")  # fmt: skip
    print(f"{'what stands for known words':30}"
          + "".join(f"{f'{shots} a word: known, new':>27}" for shots in SHOTS))  # fmt: skip
    every = list(words.values())
    for name, means in stand_ins.items():
        line = f"{name:30}"
        for shots in SHOTS:
            found = []
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                chosen = [every[i] for i in rng.choice(len(every), BESIDE, replace=False)]
                beside_them = Known(weight, bias, means.astype(np.float32))
                new = fit(taken(chosen, shots, rng), beside_them)
                whole = np.concatenate([word.held_out[:, 0] for word in chosen])
                right = np.repeat(np.arange(BESIDE), [len(word.held_out) for word in chosen])
                found.append([
                    (scores_of(old, new, beside_them).argmax(axis=1) == label_of).mean(),
                    (scores_of(whole, new, beside_them).argmax(axis=1)
                     == right + len(known)).mean(),
                ])  # fmt: skip
            m, spread = np.mean(found, axis=0), np.std(found, axis=0)
            line += f"{f'{m[0]:.1%}, {m[1]:.1%}±{100 * spread[1]:.1f}':>27}"
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, help="the model of the package if none")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--words", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=6)
    options = parser.parse_args()
    print(machine())
    base = load(options.base)
    words, known = google(base, options.data, options.words)
    is_new = not set(words) <= set(base.classes)
    title = "Google's words, never seen" if is_new else "Google's words, rows taken away"
    table(title, words, options.seeds)
    invented = signs(base, options.words)
    table("Invented signs", invented, options.seeds)
    if (options.data.parents[1] / "shapes").is_dir():
        table("Shapes, pictures", shapes(base, options.data), options.seeds)
    calibration(title, words, options.seeds)
    calibration("Invented signs", invented, options.seeds)
    if FEATURE_MEANS_KEY in base.metadata:
        beside(base, words, known, options.data, options.seeds)


if __name__ == "__main__":
    main()
