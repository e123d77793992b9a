"""The stages of a network in plain words: "stem", "stage1" and so on, and "head".

A network names its stages in an attribute, `stage_begins`, from each to its first layer. What comes
before the first is the stem.
"""

from __future__ import annotations

from torch import nn

__all__ = ["stages_of"]


def stages_of(network: nn.Module) -> dict[str, list[str]]:
    """From each stage to the names of its layers, in order; empty if the network has no stages."""
    begins: dict[str, str] = dict(getattr(network, "stage_begins", {}))
    if not begins:
        return {}
    first = {layer: stage for stage, layer in begins.items()}
    if "head" not in begins and any(name == "head" for name, _ in network.named_children()):
        first["head"] = "head"
    stages: dict[str, list[str]] = {}
    now = "stem"
    for name, layer in network.named_modules():
        now = first.get(name, now)
        if any(True for _ in layer.parameters(recurse=False)):
            stages.setdefault(now, []).append(name)
    return stages
