"""How good a recogniser is: counted, drawn, and told in plain words."""

from __future__ import annotations

from .metrics import Tally
from .result import EvalResult

__all__ = ["EvalResult", "Tally"]
