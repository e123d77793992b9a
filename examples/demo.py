"""The main job from end to end: data, training, evaluation, guesses. `make demo` runs this.

Ten words of Google's drawings if the network is there, otherwise synthetic doodles drawn by code.
Every step is a command that you can type yourself.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
import time
from pathlib import Path

from PIL import Image

from doodlewise.cli.app import run
from doodlewise.data.download import BASE_URL, is_reachable
from doodlewise.data.formats import read_drawings, write_ndjson
from doodlewise.drawing import Drawing
from doodlewise.raster import RenderSpec, render


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="for everything it makes")
    parser.add_argument("--base-url", default=BASE_URL, help="of Google's bucket, or a mirror")
    parser.add_argument("--per-class", type=int, default=1500, help="drawings of each word")
    parser.add_argument("--epochs", type=int, default=8)
    given = parser.parse_args()
    folder: Path = given.folder
    started = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    drawings, store, runs = folder / "drawings", folder / "store", folder / "runs"

    if is_reachable(given.base_url):
        say("Google's Quick, Draw! data answers: the first drawings of ten words.")
        step("data", "download", "--classes", "demo10", "--per-class", given.per_class,
             "--to", drawings, "--base-url", given.base_url)  # fmt: skip
    else:
        say("Google's Quick, Draw! data cannot be reached from here, so this demo uses SYNTHETIC"
            " doodles, drawn by code. Nobody drew them.")  # fmt: skip
        step("data", "synthetic", "--to", drawings, "--per-class", min(given.per_class, 500))
    step("data", "prepare", drawings, "--out", store, "--val", 0.1, "--test", 0.1)
    step("train", store, "--model", "convnet_tiny", "--epochs", given.epochs, "--name", "demo",
         "--runs", runs)  # fmt: skip
    trained = runs / "demo"
    step("eval", trained)
    some = folder / "some.ndjson"
    files = sorted(drawings.glob("*.ndjson"))
    write_ndjson([next(read_drawings(file)) for file in files[:3]], some)
    step("predict", trained, some, "--top", 3)
    picture = folder / "picture.png"
    as_a_canvas(next(read_drawings(files[0]))).save(picture)
    step("doctor", picture, "--model", trained)

    report = trained / "eval-test"
    say(f"Done in {time.monotonic() - started:.0f} seconds.")
    print(f"The picture: {report / 'plots' / 'samples.png'}")
    print(f"The report:  {report / 'report.html'} (open it in a browser)")
    print("Next:")
    print("  doodlewise serve --open                 # draw, and it guesses: 345 words")
    print(f"  doodlewise serve {trained} --open   # with the network that you have just trained")
    print(f"  doodlewise predict {trained} YOUR_DRAWING.png")
    print(f"  doodlewise train {store} --model quickdraw_cnn_v2 --name other --runs {runs}")
    print("  doodlewise data prepare YOUR_DRAWINGS --out stores/mine")
    print("(`source .venv/bin/activate` first, to have the command.)")
    return 0


def as_a_canvas(drawing: Drawing) -> Image.Image:
    """How a drawing comes out of many programs: white on black, small, in a corner."""
    ink = render(drawing, RenderSpec(side=140, line_width=5.0))
    canvas = Image.new("L", (480, 320))
    canvas.paste(Image.fromarray(ink), (20, 30))
    return canvas


def step(*arguments: object) -> None:
    """Show a command and run it; a failure ends the demo."""
    words = [str(each) for each in arguments]
    print(f"\n$ doodlewise {shlex.join(words)}", flush=True)
    status = run(words)
    if status:
        sys.exit(status)


def say(text: str) -> None:
    print(f"\n{text}", flush=True)


# A spawned process imports this file again: only the first one may run it.
if __name__ == "__main__":
    sys.exit(main())
