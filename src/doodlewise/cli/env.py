"""doodlewise env"""

from __future__ import annotations

from ._output import JsonFlag, VerboseFlag, output

__all__ = ["env"]


def env(json: JsonFlag = False, verbose: VerboseFlag = False) -> None:
    """Show versions and the machine, to paste into a report."""
    from ..environment import environment

    facts = environment()
    if output.is_json:
        output.json(facts)
        return
    packages = facts.pop("packages")
    for name, value in {**facts, **packages}.items():
        shown = ", ".join(value) or "none" if isinstance(value, list) else str(value)
        output.text(f"{name:18} {shown}")
