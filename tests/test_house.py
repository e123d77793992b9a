"""What holds for the project as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import doodlewise

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
HEAVY = ("torch", "onnxruntime", "numba", "matplotlib", "pyarrow")


def modules_after(code: str) -> set[str]:
    """Which of the heavy modules a fresh interpreter has loaded after running this."""
    probe = f"import sys\n{code}\nprint('LOADED', *[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.split("LOADED")[1].split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert modules_after("import doodlewise") == set()


@pytest.mark.parametrize("command", [["--help"], ["train", "--help"], ["eval", "--help"]])
def test_help_loads_nothing_heavy(command: list[str]) -> None:
    code = f"from doodlewise.cli.app import run\nassert run({command!r}) == 0"
    assert modules_after(code) == set()


def test_the_public_names_are_sorted_and_there() -> None:
    assert doodlewise.__all__ == sorted(doodlewise.__all__)
    assert len(set(doodlewise.__all__)) == len(doodlewise.__all__)
    for name in doodlewise.__all__:
        assert getattr(doodlewise, name) is not None
        assert name in dir(doodlewise)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = doodlewise.nonsense


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_a_file_is_one_idea(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 500, f"{path} has {len(lines)} lines: is it still one idea?"
    if lines and path.name != "__init__.py":
        assert lines[0].startswith('"""'), f"{path} does not say what it is"


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "examples", "docs"])
def test_other_files_are_no_longer(folder: str) -> None:
    paths = list((ROOT / folder).rglob("*.py"))
    assert paths
    long = {str(each) for each in paths if each.read_text(encoding="utf-8").count("\n") > 500}
    assert not long, "Is each still one idea?"


def test_python_dash_m_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "doodlewise", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"doodlewise {doodlewise.__version__}"


def test_the_changelog_knows_the_version() -> None:
    assert f"## {doodlewise.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
