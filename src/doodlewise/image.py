"""How a picture becomes pixels of a pixels store: the one definition, in training and predicting.

An `ImageSpec` says everything there is to say. Two looks: a *photo* keeps its colours or greys; a
*drawing* becomes ink, 0 paper and 255 the darkest line, whatever the colours of pen and paper.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from .errors import ConfigError

__all__ = ["ImageSpec"]

Fit = Literal["pad", "crop", "stretch"]
Look = Literal["photo", "drawing"]


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """How a picture becomes pixels.

    Attributes:
        height: pixels.
        width: pixels.
        channels: 1 grey or ink, 3 RGB.
        fit: what is done about another aspect ratio: "pad" the short side, "crop" the long one, or
            "stretch" the picture.
        look: "photo" or "drawing".

    Raises:
        ConfigError: a size outside 8..1024, or another channel count, fit or look.
    """

    height: int
    width: int
    channels: int = 3
    fit: Fit = "pad"
    look: Look = "photo"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ImageSpec:
        """The inverse of `to_dict`.

        Raises:
            ConfigError: an unknown key: the file was written by a newer version.
        """
        try:
            return cls(**values)
        except TypeError:
            raise ConfigError(
                "This ImageSpec was written by another version of Doodlewise; upgrade, or make it"
                " again."
            ) from None
