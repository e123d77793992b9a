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
    sketches: Annotated[
        list[Path],
        typer.Argument(
            metavar="[MODEL] SKETCHES...",
            help="Drawings (.ndjson, .bin), pictures, or folders of them; before them a model.onnx,"
            " a run folder or a model folder, or nothing for the model that comes with Doodlewise.",
        ),
    ],
    top: Annotated[int, typer.Option(help="How many guesses.")] = 3,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Guess what drawings are."""
    from ..predict.bundled import is_model
    from ..predict.classifier import load

    model = sketches.pop(0) if is_model(sketches[0]) or device != "cpu" else None
    if not sketches:
        raise typer.BadParameter(f"{model} is a model. Name drawings or pictures after it.")
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
