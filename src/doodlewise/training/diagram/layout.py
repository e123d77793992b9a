"""Where everything of a picture of a network goes, in pixels.

Data flows from the top to the bottom; a long network is broken into columns. There is one layout,
and two ways to write it: `svg` and `png`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, groupby, pairwise

from .items import Block, Fork, Item, Layer
from .marks import Box, Disc, Line, Mark, Words, width_of

__all__ = ["Picture", "lay_out"]

INK, MUTED, FAINT, PAPER, WIRE = "#23272f", "#5f6571", "#8b909b", "#ffffff", "#747b87"
FRAME, FRAME_LINE = "#f8f7f3", "#d3cfc3"
ACCENT = "#b85c12"
COLOURS = {
    "input": ("#eceef1", "#aab0ba"),
    "conv": ("#dfecf6", "#2a6591"),
    "linear": ("#e0f0e2", "#3b7d45"),
    "pool": ("#fbecd6", "#b0741b"),
    "recurrent": ("#eee3f5", "#7a4a9c"),
    "attention": ("#f9e1e9", "#a63a5f"),
}
"""Fill, and edge at the left, by kind of layer."""
PLAIN = ("#ededea", "#8b909b")

SIZE, SMALL, TITLE = 13.0, 11.5, 20.0
ROW, PILL = 30.0, 21.0
ARROW = 25.0
PAD, HEAD, FOOT = 16.0, 30.0, 13.0
"""Of a block: beside its parts, its title, and under its parts."""
LANE = 24.0
"""Width of a shortcut beside what it passes."""
JOIN = 10.0
"""Radius of the sign where ways come together."""
BAR = 15.0
"""Height in which ways part, and come together."""
BETWEEN = 20.0
"""Between ways beside one another."""
STAGE = 72.0
"""Width of the names of stages."""
GUTTER = 60.0
"""Between columns."""
MARGIN, TOP = 28.0, 100.0
TALLEST, MOST_COLUMNS = 1150.0, 3
WORTH = 0.8
"""Columns are made if none is higher than this share of a single one."""
LEAST_WIDTH = 356.0

Shape = tuple[int | str, ...]


@dataclass(slots=True)
class Picture:
    """Marks on paper.

    Attributes:
        width, height: in pixels.
        title: what they show, in a sentence.
    """

    width: float
    height: float
    title: str
    marks: list[Mark] = field(default_factory=list)


def lay_out(
    title: str,
    about: str,
    legend: Sequence[str],
    items: Sequence[Item],
    stages: Sequence[tuple[str, str]],
) -> Picture:
    """The whole picture.

    Args:
        title: name of the network.
        about: a line about it.
        legend: lines under the picture.
        items: its parts.
        stages: in which stages of the network each begins and ends; none if it has no stages.
    """
    columns = _columns(items)
    widths = [max(_sequence_width(items[a:b]), LEAST_WIDTH) for a, b in columns]
    beside = STAGE if stages else 0.0
    content = sum(widths) + beside * len(columns) + GUTTER * (len(columns) - 1)
    words = [width_of(line, SMALL) for line in (about, *legend)]
    width = 2 * MARGIN + max(content, width_of(title, TITLE, bold=True), *words)
    lowest = TOP + max(_sequence_height(items[a:b]) for a, b in columns)
    lowest += ARROW if len(columns) > 1 else 0.0
    height = lowest + 30.0 + 17.0 * len(legend) + MARGIN - 14.0
    picture = Picture(width, height, f"{title}: {about}")
    pen = _Pen(picture.marks)
    pen.marks += [
        Box(0, 0, width, height, PAPER),
        Words(MARGIN, MARGIN + 14, title, TITLE, INK, bold=True),
        Words(MARGIN, MARGIN + 34, about, SMALL, MUTED),
        *(
            Words(MARGIN, lowest + 34.0 + 17.0 * number, line, 11.0, FAINT)
            for number, line in enumerate(legend)
        ),
    ]
    left = MARGIN
    for number, ((first, last), wide) in enumerate(zip(columns, widths, strict=True)):
        middle = left + beside + wide / 2
        if number:
            pen.turn((middle, TOP), left - GUTTER / 2)
        spans = pen.sequence(items[first:last], middle, wide, TOP)
        pen.stages(stages[first:last], spans, left + beside - 16)
        left += beside + wide + GUTTER
    return picture


def _columns(items: Sequence[Item]) -> list[tuple[int, int]]:
    """Where a long network is broken, so that columns are about equally high."""
    heights = [_height(item) + ARROW for item in items]
    n = min(MOST_COLUMNS, math.ceil(sum(heights) / TALLEST), len(items))
    ends = len(items)

    def tallest(cuts: tuple[int, ...]) -> float:
        return max(sum(heights[a:b]) for a, b in pairwise((0, *cuts, ends)))

    best = min(combinations(range(1, ends), n - 1), key=tallest)
    if tallest(best) > WORTH * sum(heights):
        return [(0, ends)]
    return list(pairwise((0, *best, ends)))


def _notes(notes: Sequence[str]) -> str:
    return " · ".join(notes)


def _number(n: int) -> str:
    return f"{n:,}" if n else ""


def _spell(shape: Shape) -> str:
    return " × ".join(str(each) for each in shape)


def _shape_after(item: Item) -> Shape:
    if isinstance(item, Block):
        return _shape_after(item.items[-1])
    if isinstance(item, Fork) and not item.shape:
        return next((_shape_after(branch[-1]) for branch in item.branches if branch), ())
    return item.shape


def _width(item: Item) -> float:
    if isinstance(item, Layer):
        if item.kind in ("norm", "act", "join"):
            return width_of(_pill_text(item), SMALL) + 30.0
        words = width_of(item.text, SIZE, bold=True)
        notes = width_of(_notes(item.notes), SMALL) + 9.0 if item.notes else 0.0
        number = width_of(_number(item.parameters), SMALL) + 16.0 if item.parameters else 0.0
        return 15.0 + words + notes + number + 11.0
    if isinstance(item, Block):
        inner = _sequence_width(item.items) + 2 * PAD
        return max(
            inner, sum(width_of(*each[:2], bold=each[3]) + 9.0 for each in _title(item)) + 24.0
        )
    shortcut = () in item.branches
    ways = [branch for branch in item.branches if branch]
    wide = sum(map(_sequence_width, ways)) + BETWEEN * (len(ways) - 1)
    return max(wide + (2 * LANE if shortcut else 0.0), _pill_width(item))


def _pill_width(fork: Fork) -> float:
    texts = [*fork.notes, *([fork.join] if len(fork.join) > 1 else [])]
    return max((width_of(text, SMALL) + 24.0 for text in texts), default=0.0)


def _sequence_width(items: Sequence[Item]) -> float:
    return max(map(_width, items))


def _height(item: Item) -> float:
    if isinstance(item, Layer):
        return PILL if item.kind in ("norm", "act", "join") else ROW
    if isinstance(item, Block):
        lead = 4.0 if isinstance(item.items[0], Fork) else ARROW - 8.0
        return HEAD + lead + _sequence_height(item.items) + FOOT
    tallest = max(_sequence_height(branch) for branch in item.branches if branch)
    return _split_height(item) + tallest + _merge_height(item)


def _split_height(fork: Fork) -> float:
    return 0.0 if _begins(fork) else BAR + ARROW - 6.0


def _begins(fork: Fork) -> bool:
    """Whether its ways are not parts of one before, but inputs."""
    firsts = [branch[0] for branch in fork.branches if branch]
    return all(isinstance(each, Layer) and each.kind == "input" for each in firsts)


def _merge_height(fork: Fork) -> float:
    sign = 0.0 if not fork.join else 2 * JOIN if len(fork.join) == 1 else PILL
    notes = (8.0 + PILL) if fork.notes else 0.0
    return _out_height(fork) + 9.0 + sign + notes


def _out_height(fork: Fork) -> float:
    """From the ends of the ways to where they have met; of several, with room for their shapes."""
    return BAR if sum(map(bool, fork.branches)) == 1 else BAR + 9.0


def _sequence_height(items: Sequence[Item]) -> float:
    return sum(map(_height, items)) + ARROW * (len(items) - 1)


def _pill_text(layer: Layer) -> str:
    return _notes((layer.text, *layer.notes)) + (
        f"   {layer.parameters:,}" if layer.parameters else ""
    )


def _title(block: Block) -> list[tuple[str, float, str, bool]]:
    """Text, size, colour and boldness of the parts of a block's title; the last is at the right."""
    title = "transformer block" if block.title == "block" and _attends(block) else block.title
    parts = [(title, SMALL + 0.5, INK, True)] if title else []
    if block.times > 1:
        parts.append((f"× {block.times}", SIZE, ACCENT, True))
    if block.varies:
        parts.append(("of different sizes; this is the first", SMALL, MUTED, False))
    each = " each" if block.times > 1 and not block.varies else ""
    every = " in all" if block.varies else ""
    number = f"{block.parameters:,}{each}{every}" if block.parameters else ""
    return [*parts, (number, SMALL, MUTED, False)]


def _attends(item: Item) -> bool:
    if isinstance(item, Layer):
        return item.kind == "attention"
    parts = item.items if isinstance(item, Block) else [x for way in item.branches for x in way]
    return any(map(_attends, parts))


@dataclass(slots=True)
class _Pen:
    """Draws, and remembers the shape that was written last."""

    marks: list[Mark]
    shape: Shape = ()
    end: tuple[float, float] = (0.0, 0.0)

    def sequence(
        self, items: Sequence[Item], middle: float, wide: float, y: float
    ) -> list[tuple[float, float]]:
        """Parts under one another; top and bottom of each."""
        spans = []
        for number, item in enumerate(items):
            if number:
                self.arrow(middle, y, y + ARROW, items[number - 1], to=item)
                y += ARROW
            height = _height(item)
            self.item(item, middle, wide, y)
            spans.append((y, y + height))
            y += height
            self.end = (middle, y)
        return spans

    def item(self, item: Item, middle: float, wide: float, y: float) -> None:
        if isinstance(item, Block):
            self.block(item, middle, wide, y)
        elif isinstance(item, Fork):
            self.fork(item, middle, wide, y)
        else:
            self.layer(item, middle, wide, y)

    def arrow(self, x: float, top: float, bottom: float, item: Item, to: Item | None) -> None:
        """Down to the next part, with the shape of what goes there if it is another."""
        self.marks.append(Line(((x, top), (x, bottom)), WIRE, arrow=not isinstance(to, Fork)))
        shape = _shape_after(item)
        is_last = isinstance(to, Layer) and to.kind == "input"
        if shape and shape != self.shape and not is_last:
            self.marks.append(Words(x + 9, (top + bottom) / 2 + 3, _spell(shape), 11.0, MUTED))
            self.shape = shape

    def layer(self, layer: Layer, middle: float, wide: float, y: float) -> None:
        hint = f"{layer.path}: {layer.parameters:,} parameters" if layer.path else ""
        fill, edge = COLOURS.get(layer.kind, PLAIN)
        if layer.kind in ("norm", "act", "join"):
            text = _pill_text(layer)
            pill = width_of(text, SMALL) + 26.0
            self.marks.append(
                Box(middle - pill / 2, y, pill, PILL, fill, radius=PILL / 2, hint=hint)
            )
            self.marks.append(Words(middle, y + 14.5, text, SMALL, INK, anchor="middle"))
            return
        left = middle - wide / 2
        self.marks += [
            Box(left, y, wide, ROW, fill, radius=5.0, hint=hint),
            Box(left, y, 4.0, ROW, edge, radius=2.0),
            Words(left + 15, y + 19.5, layer.text, SIZE, INK, bold=True),
        ]
        if layer.notes:
            x = left + 15 + width_of(layer.text, SIZE, bold=True) + 9
            self.marks.append(Words(x, y + 19.5, _notes(layer.notes), SMALL, MUTED))
        if layer.parameters:
            number = _number(layer.parameters)
            self.marks.append(Words(left + wide - 11, y + 19.5, number, SMALL, MUTED, anchor="end"))

    def block(self, block: Block, middle: float, wide: float, y: float) -> None:
        left, height = middle - wide / 2, _height(block)
        names = block.paths[0] + (f" to {block.paths[-1]}" if len(block.paths) > 1 else "")
        self.marks.append(Box(left, y, wide, height, FRAME, FRAME_LINE, 9.0, names))
        *words, (number, size, colour, _) = _title(block)
        x = left + 13
        for text, big, ink, bold in words:
            self.marks.append(Words(x, y + 20, text, big, ink, bold))
            x += width_of(text, big, bold=bold) + 9
        right = left + wide - 13
        self.marks.append(Words(right, y + 20, number, size, colour, anchor="end"))
        y += HEAD
        if isinstance(block.items[0], Fork):
            y += 4.0
        else:
            self.marks.append(Line(((middle, y - 4), (middle, y + ARROW - 8.0)), WIRE, arrow=True))
            y += ARROW - 8.0
        inner = _sequence_width(block.items)
        self.sequence(block.items, middle, max(inner, wide - 2 * PAD - 2 * LANE), y)
        last = y + _sequence_height(block.items)
        self.marks.append(Line(((middle, last), (middle, last + FOOT)), WIRE))

    def fork(self, fork: Fork, middle: float, wide: float, y: float) -> None:
        ways = [branch for branch in fork.branches if branch]
        shortcut = len(ways) < len(fork.branches)
        widths = [_sequence_width(branch) for branch in ways]
        if len(ways) == 1:
            # What is one row wide fills its frame.
            widths = [max(widths[0], wide - 2 * LANE)]
        whole = sum(widths) + BETWEEN * (len(ways) - 1)
        top = y + _split_height(fork)
        tallest = max(map(_sequence_height, ways))
        merge = top + tallest + _out_height(fork)
        before = self.shape
        left = middle - whole / 2
        if not _begins(fork):
            self.marks.append(Line(((middle, y), (middle, y + BAR - 4)), WIRE))
        for branch, own in zip(ways, widths, strict=True):
            x = left + own / 2
            if not _begins(fork):
                start = (middle, y + BAR - 4)
                corner = ((x, y + BAR - 4),) if x != middle else ()
                arrow = not isinstance(branch[0], Fork)
                self.marks.append(Line((start, *corner, (x, top)), WIRE, arrow=arrow))
            self.shape = before
            self.sequence(branch, x, own, top)
            end = top + _sequence_height(branch)
            self.way_out(branch[-1], x, end, middle, merge, fork)
            left += own + BETWEEN
        if shortcut:
            self.shortcut(middle, y + BAR - 4, middle + whole / 2 + LANE * 0.62, merge, fork)
        self.shape = _shape_after(fork) if not fork.shape else self.shape
        self.join(fork, middle, merge)

    def way_out(
        self, last: Item, x: float, end: float, middle: float, merge: float, fork: Fork
    ) -> None:
        """From the end of a way to where it joins the others."""
        shape = _shape_after(last)
        if shape and shape != self.shape:
            self.marks.append(Words(x + 9, end + 13, _spell(shape), 11.0, MUTED))
            self.shape = shape
        sign = (middle, merge + 9.0)
        if x == middle:
            self.marks.append(Line(((x, end), sign), WIRE, arrow=bool(fork.join)))
        elif len(fork.join) == 1:
            side = JOIN if x > middle else -JOIN
            corner, into = (x, merge + 9.0 + JOIN), (middle + side, merge + 9.0 + JOIN)
            self.marks.append(Line(((x, end), corner, into), WIRE, arrow=True))
        else:
            self.marks.append(Line(((x, end), (x, merge - 1), (middle, merge - 1), sign), WIRE))

    def shortcut(self, middle: float, top: float, lane: float, merge: float, fork: Fork) -> None:
        y = merge + 9.0 + (JOIN if len(fork.join) == 1 else PILL / 2)
        reach = JOIN if len(fork.join) == 1 else _pill_width(fork) / 2
        points = ((middle, top), (lane, top), (lane, y), (middle + reach, y))
        self.marks += [
            Line(points, WIRE, arrow=bool(fork.join)),
            Disc(middle, top, 2.6, WIRE, WIRE),
        ]

    def join(self, fork: Fork, middle: float, merge: float) -> None:
        y = merge + 9.0
        if len(fork.join) == 1:
            centre = y + JOIN
            self.marks.append(Disc(middle, centre, JOIN, PAPER, WIRE))
            for points in _sign(fork.join, middle, centre):
                self.marks.append(Line(points, INK, 1.6))
            y += 2 * JOIN
        elif fork.join:
            self.pill(fork.join, middle, y)
            y += PILL
        if fork.notes:
            self.marks.append(Line(((middle, y), (middle, y + 8.0)), WIRE))
            self.pill(_notes(fork.notes), middle, y + 8.0)

    def pill(self, text: str, middle: float, y: float) -> None:
        wide = width_of(text, SMALL) + 24.0
        self.marks.append(Box(middle - wide / 2, y, wide, PILL, PLAIN[0], radius=PILL / 2))
        self.marks.append(Words(middle, y + 14.5, text, SMALL, INK, anchor="middle"))

    def turn(self, to: tuple[float, float], lane: float) -> None:
        """From the end of a column to the top of the next."""
        x, y = self.end
        above = to[1] - 20.0
        points = ((x, y), (x, y + 20), (lane, y + 20), (lane, above), (to[0], above), to)
        self.marks.append(Line(points, WIRE, arrow=True))

    def stages(
        self, stages: Sequence[tuple[str, str]], spans: Sequence[tuple[float, float]], x: float
    ) -> None:
        """Names of stages, and a line beside the parts of each."""
        named = ""
        for (stage, at), group in groupby(
            zip(stages, spans, strict=False), key=lambda each: each[0]
        ):
            inside = [span for _, span in group]
            top, bottom = inside[0][0], inside[-1][1]
            if not stage:
                continue
            self.marks.append(Line(((x, top), (x, bottom)), FRAME_LINE, 2.0))
            if stage != named:
                text = stage if stage == at else f"{stage}–{at.removeprefix('stage')}"
                self.marks.append(Words(x - 8, top + 12, text, SMALL, MUTED, anchor="end"))
            named = at


def _sign(join: str, x: float, y: float) -> Iterator[tuple[tuple[float, float], ...]]:
    """Strokes of a plus, a times, a minus or a division."""
    r = 4.6
    if join == "×":
        d = r * 0.75
        yield (x - d, y - d), (x + d, y + d)
        yield (x - d, y + d), (x + d, y - d)
        return
    yield (x - r, y), (x + r, y)
    if join == "+":
        yield (x, y - r), (x, y + r)
