"""What a run cost: added up over sessions and processes, and never guessed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from ctypes import c_ulonglong, c_void_p
from pathlib import Path
from typing import Any

import pytest
import torch

from doodlewise.training import energy, meter
from doodlewise.training.energy import GpuEnergy, energy_counters
from doodlewise.training.fit import Position
from doodlewise.training.meter import Meter, peak_memory_bytes
from doodlewise.training.setup import TrainedRun
from doodlewise.training.usage import Usage, read_usage, together, write_usage

Train = Callable[..., TrainedRun]
CPU = torch.device("cpu")


def alone(own: Any) -> list[Any]:
    return [own]


def row(train_s: float, wait_s: float, val_s: float) -> dict[str, float]:
    return {"train_s": train_s, "data_wait_s": wait_s, "val_s": val_s}


def test_waiting_steps_and_validation_follow_from_the_position() -> None:
    position = Position(
        epoch=2, wait_s=0.25, step_s=0.5, rows=[row(10.0, 2.0, 1.5), row(8.0, 1.0, 1.0)]
    )
    seconds = Usage(seconds={"starting": 4.0}).at(position).seconds
    assert seconds == {"starting": 4.0, "data_wait": 3.25, "steps": 15.5, "validation": 2.5}
    assert Usage(seconds=seconds).total_s == 25.25


def test_sessions_add_up_and_peaks_do_not() -> None:
    first = Usage({"starting": 3.0, "saving": 1.0}, 10.0, 1, 1, 500, None, {"processors": 60.0})
    second = Usage({"starting": 2.0}, 5.0, 2, 1, 400, 70, {"processors": 30.0})
    both = second.after(first)
    assert both == Usage(
        {"starting": 5.0, "saving": 1.0}, 15.0, 2, 2, 500, 70, {"processors": 90.0}
    )


def test_energy_that_only_some_sessions_have_counted_is_not_shown() -> None:
    counted = Usage(sessions=1, energy_j={"gpus": 5.0})
    assert Usage(sessions=1).after(counted).energy_j == {}
    assert counted.after(Usage(sessions=1)).energy_j == {}
    assert counted.after(Usage()).energy_j == {"gpus": 5.0}


def test_processes_together() -> None:
    one = Usage({"steps": 9.0}, 8.0, 1, 1, 300, 10, {"processors": 50.0, "gpus": 7.0})
    other = Usage({"steps": 9.1}, 7.0, 1, 1, 200, 30, {"gpus": 6.0})
    assert together([one, other]) == Usage(
        {"steps": 9.0}, 15.0, 2, 1, 500, 30, {"processors": 50.0, "gpus": 13.0}
    )
    assert together([one, Usage()]).peak_memory_bytes is None


def test_the_file_leaves_out_what_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "usage.json"
    usage = Usage({"starting": 1.234, "steps": 60.0}, 99.5, 1, 2, 10**9)
    write_usage(path, usage)
    values = json.loads(path.read_text())
    assert values == {
        "total_s": 61.23,
        "seconds": {"starting": 1.23, "steps": 60.0},
        "cpu_s": 99.5,
        "processes": 1,
        "sessions": 2,
        "peak_memory_bytes": 10**9,
    }
    assert read_usage(path).peak_memory_bytes == 10**9
    assert read_usage(path).seconds == {"starting": 1.23, "steps": 60.0}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"cpu_s": "much"}'])
def test_a_damaged_file_counts_from_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "usage.json"
    path.write_text(text)
    assert read_usage(path) == Usage()


def test_what_people_read() -> None:
    usage = Usage(
        {"starting": 2.0, "data_wait": 0.1, "steps": 150.0, "validation": 30.0, "finishing": 8.0},
        cpu_s=3700.0,
        processes=2,
        peak_memory_bytes=1_234_000_000,
        energy_j={"processors": 7200.0},
    )
    assert usage.line() == (
        "3:10 min (starting 1%, steps 79%, validation 16%, report 4%), 1:01 h of processor time,"
        " 1.2 GB of memory, 2 Wh of energy"
    )
    assert usage.facts() == {
        "time": "3:10 min: 2.0 s starting, 2:30 min steps, 30 s validation, 8.0 s evaluation and"
        " report",
        "processor time": "1:01 h",
        "most memory": "1.2 GB, 2 processes together",
        "energy of the processors": "2 Wh",
    }
    assert usage.columns() == {"peak_mb": 1234.0}


def test_a_meter_has_phases() -> None:
    with Meter(CPU, Usage(), time.time() - 5.0, alone) as clock:
        assert 0.0 <= clock.usage(Position()).seconds["starting"] < 5.0
        clock.started()
        with clock.phase("saving"):
            time.sleep(0.02)
            # It is asked while the phase goes on.
            assert clock.usage(Position()).seconds["saving"] >= 0.02
        with clock.phase("saving"):
            pass
    usage = clock.usage(Position())
    assert 5.0 <= usage.seconds["starting"] < 6.0
    assert 0.02 <= usage.seconds["saving"] < 0.5
    assert usage.sessions == 1


def test_a_meter_hears_of_the_others_and_goes_on_itself() -> None:
    def two(own: Usage) -> list[Usage]:
        return [own, Usage(cpu_s=100.0, peak_memory_bytes=1)]

    clock = Meter(CPU, Usage(sessions=3, cpu_s=1000.0), time.time(), two)
    assert clock.usage(Position()).processes == 1
    clock.hear()
    usage = clock.usage(Position())
    assert (usage.processes, usage.sessions) == (2, 4)
    assert 1100.0 <= usage.cpu_s < 1110.0


def test_the_peak_of_memory_is_that_of_the_run_where_the_system_can() -> None:
    try:
        (meter.PROC / "clear_refs").write_text("5")
    except OSError:
        pytest.skip("the system does not forget peaks")
    large = bytearray(200_000_000)
    with_it = peak_memory_bytes()
    del large
    Meter(CPU, Usage(), time.time(), alone)
    without = peak_memory_bytes()
    assert with_it is not None
    assert without is not None
    assert with_it - without > 100_000_000


def zone(folder: Path, name: str, kind: str, at: int, highest: int = 1_000_000) -> Path:
    path = folder / name
    path.mkdir()
    for file, value in (("name", kind), ("energy_uj", at), ("max_energy_range_uj", highest)):
        (path / file).write_text(f"{value}\n")
    return path


def test_processors_are_counted_whole_and_over_the_end_of_the_counter(tmp_path: Path) -> None:
    one = zone(tmp_path, "intel-rapl:0", "package-0", 900_000)
    two = zone(tmp_path, "intel-rapl:1", "package-1", 0)
    zone(tmp_path, "intel-rapl:0:0", "core", 0)
    zone(tmp_path, "intel-rapl:2", "psys", 0)
    (counter,) = energy_counters(CPU, powercap=tmp_path)
    assert (counter.of, counter.joules()) == ("processors", 0.0)
    (one / "energy_uj").write_text("100000\n")
    (two / "energy_uj").write_text("300000\n")
    assert counter.joules() == pytest.approx(0.5)
    (two / "energy_uj").write_text("500000\n")
    assert counter.joules() == pytest.approx(0.7)


def test_no_counter_no_energy(tmp_path: Path) -> None:
    assert energy_counters(CPU, powercap=tmp_path / "nowhere") == []
    broken = zone(tmp_path, "intel-rapl:0", "package-0", 5)
    (broken / "energy_uj").write_text("not for you\n")
    assert energy_counters(CPU, powercap=tmp_path) == []
    assert energy_counters(CPU, with_processors=False) == []


def test_a_counter_that_goes_away_says_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = zone(tmp_path, "intel-rapl:0", "package-0", 5)
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    monkeypatch.setattr(
        meter, "energy_counters", lambda *_, **__: energy_counters(CPU, powercap=tmp_path)
    )
    with Meter(CPU, Usage(), time.time(), alone) as clock:
        (folder / "energy_uj").write_text("2000005\n")
        (folder / "max_energy_range_uj").unlink()
        assert clock.usage(Position()).energy_j == {"processors": 2.0}
        (folder / "energy_uj").unlink()
        assert clock.usage(Position()).energy_j == {}


class Driver:
    """Stands for NVIDIA's library."""

    def __init__(self) -> None:
        self.millijoules, self.failure = 5_000, 0

    def nvmlDeviceGetTotalEnergyConsumption(self, _handle: c_void_p, found: Any) -> int:  # noqa: N802
        found._obj.value = c_ulonglong(self.millijoules).value
        return self.failure


def test_a_gpu_counts_from_the_beginning_of_the_run() -> None:
    driver = Driver()
    counter = GpuEnergy(driver, c_void_p())
    driver.millijoules = 12_500
    assert (counter.of, counter.joules()) == ("gpus", 7.5)
    driver.failure = 3
    with pytest.raises(OSError, match="does not say"):
        counter.joules()


@pytest.mark.usefixtures("without_report")
def test_a_run_counts_what_it_costs(train_tiny: Train, interrupt: Callable[..., str]) -> None:
    run = train_tiny(name="whole")
    usage = read_usage(run.folder / "usage.json")
    assert set(usage.seconds) == {
        "starting", "data_wait", "steps", "validation", "saving", "finishing",
    }  # fmt: skip
    trained = sum(row["train_s"] for row in run.rows)
    assert usage.seconds["data_wait"] + usage.seconds["steps"] == pytest.approx(trained, abs=0.05)
    assert usage.total_s == pytest.approx(run.usage.total_s, abs=0.05)
    assert usage.cpu_s > 0.1
    assert run.rows[-1]["peak_mb"] > 50
    assert "peak_mb" in (run.folder / "metrics.csv").read_text().splitlines()[0]
    assert "most memory" in (run.folder / "summary.txt").read_text()
    assert f"cost: {run.usage.line()}" in (run.folder / "train.log").read_text()

    interrupt(2, 3, name="broken")
    broken = run.folder.parent / "broken"
    before = read_usage(broken / "usage.json")
    resumed = train_tiny(name="broken", resume="last")
    after = read_usage(broken / "usage.json")
    assert (before.sessions, after.sessions) == (1, 2)
    assert after.seconds["starting"] > before.seconds["starting"]
    assert after.cpu_s > before.cpu_s
    trained = sum(row["train_s"] for row in resumed.rows)
    assert after.seconds["data_wait"] + after.seconds["steps"] == pytest.approx(trained, abs=0.05)
