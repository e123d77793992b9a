"""The benchmark scripts run, on few synthetic drawings, and print the figures that they promise."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
NUMBER = r"(-?[\d,]+(?:\.\d+)?)%?"
SPREAD = rf"{NUMBER} \({NUMBER} to {NUMBER}\)"


def run(script: str, *options: object) -> str:
    """What a script prints; it must name the machine and print one line with the ratio."""
    command = [sys.executable, str(BENCHMARKS / f"{script}.py"), *map(str, options)]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    machine = re.findall(r"^machine: .+ cores, .+ GiB; Python \d.+", result.stdout, re.M)
    assert len(machine) == 1
    assert len(re.findall(r"^ratio ", result.stdout, re.M)) == 1
    return result.stdout


def spread_after(name: str, output: str) -> tuple[float, float, float]:
    """Median, least and most, as printed on the line that begins with the name."""
    found = re.findall(rf"^{re.escape(name)}\D*? +{SPREAD}", output, re.M)
    assert len(found) == 1, f"{name} in {output}"
    middle, low, high = (float(number.replace(",", "")) for number in found[0])
    assert low <= middle <= high
    return middle, low, high


def test_rasteriser(doodles: Path) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed; it is in the bench extra")
    options = "--drawings 200 --judged 30 --sides 28 --factors 6 8 --rounds 2 --seconds 0.02"
    output = run("rasteriser", "--data", doodles, *options.split())

    quality = {
        name.strip(): (float(from_exact), float(from_definition))
        for name, from_exact, from_definition in re.findall(
            r"^(\w.{35}) +(\d+\.\d\d) +(\d+\.\d\d) +[\d,]+$", output, re.M
        )
    }
    assert len(quality) == 1 + 2 * 2
    assert quality["render_rows"][1] == 0.0
    rival = re.findall(r"^the rival is (.+)$", output, re.M)[0]
    assert quality[rival][0] <= quality["render_rows"][0]

    table = output.split("drawings/s")[1]
    ours = spread_after("render_rows", table)
    theirs = spread_after(rival, table)
    for name in ("render_augmented", "render_tensor on the CPU", "NumPy reference"):
        assert spread_after(name, table)[1] > 0
    ratio = re.findall(rf"28 pixels {SPREAD} to the rival, {SPREAD} to the usual way", output)
    assert len(ratio) == 1
    assert ours[1] / theirs[2] - 0.1 <= float(ratio[0][0]) <= ours[2] / theirs[1] + 0.1


def test_feeding(doodles: Path) -> None:
    options = "--words 6 --batch-size 16 --steps 4 --rounds 2 --cores 1 --workers 1"
    output = run("feeding", "--data", doodles, *options.split())
    assert "6 classes" in output
    assert "batches of 16, 4 steps a round, 2 rounds; ours in" in output

    table = output.split("drawings/s")[1]
    ours, held, tutorial = (spread_after(name, table) for name in ("ours", "held", "tutorial"))
    cost = spread_after("cost of feeding", output)
    # All are printed rounded.
    assert 1 - ours[2] / held[1] <= cost[0] / 100 + 0.02
    assert cost[0] / 100 - 0.02 <= 1 - ours[1] / held[2]
    ratio = spread_after("ratio of ours to the tutorial", output)
    assert ours[1] / tutorial[2] - 0.1 <= ratio[0] <= ours[2] / tutorial[1] + 0.1


def test_simplify(doodles: Path) -> None:
    options = "--drawings 300 --rounds 2 --seconds 0.02"
    output = run("simplify", "--data", doodles, *options.split())
    assert "1,080 drawings of 18 words" in output
    compiled, reference = (
        spread_after(name, output) for name in ("simplify", "Drawing.simplified")
    )
    assert spread_after("read from ndjson", output)[1] > 0
    ratio = spread_after("ratio of simplify to Drawing.simplified:", output)
    assert compiled[1] / reference[2] - 0.1 <= ratio[0] <= compiled[2] / reference[1] + 0.1
    # Even where other work takes most of the machine.
    assert ratio[2] > 5


@pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from Linux's /proc"
)
def test_memory(doodles: Path, tmp_path: Path) -> None:
    options = "--sizes 400 1500 --words 3 --steps 2 --rounds 1"
    output = run("memory", "--data", doodles, "--work", tmp_path, *options.split())
    assert list(tmp_path.iterdir()) == [], "temporary files were left"

    rows = re.findall(rf"^(prepare|train){f' +{NUMBER}' * 4}$", output, re.M)
    measured = {(step, int(n.replace(",", ""))): float(peak) for step, n, peak, _, _ in rows}
    assert all(0 < float(mapped) < float(peak) for _, _, peak, mapped, _ in rows)
    # Every drawing written as .bin was read again.
    assert {n for step, n in measured if step == "prepare"} == {400, 1500}
    # A Python with Arrow, and one with torch, take at least so much.
    assert min(peak for (step, _), peak in measured.items() if step == "prepare") > 20
    assert min(peak for (step, _), peak in measured.items() if step == "train") > 100
    more = spread_after("difference of prepare", output)[0]
    assert more == pytest.approx(measured["prepare", 1500] - measured["prepare", 400], abs=1.5)
    assert re.search(rf"^ratio of the peaks, .*: prepare {SPREAD}, train {SPREAD}$", output, re.M)


def test_devices(doodles: Path) -> None:
    options = "--words 6 --batch-size 32 --steps 3 --rounds 2 --sides 28 --device cpu"
    output = run("devices", "--data", doodles, *options.split(), "--model", "quickdraw_cnn_v1")
    assert "device: 1 x cpu (as asked), " in output
    for name in ("host batches", "device batches", "host steps", "device steps", "held steps"):
        assert spread_after(f"  28 pixels, {name}", output)[1] > 0
    for name in ("host", "device"):
        assert re.search(rf"28 pixels, not the network, {name}: {SPREAD}", output), output
    assert re.search(
        rf"^ratio of device to host, whole steps at 28 pixels: {SPREAD}$", output, re.M
    )


@pytest.mark.slow
def test_processes(doodles: Path) -> None:
    options = "--words 3 --epochs 1 --batch-size 32 --cores 1 --model quickdraw_cnn_v1"
    output = run("processes", "--data", doodles, *options.split())
    apart = dict(
        re.findall(rf"^quickdraw_cnn_v1 +(\S.*?) +{NUMBER} +[\d.]+ +[\d,]+$", output, re.M)
    )
    assert apart.keys() == {"one process", "one, in two parts", "two processes"}
    assert max(map(float, apart.values())) < 1e-3


@pytest.mark.slow
def test_networks(doodles: Path, tmp_path: Path) -> None:
    options = "--words 3 --minutes 0.01 --seeds 2 --rounds 1 --networks convnet_tiny stroke_gru"
    command = ("networks", "--data", doodles, "--work", tmp_path, *options.split())
    output = run(*command)
    assert "0.01 minutes of training each, 2 seeds" in output
    for name in ("convnet_tiny", "stroke_gru"):
        assert re.search(rf"^\| {name} \|( [\d.,]+ \|| [\d.]+ ± [\d.]+ % \|){{4}}", output, re.M)
    assert output.count('"best_epoch"') == 4
    again = run(*command)
    assert again.count('"best_epoch"') == 0
    assert again.splitlines()[-1] == output.splitlines()[-1]


@pytest.mark.slow
def test_finetune_seconds(doodles: Path) -> None:
    options = "--words 3 --drawings 8 --rounds 1"
    output = run("finetune_seconds", "--data", doodles, *options.split())
    seconds = [
        spread_after(name, output)[0]
        for name in ("report, all layers", "no report, all layers", "no report, last layer")
    ]
    assert min(seconds) > 0.5
    assert spread_after("ratio of with to without a report", output)[0] == pytest.approx(
        seconds[0] / seconds[1], abs=0.1
    )


@pytest.mark.slow
def test_finetuning(doodles: Path, tmp_path: Path) -> None:
    options = "--epochs 1 --draws 1 --shots 1 5 --passes 4"
    output = run(
        "finetuning", "--data", doodles, "--work", tmp_path, *options.split(),
        "--plot", tmp_path / "curve.png",
    )  # fmt: skip
    rows = [json.loads(line) for line in re.findall(r"^{.*way.*}$", output, re.M)]
    ways = ("last layer", "all layers", "from nothing", "teach")
    assert {(row["way"], row["shots"]) for row in rows} == {
        (way, shots) for way in ways for shots in (1, 5)
    }
    top1 = {row["way"]: row["top1"] for row in rows if row["shots"] == 5}
    # Ten words: a network that has learnt others knows more than chance after five drawings.
    assert top1["last layer"] > 0.2
    assert (tmp_path / "curve.png").stat().st_size > 10_000
