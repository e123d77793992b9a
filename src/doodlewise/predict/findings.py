"""What can be found wrong with a picture of a drawing, and what is said about it: the one table.

    found("thin", width=2.4, usual=9.1).what     # "the line was thinner than the network knows it"

`ink`, `picture` and `symptoms` find, and `predict` puts what they found beside its guess, in a few
words; `doctor` explains it. Each has a code for programs, which never changes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

__all__ = ["FINDINGS", "Finding", "Severity", "found"]

Severity = Literal["mended", "lost", "maybe", "note"]
"""How bad it is:

mended: read the plain way it spoils the guess; Doodlewise puts it right.
lost: what is missing cannot be put back; only another picture helps.
maybe: a suspicion; only you can tell.
note: good to know, does no harm.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found in a picture.

    Attributes:
        code: what it is, for programs.
        severity: how bad it is.
        title: in two or three words.
        what: what was found, as a note beside a guess.
        why: why it matters.
        advice: what to do about it.
        code_line: likewise as code, or "".
        is_usual: most pictures are so; `predict` does not speak of it.
    """

    code: str
    severity: Severity
    title: str
    what: str
    why: str
    advice: str
    code_line: str = ""
    is_usual: bool = False

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def found(code: str, **facts: object) -> Finding:
    """A finding of the table, with its quantities filled in.

    Args:
        code: one of `FINDINGS`.
        facts: what its texts name in braces.
    """
    kind = FINDINGS[code]
    return Finding(
        code=kind.code,
        severity=kind.severity,
        title=kind.title.format(**facts),
        what=kind.what.format(**facts),
        why=kind.why.format(**facts),
        advice=kind.advice.format(**facts),
        code_line=kind.code_line.format(**facts),
        is_usual=kind.is_usual,
    )


_TABLE = (
    Finding(
        "inverted",
        "mended",
        "dark on light",
        "the ink was darker than the paper",
        "The network learnt bright ink on black: 0 is paper, 255 is ink. Dark ink on white paper is"
        " the negative of that, and to the network all the paper is one big blot.",
        "Invert the pixels before they go into the network.",
        "pixels = 255 - pixels",
        is_usual=True,
    ),
    Finding(
        "transparent",
        "mended",
        "drawn on transparency",
        "the paper was transparent",
        "A canvas that was never filled is transparent black. Turned to grey without a thought, its"
        " transparency is dropped: black lines lie on black, and nothing is left of them.",
        "Take the transparency itself as the ink, or fill the canvas with white before drawing.",
        'pixels = np.asarray(picture.getchannel("A"))',
        is_usual=True,
    ),
    Finding(
        "transparent-corners",
        "note",
        "some transparency",
        "transparent parts were taken as paper",
        "Around or within the sheet something is transparent, and becomes black where transparency"
        " is dropped.",
        "Lay the picture on white paper first.",
        'sheet = Image.new("RGBA", picture.size, "white"); sheet.alpha_composite(picture)',
    ),
    Finding(
        "empty",
        "lost",
        "nothing drawn",
        "there is no ink in the picture",
        "There is nothing to recognise: {reason}. Often the canvas was read before it was drawn on,"
        " after it was cleared, or its transparency was lost (a JPEG has none: all is black).",
        "Look at the file. If it is empty, too, save the canvas as PNG, after the last stroke.",
        'canvas.toDataURL("image/png")',
    ),
    Finding(
        "range",
        "mended",
        "wrong range of values",
        "the values were of another range: {low:g} to {high:g}",
        "The network takes whole numbers from 0 (paper) to 255 (full ink). Values from {low:g} to"
        " {high:g} become nearly nothing, or nonsense, when they are made whole numbers as they"
        " are.",
        "Bring the values to 0..255 before making them whole numbers.",
        "pixels = np.rint({recipe}).astype(np.uint8)",
    ),
    Finding(
        "wrapped",
        "mended",
        "values ran over",
        "the values ran over: full ink had become 1",
        "Bytes hold 0 to 255 and begin again at 0. Values of 0..255 that were multiplied by 255"
        " once more ran over: 255 became 1, so that only the soft edges of the lines are left.",
        "Multiply by 255 only what is 0..1, and while it is still of a floating type.",
        "pixels = np.rint(values.astype(np.float32)).astype(np.uint8)",
    ),
    Finding(
        "not-a-number",
        "mended",
        "holes in the values",
        "some values were NaN or infinite",
        "NaN and infinite values become arbitrary bytes, and one of them is enough to make every"
        " probability NaN.",
        "Find out where they come from (often a division by 0); here they were taken as paper.",
        "values = np.nan_to_num(values)",
    ),
    Finding(
        "shape",
        "mended",
        "axes to be reordered",
        "the array had shape {shape}",
        "A picture is (height, width), or (height, width, channels). With other axes rows and"
        " columns are mixed up.",
        "It was read as {read_as}. Hand it over like that.",
        "values = {recipe}",
    ),
    Finding(
        "off-centre",
        "mended",
        "off-centre",
        "the ink was off-centre",
        "All drawings that the network learnt from were in the middle. A small network hardly knows"
        " them elsewhere. Yours is {away:.0%} of the picture away from the middle.",
        "Cut out the ink and put it in the middle of a square.",
        "drawing = picture.crop(ink.getbbox())",
    ),
    Finding(
        "small",
        "mended",
        "small on its canvas",
        "the ink was small",
        "The whole canvas is shrunk to {side} pixels. Your drawing fills {share:.0%} of it, so that"
        " only {left:.0f} pixels are left for it; the network is used to {used:.0f}.",
        "Cut out the ink before shrinking, leave {padding:.0%} of space around, then shrink.",
        "drawing = picture.crop(ink.getbbox())",
    ),
    Finding(
        "stretched",
        "mended",
        "not square",
        "the picture was not square",
        "Resizing {width} x {height} to {side} x {side} squashes the drawing: its {longer} becomes"
        " {squash:.0%} of what it should be, and circles become eggs.",
        "Pad the picture to a square first.",
        "square = ImageOps.pad(picture, (size, size), color=paper)",
        is_usual=True,
    ),
    Finding(
        "thin",
        "mended",
        "lines too thin",
        "the line was thinner than the network knows it",
        "Shrinking averages lines with the paper around them: thin ones turn pale grey. Yours are"
        " {width:.1f} pixels wide; for a drawing of this size the network is used to {usual:.1f}.",
        "Draw with a thicker pen, or thicken the ink before shrinking.",
        "context.lineWidth = {usual:.0f}   // in the browser, for a drawing of this size",
    ),
    Finding(
        "thick",
        "mended",
        "lines too thick",
        "the line was thicker than the network knows it",
        "Thick lines run together when they are shrunk, and gaps close. Yours are {width:.1f}"
        " pixels wide; for a drawing of this size the network is used to {usual:.1f}.",
        "Draw with a thinner pen. Doodlewise thins lines, but cannot part what has run together.",
        "context.lineWidth = {usual:.0f}   // in the browser, for a drawing of this size",
    ),
    Finding(
        "uneven-paper",
        "mended",
        "photo of paper",
        "the paper was not evenly lit, or had a grain",
        "To the network every grey is ink: shade, grain and the edge of the sheet become strokes.",
        "Take out the paper: what is much darker than its surroundings is ink. Or scan the sheet.",
        "ink = paper - pixels   # paper: a wide closing of pixels",
    ),
    Finding(
        "faint",
        "mended",
        "faint ink",
        "the ink was faint",
        "The ink differs from the paper by only {contrast:.0%} of black on white. The network"
        " learnt full ink and takes pale lines for none.",
        "Stretch the contrast so that the ink becomes 255, or use a darker pen.",
        'pixels = np.asarray(ImageOps.autocontrast(picture.convert("L")))',
    ),
    Finding(
        "pale-colour",
        "mended",
        "colour lost in grey",
        "the colour of the ink was nearly as light as the paper",
        "In colour the ink stands out, but as grey it is only {contrast:.0%} from the paper, so"
        " that it is lost when the picture becomes grey (yellow on white, blue on black).",
        "Take the colour channel that differs most, or draw in black.",
        "pixels = abs(rgb.astype(int) - paper).max(axis=2)",
    ),
    Finding(
        "colours",
        "note",
        "several colours",
        "the ink had several colours",
        "Turned to grey, strokes of different colours have different strength. The network learnt"
        " drawings of one ink; colours tell it nothing.",
        "Nothing to do for Doodlewise. Elsewhere make all ink equally strong.",
    ),
    Finding(
        "filled",
        "note",
        "filled areas",
        "filled areas were taken as they are",
        "{share:.0%} of the ink lies in areas, not lines. The network learnt drawings of lines:"
        " inside a filled shape nothing can be seen.",
        "Draw outlines only; if the areas are coloured, keep just their edges.",
    ),
    Finding(
        "shape-only",
        "note",
        "one filled shape",
        "a filled shape was taken as it is",
        "There are no lines in it, only an area. The network learnt drawings of lines.",
        "Draw the outline with a pen.",
    ),
    Finding(
        "dot",
        "note",
        "only a dot",
        "there was nothing but a dot",
        "A dot may be anything.",
        "Draw more, and check that all strokes are in the picture.",
    ),
    Finding(
        "frame",
        "mended",
        "a frame",
        "a frame around the picture was left out",
        "A line around the picture is ink, too: with it the drawing seems to fill the picture, and"
        " is small in it.",
        "Cut the frame off, or save the canvas itself instead of a screenshot.",
        "inner = picture.crop((b, b, picture.width - b, picture.height - b))",
    ),
    Finding(
        "specks",
        "mended",
        "specks",
        "{specks} left out",
        "A single dark pixel far from the drawing makes its box larger, and the drawing in it"
        " smaller and off-centre.",
        "Ignore ink that is smaller than a dot of the pen when you look for the drawing's box.",
    ),
    Finding(
        "jagged",
        "mended",
        "enlarged, jagged",
        "the picture was a small one, enlarged without smoothing",
        "It is made of blocks of about {block:.0f} x {block:.0f} pixels: a picture of about"
        " {native} pixels, enlarged. Shrinking it to {side} by another factor makes stairs.",
        "Hand over the small picture as it is, or draw on the large canvas itself.",
        "picture = picture.resize((small, small), Image.Resampling.BOX)",
    ),
    Finding(
        "blurred",
        "mended",
        "blurred",
        "the picture was blurred",
        "The edges of the lines are {edge:.0f} pixels wide; in a sharp picture it is one or two."
        " Lines are broad and pale, and what is near to each other has run together.",
        "Use the sharp original: do not enlarge a small picture, and hold the camera still."
        " Doodlewise draws the lines again, but cannot part what has run together.",
    ),
    Finding(
        "cropped",
        "lost",
        "cut off at the {side}",
        "the drawing seems to be cut off at the {side}",
        "Lines run straight out of the picture. A part of the drawing is missing, and the rest is"
        " enlarged to fill its place.",
        "Save the whole canvas; take the photo from farther away.",
    ),
    Finding(
        "several",
        "maybe",
        "several drawings?",
        "there may be several drawings in the picture",
        "The ink lies in {n} groups with wide gaps. The network learnt one drawing a picture, and"
        " sees all of them as one.",
        "If they are different things, cut them out and ask about each.",
    ),
    Finding(
        "orientation",
        "maybe",
        "{turned}?",
        "{turned} it would be surer: {word}, {probability:.0%}",
        "As it is it may be {upright}, {upright_probability:.0%}. Arrays are often turned by"
        " accident: x and y swapped, or y counted upwards. The network knows drawings upright.",
        "Look at it the way your code hands it over. If it is not upright, turn it.",
        "{recipe}",
    ),
    Finding(
        "own-size",
        "note",
        "already right",
        "it was as the network wants it already",
        "Size, place, pen and values are those that the network learnt; not a pixel was changed.",
        "Nothing to do.",
        is_usual=True,
    ),
    Finding(
        "strokes",
        "note",
        "drawn from strokes",
        "it was drawn from its strokes",
        "Doodlewise draws strokes exactly as the drawings that the network learnt from, so that"
        " nothing about size, place, pen or colours can be wrong.",
        "Nothing to do: where you have the strokes, prefer them to a picture.",
        is_usual=True,
    ),
)

FINDINGS = {kind.code: kind for kind in _TABLE}
"""By code, with {braces} where quantities are filled in."""
