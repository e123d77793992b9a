"""Writes docs/cli.md from the help of every command; a test checks that it is up to date.

python docs/make_cli.py
"""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

from doodlewise.cli.app import run

PAGE = Path(__file__).with_name("cli.md")

COMMANDS = (
    "data prepare",
    "data stats",
    "data list",
    "data show",
    "data export",
    "data download",
    "data synthetic",
    "explore",
    "train",
    "sweep",
    "finetune",
    "find-lr",
    "config show",
    "config init",
    "config validate",
    "runs list",
    "runs show",
    "runs compare",
    "runs path",
    "eval",
    "predict",
    "doctor",
    "serve",
    "submission",
    "export",
    "teach",
    "benchmark",
    "models list",
    "models show",
    "env",
)


def page() -> str:
    """The whole page."""
    parts = ["# All commands\n\nMade from `--help` by `python docs/make_cli.py`.\n"]
    for command in ("", *COMMANDS):
        name = f"doodlewise {command}".strip()
        parts.append(f"## {name}\n\n```text\n{help_of(command)}\n```\n")
    return "\n".join(parts)


def help_of(command: str) -> str:
    """What `--help` says, at a width of 100."""
    os.environ["COLUMNS"] = os.environ["TERMINAL_WIDTH"] = "100"
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        run([*command.split(), "--help"])
    return "\n".join(line.rstrip() for line in text.getvalue().strip().splitlines())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
