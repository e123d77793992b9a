"""The parts of a picture of a network: layers in a row, blocks around some, and where ways part.

Made of the steps of `flow`. A module in which data is divided and joined again is a block; equal
parts that follow one another are drawn once, with how many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from .flow import Call, Step
from .words import Kind, humanised

__all__ = ["Block", "Fork", "Item", "Layer", "items_of", "paths_of"]

ENTRY, EXIT = -1, -2

MOST_IN_A_REPEAT = 4
"""Parts that together are looked for again right after them."""
ALIKE = 4
"""So many blocks in a row that are alike but for their sizes are drawn once."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One row.

    Attributes:
        text: what it does.
        notes: what is done to its result, such as "batch norm" and "ReLU".
        shape: of its result.
        path: its name in the network; empty for functions.
    """

    text: str
    kind: Kind
    notes: tuple[str, ...]
    shape: tuple[int | str, ...]
    parameters: int
    path: str

    @property
    def look(self) -> tuple[object, ...]:
        """The same for layers that look the same."""
        return self.text, self.notes, self.shape, self.parameters


@dataclass(frozen=True, slots=True)
class Block:
    """A frame around other parts.

    Attributes:
        title: empty for parts that are only drawn together because they repeat.
        times: how many such blocks follow one another.
        paths: their names in the network.
        parameters: of one of them; of all where they vary.
        varies: whether they are alike but for their sizes; the first one is drawn.
    """

    title: str
    times: int
    items: tuple[Item, ...]
    paths: tuple[str, ...]
    parameters: int
    varies: bool = False

    @property
    def look(self) -> tuple[object, ...]:
        return self.title, self.parameters, tuple(item.look for item in self.items)


@dataclass(frozen=True, slots=True)
class Fork:
    """Ways beside one another that come together again.

    Attributes:
        branches: an empty one is a shortcut.
        join: how they come together, such as "+"; empty if the next part takes all of them.
        notes: what is done to the result.
        shape: of the result.
    """

    branches: tuple[tuple[Item, ...], ...]
    join: str
    notes: tuple[str, ...] = ()
    shape: tuple[int | str, ...] = ()

    @property
    def look(self) -> tuple[object, ...]:
        parts = tuple(tuple(item.look for item in branch) for branch in self.branches)
        return self.join, self.notes, self.shape, parts

    @property
    def parameters(self) -> int:
        return sum(item.parameters for branch in self.branches for item in branch)


Item = Layer | Block | Fork


def items_of(steps: Sequence[Step]) -> list[Item]:
    """The parts of the whole network, in order."""
    boxes = _boxes(steps)
    return _level(steps, 0, boxes)


def paths_of(item: Item) -> Iterator[str]:
    """Names in the network of what is in a part."""
    if isinstance(item, Layer):
        yield from (item.path,) if item.path else ()
    elif isinstance(item, Block):
        yield from item.paths
        yield from (path for each in item.items for path in paths_of(each))
    else:
        yield from (path for branch in item.branches for each in branch for path in paths_of(each))


def _boxes(steps: Sequence[Step]) -> set[Call]:
    """The calls that are drawn as blocks: those that join ways, and others of the same kind."""
    joining = {
        step.around[-1]
        for step in steps
        if step.said.kind == "join" and len(step.before) > 1 and len(step.around) > 1
    }
    kinds = {type(call.module) for call in joining}
    within: dict[Call, list[Step]] = {}
    for step in steps:
        for call in step.around[1:]:
            within.setdefault(call, []).append(step)
    return {
        call
        for call, inner in within.items()
        if call in joining or (type(call.module) in kinds and len(inner) > 1)
    }


@dataclass(slots=True)
class _Node:
    """A step, or a call that is drawn as a block, among others of its level."""

    steps: list[Step] = field(default_factory=list)
    call: Call | None = None


def _level(steps: Sequence[Step], depth: int, boxes: set[Call]) -> list[Item]:
    """The parts of a block, whose steps these are, or of the network.

    Args:
        depth: of blocks around.
    """
    nodes: list[_Node] = []
    of_step: dict[Step, int] = {}
    of_call: dict[Call, int] = {}
    for step in steps:
        around = [call for call in step.around if call in boxes]
        call = around[depth] if len(around) > depth else None
        if call is None or call not in of_call:
            nodes.append(_Node(call=call))
            number = len(nodes) - 1
            if call is not None:
                of_call[call] = number
        else:
            number = of_call[call]
        nodes[number].steps.append(step)
        of_step[step] = number
    edges = {(ENTRY, of_step[step]) for step in steps if not step.before}
    edges |= {
        (of_step.get(source, ENTRY), of_step[step])
        for step in steps
        for source in step.before
        if of_step.get(source, ENTRY) != of_step[step]
    }
    made = [_made(node, depth, boxes) for node in nodes]
    last = {number for number in range(len(nodes)) if not any(a == number for a, _ in edges)}
    edges |= {(number, EXIT) for number in last}
    return _folded(_noted(_series(list(range(len(nodes))), edges, made)))


def _made(node: _Node, depth: int, boxes: set[Call]) -> Item:
    if node.call is None:
        (step,) = node.steps
        notes = (step.said.note,) if step.said.note else ()
        return Layer(step.said.text, step.said.kind, notes, step.shape, step.parameters, step.path)
    call = node.call
    total = sum(weight.numel() for weight in call.module.parameters())
    inner = _level(node.steps, depth + 1, boxes)
    return Block(humanised(type(call.module).__name__), 1, tuple(inner), (call.path,), total)


def _series(nodes: list[int], edges: set[tuple[int, int]], made: list[Item]) -> list[Item]:
    """Parts one after another; between those through which every way leads, ways may part.

    Args:
        nodes: in an order in which they can happen.
        edges: between them, from ENTRY and to EXIT.
    """
    place = {ENTRY: -1, **{node: number for number, node in enumerate(nodes)}, EXIT: len(nodes)}
    jumps = [(place[a], place[b]) for a, b in edges]
    stops = [number for number in range(len(nodes)) if not any(a < number < b for a, b in jumps)]
    items: list[Item] = []
    before = -1
    for stop in [*stops, len(nodes)]:
        between = nodes[before + 1 : stop]
        here = ENTRY if before < 0 else nodes[before]
        there = EXIT if stop == len(nodes) else nodes[stop]
        ends = _Ends(here, there, between == nodes)
        is_short = bool(between) and (here, there) in edges
        fork = _fork(between, edges, made, ends, is_short=is_short)
        if there == EXIT:
            items += fork
        elif fork and isinstance(joined := made[there], Layer) and joined.kind == "join":
            if len(fork) == 1 and isinstance(fork[0], Fork):
                fork[0] = replace(fork[0], join=joined.text, shape=joined.shape)
                items += fork
            else:
                items += [*fork, joined]
        else:
            items += [*fork, made[there]]
        before = stop
    return items


@dataclass(frozen=True, slots=True)
class _Ends:
    """Between what some nodes are, and whether they are all there are."""

    here: int
    there: int
    is_all: bool


def _fork(
    between: list[int],
    edges: set[tuple[int, int]],
    made: list[Item],
    ends: _Ends,
    *,
    is_short: bool,
) -> list[Item]:
    """The ways between two nodes."""
    groups = list(_connected(between, edges))
    if len(groups) == 1 and not is_short and ends.is_all:
        # Ways that cross: no picture of ways beside one another.
        return [made[node] for node in between]
    branches: list[tuple[Item, ...]] = []
    for group in groups:
        inside = set(group)
        own = {
            (
                ENTRY if a == ends.here and b in inside else a,
                EXIT if b == ends.there and a in inside else b,
            )
            for a, b in edges
            if a in inside or b in inside
        }
        branches.append(tuple(_folded(_noted(_series(group, own, made)))))
    if not branches:
        return []
    if len(branches) == 1 and not is_short:
        return list(branches[0])
    if is_short:
        branches.append(())
    return [Fork(tuple(branches), "")]


def _connected(nodes: list[int], edges: set[tuple[int, int]]) -> Iterator[list[int]]:
    """Nodes in groups that no edge connects."""
    left = list(nodes)
    while left:
        group, waiting = set(), [left[0]]
        while waiting:
            node = waiting.pop()
            if node in group:
                continue
            group.add(node)
            waiting += [b for a, b in edges if a == node and b in left]
            waiting += [a for a, b in edges if b == node and a in left]
        yield [node for node in left if node in group]
        left = [node for node in left if node not in group]


def _noted(items: list[Item]) -> list[Item]:
    """Norms and activations are said beside the layer whose result they take."""
    found: list[Item] = []
    for item in items:
        last = found[-1] if found else None
        if not isinstance(item, Layer) or item.kind not in ("norm", "act"):
            found.append(item)
        elif isinstance(last, Layer) and last.kind not in ("input", "norm", "act"):
            total = last.parameters + item.parameters
            notes = (*last.notes, item.text)
            found[-1] = replace(last, notes=notes, shape=item.shape, parameters=total)
        elif isinstance(last, Fork) and last.join and not item.parameters:
            found[-1] = replace(last, notes=(*last.notes, item.text))
        else:
            found.append(item)
    return found


def _folded(items: list[Item]) -> list[Item]:
    """Equal parts that follow one another, once."""
    found: list[Item] = []
    at = 0
    while at < len(items):
        length, times = _repeat(items, at)
        part = items[at : at + length]
        if times == 1:
            found.append(items[at])
        elif length == 1 and isinstance(part[0], Block):
            same = [each for each in items[at : at + times] if isinstance(each, Block)]
            paths = tuple(path for each in same for path in each.paths)
            found.append(replace(part[0], times=times, paths=paths))
        else:
            every = items[at : at + length * times]
            paths = tuple(path for each in every for path in paths_of(each))
            total = sum(each.parameters for each in part)
            found.append(Block("", times, tuple(part), paths, total))
        at += length * times
    return _alike(found)


def _alike(items: list[Item]) -> list[Item]:
    """Blocks in a row that differ in sizes only, such as those of a DenseNet, once."""
    found: list[Item] = []
    at = 0
    while at < len(items):
        first = items[at]
        end = at + 1
        while end < len(items) and _plan(items[end]) == _plan(first):
            end += 1
        same = [each for each in items[at:end] if isinstance(each, Block) and each.title]
        if len(same) < ALIKE or not isinstance(first, Block):
            found += items[at:end]
        else:
            paths = tuple(path for each in same for path in each.paths)
            total = sum(each.parameters * each.times for each in same)
            times = sum(each.times for each in same)
            found.append(replace(first, times=times, paths=paths, parameters=total, varies=True))
        at = end
    return found


def _plan(item: Item) -> tuple[object, ...]:
    """The same for parts that are alike but for their sizes."""
    if isinstance(item, Layer):
        return item.kind, item.text, item.notes
    if isinstance(item, Block):
        return item.title, tuple(map(_plan, item.items))
    return item.join, item.notes, tuple(tuple(map(_plan, branch)) for branch in item.branches)


def _repeat(items: list[Item], at: int) -> tuple[int, int]:
    """How many parts from here on repeat, and how often; those that save most."""
    best = (1, 1)
    for length in range(1, MOST_IN_A_REPEAT + 1):
        looks = _looks(items[at : at + length])
        times = 1
        while looks == _looks(items[at + length * times : at + length * (times + 1)]):
            times += 1
        # Two short rows alike are easier to read than a frame around one.
        is_worth = times > 2 or (times == 2 and isinstance(items[at], Block))
        if is_worth and length * (times - 1) > best[0] * (best[1] - 1):
            best = (length, times)
    return best


def _looks(items: Iterable[Item]) -> list[tuple[object, ...]]:
    return [item.look for item in items]
