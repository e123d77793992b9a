"""Why a network takes no pictures, and what to do about it."""

from __future__ import annotations

from ..bundle_info import BundleInfo

__all__ = ["why_no_pictures"]


def why_no_pictures(info: BundleInfo) -> str:
    """The end of a sentence, for a network that takes none."""
    if info.takes != "images":
        return (
            f"{info.model} sees strokes, which no picture has. Give it strokes (.ndjson,"
            " .bin), or use a network that takes images: doodlewise models list"
        )
    render = info.render
    if render is not None and render.knows_order:
        return (
            f"{info.model} sees when what was drawn (its channels are"
            f" {','.join(render.channels)}), which no picture tells. Give it strokes (.ndjson,"
            " .bin), or train one that sees ink alone: doodlewise train STORE --channels ink"
        )
    return (
        "this model was exported by an older version, which takes strokes only. Export it"
        " again: doodlewise export runs/first --to model.onnx"
    )
