"""What people take home: the model they taught, their drawings, and how to go on with both."""

from __future__ import annotations

import io
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from .models import Served

__all__ = ["taught_zip"]

README = """\
# {name}

A recogniser of doodles that was taught {words} words{accuracy}.

    pip install doodlewise
    doodlewise predict model.onnx drawings.ndjson    # guesses
    doodlewise serve model.onnx --open               # a page to draw on

`drawings.ndjson` holds the {drawings} drawings that it was taught with, one a line, in the
simplified format of Google's Quick, Draw! data set; pictures are not in it. Learn from them again,
with more:

    doodlewise data prepare drawings.ndjson --out stores/mine
    doodlewise train stores/mine

In Python:

    import doodlewise as dw
    print(dw.load("model.onnx").predict(drawing))

The words: {listed}

The model is under {licence}; version {version}. The network in it learnt to see from: {trained_on}.
"""


def taught_zip(served: Served, lines: bytes) -> bytes:
    """The archive.

    Args:
        served: a taught model with its file.
        lines: its drawings, as ndjson.
    """
    assert served.onnx is not None
    info = served.classifier.info
    top1 = info.metrics.get("top1")
    told = {key: value for key, value in info.trained_on.get("base", {}).items() if value}
    readme = README.format(
        name=served.name,
        words=len(info.classes),
        accuracy=""
        if top1 is None or not served.taught
        else f", and gets {top1:.0%} of the examples right that it learns from the others",
        drawings=lines.count(b"\n"),
        listed=", ".join(info.classes),
        licence=info.licence,
        version=served.version,
        trained_on=", ".join(f"{key} {value}" for key, value in told.items()) or "drawings",
    )
    stream = io.BytesIO()
    with ZipFile(stream, "w") as archive:
        # Weights hardly shrink.
        archive.writestr("model.onnx", served.onnx, ZIP_STORED)
        archive.writestr("drawings.ndjson", lines, ZIP_DEFLATED)
        archive.writestr("README.md", readme, ZIP_DEFLATED)
    return stream.getvalue()
