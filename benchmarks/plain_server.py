"""The server that a good tutorial on FastAPI and torch ends with, to compare ours with.

    python benchmarks/plain_server.py --run runs/first --port 8001

A pydantic model of the request, Pillow that draws the strokes on a canvas of 256 and shrinks it to
28 pixels, torch in eval and inference mode, softmax, the five best; the function is a `def`, so
FastAPI runs it in its pool of threads; uvicorn as it is installed (uvloop, httptools), one process.
Nothing is left out that costs little and helps: requests are not logged, the network is warmed up.
"""

from __future__ import annotations

import argparse
import json
import socket
from pathlib import Path

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI, HTTPException
from PIL import Image, ImageDraw
from pydantic import BaseModel
from torch import nn

from doodlewise.models.bundle import find_bundle, load_bundle
from doodlewise.models.registry import create_model

CANVAS, SIDE, PEN = 256, 28, 16


class Doodle(BaseModel):
    strokes: list[list[list[float]]]


class Guess(BaseModel):
    word: str
    probability: float


class Guesses(BaseModel):
    guesses: list[Guess]


def draw(strokes: list[list[list[float]]]) -> Image.Image:
    """White on black, as wide as Google's pictures of drawings."""
    canvas = Image.new("L", (CANVAS, CANVAS), 0)
    pen = ImageDraw.Draw(canvas)
    for xs, ys in strokes:
        pen.line(list(zip(xs, ys, strict=True)), fill=255, width=PEN, joint="curve")
    return canvas.resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def create_app(network: nn.Module, words: list[str]) -> FastAPI:
    app = FastAPI()
    network.eval()

    @app.post("/predict")
    def predict(doodle: Doodle) -> Guesses:
        if not doodle.strokes:
            raise HTTPException(422, "The drawing is empty.")
        pixels = np.asarray(draw(doodle.strokes), np.float32) / 255.0
        with torch.inference_mode():
            scores = network(torch.from_numpy(pixels)[None, None])
            best = torch.softmax(scores, dim=1)[0].topk(5)
        return Guesses(
            guesses=[
                Guess(word=words[index], probability=probability)
                for probability, index in zip(
                    best.values.tolist(), best.indices.tolist(), strict=True
                )
            ]
        )

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="run or model folder; random weights if none")
    parser.add_argument("--model", default="convnet_tiny", help="network, if there is no run")
    parser.add_argument("--classes", type=int, default=345, help="words, if there is no run")
    parser.add_argument("--threads", type=int, help="of torch; its default if none")
    parser.add_argument("--port", type=int, default=8001)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.run:
        network, info = load_bundle(find_bundle(arguments.run))
        words = info.classes
    else:
        words = [f"word {number}" for number in range(arguments.classes)]
        network = create_model(arguments.model, n_classes=len(words))
    app = create_app(network, words)
    with torch.inference_mode():
        network(torch.zeros(1, 1, SIDE, SIDE))
    with socket.create_server(("127.0.0.1", arguments.port)) as listening:
        # Whoever connects now is answered as soon as the server runs.
        print(
            json.dumps({"address": f"http://127.0.0.1:{listening.getsockname()[1]}/"}), flush=True
        )
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
