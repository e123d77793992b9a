"""doodlewise teach"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    from ..predict.teach import Taught

__all__ = ["teach"]


def teach(
    examples: Annotated[
        list[Path],
        typer.Argument(
            metavar="EXAMPLES...",
            help="Files of drawings (.ndjson, .bin), which belong to the words in them; pictures,"
            " which belong to the name of their folder; or folders of both.",
        ),
    ],
    to: Annotated[Path, typer.Option("--to", help="The new model, such as mine.onnx.")],
    model: Annotated[
        Path | None,
        typer.Option(help="An exported file to build on; the model of the package if none."),
    ] = None,
    keep_known: Annotated[
        bool, typer.Option("--keep-known", help="Keep the words that the model knows.")
    ] = False,
    most: Annotated[int, typer.Option(help="Examples of a word, the first ones.", min=1)] = 100,
    seed: Annotated[int, typer.Option(help="Of the variations in which examples are seen.")] = 0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Learn words of your own from a few examples each, in seconds."""
    from ..files import explain_os_errors, replacing
    from ..predict.classifier import load
    from ..predict.example_files import read_examples
    from ..predict.teach import teach as learn

    base = load(model)
    by_word, left_over = read_examples(examples, most=most)
    if left_over:
        output.say(
            f"{left_over:,} examples are left out: {most} of a word are taken (--most). To learn"
            " from all, train a network: doodlewise data prepare, then doodlewise train"
        )
    taught = learn(base, by_word, keep_known=keep_known, seed=seed)
    with explain_os_errors(f"writing {to}", "Then teach again"), replacing(to) as temporary:
        temporary.write_bytes(taught.onnx)
    if output.is_json:
        output.json(
            {
                "out": str(to),
                "words": list(taught.words),
                "knows": len(taught.classifier.classes),
                "examples": taught.n_examples,
                "accuracy": taught.accuracy,
                "seconds": round(taught.seconds, 3),
                "notes": list(taught.notes),
            }
        )
    else:
        _show(taught, to)


def _show(taught: Taught, to: Path) -> None:
    listed = ", ".join(taught.words[:8]) + (", ..." if len(taught.words) > 8 else "")
    output.text(
        f"{to} knows {len(taught.classifier.classes)} words; it learnt {len(taught.words)} from"
        f" {taught.n_examples} examples in {taught.seconds:.1f} s: {listed}"
    )
    if taught.accuracy is not None:
        output.text(f"It gets {taught.accuracy:.0%} of the examples right that it has not seen.")
    for note in taught.notes:
        output.say(note)
    output.say(f"Next: doodlewise predict {to} DRAWINGS, or doodlewise serve {to} --open")
