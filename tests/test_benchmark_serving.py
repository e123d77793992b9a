"""The benchmarks of the server run, in small, and print what they promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
NUMBER = r"([\d,]+(?:\.\d+)?)"
SPREAD = rf"{NUMBER} \({NUMBER} to {NUMBER}\)"

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="servers are watched through Linux's /proc"
)


def run(script: str, *options: object) -> str:
    """What a script prints; it must name the machine and print one line with a ratio."""
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{script}.py"), *map(str, options)],
        capture_output=True,
        text=True,
        timeout=500,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^machine: .+ cores, .+ GiB; Python \d.+", done.stdout, re.M)) == 1
    assert len(re.findall(r"^ratio ", done.stdout, re.M)) == 1
    return done.stdout


def number_after(name: str, output: str) -> float:
    found = re.findall(rf"^{re.escape(name)}\D*?{NUMBER}", output, re.M)
    assert len(found) == 1, f"{name} in {output}"
    return float(found[0].replace(",", ""))


def test_serving(doodles: Path) -> None:
    output = run("serving", "--data", doodles, "--rounds", "1", "--seconds", "2", "--clients", "4")
    assert re.search(r"^ours: doodles-345 .+; plain: convnet_tiny, .* thread", output, re.M)
    alone, many = output.split("many clients")
    for name in ("ours", "plain"):
        ((p50, p99),) = re.findall(rf"^{name} +{NUMBER} \(.+?\) +{NUMBER} \(", alone, re.M)
        assert 0 < float(p50.replace(",", "")) <= float(p99.replace(",", ""))
        ((rate, cost),) = re.findall(rf"^{name} +{NUMBER} \(.+?\) +{NUMBER} \(", many, re.M)
        assert float(rate.replace(",", "")) > 0
        # A request takes some of the processor, and less than a second of it.
        assert 0 < float(cost.replace(",", "")) < 1000
    assert re.search(r"failed: ours 0, plain 0$", output, re.M)


def test_live(doodles: Path) -> None:
    output = run("live", "--data", doodles, "--drawers", "20", "--seconds", "5")
    assert "20 drawers for 5 s" in output
    assert number_after("lost", output) == 0
    urgent = number_after("pens lifted, cleared", output)
    # Everybody has lifted the pen once at least, in the end.
    assert number_after("answers", output) >= 20 <= urgent
    assert number_after("messages sent", output) > urgent
    memory = re.findall(
        r"^memory of the server .*?: (\d+), .*?: (\d+), .*?: (\d+) MiB", output, re.M
    )
    assert len(memory) == 1
    assert all(20 < int(mib) < 1000 for mib in memory[0])


def test_soak(doodles: Path) -> None:
    output = run("soak", "--data", doodles, "--requests", "400", "--workers", "8", "--quick")
    assert output.rstrip().endswith("no problem")
    assert number_after("400 requests in", output) >= 0
    table = output.split("\nkind ")[1].split("\n400 requests")[0]
    kinds = dict(re.findall(r"^([a-z].{27})((?: +[\d,]+)*) *$", table, re.M))
    counted = sum(int(n.replace(",", "")) for row in kinds.values() for n in row.split())
    assert counted == 400
    assert len(kinds) > 30
    assert number_after("good answers:", output) > 100
    assert "other 5xx: 0" in output


def test_soak_finds_what_is_wrong(doodles: Path, tmp_path: Path) -> None:
    """A server whose answers are those of another model is not right."""
    judge = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import soak\n"
        "true = soak.good_ones\n"
        "def other(*args, **more):\n"
        "    good = true(*args, **more)\n"
        "    good.guesses[:] = [(word, p / 2) for word, p in good.guesses]\n"
        "    return good\n"
        "soak.good_ones = other\n"
        "sys.argv[1:] = sys.argv[2:]\n"
        "soak.main()\n"
    )
    options = ["--data", str(doodles), "--requests", "30", "--workers", "4", "--quick"]
    done = subprocess.run(
        [sys.executable, "-c", judge, str(BENCHMARKS), *options],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert re.search(r"^drawing: wrong, ", done.stderr, re.M)
    assert re.search(r"^the end: a drawing is answered with 200", done.stderr, re.M)


def test_startup(doodles: Path) -> None:
    output = run("startup", "--data", doodles, "--rounds", "1", "--no-install")
    for name in ("serve to first answer", "predict"):
        ((seconds, _, _),) = re.findall(rf"^with all extras, {name} +{SPREAD} s$", output, re.M)
        assert 0.1 < float(seconds) < 100


def test_runtime(doodles: Path) -> None:
    output = run("runtime", "--data", doodles, "--rounds", "1", "--seconds", "0.02")
    rows = re.findall(rf"^\w.{{27}} *{SPREAD} +{SPREAD} +{SPREAD}$", output, re.M)
    assert len(rows) == 9
    assert all(float(row[0]) > 0 for row in rows)
