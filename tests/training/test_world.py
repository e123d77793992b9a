"""What a process learns of the others from its environment."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from doodlewise.cli._errors import report_error
from doodlewise.errors import ConfigError, TrainingError
from doodlewise.training.config import TrainConfig
from doodlewise.training.device import make_fabric
from doodlewise.training.peers import PeerLostError, explain_lost_peers
from doodlewise.training.setup import describe, train
from doodlewise.training.world import (
    World,
    as_started,
    n_processes,
    outside_world,
    restarted_to_resume,
    speaks,
)

CONFIG = TrainConfig("stores/a", name="first")
ELSEWHERE = {
    "RANK": "3",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_RUN_ID": "none",
}
"""The second process on the second of four machines."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*ELSEWHERE, "TORCHELASTIC_RESTART_COUNT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in ELSEWHERE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_nobody_has_started_others() -> None:
    assert outside_world() is None
    assert as_started(CONFIG) is CONFIG
    assert speaks()
    assert n_processes(replace(CONFIG, devices=4)) == 4
    assert n_processes(replace(CONFIG, devices=2, launcher="ray", num_workers=4)) == 8


def test_four_machines_of_two(elsewhere: pytest.MonkeyPatch) -> None:
    world = outside_world()
    assert world == World(3, 8, 1, 2, "10.0.0.1", 29500, starter="torchrun")
    assert as_started(CONFIG).devices == 2
    assert n_processes(CONFIG) == 8
    assert not speaks()
    fabric, reasons = make_fabric(replace(CONFIG, device="cpu"), world)
    assert (fabric.world_size, fabric.global_rank, fabric.local_rank) == (8, 3, 1)
    assert reasons["device"] == "8 x cpu (as asked, started by torchrun)"


def test_a_scheduler_that_does_not_say_how_many_are_here(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.delenv("LOCAL_WORLD_SIZE")
    elsewhere.delenv("TORCHELASTIC_RUN_ID")
    world = outside_world()
    assert world is not None
    assert (world.local_size, world.starter) == (8, "the environment")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (replace(CONFIG, devices=4), r"devices is 4, but torchrun has started 2 .*per-node 4\.$"),
        (replace(CONFIG, launcher="ray"), r"torchrun has started 8 .* Leave out torchrun, or"),
    ],
)
def test_what_does_not_fit(config: TrainConfig, said: str, elsewhere: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=said):
        as_started(config)


def test_a_number_that_is_none(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.setenv("RANK", "first")
    with pytest.raises(ConfigError, match=r"no number.* Start the processes by torchrun"):
        outside_world()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"num_workers": 2}, r"only Ray has workers\. Add --launcher ray, or use --devices 2\.$"),
        ({"num_workers": 0, "launcher": "ray"}, r"num_workers is 0; choose 1 or more\.$"),
    ],
)
def test_workers_that_cannot_be(config: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        CONFIG.with_values(config)


def test_a_batch_must_go_round(
    elsewhere: pytest.MonkeyPatch, strokes_store: Path, tmp_path: Path
) -> None:
    config = TrainConfig(str(strokes_store), batch_size=12, runs=str(tmp_path), device="cpu")
    with pytest.raises(ConfigError, match=r"12 cannot be shared evenly by 8.* multiple of 8\.$"):
        train(config)
    facts, _ = describe(replace(config, batch_size=16))
    assert facts["device"] == "8 x cpu (as asked, started by torchrun)"
    assert not list(tmp_path.iterdir())


def test_torchrun_starts_a_run_again_that_has_lost_a_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = replace(CONFIG, runs=str(tmp_path))
    assert restarted_to_resume(config, None) is None
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert restarted_to_resume(config, None) is None, "nothing was saved"
    last = tmp_path / "first" / "weights" / "last.ckpt"
    last.parent.mkdir(parents=True)
    last.touch()
    assert restarted_to_resume(config, None) == "last"
    assert restarted_to_resume(config, "other.ckpt") == "other.ckpt"
    assert restarted_to_resume(replace(config, name=""), None) is None


def test_who_cannot_ask_the_others_speaks(
    elsewhere: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere.setenv("MASTER_ADDR", "127.0.0.1")
    elsewhere.setenv("MASTER_PORT", "1")
    elsewhere.setattr("doodlewise.training.world.ASK_S", 0.1)
    assert report_error(TrainingError("It is full. Use less.")) == 1
    assert capsys.readouterr().err == "Error: It is full. Use less.\n"


def test_of_those_who_meet_the_same_error_one_says_it(
    elsewhere: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from torch.distributed import TCPStore

    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    elsewhere.setenv("MASTER_ADDR", "127.0.0.1")
    elsewhere.setenv("MASTER_PORT", str(store.port))
    for _ in range(3):
        assert report_error(ConfigError("There is no network. Choose another.")) == 2
    assert capsys.readouterr().err == "Error: There is no network. Choose another.\n"


@pytest.mark.parametrize(
    "said",
    [
        "[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [::1]:4",
        "NCCL error: remote process exited or there was a network error",
    ],
)
def test_what_talking_to_one_that_has_gone_ends_in(said: str) -> None:
    with pytest.raises(PeerLostError, match=r"was killed.* go on by --resume last\.$"):  # noqa: SIM117
        with explain_lost_peers():
            raise RuntimeError(said)


def test_other_errors_are_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes do not fit"), explain_lost_peers():
        raise RuntimeError("shapes do not fit")


def test_settings_are_read_without_torch() -> None:
    code = "import sys, doodlewise.training.world; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
