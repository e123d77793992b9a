"""Freed memory is kept: a step of training asks the system for no new pages."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
torch.set_num_threads(1)
from doodlewise.models.registry import create_model
from doodlewise.heap import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
network = create_model("quickdraw_cnn_v2", n_classes=345)
images = torch.rand(256, 1, 28, 28)
def step():
    network(images).sum().backward()
for _ in range(8):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_steps_bring_no_new_pages() -> None:
    kept, given_back = faults("keep"), faults("leave")
    assert kept < given_back / 5


GIVEN_BACK = """
import numpy as np
from pathlib import Path
from doodlewise.heap import give_back_freed_memory, keep_freed_memory

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

assert keep_freed_memory()
blocks = [np.ones(1 << 20, np.uint8) for _ in range(200)]
del blocks
kept = resident_mb()
assert give_back_freed_memory()
print(kept - resident_mb())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_what_was_kept_can_be_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GIVEN_BACK], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) > 150
