"""The one look of all pictures: fonts, and a calm palette that colour-blind eyes can tell apart."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError

try:
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager
    from matplotlib.ticker import PercentFormatter
except ImportError:
    raise MissingExtraError("matplotlib", "train") from None

__all__ = [
    "BLUE",
    "INK",
    "LINE",
    "MUTED",
    "ORANGE",
    "RIGHT",
    "WRONG",
    "percent_axis",
    "short",
    "show_image",
    "styled",
    "to_png",
]

INK, MUTED, LINE, PAPER = "#23272f", "#666c78", "#dedbd2", "#fbfaf7"
BLUE, ORANGE = "#2a6591", "#cf6f1e"

# Classes may be words of any script; those fonts that are there are tried one after the other.
_FONTS = [
    name
    for name in (
        "DejaVu Sans",
        "Noto Sans CJK SC",
        "Noto Sans CJK JP",
        "PingFang SC",
        "Hiragino Sans",
        "Microsoft YaHei",
        "Malgun Gothic",
        "WenQuanYi Zen Hei",
        "Noto Sans Devanagari",
        "Noto Sans Thai",
    )
    if name in set(fontManager.get_font_names())
]
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": _FONTS,
    "font.size": 9.5,
    "text.color": INK,
    "axes.facecolor": PAPER,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "figure.constrained_layout.h_pad": 0.12,
    "figure.constrained_layout.w_pad": 0.12,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
}
RIGHT = LinearSegmentedColormap.from_list(
    "right", ["#ffffff", "#cfe0ec", "#84b0d0", BLUE, "#10304a"]
)
# The steep beginning shows a single error among hundreds of classes.
WRONG = LinearSegmentedColormap.from_list(
    "wrong",
    [(0, "#ffffff"), (0.03, "#fdebd8"), (0.25, "#fac993"), (0.5, "#ee9a4c"), (1, "#8a3a06")],
)
DRAWING = LinearSegmentedColormap.from_list("drawing", ["#ffffff", INK])

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the house style, and leave Matplotlib's settings as they were."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return drawn


def to_png(figure: Figure) -> bytes:
    """The picture as the content of a PNG file."""
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings(), io.BytesIO() as file:
        # Words in a script without a font are shown as boxes; one warning a letter helps nobody.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        FigureCanvasAgg(figure)
        figure.savefig(file, format="png", dpi=144, bbox_inches="tight", pad_inches=0.14)
        return file.getvalue()


def show_image(
    axes: Axes, image: NDArray[np.uint8], extent: tuple[float, float, float, float] | None = None
) -> None:
    """A drawing as dark ink on white, a photo as it is."""
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    axes.imshow(
        image,
        cmap=DRAWING,
        vmin=0,
        vmax=255,
        extent=extent,
        aspect="equal" if extent is None else "auto",
        interpolation="antialiased",
    )


def percent_axis() -> PercentFormatter:
    """For an axis of its own: as many decimals as its range needs."""
    return PercentFormatter(1.0, symbol=" %")


def short(word: str, longest: int = 24) -> str:
    """A word as Matplotlib shows it unchanged: a dollar sign would begin a formula."""
    if len(word) > longest:
        word = word[: longest - 1] + "…"
    return word.replace("$", r"\$")
