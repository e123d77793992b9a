"""Words that a network has never seen, from 1 to 100 drawings each: how far its past takes it.

    python benchmarks/finetuning.py                      # all of it; the base alone takes an hour
    python benchmarks/finetuning.py --base runs/base     # with a base that is there
    python benchmarks/finetuning.py --base runs/base --choose   # settings, on the validation split

Ten words are drawn by lot, and a network learns the others: the base. Then it learns the ten, from
a few of their drawings: its last layer only, and all of it (`finetune`); and a network with fresh
weights learns the same drawings (`train`). `teach`, which trains no network, stands beside them.

The drawings of the ten words are divided by the hash of their ids, as ever. Examples are drawn by
lot from the training side, others for every draw. Settings were chosen on the validation side. The
test side is looked at once for every figure. No drawing chooses an epoch: what is judged is the
model of the last one.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common import DATA, machine, mean_and_deviation, real_files, subject_of
from doodlewise.data.batches import windows
from doodlewise.data.prepare import prepare
from doodlewise.data.split import SPLITS, Fractions, split_of
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing
from doodlewise.evaluation.run import tally
from doodlewise.exporting.onnx import export_onnx
from doodlewise.models.bundle import load_bundle
from doodlewise.predict.classifier import load
from doodlewise.predict.teach import teach
from doodlewise.training.config import TrainConfig
from doodlewise.training.finetune import finetune
from doodlewise.training.setup import TrainedRun, train
from learning import Lines

N_NEW, LOT = 10, 5
"""How many words are new, and the seed that draws them."""
SHOTS = (1, 5, 10, 25, 100)
TAUGHT = (1, 5, 10)
"""Drawings of a word with which `teach` is compared."""
FRACTIONS = Fractions(val=0.1, test=0.15)
PASSES = 400
"""Over the drawings by a network with fresh weights, for one drawing a word; of n
drawings so many over the root of n: some hundred steps in all, and some thousand."""
NOTHING = {"batch_size": 16, "optim.lr": 2e-3, "optim.ema": 0.98}
"""Its other settings. They were chosen on the validation split as those of `finetune` were."""


@dataclass(frozen=True)
class Words:
    """The new words, on disk and by side.

    Attributes:
        lines: of each word, of each side, as they are in Google's files.
    """

    lines: dict[str, dict[str, list[str]]]

    @classmethod
    def read(cls, data: Path, words: list[str]) -> Words:
        lines = {}
        for word in words:
            path = data / f"{word}.ndjson"
            every = path.read_text(encoding="utf-8").splitlines()
            ids = np.array([int(json.loads(line)["key_id"]) for line in every], np.uint64)
            sides = split_of(ids, FRACTIONS)
            lines[word] = {
                split: [line for line, at in zip(every, sides, strict=True) if at == side]
                for side, split in enumerate(SPLITS)
            }
        return cls(lines)

    def store(self, work: Path, shots: int, draw: int) -> Store:
        """So many examples of each word to learn from; all others to validate and to test."""
        folder, out = work / "few" / f"{shots}-{draw}", work / "stores" / f"{shots}-{draw}"
        folder.mkdir(parents=True, exist_ok=True)
        for number, (word, lines) in enumerate(self.lines.items()):
            rng = random.Random(f"{shots} {draw} {number}")
            chosen = rng.sample(lines["train"], min(shots, len(lines["train"])))
            text = "\n".join([*chosen, *lines["val"], *lines["test"]])
            (folder / f"{word}.ndjson").write_text(text + "\n", encoding="utf-8")
        prepare([folder], out, fractions=FRACTIONS, jobs=1, overwrite=True)
        return Store(out)


@dataclass(frozen=True)
class Bench:
    """What every way of learning needs."""

    base: Path
    work: Path
    exported: Path | None = None
    passes: int = PASSES

    def finetuned(self, store: Store, draw: int, **settings: Any) -> TrainedRun:
        settings = {"seed": draw, "device": "cpu", "name": "tuned", "report": False, **settings}
        return finetune(
            self.base, store.folder, runs=str(self.work / "runs"), exist_ok=True, **settings
        )

    def from_nothing(
        self, store: Store, draw: int, *, passes: int | None = None, **settings: Any
    ) -> TrainedRun:
        info = load_bundle(self.base / "model")[1]
        passes = self.passes if passes is None else passes
        epochs = math.ceil(passes / (store.size("train") / len(store.classes)) ** 0.5)
        config = TrainConfig(store=str(store.folder), model=info.model, render=info.render)
        config = config.with_values(
            {
                **NOTHING, "epochs": epochs, "seed": draw, "device": "cpu", "name": "nothing",
                "runs": str(self.work / "runs"), "report": False, **settings,
            }
        )  # fmt: skip
        return train(config, exist_ok=True)


Way = Callable[[Store, int], TrainedRun]


def ways_of(bench: Bench) -> dict[str, Way]:
    return {
        "last layer": lambda store, draw: bench.finetuned(store, draw, head_only=True),
        "all layers": bench.finetuned,
        "from nothing": bench.from_nothing,
    }


def top1(run: TrainedRun, store: Store, split: str) -> float:
    """Of the weights of the last epoch."""
    subject = subject_of(run.folder / "model-final", is_calibrated=False)
    return tally(subject, store, split).result().top1


def drawings_of(store: Store, split: str) -> Iterator[tuple[Drawing, str]]:
    for rows in windows(store, split):
        assert rows.drawings is not None
        for drawing, label in zip(rows.drawings, rows.labels, strict=True):
            yield drawing, store.classes[label]


def taught(bench: Bench, store: Store, draw: int, split: str) -> tuple[float, float]:
    """Top-1 of `teach`, and seconds."""
    assert bench.exported is not None
    base = load(bench.exported)
    examples: dict[str, list[Drawing]] = {word: [] for word in store.classes}
    for drawing, word in drawings_of(store, "train"):
        examples[word].append(drawing)
    learnt = teach(base, examples, seed=draw)
    judged = [*drawings_of(store, split)]
    found = learnt.classifier.probabilities([drawing for drawing, _ in judged]).argmax(axis=1)
    words = [learnt.classifier.classes[at] for at in found]
    right: NDArray[np.bool_] = np.array([word for _, word in judged]) == np.array(words)
    return float(right.mean()), learnt.seconds


def curve(
    bench: Bench, words: Words, shots_of: list[int], draws: int, split: str
) -> list[dict[str, Any]]:
    """A row for each way, number of examples and draw."""
    rows: list[dict[str, Any]] = []
    for shots in shots_of:
        for draw in range(draws):
            store = words.store(bench.work, shots, draw)
            for name, way in ways_of(bench).items():
                started = time.perf_counter()
                run = way(store, draw)
                seconds = time.perf_counter() - started
                learning = sum(row["train_s"] + row["val_s"] for row in run.rows)
                rows.append(
                    {
                        "way": name, "shots": shots, "draw": draw, "n": store.size(split),
                        "top1": top1(run, store, split), "seconds": seconds,
                        "learning_s": learning,
                    }
                )  # fmt: skip
            if shots in TAUGHT and bench.exported is not None:
                right, seconds = taught(bench, store, draw, split)
                rows.append(
                    {
                        "way": "teach", "shots": shots, "draw": draw, "n": store.size(split),
                        "top1": right, "seconds": seconds, "learning_s": seconds,
                    }
                )  # fmt: skip
            for row in rows[-4:]:
                if (row["shots"], row["draw"]) == (shots, draw):
                    print(json.dumps(row), flush=True)
    return rows


def show(rows: list[dict[str, Any]], split: str) -> None:
    """Mean and standard deviation over draws, and seconds."""
    names = list(dict.fromkeys(row["way"] for row in rows))
    print(f"\ntop-1 on {rows[0]['n']} drawings of the {split} split, mean ± deviation over draws")
    print(f"{'drawings a word':>16}" + "".join(f"{name:>24}" for name in names))
    for shots in dict.fromkeys(row["shots"] for row in rows):
        line = f"{shots:>16}"
        for name in names:
            own = [row for row in rows if (row["way"], row["shots"]) == (name, shots)]
            line += f"{_cell(own) if own else '':>24}"
        print(line)
    few = min(row["shots"] for row in rows)
    wrong = {
        name: statistics.mean(
            1.0 - row["top1"] for row in rows if (row["way"], row["shots"]) == (name, few)
        )
        for name in ("last layer", "from nothing")
    }
    print(
        f"ratio of the last layer's wrong guesses to those from nothing, {few} a word:"
        f" {wrong['last layer'] / wrong['from nothing']:.2f}"
    )


def _cell(rows: list[dict[str, Any]]) -> str:
    right = [100 * row["top1"] for row in rows]
    seconds = statistics.median(row["seconds"] for row in rows)
    return f"{mean_and_deviation(right)} % {seconds:.1f} s"


def choose(bench: Bench, words: Words, draws: int) -> None:
    """What the settings of `finetune`, and of learning from nothing, were chosen by."""
    moving = {"freeze_norms": False}
    grid: list[tuple[str, dict[str, Any]]] = [
        *(("all layers", {"optim.lr": lr}) for lr in (3e-4, 1e-3, 3e-3)),
        *(("all layers", moving | {"optim.lr": lr}) for lr in (3e-4, 1e-3)),
        ("all layers", {"epochs": 20}),
        *(("last layer", {"head_only": True, "optim.lr": lr}) for lr in (3e-4, 1e-3, 1e-2)),
        *(("from nothing", {"optim.lr": lr}) for lr in (1e-3, 2e-3, 4e-3)),
        *(("from nothing", {"passes": passes}) for passes in (200, 800)),
    ]
    for shots in (10, 100):
        stores = [words.store(bench.work, shots, draw) for draw in range(draws)]
        for way, settings in grid:
            found = []
            for draw, store in enumerate(stores):
                learn = bench.from_nothing if way == "from nothing" else bench.finetuned
                found.append(100 * top1(learn(store, draw, **settings), store, "val"))
            spelled = ", ".join(f"{name} {value}" for name, value in settings.items())
            print(
                f"{shots:>4} a word  {way:14} {spelled:48} {statistics.mean(found):.1f} %"
                f" ({', '.join(f'{each:.1f}' for each in found)})",
                flush=True,
            )


def plot(rows: list[dict[str, Any]], to: Path) -> None:
    from matplotlib.figure import Figure

    from doodlewise.evaluation.look import BLUE, MUTED, ORANGE, percent_axis, styled, to_png

    looks = {
        "all layers": (BLUE, "-", "o"), "last layer": (BLUE, "--", "o"),
        "teach": (ORANGE, "-", "s"), "from nothing": (MUTED, "-", "o"),
    }  # fmt: skip

    @styled
    def drawn() -> Figure:
        figure = Figure(figsize=(6.4, 3.9), layout="constrained")
        axes = figure.subplots()
        for name, (colour, line, mark) in looks.items():
            own = [row for row in rows if row["way"] == name]
            shots = sorted({row["shots"] for row in own})
            each = [[row["top1"] for row in own if row["shots"] == n] for n in shots]
            means = [statistics.mean(values) for values in each]
            axes.fill_between(
                shots,
                [min(v) for v in each],
                [max(v) for v in each],
                color=colour,
                alpha=0.12,
                lw=0,
            )
            axes.plot(shots, means, line, marker=mark, ms=4, color=colour, label=name)
        axes.set_xscale("log")
        ticks = sorted({row["shots"] for row in rows})
        axes.set_xticks(ticks, [str(n) for n in ticks])
        axes.minorticks_off()
        axes.set_xlabel("drawings of a word to learn from")
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(percent_axis())
        axes.grid(axis="y")
        axes.set_title("Ten words that the network has never seen: guessed right")
        axes.legend(loc="lower right")
        return figure

    to.write_bytes(to_png(drawn()))
    print(f"written: {to}")


def trained_base(data: Path, work: Path, words: list[str], epochs: int) -> Path:
    """`convnet_tiny` on the other words."""
    prepare([data], work / "stores" / "base", classes=words)
    config = TrainConfig(
        store=str(work / "stores" / "base"), model="convnet_tiny", epochs=epochs, name="base",
        runs=str(work / "runs"), device="cpu", report=False,
    )  # fmt: skip
    return train(config, reporter=Lines, exist_ok=True).folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--base", type=Path, help="a run that knows none of the ten words")
    parser.add_argument("--epochs", type=int, default=13, help="of the base")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--shots", type=int, nargs="+", default=list(SHOTS), help="examples a word")
    parser.add_argument("--passes", type=int, default=PASSES, help="of a network from nothing")
    parser.add_argument("--choose", action="store_true", help="settings, on the validation split")
    parser.add_argument("--plot", type=Path, help="a picture of the curves")
    parser.add_argument("--again", type=Path, help="the rows of an earlier call, only to show them")
    work = Path(tempfile.gettempdir()) / "doodlewise-finetuning"
    parser.add_argument("--work", type=Path, default=work, help="for stores and runs")
    given = parser.parse_args()
    print(machine())
    if given.again:
        rows = json.loads(given.again.read_text(encoding="utf-8"))
    else:
        every = sorted(path.stem for path in real_files(given.data))
        new = sorted(random.Random(LOT).sample(every, N_NEW))
        print(f"new: {', '.join(new)}")
        others = [word for word in every if word not in new]
        base = given.base or trained_base(given.data, given.work, others, given.epochs)
        known = load_bundle(base / "model")[1].classes
        assert not {*known} & {*new}, "The base knows some of the new words."
        words = Words.read(given.data, new)
        if given.choose:
            choose(Bench(base, given.work), words, given.draws)
            return
        exported = given.work / "base.onnx"
        export_onnx(base, exported, input="pixels")
        bench = Bench(base, given.work, exported, given.passes)
        rows = curve(bench, words, given.shots, given.draws, "test")
        (given.work / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    show(rows, "test")
    if given.plot:
        plot(rows, given.plot)


if __name__ == "__main__":
    main()
