"""A comparison of runs as one web page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from shlex import quote
from typing import Any

from ...evaluation.page import card_grid, frame, prose, row, section, share_cell, table, word_cell
from ...evaluation.result import percent
from ...files import write_text
from ...version import __version__
from ..usage import duration
from .charts import STYLE, chart, legend
from .compare import CURVES, Comparison, Entry
from .spell import written

__all__ = ["write_comparison"]

_STYLE = (
    STYLE
    + """
.warning { border-left: .3rem solid var(--orange); }
.warning p { color: var(--ink); margin: 0 0 .4rem; max-width: none; }
.warning p:last-child { margin: 0; }
td.best { font-weight: 700; }
code { font: .88rem/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
td.word { white-space: nowrap; max-width: none; }
th:first-child, td:first-child { position: sticky; left: 0; z-index: 1; background: var(--card); }
td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 10rem; max-width: 16rem; }
dl { grid-template-columns: fit-content(14rem) minmax(0, 1fr); }
dt { overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  td:first-child { min-width: 0; max-width: 7.5rem; }
  dl { grid-template-columns: fit-content(7.5rem) minmax(0, 1fr); }
}
"""
)


_POINTS = "A dot marks the epoch that was best. Point at a run to see it alone."


def write_comparison(path: Path, comparison: Comparison) -> None:
    """Write the page.

    Args:
        path: the HTML file; replaced if it exists.
        comparison: what is on it.
    """
    labels = [entry.label for entry in comparison.entries]
    title = f"Which of {len(labels)} runs is best?"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{prose(_what(comparison))}</p>',
        _warnings(comparison),
        _headline(comparison),
        _figures(comparison),
        _differences(comparison),
        _curves(comparison, labels),
        _about(comparison),
    ]
    write_text(path, frame(title, parts, style=_STYLE))


def _what(comparison: Comparison) -> str:
    if comparison.is_same_work:
        run = comparison.entries[0].run
        judged = f"{run.n_val:,} {run.things} of the" if run.n_val else "the"
        store = f" of {Path(run.store).name}" if run.store else ""
        return f"Judged by {judged} validation split{store}, each in the epoch that was its best."
    return "Judged by the validation splits of different stores, each in the epoch that was best."


def _warnings(comparison: Comparison) -> str:
    said = "".join(f"<p>{prose(text)}</p>" for text in comparison.warnings)
    return f'<div class="card warning" role="note">{said}</div>' if said else ""


def _headline(comparison: Comparison) -> str:
    best = comparison.best
    if best is None or best.top1 is None or not comparison.is_same_work:
        return ""
    chance = " ".join(comparison.notes)
    cards = [
        (
            "Best on validation (top-1)",
            percent(best.top1, 1),
            f"{best.label}, in epoch {best.best_epoch}. {chance}",
        )
    ]
    for each in comparison.repeated:
        cards.append(
            (
                "The same settings with other seeds",
                f"{100 * each.mean:.1f} ± {100 * each.spread:.1f} %",
                f"Mean and standard deviation of {', '.join(each.labels)}.",
            )
        )
    return card_grid("cards", cards)


def _figures(comparison: Comparison) -> str:
    entries = comparison.entries
    rows = [
        row(
            word_cell(_label(entry)),
            share_cell(entry.top1),
            _cell(entry.interval and 50 * (entry.interval[1] - entry.interval[0]), "{:.1f}".format),
            share_cell(entry.top5),
            _cell(entry.loss, "{:.4f}".format, is_best=_is_least(entry, entries, "loss")),
            _cell(entry.ece, percent, is_best=_is_least(entry, entries, "ece")),
            _cell(entry.best_epoch, str),
            _cell(entry.run.epochs_done or None, str),
            _cell(entry.seconds, duration),
            _cell(entry.drawings_per_s, "{:,.0f}".format),
            _cell(entry.n_parameters, "{:,}".format),
        )
        for entry in entries
    ]
    return section(
        "Figures",
        "Accuracy and loss are those of the epoch that validates best. ±: half of the 95 % interval"
        " of top-1, in points, by the number of drawings alone. A click on a heading sorts.",
        table(
            ["run"],
            [
                "top-1",
                "±",
                "top-5",
                "loss",
                "calibration error",
                "best epoch",
                "epochs",
                "time",
                "drawings/s",
                "parameters",
            ],
            rows,
            is_long=True,
        ),
    )


def _label(entry: Entry) -> str:
    state = entry.run.state.name
    return entry.label if state in ("finished", "unknown") else f"{entry.label} ({state})"


def _is_least(entry: Entry, entries: list[Entry], name: str) -> bool:
    values = [getattr(each, name) for each in entries if getattr(each, name) is not None]
    return len(set(values)) > 1 and getattr(entry, name) == min(values)


def _cell(value: Any, spelled: Callable[[Any], str], *, is_best: bool = False) -> str:
    if value is None:
        return '<td data-value="-1">–</td>'
    kind = ' class="best"' if is_best else ""
    return f'<td{kind} data-value="{value:.6f}">{escape(spelled(value))}</td>'


def _differences(comparison: Comparison) -> str:
    if not comparison.differences:
        same = "All settings are the same." if len(comparison.entries) > 1 else ""
        return f"<section><h2>Settings that differ</h2><p>{same}</p></section>" if same else ""
    rows = [
        row(
            word_cell(entry.label),
            *(word_cell(written(values[index])) for values in comparison.differences.values()),
        )
        for index, entry in enumerate(comparison.entries)
    ]
    return section(
        "Settings that differ",
        "By the names that go into --set and into a YAML file; all others are the same.",
        table(["run", *comparison.differences], [], rows),
    )


def _curves(comparison: Comparison, labels: list[str]) -> str:
    charts = "".join(
        chart(
            title[0].upper() + title[1:],
            [entry.curve(column) for entry in comparison.entries],
            labels,
            marks=[entry.best_epoch for entry in comparison.entries] if "val" in column else [],
            is_share=column.endswith("top1"),
        )
        for column, title in CURVES.items()
    )
    if not charts:
        return ""
    return (
        f'<section class="curves"><h2>Over the epochs</h2>'
        f"<p>{prose(_POINTS)}</p>{legend(labels)}"
        f'<div class="charts">{charts}</div></section>'
    )


def _about(comparison: Comparison) -> str:
    listed = "".join(
        f"<dt>{escape(entry.label)}</dt><dd><code>{escape(str(entry.run.path))}</code></dd>"
        for entry in comparison.entries
    )
    paths = " ".join(quote(str(entry.run.path)) for entry in comparison.entries)
    again = f"doodlewise runs compare {paths}"
    test = "The test splits were not looked at: whoever chooses by one has none any more."
    return (
        f"<section><h2>About</h2><p>{prose(test)}</p>"
        f'<div class="card"><dl>{listed}<dt>again</dt><dd><code>{escape(again)}</code></dd>'
        f"<dt>Doodlewise</dt><dd>{escape(__version__)}</dd></dl></div></section>"
    )
