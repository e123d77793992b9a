"""A diagnosis as one picture: what was given, what the plain way makes of it, what it should be.

Drawn with Pillow and its own font, so that it needs nothing beside the core.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .doctor import Diagnosis, View
from .findings import Finding, Severity

__all__ = ["COLOURS", "LABELS", "draw_sheet", "shown_whole"]

WIDTH, MARGIN, GAP = 1440, 64, 40
TILE = (WIDTH - 2 * MARGIN - 2 * GAP) // 3
THUMB = 132
PAPER, CARD, INK, SOFT, LINE = "#ffffff", "#f6f6f4", "#1c1c1a", "#6a6a66", "#dcdcd8"
ACCENT, BAR = "#2f6fde", "#9dbcf0"
COLOURS: dict[Severity, str] = {
    "mended": "#2f6fde",
    "lost": "#c8452f",
    "maybe": "#b8860b",
    "note": "#8a8a86",
}
LABELS: dict[Severity, str] = {
    "mended": "Doodlewise mends it",
    "lost": "cannot be mended",
    "maybe": "a suspicion",
    "note": "good to know",
}
CHECKS = ("#ffffff", "#e4e4e0")
N_GUESSES = 4


def draw_sheet(diagnosis: Diagnosis) -> Image.Image:
    """Draw a diagnosis: an RGB picture, 1,440 pixels wide, as high as it needs."""
    sheet = _Sheet()
    sheet.text(diagnosis.source.rpartition("/")[2] or "A picture", 44, bold=True)
    sheet.text(diagnosis.facts, 24, SOFT)
    sheet.down(18)
    sheet.text(diagnosis.verdict, 32)
    sheet.down(30)
    _draw_views(sheet, diagnosis)
    if diagnosis.findings:
        sheet.down(26)
        sheet.text("What was found", 36, bold=True)
        sheet.down(16)
    for finding in diagnosis.findings:
        _draw_finding(sheet, diagnosis, finding)
    return sheet.cut()


def shown_whole(diagnosis: Diagnosis, side: int) -> Image.Image:
    """The picture that was given in a square, checks behind it, its ink in a box: RGB."""
    picture = diagnosis.picture
    scale = side / max(picture.size)
    size = tuple(max(1, round(length * scale)) for length in picture.size)
    method = Image.Resampling.NEAREST if scale > 2.0 else Image.Resampling.LANCZOS
    square = Image.new("RGB", (side, side), PAPER)
    at = ((side - size[0]) // 2, (side - size[1]) // 2)
    shown = picture.convert("RGBA").resize((size[0], size[1]), method)
    behind = _checks(shown.size) if picture.mode == "RGBA" else Image.new("RGB", shown.size)
    behind.paste(shown, mask=shown)
    square.paste(behind, at)
    pen = ImageDraw.Draw(square)
    pen.rectangle((at[0], at[1], at[0] + size[0] - 1, at[1] + size[1] - 1), outline=LINE)
    if diagnosis.ink_box is not None:
        left, top, right, bottom = (edge * scale for edge in diagnosis.ink_box)
        box = (at[0] + left - 3, at[1] + top - 3, at[0] + right + 3, at[1] + bottom + 3)
        pen.rectangle(tuple(min(max(edge, 0), side - 1) for edge in box), outline=ACCENT, width=2)
    return square


def _checks(size: tuple[int, int]) -> Image.Image:
    y, x = np.mgrid[0 : size[1], 0 : size[0]] // 14
    board = Image.new("RGB", size, CHECKS[0])
    board.paste(CHECKS[1], mask=Image.fromarray(((x + y) % 2 * 255).astype(np.uint8)))
    return board


def _draw_views(sheet: _Sheet, diagnosis: Diagnosis) -> None:
    """Three columns: as given, the plain way, mended."""
    top, bottoms = sheet.y, []
    for column, (title, view) in enumerate(
        (
            ("As it is", None),
            ("The plain way", diagnosis.plain),
            ("Mended", diagnosis.mended),
        )
    ):
        sheet.y = top
        x = MARGIN + column * (TILE + GAP)
        if column and view is None:
            continue
        sheet.text(title, 26, bold=True, x=x)
        sheet.down(10)
        tile = shown_whole(diagnosis, TILE) if view is None else _enlarged(view.pixels, TILE)
        sheet.paste(tile, x)
        sheet.down(TILE + 16)
        if view is None:
            said = "The box is what was found to be ink." if diagnosis.ink_box else ""
            sheet.text(said, 22, SOFT, x=x, width=TILE)
        else:
            side = view.pixels.shape[0]
            sheet.text(f"{side} x {side} pixels go into the network", 22, SOFT, x=x, width=TILE)
            _draw_guesses(sheet, view, x)
        bottoms.append(sheet.y)
    sheet.y = max(bottoms)


def _draw_guesses(sheet: _Sheet, view: View, x: int) -> None:
    sheet.down(8)
    for guess in view.prediction.guesses[:N_GUESSES]:
        length = max(round(TILE * guess.probability), 3)
        sheet.box((x, sheet.y, x + TILE, sheet.y + 38), CARD)
        sheet.box((x, sheet.y, x + length, sheet.y + 38), BAR)
        sheet.word(guess.word, x + 10, sheet.y + 6, 23)
        sheet.word(f"{guess.probability:.0%}", x + TILE - 10, sheet.y + 6, 23, right=True)
        sheet.down(46)


def _draw_finding(sheet: _Sheet, diagnosis: Diagnosis, finding: Finding) -> None:
    trial = diagnosis.trial(finding.code)
    colour, left = COLOURS[finding.severity], MARGIN + 32
    width = WIDTH - MARGIN - 32 - left - (2 * THUMB + 72 if trial else 0)
    top = sheet.y
    sheet.down(24)
    thumbs = sheet.y
    label = LABELS[finding.severity]
    sheet.word(label, left + sheet.length(finding.title, 28, bold=True) + 18, sheet.y + 6, 21,
               colour)  # fmt: skip
    sheet.text(finding.title, 28, bold=True, x=left)
    sheet.down(4)
    sheet.text(_sentence(finding.what), 24, x=left, width=width)
    sheet.text(finding.why, 23, SOFT, x=left, width=width)
    sheet.down(6)
    sheet.text(finding.advice, 24, x=left, width=width)
    if finding.code_line:
        sheet.down(8)
        sheet.code(finding.code_line, left, width)
    if trial:
        below = sheet.y
        x = WIDTH - MARGIN - 32 - 2 * THUMB - 24
        for title, view in (("only this mended", trial.alone), ("all but this", trial.without)):
            sheet.word(title, x, thumbs, 17, SOFT)
            sheet.paste(_enlarged(view.pixels, THUMB), x, thumbs + 26)
            guess = view.prediction.guesses[0]
            sheet.word(sheet.shortened(guess.word, THUMB, 20), x, thumbs + 34 + THUMB, 20)
            sheet.word(f"{guess.probability:.0%}", x, thumbs + 60 + THUMB, 20, SOFT)
            x += THUMB + 24
        sheet.y = max(below, thumbs + THUMB + 84)
    sheet.down(24)
    sheet.card((MARGIN, top, WIDTH - MARGIN, sheet.y), colour)
    sheet.down(20)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _enlarged(pixels: NDArray[np.uint8], side: int) -> Image.Image:
    large = Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST).convert("RGB")
    ImageDraw.Draw(large).rectangle((0, 0, side - 1, side - 1), outline=LINE)
    return large


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


class _Sheet:
    """A page that grows downwards; `y` is where the next thing goes.

    Cards are known only when what is on them is, so all is kept and drawn in the end: cards first.
    """

    def __init__(self) -> None:
        self.y = MARGIN
        self._cards: list[tuple[tuple[int, int, int, int], str]] = []
        self._boxes: list[tuple[tuple[int, int, int, int], str]] = []
        self._tiles: list[tuple[Image.Image, int, int]] = []
        self._words: list[tuple[str, float, int, int, str, bool]] = []

    def down(self, pixels: int) -> None:
        self.y += pixels

    def text(
        self,
        text: str,
        size: int,
        colour: str = INK,
        *,
        bold: bool = False,
        x: int = MARGIN,
        width: int = WIDTH - 2 * MARGIN,
    ) -> None:
        """A paragraph, wrapped."""
        for line in self._wrapped(text, size, width, bold):
            self._words.append((line, x, self.y, size, colour, bold))
            self.down(round(1.36 * size))

    def word(
        self, text: str, x: float, y: int, size: int, colour: str = INK, *, right: bool = False
    ) -> None:
        """Text at a place; it ends there if `right`."""
        x -= self.length(text, size) if right else 0.0
        self._words.append((text, x, y, size, colour, False))

    def code(self, text: str, x: int, width: int) -> None:
        """Lines of code, on grey."""
        lines = self._wrapped(text, 22, width - 32, bold=False)
        height = 31 * len(lines) + 18
        self.box((x, self.y, x + width, self.y + height), "#e9e9e5")
        for number, line in enumerate(lines):
            self.word(line, x + 16, self.y + 10 + 31 * number, 22)
        self.down(height + 4)

    def box(self, box: tuple[int, int, int, int], colour: str) -> None:
        self._boxes.append((box, colour))

    def card(self, box: tuple[int, int, int, int], colour: str) -> None:
        """Something behind what was drawn, with a stripe of this colour."""
        self._cards.append((box, colour))

    def paste(self, tile: Image.Image, x: int, y: int | None = None) -> None:
        self._tiles.append((tile, x, self.y if y is None else y))

    def length(self, text: str, size: int, *, bold: bool = False) -> float:
        return float(_font(size).getlength(text)) + (len(text) * 0.4 if bold else 0.0)

    def shortened(self, text: str, width: int, size: int) -> str:
        while len(text) > 1 and self.length(text, size) > width:
            text = f"{text.rstrip('…')[:-1]}…"
        return text

    def cut(self) -> Image.Image:
        """The page, as high as it became."""
        page = Image.new("RGB", (WIDTH, self.y + MARGIN - 20), PAPER)
        pen = ImageDraw.Draw(page)
        for box, colour in self._cards:
            pen.rounded_rectangle(box, 10, fill=CARD)
            pen.rounded_rectangle((box[0], box[1], box[0] + 10, box[3]), 5, fill=colour)
        for box, colour in self._boxes:
            pen.rounded_rectangle(box, 6, fill=colour)
        for tile, x, y in self._tiles:
            page.paste(tile, (x, y))
        for text, at, y, size, colour, bold in self._words:
            thick = 0.5 if bold else 0.0
            pen.text((at, y), text, fill=colour, font=_font(size), stroke_width=thick)
        return page

    def _wrapped(self, text: str, size: int, width: int, bold: bool) -> list[str]:
        lines: list[str] = []
        for word in text.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.length(longer, size, bold=bold) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines
