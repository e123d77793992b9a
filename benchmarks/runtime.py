"""What the settings of onnxruntime are worth: for one guess, and for batches as a server has them.

    python benchmarks/runtime.py

The model that comes with the package draws and guesses real drawings, with one setting changed at
a time, all in turn; `predict/onnx_backend.py` says which are used, and why. A batch is cut into
pieces of so many bytes, as there; the pieces' size is one of the settings.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from common import DATA, in_turn, machine, median_and_spread, ratios, read_real, real_files
from doodlewise.predict.bundled import BUNDLED
from doodlewise.predict.onnx_backend import BATCH_BYTES
from doodlewise.predict.stroke_batches import stroke_batches
from doodlewise.ragged import Ragged

PIXELS = 28 * 28
AS_USED: Mapping[str, Any] = {
    "threads": 2, "spinning": 0, "pattern": False, "arena": False, "parallel": False,
    "bytes": BATCH_BYTES,
}  # fmt: skip
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "as used, 2 threads": {},
    "1 thread": {"threads": 1},
    "spinning": {"spinning": 1},
    "arena": {"arena": True},
    "arena and pattern": {"arena": True, "pattern": True},
    "parallel execution": {"parallel": True},
    "pieces of a quarter": {"bytes": BATCH_BYTES // 4},
    "pieces of a sixteenth": {"bytes": BATCH_BYTES // 16},
    "pieces four times as large": {"bytes": BATCH_BYTES * 4},
}
SIZES = (1, 8, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of simplified ndjson")
    parser.add_argument("--model", type=Path, default=BUNDLED, help="an exported model of strokes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each setting in each round")
    arguments = parser.parse_args()
    files = real_files(arguments.data)
    drawings, _ = read_real(files[:: max(1, len(files) // 60)], 512)
    print(machine(onnxruntime=onnxruntime.__version__))
    rates: dict[int, dict[str, list[float]]] = {}
    for size in SIZES:
        batches = [drawings.slice(at, at + size) for at in range(0, len(drawings) - size + 1, size)]
        ways = {
            name: _way(arguments.model, AS_USED | change, batches, arguments.seconds)
            for name, change in CHANGES.items()
        }
        rates[size] = in_turn(ways, arguments.rounds)
    print(f"{'ms a drawing':28}" + "".join(f"{f'batches of {size}':>26}" for size in SIZES))
    for name in CHANGES:
        cells = [
            median_and_spread([1000.0 / r for r in rates[size][name]], ".3f") for size in SIZES
        ]
        print(f"{name:28}" + "".join(f"{cell:>26}" for cell in cells))
    one, two = rates[SIZES[-1]]["1 thread"], rates[SIZES[-1]]["as used, 2 threads"]
    print(
        f"ratio of two threads to one, batches of 64: {median_and_spread(ratios(two, one), '.2f')}"
    )


def _way(
    model: Path, settings: Mapping[str, Any], batches: list[Ragged], seconds: float
) -> Callable[[], float]:
    return partial(_rate, _session(model, settings), settings["bytes"], batches, seconds)


def _rate(
    session: onnxruntime.InferenceSession, most: int, batches: list[Ragged], seconds: float
) -> float:
    """Drawings a second."""
    n, number = 0, 0
    started = time.perf_counter()
    while (took := time.perf_counter() - started) < seconds:
        batch = batches[number % len(batches)]
        for piece in stroke_batches(batch, longest=4096, most=most // (4 * PIXELS)):
            session.run(["probabilities"], {"points": piece.points, "pen": piece.pen})
        n += len(batch)
        number += 1
    return float(np.divide(n, took))


def _session(model: Path, settings: Mapping[str, Any]) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings["threads"]
    options.inter_op_num_threads = 2 if settings["parallel"] else 1
    if settings["parallel"]:
        options.execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL
    options.add_session_config_entry("session.intra_op.allow_spinning", str(settings["spinning"]))
    options.enable_mem_pattern = settings["pattern"]
    options.enable_cpu_mem_arena = settings["arena"]
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    main()
