"""What the last layer sees of each word on the average: it travels with a model.

Where words are taught beside those that a model knows, these averages stand for the drawings of the
known ones, which are not at hand. They are rounded to 8 bits of the largest of each word, which no
guess notices, and are JSON in the metadata of an exported file, under `FEATURE_MEANS_KEY`:
`{"scales": [one a word], "values": "base64 of int8 (words, width)"}`.
"""

from __future__ import annotations

import base64
import json

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

__all__ = ["FEATURE_MEANS_KEY", "feature_means_of", "feature_means_text"]

FEATURE_MEANS_KEY = "doodlewise.feature_means"


def feature_means_text(means: NDArray[np.floating]) -> str:
    """Averages (words, width) as text."""
    scales = np.maximum(np.abs(means).max(axis=1), 1e-12) / 127.0
    values = np.rint(means / scales[:, None]).astype(np.int8)
    encoded = base64.b64encode(values.tobytes()).decode("ascii")
    return json.dumps({"scales": [float(f"{scale:.6g}") for scale in scales], "values": encoded})


def feature_means_of(text: str, n_words: int) -> NDArray[np.float32]:
    """The inverse: float32 (words, width).

    Raises:
        ModelError: it is something else, or of another number of words.
    """
    try:
        read = json.loads(text)
        scales = np.array(read["scales"], np.float32)
        values = np.frombuffer(base64.b64decode(read["values"], validate=True), np.int8)
        return values.reshape(n_words, -1).astype(np.float32) * scales.reshape(n_words, 1)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"The average features in the model are damaged ({error}). Export it again."
        ) from error
