"""What rotated and flipped copies are worth: the tutorials' "XL" recipe, fairly.

    python benchmarks/copies.py
    python benchmarks/copies.py --steps 6000 --seeds 5

`quickdraw_cnn_v2` learns ten words of Google's bitmaps, each time for the same number of steps:
without variation, with the default mild one, and with copies turned by quarters and flipped, all
eight ways equally often. Three questions are asked of each:

- *as drawn*: the test split as people drew it. This is what a recogniser meets.
- *turned*: every test drawing in one of the eight ways, chosen by its id.
- *leaking*: as the figure of 95.31 % may have come about, if the copies were made before the data
  was divided: the test holds copies of drawings whose other copies were trained on. Here those
  are training drawings, turned. It says how much was learnt by heart, and nothing of new drawings.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from common import machine
from doodlewise.augment import PixelAugment
from doodlewise.data.augment_pixels import augment_pixels
from doodlewise.data.batches import windows
from doodlewise.data.prepare import prepare
from doodlewise.data.split import mix
from doodlewise.data.store import Store
from doodlewise.models.bundle import load_bundle
from doodlewise.models.registry import as_input
from doodlewise.training.setup import train

DATA = Path(__file__).resolve().parents[2] / "shared/data/quickdraw/numpy_bitmap"
WORDS = (
    "airplane", "banana", "bicycle", "bowtie", "butterfly",
    "cat", "crown", "diamond", "apple", "book",
)  # fmt: skip
WAYS = {"none": "off", "mild": "drawing", "copies": "copies"}
"""What varies in training, and the preset of `PixelAugment` that does it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of numpy_bitmap files")
    parser.add_argument("--words", nargs="+", default=list(WORDS))
    parser.add_argument("--per-class", type=int, default=2_000)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=torch.get_num_threads())
    options = parser.parse_args()

    torch.set_num_threads(options.cores)
    print(machine())
    files = [options.data / f"{word}.npy" for word in options.words]
    missing = [file.name for file in files if not file.exists()]
    if missing:
        sys.exit(f"{options.data} has no {', '.join(missing)}. Name other --words, or --data.")
    with tempfile.TemporaryDirectory() as work:
        prepare(files, Path(work) / "store", per_class=options.per_class)
        compare(options, Store(Path(work) / "store"), Path(work))


def compare(options: argparse.Namespace, store: Store, work: Path) -> None:
    epochs = max(1, round(options.steps * options.batch_size / store.size("train")))
    questions = {
        "as drawn": images_of(store, "test", turned=False),
        "turned": images_of(store, "test", turned=True),
        "leaking": images_of(store, "train", turned=True, most=store.size("test")),
    }
    print(
        f"quickdraw_cnn_v2, {len(store.classes)} words, {store.size('train')} drawings to learn"
        f" from, {store.size('val')} to choose the epoch by; {epochs} epochs of"
        f" {store.size('train') // options.batch_size} steps of {options.batch_size}, learning rate"
        f" {options.lr:g}, {options.seeds} seeds"
    )
    sizes = ", ".join(f"{name} {len(labels)}" for name, (_, labels) in questions.items())
    print(f"top-1, mean ± standard deviation over the seeds; drawings asked about: {sizes}")
    print(f"{'copies in training':20}" + "".join(f"{name:>20}" for name in questions))
    means = {}
    for way, preset in WAYS.items():
        found: dict[str, list[float]] = {name: [] for name in questions}
        for seed in range(options.seeds):
            run = train(
                store=str(store.folder),
                model="quickdraw_cnn_v2",
                epochs=epochs,
                batch_size=options.batch_size,
                seed=seed,
                name=f"{way}-{seed}",
                runs=str(work / "runs"),
                device="cpu",
                optim={"lr": options.lr},
                pixels={"preset": preset},
            )
            network, _ = load_bundle(run.folder / "model")
            for name, (images, labels) in questions.items():
                found[name].append(100 * top1(network, images, labels))
        cells = (
            f"{statistics.mean(each):.2f} ± {statistics.stdev(each) if len(each) > 1 else 0:.2f} %"
            for each in found.values()
        )
        print(f"{way:20}" + "".join(f"{cell:>20}" for cell in cells), flush=True)
        means[way] = statistics.mean(found["as drawn"])
    print(
        f"worth on drawings as drawn: copies {means['copies'] - means['none']:+.2f} points,"
        f" the mild variation {means['mild'] - means['none']:+.2f}"
    )


Pictures = tuple[NDArray[np.uint8], NDArray[np.int32]]


def images_of(store: Store, split: str, *, turned: bool, most: int | None = None) -> Pictures:
    """Images and labels of a split, each turned in a way that follows from its id, or as it is."""
    images, labels = [], []
    for rows in windows(store, split):
        assert rows.images is not None
        own = rows.images
        if turned:
            # Whether the word allows it: here every drawing is mirrored, as in the tutorials.
            every = np.ones(len(rows), bool)
            own = augment_pixels(
                own,
                PixelAugment("copies"),
                seeds=mix(rows.key_ids, 1),
                may_mirror=every,
                is_ink=True,
            )
        images.append(own)
        labels.append(rows.labels)
    return np.concatenate(images)[:most], np.concatenate(labels)[:most]


def top1(
    network: Callable[[torch.Tensor], torch.Tensor],
    images: NDArray[np.uint8],
    labels: NDArray[np.int32],
) -> float:
    """Share of right guesses."""
    right = 0
    with torch.inference_mode():
        for first in range(0, len(images), 512):
            batch = torch.from_numpy(images[first : first + 512].transpose(0, 3, 1, 2).copy())
            guesses = network(as_input(batch)).argmax(dim=1).numpy()
            right += int((guesses == labels[first : first + 512]).sum())
    return right / len(images)


if __name__ == "__main__":
    main()
