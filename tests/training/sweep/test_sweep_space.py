"""What a sweep varies: names and values as people write them."""

from __future__ import annotations

import pytest

from doodlewise.errors import ConfigError
from doodlewise.training.config import TrainConfig
from doodlewise.training.sweep.space import (
    Choices,
    Range,
    combinations,
    parse_search,
    setting_name,
    short_names,
    spelled,
    to_axis,
)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("optim.lr", "optim.lr"),
        ("lr", "optim.lr"),
        ("--lr", "optim.lr"),
        ("weight-decay", "optim.weight_decay"),
        ("weight_decay", "optim.weight_decay"),
        ("batch-size", "batch_size"),
        ("side", "render.side"),
        ("ema", "optim.ema"),
        ("optim.ema", "optim.ema"),
        ("model", "model"),
    ],
)
def test_a_setting_is_known_by_each_of_its_names(said: str, meant: str) -> None:
    assert setting_name(said) == meant


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("wieght_decay", "Did you mean 'weight_decay'"),
        ("rotate", "augment.rotate or pixels.rotate. Write the whole name."),
        ("seed", "Use --seeds N."),
        ("store", "Make a sweep for each store."),
        ("runs", "cannot vary runs"),
        ("nonsense", "There is no setting 'nonsense'"),
    ],
)
def test_a_setting_that_cannot_vary_is_told_why(said: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        setting_name(said)
    assert problem in str(raised.value)


def test_a_list_has_values_of_the_right_type(base: TrainConfig) -> None:
    assert to_axis("optim.lr", "1e-2,1e-3", base) == Choices((0.01, 0.001))
    assert to_axis("batch_size", "32, 64", base) == Choices((32, 64))
    assert to_axis("batch_size", [64, 32, 64], base) == Choices((64, 32))
    assert to_axis("optim.schedule", "cosine|constant", base) == Choices(("cosine", "constant"))
    assert to_axis("model", "a,b", base) == Choices(("a", "b"))


def test_a_search_has_ranges_and_lists(base: TrainConfig) -> None:
    space = parse_search("lr=log:1e-4..3e-2 ema=0.9..0.999 patience=int:1..9 side=28|32", base)
    assert space == {
        "optim.lr": Range(1e-4, 3e-2, is_log=True),
        "optim.ema": Range(0.9, 0.999),
        "patience": Range(1, 9, is_int=True),
        "render.side": Choices((28, 32)),
    }
    again = {name: to_axis(name, str(axis), base) for name, axis in space.items()}
    assert again == space


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "--search is empty"),
        ("lr", "'lr' is no range. Write NAME=log:A..B"),
        ("lr=", "'lr=' is no range"),
        ("lr=log:1e-4", "is no range"),
        ("lr=log:a..b", "is no range"),
        ("lr=lin:1..2", "is no range"),
        ("lr=1e-2..1e-4", "begins with the larger end"),
        ("lr=log:0..1", "powers of ten have no 0"),
        ("lr=0..1e-2", "optim.lr is 0"),
        ("ema=0.9..1.5", "optim.ema is a decay"),
        ("model=a..b", "is no range"),
        ("model=1..2", "has no range. Write model=A|B|C."),
        ("batch_size=int:1.5..9", "is a whole number"),
        ("lr=log:1e-4..1e-2 optim.lr=1e-3|1e-2", "names optim.lr twice"),
        ("lrr=1..2", "Did you mean 'lr'"),
        ("batch_size=64||128", "has an empty value"),
        ("batch_size=64|many", "batch_size is 'many'"),
    ],
)
def test_a_search_that_cannot_be_read_says_how_it_is_written(
    text: str, problem: str, base: TrainConfig
) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_search(text, base)
    assert problem in str(raised.value)


def test_the_last_setting_varies_fastest() -> None:
    axes = {"optim.lr": Choices((0.1, 0.2)), "batch_size": Choices((1, 2))}
    assert [tuple(each.values()) for each in combinations(axes)] == [
        (0.1, 1), (0.1, 2), (0.2, 1), (0.2, 2)
    ]  # fmt: skip


def test_names_are_short_where_that_is_clear() -> None:
    names = short_names(["optim.lr", "augment.rotate", "pixels.rotate"])
    assert list(names.values()) == ["lr", "augment.rotate", "pixels.rotate"]
    assert [spelled(v) for v in (0.0001, True, ("ink", "order"), 64)] == [
        "0.0001", "on", "ink+order", "64"
    ]  # fmt: skip
