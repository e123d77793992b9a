"""The command that downloads: what it prints, and its one view of many files on a terminal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bucket import Bucket
from fetching import ROWS, content

from doodlewise.data.catalog import WORD_SETS

pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")

WIDTH = 50
COMMAND = [sys.executable, "-m", "doodlewise", "data", "download", "--classes", "animals10"]


@pytest.fixture
def animals(bucket: Bucket) -> Bucket:
    """A bucket that takes a while to send ten words."""
    for seed, word in enumerate(WORD_SETS["animals10"]):
        bucket.files[f"full/simplified/{word}.ndjson"] = content("simplified", seed=seed)
    bucket.chunk, bucket.pause_s = 4000, 0.03
    return bucket


def on_a_terminal(command: list[str]) -> str:
    """What a command writes to a terminal that is 50 columns wide."""
    ours, its = pty.openpty()
    environment = os.environ | {"COLUMNS": str(WIDTH), "LINES": "24", "TERM": "xterm"}
    with subprocess.Popen(command, stdout=its, stderr=its, env=environment) as process:
        os.close(its)
        written = b""
        try:
            while piece := os.read(ours, 4096):
                written += piece
        except OSError:
            # So Linux says that the other side was closed.
            pass
        finally:
            os.close(ours)
        assert process.wait(timeout=30) == 0, written.decode()
    return written.decode()


def test_ten_words_are_one_view_of_few_lines(animals: Bucket, tmp_path: Path) -> None:
    written = on_a_terminal([*COMMAND, "--to", str(tmp_path), "--base-url", animals.url])
    # Rich writes the lines of a view anew, one after another, and moves up by as many in between.
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)
    views = re.split(r"(?<!\d)(?=\d+ of 10 files)", plain)[1:]
    heads = [int(view.split(" ")[0]) for view in views]
    assert heads == sorted(heads)
    assert len(set(heads)) > 2, "the view did not move on"
    for view in views[:-1]:
        lines = [line.strip() for line in view.splitlines() if line.strip()]
        # That of all files, and one for each of the four that are fetched at a time.
        assert len(lines) <= 1 + 4
        assert max(map(len, lines)) <= WIDTH
        assert all(re.search(r"\d\.\d MB", line) for line in lines)
    for word in WORD_SETS["animals10"]:
        assert f"{word}.ndjson: {ROWS} drawings" in re.sub(r"\s*\r?\n", "\n", plain)


def test_ctrl_c_says_how_to_go_on(animals: Bucket, tmp_path: Path) -> None:
    animals.pause_s = 0.5
    command = [*COMMAND, "--to", str(tmp_path), "--base-url", animals.url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while not animals.sent:
            assert time.monotonic() < deadline, "the process did not begin to download"
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.splitlines() == [
        "What has arrived is kept; run the same command again to go on.",
        "Stopped.",
    ]


def test_without_a_terminal_there_are_only_results(animals: Bucket, tmp_path: Path) -> None:
    command = [*COMMAND, "--to", str(tmp_path), "--base-url", animals.url, "--per-class", "9"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    files = json.loads(done.stdout)
    assert [file["word"] for file in files] == list(WORD_SETS["animals10"])
    assert {file["rows"] for file in files} == {9}
    assert all(Path(file["path"]).stat().st_size == file["bytes"] for file in files)
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(again.stdout.splitlines()) == 10
    assert "\x1b" not in again.stdout + again.stderr
    assert again.stderr.startswith("Next: doodlewise data prepare")
