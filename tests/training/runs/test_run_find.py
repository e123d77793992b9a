from __future__ import annotations

from pathlib import Path

import pytest

from doodlewise.errors import RunError
from doodlewise.training.runs.find import find_runs, newest_run, read_run
from made_runs import copied, make_run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three runs, a sweep, and things that are neither, in the folder "runs" of the current one."""
    monkeypatch.chdir(tmp_path)
    folder = Path("runs")
    make_run(folder / "first", day="2025-03-01")
    make_run(folder / "newest", day="2025-03-09")
    make_run(folder / "second", day="2025-03-05")
    for number in range(3):
        make_run(folder / "lr" / "trials" / f"{number:03}", day="2025-03-02")
    (folder / "lr" / "config.yaml").write_text("vary: {}\n")
    (folder / "notes").mkdir()
    (folder / "notes" / "todo.txt").write_text("all")
    (folder / ".hidden").mkdir()
    (folder / "a file").write_text("")
    return folder


def test_newest_first_and_the_rest_is_named(runs: Path) -> None:
    found = find_runs(runs)
    assert [run.name for run in found.runs] == ["newest", "second", "first"]
    assert [path.name for path in found.sweeps] == ["lr"]
    assert found.others == ["notes"]
    assert newest_run(runs).name == "newest"


def test_a_sweep_stands_for_its_trials(runs: Path) -> None:
    found = find_runs(runs / "lr")
    assert sorted(found.name_of(run) for run in found.runs) == ["000", "001", "002"]


def test_all_runs_below_a_folder(runs: Path) -> None:
    found = find_runs(runs, is_deep=True)
    assert {found.name_of(run) for run in found.runs} == {
        "first", "second", "newest", "lr/trials/000", "lr/trials/001", "lr/trials/002",
    }  # fmt: skip
    assert found.sweeps == []


def test_a_link_to_its_own_folder_is_no_trap(runs: Path) -> None:
    (runs / "loop").symlink_to(runs.resolve(), target_is_directory=True)
    assert len(find_runs(runs, is_deep=True).runs) < 100


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no folder\. Name the folder of your runs by --runs"):
        find_runs(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is a file"):
        find_runs(tmp_path / "file")
    with pytest.raises(RunError, match=r"no runs in .*Begin one"):
        newest_run(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["first", "runs/first", "./runs/first/", "runs/first/model", "runs/first/config.yaml"],
)
def test_a_run_by_name_and_by_path(name: str, runs: Path) -> None:
    assert read_run(name, runs).path.resolve() == (runs / "first").resolve()
    assert read_run((runs / "first").resolve()).name == "first"


def test_a_name_is_looked_for_among_the_runs_first(runs: Path) -> None:
    copied(runs / "second", Path("first"))
    assert read_run("first").path == Path("runs/first")
    assert read_run("./first").config["name"] == "second"
    assert read_run(Path("first").resolve()).config["name"] == "second"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("frist", r"no run 'frist' in runs\. Did you mean 'first'\? See: doodlewise runs list"),
        ("xyz", r"no run 'xyz' in runs\. See: doodlewise runs list"),
        ("there/frist", r"no run 'there/frist' at there/frist\. Did you mean 'first'"),
        ("runs/notes", r"no run in runs/notes: it has no config\.yaml"),
        ("lr", r"runs/lr is a sweep of many runs\. See: doodlewise runs list --runs runs/lr"),
        ("sub", r"no run 'sub'"),
    ],
)
def test_a_run_that_is_not_there(name: str, said: str, runs: Path) -> None:
    with pytest.raises(RunError, match=said):
        read_run(name, runs)


def test_what_is_left_of_a_run_is_one(runs: Path) -> None:
    (runs / "first" / "config.yaml").unlink()
    run = read_run("first", runs)
    assert (run.problems, run.state.name) == (["config.yaml is missing"], "finished")
    (runs / "first" / "train.log").unlink()
    (runs / "first" / "model" / "config.json").unlink()
    assert read_run("first", runs).state.name == "unknown"


def test_the_folder_in_which_one_is(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs / "first")
    run = read_run(".")
    assert (run.name, run.model) == ("first", "convnet_tiny")
