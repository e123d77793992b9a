"""What happens to an image on its way through a network: every layer, and which feeds which.

One example goes through the network. Each tensor is known by the step that made it, so whatever
`forward` does in between, additions and concatenations are seen to join what was divided before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ...models.inputs import example_inputs, scores, takes_of
from ...models.registry import ImageShape
from .words import Said, is_whole, of_function, of_layer

__all__ = ["Call", "Step", "flow_of"]


@dataclass(eq=False, slots=True)
class Call:
    """A module made of others, at work.

    Attributes:
        path: its name in the network; empty for the network itself.
        module: what is at work.
        around: the calls in which it happens, the outermost first.
    """

    path: str
    module: nn.Module
    around: tuple[Call, ...]


@dataclass(eq=False, slots=True)
class Step:
    """Something that is done to data.

    Attributes:
        said: in words.
        path: name of the layer in the network; empty for functions.
        around: the calls in which it happens, the outermost first.
        before: the steps whose results it takes, in the order in which they happened.
        shape: of its result, without the batch; words for what differs from drawing to drawing.
        parameters: how many, with those that keep their values.
    """

    said: Said
    path: str
    around: tuple[Call, ...]
    before: list[Step]
    shape: tuple[int | str, ...] = ()
    parameters: int = 0


@dataclass(slots=True)
class _Watcher:
    """Knows of every tensor which step it comes from."""

    n_points: int
    steps: list[Step] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    """How many steps there were before each call."""
    counted: set[int] = field(default_factory=set)
    origins: dict[int, Step] = field(default_factory=dict)
    kept: list[torch.Tensor] = field(default_factory=list)
    """So that no new tensor gets the identity of one that is gone."""
    depth: int = 0
    """How many layers deep we are inside of a layer that is drawn as one."""

    def put(self, result: object, step: Step) -> None:
        for tensor in _tensors(result):
            # Positions and masks lead to no new result by themselves.
            if tensor.is_floating_point():
                self.origins[id(tensor)] = step
                self.kept.append(tensor)

    def sources(self, *values: object) -> list[Step]:
        """Of the tensors in there that come from somewhere.

        Points of strokes do not count beside others: what is made of them says where drawings end.
        """
        found = [self.origins[id(each)] for each in _tensors(values) if id(each) in self.origins]
        deep = [each for each in found if each.before or each.said.text != "strokes"]
        return list(dict.fromkeys(deep or found))

    def add(self, said: Said, before: list[Step], result: object, path: str) -> Step:
        step = Step(said, path, tuple(self.calls), before, self.shape(result))
        self.steps.append(step)
        self.put(result, step)
        return step

    def shape(self, result: object) -> tuple[int | str, ...]:
        tensor = next(iter(_tensors(result)), None)
        if tensor is None:
            return ()
        first, *rest = tensor.shape or (1,)
        return tuple(rest) if first != self.n_points else ("points", *rest)

    def parameters(self, layer: nn.Module) -> int:
        """How many it has that were not counted yet: a layer may be used twice."""
        new = {id(weight): weight.numel() for weight in layer.parameters()}
        total = sum(n for each, n in new.items() if each not in self.counted)
        self.counted |= new.keys()
        return total


class _Functions(TorchFunctionMode):
    """Sees every function that is called on tensors."""

    def __init__(self, watcher: _Watcher) -> None:
        super().__init__()
        self._watcher = watcher

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        watcher = self._watcher
        if watcher.depth or not any(each.is_floating_point() for each in _tensors(result)):
            return result
        name = func.__name__
        if name.startswith("new_") or name.endswith("_like"):
            return result
        # The other tensor only says of what type or shape the result is.
        given = args[:1] if name == "to" or name.endswith("_as") else args
        sources = watcher.sources(given, kwargs)
        if not sources:
            return result
        summed = sources[0].said
        if name == "div" and len(sources) == 1 and summed.text.startswith("sum over"):
            # By how many there are: it was a mean.
            sources[0].said = replace(summed, text=summed.text.replace("sum", "mean", 1))
        said = of_function(name, args, result, len(sources))
        if said is not None:
            step = watcher.add(said, sources, result, "")
            if said.kind == "attention":
                # By heads and positions: nothing that a layer of the network was told.
                step.shape = ()
        else:
            watcher.put(result, sources[0])
        return result


@torch.no_grad()
def flow_of(network: nn.Module, image_shape: ImageShape) -> list[Step]:
    """The steps from the input to the scores, in the order in which they happen.

    Steps that lead to no score are left out.
    """
    inputs = example_inputs(takes_of(network), image_shape)
    n_points = 0 if inputs.strokes is None else len(inputs.strokes.points)
    watcher = _Watcher(n_points)
    modes = [(layer, layer.training) for layer in network.modules()]
    network.eval()
    try:
        with _watching(network, watcher), _Functions(watcher):
            result = scores(network, inputs)
    finally:
        for layer, training in modes:
            layer.training = training
    return _leading_to(watcher.steps, watcher.origins.get(id(result)))


@contextmanager
def _watching(network: nn.Module, watcher: _Watcher) -> Iterator[None]:
    with ExitStack() as hooks:
        for path, layer in network.named_modules():
            before, after = _hooks_of(path, layer, watcher)
            for handle in (
                layer.register_forward_pre_hook(before, with_kwargs=True),
                layer.register_forward_hook(after, with_kwargs=True),
            ):
                hooks.callback(handle.remove)
        yield


def _hooks_of(path: str, layer: nn.Module, watcher: _Watcher) -> tuple[Any, Any]:
    whole = is_whole(layer) and bool(path)

    def before(_layer: nn.Module, args: Any, kwargs: Any) -> None:
        if not path:
            _begin(watcher, args, kwargs)
        if whole:
            watcher.depth += 1
        elif not watcher.depth:
            watcher.calls.append(Call(path, layer, tuple(watcher.calls)))
            watcher.begins.append(len(watcher.steps))

    def after(_layer: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
        if not whole:
            if not watcher.depth:
                call = watcher.calls.pop()
                if len(watcher.steps) == watcher.begins.pop():
                    _note_by_hand(watcher, call, args, kwargs, result)
            return
        watcher.depth -= 1
        if watcher.depth:
            return
        sources = watcher.sources(args, kwargs)
        said = of_layer(layer, args, result)
        if said is None or not sources:
            if sources:
                watcher.put(result, sources[0])
        else:
            step = watcher.add(said, sources, result, path)
            step.parameters = watcher.parameters(layer)

    return before, after


def _note_by_hand(watcher: _Watcher, call: Call, args: Any, kwargs: Any, result: Any) -> None:
    """Of a module that takes the weights of a layer, and does the layer's work in its own way."""
    sources = watcher.sources(args, kwargs)
    for name, layer in call.module.named_modules():
        said = of_layer(layer, args, result) if name and is_whole(layer) else None
        if said is not None and sources and any(True for _ in layer.parameters()):
            step = watcher.add(said, sources, result, f"{call.path}.{name}")
            step.parameters = watcher.parameters(layer)
            sources = [step]


def _begin(watcher: _Watcher, args: Any, kwargs: Any) -> None:
    """What the network is called with is where everything comes from."""
    for value in (*args, *kwargs.values()):
        is_image = isinstance(value, torch.Tensor)
        said = Said("image" if is_image else "strokes", "input")
        watcher.add(said, [], value if is_image else list(_fields(value)), "")


def _fields(value: Any) -> Iterator[torch.Tensor]:
    for name in getattr(value, "__struct_fields__", ()):
        part = getattr(value, name)
        if isinstance(part, torch.Tensor):
            yield part


def _tensors(value: object) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _tensors(each)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    else:
        yield from _fields(value)


def _leading_to(steps: list[Step], last: Step | None) -> list[Step]:
    wanted = {last}
    for step in reversed(steps):
        if step in wanted:
            wanted |= set(step.before)
    return [step for step in steps if step in wanted or not step.before]
