"""Every network beside the others: what each has learnt after the same time on two CPU cores.

    python benchmarks/networks.py --work /tmp/networks

First the rates, on a quiet machine: every network in turn, several rounds, two threads. They give
each as many epochs as fit into --minutes. Then the trainings, every one with its seeds: what is
learnt in so many epochs does not depend on what else the machine does, so they run beside each
other, a thread each. The validation split chooses the epoch; the test split is looked at once.
Killed, it goes on where it stopped. Needs the Quick, Draw! ndjson files (--data).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
from dataclasses import asdict
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import torch

from common import (
    DATA,
    in_turn,
    machine,
    mean_and_deviation,
    median_and_spread,
    ratios,
    real_files,
    subject_of,
    use_cores,
)
from doodlewise.data.prepare import prepare
from doodlewise.data.split import Fractions
from doodlewise.data.store import Store
from doodlewise.evaluation.run import tally
from doodlewise.files import write_json
from doodlewise.raster import RenderSpec
from doodlewise.training.config import TrainConfig
from doodlewise.training.setup import train

ORDER = ("ink", "order")
NETWORKS: dict[str, dict[str, Any]] = {
    "convnet_tiny": {"model": "convnet_tiny"},
    "convnet_tiny, ink and order": {
        "model": "convnet_tiny",
        "render": asdict(RenderSpec(channels=ORDER)),
    },
    "quickdraw_cnn_v2": {"model": "quickdraw_cnn_v2"},
    "doodlenet": {"model": "doodlenet"},
    "stroke_gru": {"model": "stroke_gru"},
    "stroke_transformer": {"model": "stroke_transformer"},
    "fusion_small": {"model": "fusion_small"},
}
"""The first one is what the others are compared with."""
FRACTIONS = Fractions(val=0.1, test=0.15)


def config_of(name: str, store: Store, work: Path, epochs: int, seed: int) -> TrainConfig:
    spelled = name.replace(", ", "-").replace(" ", "-")
    config = TrainConfig(
        store=str(store.folder), epochs=epochs, seed=seed, device="cpu",
        name=f"{spelled}-{seed}", runs=str(work / "runs"), report=False,
    )  # fmt: skip
    return config.with_values(NETWORKS[name])


def measure_rates(
    names: list[str], store: Store, work: Path, rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Drawings a second in training and in predicting, of every network in every round."""
    predicting: dict[str, list[float]] = {name: [] for name in names}

    def one(name: str) -> float:
        config = config_of(name, store, work / "rates", 2, 0)
        run = train(config, exist_ok=True)
        subject = subject_of(run.folder / "model")
        started = time.perf_counter()
        tally(subject, store, "test")
        predicting[name].append(store.size("test") / (time.perf_counter() - started))
        # Of the second epoch, in which all is warm.
        return float(run.rows[-1]["drawings_per_s"])

    training = in_turn({name: lambda name=name: one(name) for name in names}, rounds)
    return {
        name: {"training": training[name], "predicting": predicting[name][1:]} for name in names
    }


def learn(given: tuple[str, Path, Path, int, int]) -> dict[str, Any]:
    """One network with one seed, from beginning to end; a line of the results."""
    name, folder, work, epochs, seed = given
    torch.set_num_threads(1)
    store = Store(folder)
    config = config_of(name, store, work, epochs, seed)
    is_begun = (work / "runs" / config.name / "weights" / "last.ckpt").exists()
    run = train(config, resume="last" if is_begun else None, exist_ok=not is_begun)
    subject = subject_of(run.folder / "model")
    n_numbers = sum(each.numel() for each in subject.network.parameters())
    result = tally(subject, store, "test").result()
    return {
        "name": name, "seed": seed, "epochs": epochs, "parameters": n_numbers,
        "top1": result.top1, "top5": result.top5, "n": result.n, "best_epoch": run.best_epoch,
    }  # fmt: skip


def show(rates: dict[str, dict[str, list[float]]], rows: list[dict[str, Any]]) -> None:
    first = next(iter(rates))
    print(
        "\n| network | parameters | top-1, test | top-5, test | epochs | training | predicting |"
        "\n| --- | --- | --- | --- | --- | --- | --- |"
    )
    for name, rate in rates.items():
        own = [row for row in rows if row["name"] == name]
        if not own:
            continue
        top1, top5 = (
            f"{mean_and_deviation([100 * row[of] for row in own], '.2f')} %"
            for of in ("top1", "top5")
        )
        print(
            f"| {name} | {own[0]['parameters']:,} | {top1} | {top5} |"
            f" {own[0]['epochs']} | {statistics.median(rate['training']):,.0f}/s |"
            f" {statistics.median(rate['predicting']):,.0f}/s |"
        )
    compared = (
        f"{name} {median_and_spread(ratios(rate['training'], rates[first]['training']), '.2f')} and"
        f" {median_and_spread(ratios(rate['predicting'], rates[first]['predicting']), '.2f')}"
        for name, rate in rates.items()
    )
    print(f"ratio to {first}, of training and predicting: {'; '.join(compared)}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--work", type=Path, required=True, help="folder of stores and runs")
    parser.add_argument("--words", type=int, default=49, help="how many, evenly from all")
    parser.add_argument("--minutes", type=float, default=2.0, help="of training, for each network")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3, help="in which rates are measured")
    parser.add_argument("--jobs", type=int, default=2, help="trainings beside each other")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    files = real_files(given.data)
    files = files[:: len(files) // given.words][: given.words]
    folder = given.work / "store"
    if not (folder / "manifest.json").exists():
        prepare(files, folder, fractions=FRACTIONS)
    few = given.work / "few"
    if not (few / "manifest.json").exists():
        prepare(files[:: max(1, len(files) // 12)], few, fractions=FRACTIONS)
    store = Store(folder)
    print(machine())
    print(f"{store!r}; {given.minutes:g} minutes of training each, {given.seeds} seeds")

    measured = given.work / "rates.json"
    if not measured.exists():
        torch.set_num_threads(use_cores(2))
        write_json(measured, measure_rates(given.networks, Store(few), given.work, given.rounds))
    rates = json.loads(measured.read_text(encoding="utf-8"))

    done = given.work / "rows.json"
    rows = json.loads(done.read_text(encoding="utf-8")) if done.exists() else []
    found = {(row["name"], row["seed"]) for row in rows}
    tasks = []
    for seed in range(given.seeds):
        for name in given.networks:
            passes = 60 * given.minutes * statistics.median(rates[name]["training"])
            epochs = max(1, round(passes / store.size("train")))
            if (name, seed) not in found:
                tasks.append((name, folder, given.work, epochs, seed))
    with Pool(given.jobs, context=multiprocessing.get_context("spawn")) as pool:
        for row in pool.imap_unordered(learn, tasks):
            rows.append(row)
            write_json(done, rows)
            print(json.dumps(row), flush=True)
    show({name: rates[name] for name in given.networks}, rows)


if __name__ == "__main__":
    main()
