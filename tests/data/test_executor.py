"""The same store, wherever it was prepared: in one process, in two, on a Ray cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from doodlewise.data.cluster import _is_gone
from doodlewise.data.executor import make_executor
from doodlewise.data.prepare import prepare
from doodlewise.errors import ConfigError, FormatError, MissingExtraError

ON_A_CLUSTER = """
import json, logging, sys
import ray
from ray.cluster_utils import Cluster
from doodlewise.data.cluster import _is_gone
from doodlewise.data.executor import make_executor
from doodlewise.data.prepare import prepare
from doodlewise.errors import FormatError

source, out, loses_a_node = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
second = cluster.add_node(num_cpus=1)
ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
nodes, reports = len([node for node in ray.nodes() if node["Alive"]]), []


def tell(at):
    reports.append([at.doing, at.done])
    if loses_a_node and at.doing == "reading" and at.done == 1:
        cluster.remove_node(second, allow_graceful=False)


prepare([source], out, executor="ray", progress=tell)


def refuse(task):
    if task == 2:
        raise FormatError("task 2 cannot be done")
    return task


with make_executor("ray") as executor:
    try:
        list(executor.map(refuse, range(4)))
    except FormatError as error:
        refused = str(error)
told = {"refused": refused, "nodes": nodes, "reports": reports, "left": ray.is_initialized()}
print(json.dumps(told))
ray.shutdown()
cluster.shutdown()
"""


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("loses_a_node", [False, True])
def test_a_cluster_of_two_nodes_writes_the_same_bytes(
    doodles: Path, tmp_path: Path, loses_a_node: bool
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'doodlewise[ray]'")
    prepare([doodles], tmp_path / "here", jobs=1)
    done = subprocess.run(
        [sys.executable, "-c", ON_A_CLUSTER, doodles, tmp_path / "there", str(loses_a_node)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # Ray writes of the lost node between the lines.
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("{")]
    told = json.loads(line)
    assert told["nodes"] == 2
    assert told["refused"] == "task 2 cannot be done"
    assert told["left"], "a cluster that was there before is left running"
    assert [doing for doing, _ in told["reports"]].count("reading") == 1 + len(
        list(doodles.iterdir())
    )
    assert files_of(tmp_path / "there") == files_of(tmp_path / "here")


def test_an_executor_that_there_is_not() -> None:
    with (
        pytest.raises(ConfigError, match=r"no executor 'threads'. Choose processes or ray"),
        make_executor("threads"),  # type: ignore[arg-type]
    ):
        pass


def test_a_number_of_jobs_that_cannot_be() -> None:
    with (
        pytest.raises(ConfigError, match="--jobs is 0; choose 1 or more"),
        make_executor("processes", jobs=0),
    ):
        pass


def test_without_ray_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(MissingExtraError, match=r"pip install 'doodlewise\[ray\]'"),
        make_executor("ray"),
    ):
        pass


def test_a_cluster_that_is_not_there_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'doodlewise[ray]'")

    def refuse_to_connect(*_: object, **__: object) -> None:
        raise ConnectionError("Failed to connect to Ray cluster at 127.0.0.1:1")

    monkeypatch.setattr(ray, "init", refuse_to_connect)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with (
        pytest.raises(
            ConfigError, match=r"RAY_ADDRESS=127\.0\.0\.1:1\. Start it .*MODE=token too\.$"
        ),
        make_executor("ray"),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "is_gone"), [("127.0.0.1:1", True), ("", False), ("ray://somewhere", False)]
)
def test_a_cluster_that_was_noted_may_be_gone(address: str, is_gone: bool) -> None:
    assert _is_gone(address) == is_gone


def refuse(task: int) -> int:
    if task == 2:
        raise FormatError("task 2 cannot be done")
    return task * task


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_with_their_tasks_and_errors_as_they_are(jobs: int) -> None:
    with make_executor("processes", jobs=jobs, tasks=2) as executor:
        assert sorted(executor.map(refuse, [0, 1, 3])) == [(0, 0), (1, 1), (3, 9)]
        with pytest.raises(FormatError, match="task 2 cannot be done"):
            list(executor.map(refuse, [1, 2, 3]))
