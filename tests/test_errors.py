from __future__ import annotations

import pickle
import re

import pytest

from doodlewise import errors
from doodlewise.errors import DoodlewiseError, MissingExtraError, did_you_mean

NAMES = [name for name in errors.__all__ if name != "did_you_mean"]


def test_all_errors_are_public_and_sorted() -> None:
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert set(NAMES) == defined
    assert errors.__all__ == sorted(errors.__all__)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    parents: list[str] = []
    drawn = {}
    for line in errors.__doc__.splitlines():
        if found := re.match(r"( {4}(?:[│├└─ ]*))([A-Z]\w+) *(  |$)", line):
            depth = (len(found[1]) - 4) // 4
            parents[depth:] = [found[2]]
            drawn[found[2]] = parents[depth - 1] if depth else None
    real = {}
    for name in NAMES:
        parent = getattr(errors, name).__bases__[0].__name__
        real[name] = None if parent == "Exception" else parent
    assert drawn == real


@pytest.mark.parametrize("name", NAMES)
def test_errors_cross_processes(name: str) -> None:
    kind = getattr(errors, name)
    error = kind("numba", "train") if kind is MissingExtraError else kind("Draw a cat.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert isinstance(again, DoodlewiseError)


def test_a_missing_extra_says_how_to_install_it() -> None:
    message = "This needs numba, which is not installed. Run: pip install 'doodlewise[train]'"
    assert str(MissingExtraError("numba", "train")) == message


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("clok", " Did you mean 'clock' or 'clocks'?"),
        ("CAT", " Did you mean 'cat'?"),
        ("the mona lisa", " Did you mean 'The Mona Lisa'?"),
        ("xyzzy", ""),
    ],
)
def test_did_you_mean(wrong: str, hint: str) -> None:
    assert did_you_mean(wrong, ["cat", "clock", "clocks", "The Mona Lisa"]) == hint


def test_did_you_mean_names_at_most_n() -> None:
    assert did_you_mean("cat", ["cat1", "cat2", "cat3"], n=1).count("'") == 2
    assert did_you_mean("cat", []) == ""
