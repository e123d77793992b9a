"""Every example of docs/serve.md, against a server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from drawn import DRAWINGS, dark_on_light
from served import Running

from doodlewise.drawing import Drawing
from doodlewise.serve.settings import ServeSettings

PAGE = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.M | re.S)


def asked(text: str, server: Running) -> str:
    return text.replace("localhost:8000", f"127.0.0.1:{server.port}")


@pytest.mark.parametrize("line", [x for _, b in BLOCKS for x in b.splitlines() if "curl" in x])
def test_curl(server: Running, line: str, tmp_path: Path) -> None:
    dark_on_light(Drawing.from_strokes(DRAWINGS["house"])).save(tmp_path / "doodle.png")
    done = subprocess.run(
        asked(line, server).replace("curl ", "curl --fail-with-body ", 1),
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    if "metrics" not in line:
        assert json.loads(done.stdout)


@pytest.mark.parametrize("code", [text for language, text in BLOCKS if language == "python"])
def test_python(server: Running, code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", asked(code, server)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_answer_has_what_is_shown(server: Running) -> None:
    shown = json.loads(next(text for language, text in BLOCKS if language == "json"))
    assert set(server.ask({"strokes": [[[10, 20], [30, 40]]]}).json()) == set(shown)


def test_the_limits_are_the_limits() -> None:
    usual = ServeSettings()
    for name in ("max_strokes", "max_points", "concurrency", "queue", "connections", "batch"):
        assert f"{getattr(usual, name):,}" in PAGE
    assert f"{usual.max_body // 2**20} MiB; {usual.max_picture // 2**20} MiB" in PAGE
    assert f"{usual.rate:g} requests a second, {usual.burst:g} at once" in PAGE
    assert f"{usual.grace_seconds} s later" in PAGE
