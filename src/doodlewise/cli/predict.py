"""doodlewise predict"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from ..predict.classifier import Prediction

__all__ = ["predict"]

BAR = 20


def predict(
    model: Annotated[Path, typer.Argument(help="A model.onnx, a run folder, or a model folder.")],
    sketches: Annotated[
        list[Path], typer.Argument(help="Drawings (.ndjson, .bin), pictures, or folders of them.")
    ],
    top: Annotated[int, typer.Option(help="How many guesses.")] = 3,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Guess what drawings are."""
    from ..predict.classifier import load

    classifier = load(model, device=device)
    for sketch in sketches:
        found = classifier.predict(sketch, top=top)
        for prediction in found if isinstance(found, list) else [found]:
            if output.is_json:
                output.json(prediction.to_dict(), indent=None)
            else:
                _show(prediction)


def _show(prediction: Prediction) -> None:
    output.text(f"{prediction.source}{'' if prediction.sure else '  (not sure)'}")
    width = max(len(guess.word) for guess in prediction.guesses)
    for guess in prediction.guesses:
        bar = "█" * round(BAR * guess.probability)
        output.text(f"  {guess.word:{width}}  {guess.probability:6.1%}  {bar}")
    for note in prediction.notes:
        output.say(f"  {note}")
