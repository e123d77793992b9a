from __future__ import annotations

import math
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk

from doodlewise.errors import DataError, ModelError, UnknownClassError
from doodlewise.evaluation import EvalResult, Tally
from doodlewise.evaluation.metrics import wilson_interval


def counted(probabilities: Any, labels: Any, **known: Any) -> EvalResult:
    p = np.array(probabilities, np.float32)
    tally = Tally([f"c{i}" for i in range(p.shape[1])])
    tally.update(p, np.array(labels), rows=np.arange(len(p)), **known)
    return tally.result()


def random_batch(seed: int, n: int = 400, classes: int = 12) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "probabilities": rng.dirichlet(np.full(classes, 0.3), n).astype(np.float32),
        "labels": rng.integers(classes, size=n),
        "rows": np.arange(seed * n, (seed + 1) * n),
        "recognised": rng.integers(-1, 2, size=n).astype(np.int8),
        "countries": [f"C{i}" if i else "" for i in rng.integers(30, size=n)],
    }


def tally_of(seeds: list[int]) -> Tally:
    tally = Tally([str(i) for i in range(12)])
    for seed in seeds:
        tally.update(**random_batch(seed))
    return tally


def assert_same(one: EvalResult, other: EvalResult) -> None:
    """Equal, but for the order in which floating point numbers were added."""
    a, b = one.to_dict(), other.to_dict()
    assert a.pop("loss") == pytest.approx(b.pop("loss"), rel=1e-12)
    assert a.pop("ece") == pytest.approx(b.pop("ece"), rel=1e-12)
    for x, y in zip(a.pop("calibration"), b.pop("calibration"), strict=True):
        assert (x.pop("confidence") or 0.0) == pytest.approx(y.pop("confidence") or 0.0, rel=1e-12)
        assert x == y
    assert a == b


@pytest.fixture
def by_hand() -> EvalResult:
    """The right word is 1st, 2nd, 3rd and 1st."""
    return counted(
        [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]],
        [0, 1, 2, 1],
        recognised=np.array([1, 1, 0, -1], np.int8),
        countries=["DE", "US", "DE", ""],
    )


def test_ranks_by_hand(by_hand: EvalResult) -> None:
    assert (by_hand.n, by_hand.top1, by_hand.top3, by_hand.top5) == (4, 0.5, 1.0, 1.0)
    assert by_hand.map3 == pytest.approx((1 + 1 / 2 + 1 / 3 + 1) / 4)
    assert by_hand.loss == pytest.approx(-math.log(0.7 * 0.3 * 0.1 * 0.8) / 4)
    assert by_hand.overall == {"n": 4, "top1": 0.5, "top3": 1.0}


def test_ranks_beyond_three_and_five() -> None:
    p = np.tile(np.array([0.3, 0.25, 0.2, 0.1, 0.08, 0.07]), (6, 1))
    result = counted(p, range(6))
    assert (result.top1, result.top3, result.top5) == (1 / 6, 3 / 6, 5 / 6)
    assert result.map3 == pytest.approx((1 + 1 / 2 + 1 / 3) / 6)


def test_classes_by_hand(by_hand: EvalResult) -> None:
    assert by_hand.confusion.tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 0]]
    assert by_hand.by_class["c0"] == pytest.approx(
        {"precision": 1 / 3, "recall": 1.0, "f1": 0.5, "support": 1}
    )
    assert by_hand.by_class["c1"] == pytest.approx(
        {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}
    )
    assert by_hand.by_class["c2"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert by_hand.macro_f1 == pytest.approx((1 / 2 + 2 / 3) / 3)
    assert by_hand.most_confused == [
        {"true": "c2", "guessed": "c0", "count": 1, "share": 1.0},
        {"true": "c1", "guessed": "c0", "count": 1, "share": 0.5},
    ]


def test_groups_by_hand(by_hand: EvalResult) -> None:
    assert by_hand.by_recognised == {
        "yes": {"n": 2, "top1": 0.5, "top3": 1.0},
        "no": {"n": 1, "top1": 0.0, "top3": 1.0},
        "unknown": {"n": 1, "top1": 1.0, "top3": 1.0},
    }
    assert by_hand.by_country == {
        "DE": {"n": 2, "top1": 0.5, "top3": 1.0},
        "US": {"n": 1, "top1": 0.0, "top3": 1.0},
        "unknown": {"n": 1, "top1": 1.0, "top3": 1.0},
    }


def test_calibration_by_hand(by_hand: EvalResult) -> None:
    # One drawing in each of four bins: right at 0.7 and 0.8, wrong at 0.5 and 0.6.
    assert by_hand.ece == pytest.approx((0.3 + 0.2 + 0.5 + 0.6) / 4, abs=1e-6)
    assert by_hand.confidence == pytest.approx(0.65, abs=1e-6)
    assert len(by_hand.calibration) == 15
    assert sum(each["count"] for each in by_hand.calibration) == 4
    filled = [each for each in by_hand.calibration if each["count"]]
    assert [each["accuracy"] for each in filled] == [0.0, 0.0, 1.0, 1.0]
    assert by_hand.calibration[0]["accuracy"] is None


def test_a_certain_guess_lies_in_the_last_bin() -> None:
    result = counted([[1.0, 0.0]], [0])
    assert result.calibration[-1] == {
        "low": 14 / 15,
        "high": 1.0,
        "count": 1,
        "confidence": 1.0,
        "accuracy": 1.0,
    }


def test_sure_by_hand(by_hand: EvalResult) -> None:
    sure = {each["threshold"]: (each["answered"], each["accuracy"]) for each in by_hand.sure}
    assert list(sure) == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
    assert sure[0.5] == (1.0, 0.5)
    assert sure[0.55] == sure[0.6] == (0.75, 2 / 3)
    assert sure[0.65] == sure[0.7] == (0.5, 1.0)
    assert sure[0.75] == sure[0.8] == (0.25, 1.0)
    assert sure[0.85] == sure[0.95] == (0.0, None)


def test_top_losses_by_hand(by_hand: EvalResult) -> None:
    assert [each["row"] for each in by_hand.top_losses] == [2, 1, 0, 3]
    worst = by_hand.top_losses[0]
    assert (worst["true"], worst["guessed"]) == ("c2", "c0")
    assert worst["p_true"] == pytest.approx(0.1)
    assert worst["p_guessed"] == pytest.approx(0.6)


def test_the_48_worst_of_many_batches_are_kept() -> None:
    p_true = np.concatenate([random_batch(s)["probabilities"][:, 0] for s in range(5)])
    tally = Tally([str(i) for i in range(12)])
    for seed in range(5):
        batch = random_batch(seed)
        tally.update(batch["probabilities"], np.zeros(400, np.int64), rows=batch["rows"])
    kept = [each["p_true"] for each in tally.result().top_losses]
    np.testing.assert_array_equal(kept, np.sort(p_true)[:48])


def test_wilson_interval_of_the_textbook() -> None:
    # Newcombe 1998, Two-sided confidence intervals for the single proportion, table I.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson_interval(20, 20) == pytest.approx((0.8389, 1.0), abs=5e-5)


@pytest.mark.parametrize("classes", [2, 5, 345])
def test_a_network_that_says_the_same_of_all_is_never_right(classes: int) -> None:
    result = counted(np.full((classes, classes), 1 / classes), range(classes))
    assert result.top1 == 0.0
    assert result.confusion.diagonal().sum() == 0
    assert result.top3 == (1.0 if classes <= 3 else 0.0)


def test_a_tie_with_one_other_makes_it_the_guess() -> None:
    result = counted([[0.4, 0.4, 0.2]], [0])
    assert (result.top1, result.map3) == (0.0, 0.5)
    assert result.confusion.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_a_tie_among_wrong_words_does_not_matter() -> None:
    assert counted([[0.6, 0.2, 0.2]], [0]).top1 == 1.0


def test_zero_probability_has_a_finite_loss() -> None:
    assert counted([[1.0, 0.0]], [1]).loss == pytest.approx(-math.log(1e-12))


def test_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    n, classes = 3000, 20
    labels = rng.integers(classes - 1, size=n)  # the last class never occurs
    scores = rng.normal(size=(n, classes))
    scores[np.arange(n), labels] += 1.5
    p = (np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)).astype(np.float32)
    result = counted(p, labels)
    guesses, every = p.argmax(axis=1), np.arange(classes)
    np.testing.assert_array_equal(
        result.confusion, sk.confusion_matrix(labels, guesses, labels=every)
    )
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        labels, guesses, labels=every, zero_division=0
    )
    rows = list(result.by_class.values())
    for name, values in (
        ("precision", precision),
        ("recall", recall),
        ("f1", f1),
        ("support", support),
    ):
        np.testing.assert_allclose([row[name] for row in rows], values, rtol=1e-12)  # type: ignore[literal-required]
    assert result.macro_f1 == pytest.approx(
        sk.f1_score(labels, guesses, labels=every[:-1], average="macro")
    )
    assert result.macro_precision == pytest.approx(precision[:-1].mean())
    assert result.macro_recall == pytest.approx(recall[:-1].mean())
    for k, share in ((1, result.top1), (3, result.top3), (5, result.top5)):
        assert share == pytest.approx(sk.top_k_accuracy_score(labels, p, k=k, labels=every))
    # scikit-learn wants rows that sum to 1 in float64.
    exact = p.astype(np.float64) / p.astype(np.float64).sum(axis=1, keepdims=True)
    assert result.loss == pytest.approx(sk.log_loss(labels, exact, labels=every), rel=1e-6)


def draws(p: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Labels that occur as often as the probabilities say."""
    labels: NDArray[np.int64] = (p.cumsum(axis=1) > rng.random((len(p), 1))).argmax(axis=1)
    return labels


def test_a_calibrated_network_has_a_small_calibration_error() -> None:
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.full(8, 0.3), 20_000)
    result = counted(p, draws(p, rng))
    assert result.ece < 0.015
    assert result.confidence == pytest.approx(result.top1, abs=0.01)


def test_an_overconfident_network_has_a_large_one() -> None:
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.full(8, 0.3), 20_000)
    sharpened = p**4 / (p**4).sum(axis=1, keepdims=True)
    result = counted(sharpened, draws(p, rng))
    assert result.ece > 0.15
    assert result.confidence - result.top1 == pytest.approx(result.ece, abs=0.01)


def test_the_biggest_countries_and_the_sum_of_the_others() -> None:
    n = 500
    countries = [f"C{int(math.sqrt(i)):02d}" for i in range(n - 10)] + [""] * 10
    labels = np.arange(n) % 2
    result = counted(np.tile([0.7, 0.3], (n, 1)), labels, countries=countries)
    names = list(result.by_country)
    assert names[0] == "C21"  # 22 * 22 - 21 * 21 drawings; C22 has only 490 - 484
    assert names[-2:] == ["unknown", "others"]
    assert len(names) == 22
    assert sum(group["n"] for group in result.by_country.values()) == n
    right = sum(group["n"] * group["top1"] for group in result.by_country.values())
    assert right == pytest.approx(result.top1 * n)


def test_merged_tallies_equal_one_pass() -> None:
    one = tally_of([0, 1, 2, 3, 4])
    merged = tally_of([3, 1])
    merged.merge(tally_of([4]))
    merged.merge(tally_of([]))
    merged.merge(tally_of([0, 2]))
    assert_same(one.result(), merged.result())


def test_tallies_of_two_processes_equal_one_pass() -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        first, second = pool.map(tally_of, [[0, 2], [1, 3]])
    first.merge(second)
    assert_same(tally_of([0, 1, 2, 3]).result(), first.result())


def test_memory_does_not_grow_with_the_drawings() -> None:
    few, many = tally_of([0]), tally_of(list(range(20)))
    assert len(pickle.dumps(many)) < 1.1 * len(pickle.dumps(few))


def test_result_is_a_snapshot() -> None:
    tally = tally_of([0])
    before = tally.result()
    was = before.to_json()
    tally.update(**random_batch(1))
    assert before.to_json() == was


def test_an_empty_batch_counts_nothing() -> None:
    tally = tally_of([0])
    was = tally.result().to_json()
    nothing = np.zeros(0, np.int64)
    tally.update(np.zeros((0, 12), np.float32), nothing, rows=nothing)
    assert tally.result().to_json() == was


def test_what_cannot_be_counted_is_refused_and_leaves_no_trace() -> None:
    tally = tally_of([0])
    was = tally.result().to_json()
    good = random_batch(1)
    p = good["probabilities"]
    spoilt = p.copy()
    spoilt[3, 2] = np.nan
    far, before = good["labels"].copy(), good["labels"].copy()
    far[0], before[0] = 12, -1
    for change, error, message in (
        ({"probabilities": spoilt}, ModelError, "NaN for 1 of 400 .*checkpoint"),
        ({"probabilities": np.log(p)}, ModelError, "softmax"),
        ({"probabilities": p[:, :10]}, ModelError, "12 classes"),
        ({"labels": far}, UnknownClassError, "12, but there are 12 classes"),
        ({"labels": before}, UnknownClassError, "-1"),
        ({"labels": good["labels"][:-1]}, DataError, "399 labels"),
        ({"rows": good["rows"][:-1]}, DataError, "399 rows"),
        ({"recognised": good["recognised"][:-1]}, DataError, "399 recognised"),
        ({"countries": good["countries"][:-1]}, DataError, "399 countries"),
    ):
        with pytest.raises(error, match=message):
            tally.update(**{**good, **change})
    assert tally.result().to_json() == was


def test_nothing_counted_has_no_result() -> None:
    with pytest.raises(DataError, match="Choose a split"):
        Tally(["cat", "dog"]).result()


@pytest.mark.parametrize("classes", [[], ["cat", "dog", "cat"]])
def test_classes_are_different_and_there(classes: list[str]) -> None:
    with pytest.raises(DataError, match="each class once"):
        Tally(classes)


def test_tallies_of_other_classes_do_not_merge() -> None:
    with pytest.raises(ModelError, match="same network"):
        Tally(["cat", "dog"]).merge(Tally(["dog", "cat"]))


def test_importing_is_light() -> None:
    code = (
        "import sys, doodlewise.evaluation, doodlewise.evaluation.report\n"
        "assert not {'torch', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "import doodlewise.evaluation.plots\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("module", ["plots", "look"])
def test_pictures_without_matplotlib_say_what_to_install(module: str) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from doodlewise.errors import MissingExtraError\n"
        f"try:\n    import doodlewise.evaluation.{module}\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install 'doodlewise[train]'" in done.stdout
