"""Layers and functions in words that a person knows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

__all__ = ["Kind", "Said", "humanised", "is_whole", "of_function", "of_layer"]

Kind = Literal[
    "input", "conv", "linear", "pool", "recurrent", "attention", "norm", "act", "join", "other"
]


@dataclass(frozen=True, slots=True)
class Said:
    """A step in words.

    Attributes:
        text: what it does.
        kind: by which it is coloured; "norm" and "act" are said beside the step before them.
        note: more, in passing.
    """

    text: str
    kind: Kind
    note: str = ""


_ACTS = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "gelu": "GELU",
    "silu": "SiLU",
    "elu": "ELU",
    "leakyrelu": "leaky ReLU",
    "prelu": "PReLU",
    "hardswish": "hard swish",
    "hardsigmoid": "hard sigmoid",
    "hardtanh": "hard tanh",
    "softmax": "softmax",
}
_ACTS |= {each: each for each in ("tanh", "sigmoid", "mish", "softplus")}
_NORMS = {
    "batchnorm": "batch norm",
    "layernorm": "layer norm",
    "groupnorm": "group norm",
    "rmsnorm": "RMS norm",
    "instancenorm": "instance norm",
}
_SILENT = ("Dropout", "DropPath", "Identity", "Flatten", "Unflatten", "Permute")
_WHOLE = re.compile(
    r"(Attention|Attn$|SqueezeExcite|SEModule|SelectAdaptivePool|GlobalResponseNorm$|PosEmbed)"
)
_JOINS = {
    "add": "+", "add_": "+", "mul": "×", "mul_": "×", "cat": "joined", "concat": "joined",
    "stack": "joined", "hstack": "joined", "matmul": "matrix product", "bmm": "matrix product",
    "einsum": "product", "sub": "−", "div": "÷",
}  # fmt: skip
_POOLS = ("max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool")


def is_whole(layer: nn.Module) -> bool:
    """Whether a layer is drawn as one, whatever happens in it."""
    if next(layer.children(), None) is None:
        return True
    known = (_ConvNd, _NormBase, nn.Linear, nn.LayerNorm, nn.GroupNorm, nn.RNNBase)
    if isinstance(layer, (*known, nn.MultiheadAttention)):
        return True
    return bool(_WHOLE.search(type(layer).__name__))


def of_layer(layer: nn.Module, args: Any, result: Any) -> Said | None:
    """A layer in words; None if there is nothing to say about it."""
    name = type(layer).__name__
    if name.startswith(_SILENT) or (isinstance(layer, nn.Sequential) and not len(layer)):
        share = getattr(layer, "p", 0.0)
        if isinstance(layer, nn.modules.dropout._DropoutNd) and share:
            return Said(f"dropout {100 * share:.0f} %", "act")
        return None
    if isinstance(layer, _ConvNd):
        return Said(_conv(layer), "conv")
    if isinstance(layer, nn.Linear):
        return Said("linear", "linear")
    if isinstance(layer, nn.RNNBase):
        ways = ", both directions" if layer.bidirectional else ""
        layers = f", {layer.num_layers} layers" if layer.num_layers > 1 else ""
        return Said(f"{layer.mode.partition('_')[0]}{layers}{ways}", "recurrent")
    plain = name.lower().replace("2d", "").replace("1d", "").rstrip("_")
    norm = next((said for key, said in _NORMS.items() if key in plain), None)
    if norm is not None:
        # Norms of timm may have an activation inside.
        act = _ACTS.get(type(getattr(layer, "act", None)).__name__.lower())
        return Said(norm if act is None else f"{norm} · {act}", "norm")
    act = _ACTS.get(plain)
    if act is not None:
        return Said(act, "act")
    if "attention" in plain or plain.endswith("attn"):
        heads = getattr(layer, "num_heads", None)
        return Said(f"attention, {heads} heads" if heads else "attention", "attention")
    if name in ("SqueezeExcite", "SEModule"):
        return Said("squeeze and excite", "attention")
    if name.startswith("LayerScale"):
        return Said("scale", "act")
    return _of_pool(layer, name, args, result) or Said(humanised(name), "other")


def of_function(name: str, args: Any, result: Any, n_sources: int) -> Said | None:
    """A function in words; None if it only arranges data anew."""
    plain = name.rstrip("_")
    if name == "scaled_dot_product_attention":
        heads = f", {args[0].shape[1]} heads" if args[0].ndim == 4 else ""
        return Said(f"attention{heads}", "attention")
    if n_sources > 1:
        join = _JOINS.get(name)
        if join is not None:
            return Said(join, "join")
        return Said(humanised(plain), "join") if isinstance(result, torch.Tensor) else None
    if plain.replace("_", "") in _ACTS:
        return Said(_ACTS[plain.replace("_", "")], "act")
    given = next((each for each in args if isinstance(each, torch.Tensor)), None)
    if plain.startswith(_POOLS):
        if plain.startswith("adaptive") and set(result.shape[2:]) == {1}:
            return Said(f"{_mean_or_most(plain)} over the image", "pool")
        return Said(re.sub(r"_?\dd$", "", plain).replace("_", " "), "pool")
    if plain in ("mean", "sum", "amax", "max") and given is not None and given.ndim > 2:
        where = "the image" if given.ndim == 4 else "all positions"
        is_smaller = isinstance(result, torch.Tensor) and result.ndim < given.ndim
        kind = "sum" if plain == "sum" else _mean_or_most(plain)
        return Said(f"{kind} over {where}", "pool") if is_smaller else None
    norm = next((said for key, said in _NORMS.items() if key == plain.replace("_", "")), None)
    if norm is not None or plain == "normalize":
        return Said(norm or "normalise", "norm")
    return None


def humanised(name: str) -> str:
    """ "InvertedResidual" as "inverted residual"."""
    plain = re.sub(r"\dd$", "", name).replace("NeXt", "Next").replace("_", " ")
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+\w*", plain)
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)


def _conv(layer: _ConvNd) -> str:
    size = _spell(layer.kernel_size)
    flat = "1-D " if len(layer.kernel_size) == 1 else ""
    is_deep = layer.groups > 1 and layer.groups == layer.in_channels
    kind = "depthwise conv" if is_deep else "conv"
    if isinstance(layer, _ConvTransposeNd):
        kind = f"transposed {kind}"
    text = f"{flat}{kind} {size}"
    if max(layer.stride) > 1:
        text += f", stride {_once(layer.stride)}"
    if max(layer.dilation) > 1:
        text += f", dilation {_once(layer.dilation)}"
    if layer.groups > 1 and not is_deep:
        text += f", {layer.groups} groups"
    return text


def _of_pool(layer: nn.Module, name: str, args: Any, result: Any) -> Said | None:
    if name.startswith(("MaxPool", "AvgPool", "LPPool")):
        kernel = getattr(layer, "kernel_size", 2)
        size = (kernel, kernel) if isinstance(kernel, int) else tuple(kernel)
        stride = getattr(layer, "stride", None) or kernel
        steps = (stride, stride) if isinstance(stride, int) else tuple(stride)
        kind = "max" if name.startswith("Max") else "average"
        more = f", stride {_once(steps)}" if steps != size else ""
        return Said(f"{kind} pool {_spell(size)}{more}", "pool")
    given = next((each for each in args if isinstance(each, torch.Tensor)), None)
    if "Pool" in name and isinstance(result, torch.Tensor) and given is not None:
        width = {given.shape[1], given.shape[-1]}
        if given.ndim == 4 and result.numel() / result.shape[0] in width:
            kind = str(getattr(layer, "pool_type", name)).lower()
            return Said(f"{_mean_or_most(kind)} over the image", "pool")
        return Said(humanised(name), "pool")
    is_smaller = (
        given is not None and isinstance(result, torch.Tensor) and result.numel() < given.numel()
    )
    if is_smaller and next(layer.parameters(), None) is None:
        return Said(humanised(name), "pool")
    return None


def _mean_or_most(kind: str) -> str:
    return "maximum" if "max" in kind and "avg" not in kind else "mean"


def _spell(size: Sequence[int]) -> str:
    return "×".join(map(str, size))


def _once(size: Sequence[int]) -> str:
    return str(size[0]) if len(set(size)) == 1 else _spell(size)
