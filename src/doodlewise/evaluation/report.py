"""An evaluation as one web page that needs nothing else: no server, no network, no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ..files import write_text
from .page import (
    card_grid,
    count_cell,
    data_uri,
    frame,
    prose,
    row,
    section,
    share_cell,
    table,
    word_cell,
)
from .result import SURE_AT, EvalResult, Group, percent

__all__ = ["Told", "write_report"]


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be said about the training of a network.

    Attributes:
        notes: what its curves say, a paragraph each.
        facts: name and value of how it ended, and what it cost.
    """

    notes: Sequence[str]
    facts: Mapping[str, str]


def write_report(
    path: Path,
    result: EvalResult,
    figures: Mapping[str, bytes],
    extra: Mapping[str, str] | None = None,
    *,
    told: Told | None = None,
) -> None:
    """Write the page.

    Args:
        path: the HTML file; replaced if it exists.
        figures: title to the bytes of a PNG, in the order in which they are shown.
        extra: name and value of what else should be said about the model or the run.
        told: how it was trained.
    """
    title = f"How well does {result.model or 'the model'} recognise {result.things}?"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{escape(_measured_on(result))}</p>',
        _headline(result),
        _facts(result),
        _training(told),
        _sure(result),
        _groups(result),
        _confused(result),
        _pictures(figures),
        _classes(result),
        _about(result, extra or {}),
    ]
    write_text(path, frame(title, parts))


def _measured_on(result: EvalResult) -> str:
    split = f"the {result.split} split" if result.split else ""
    where = " of ".join(name for name in (split, result.store) if name)
    facts = [
        f"Measured on {result.n:,} {result.things} in {len(result.classes)} classes",
        f"from {where}" if where else "",
        f"on {result.date[:10]}" if result.date else "",
    ]
    return " ".join(fact for fact in facts if fact) + "."


def _headline(result: EvalResult) -> str:
    low, high = result.top1_interval
    cards = [
        (
            "Right at the first guess (top-1)",
            percent(result.top1, 1),
            f"Of 100 {result.things}, about {100 * result.top1:.0f} get the right word at once."
            f" With as many as these, chance alone moves this between {percent(low, 1)} and"
            f" {percent(high, 1)} (95 % interval). Guessing blindly:"
            f" {percent(1 / len(result.classes), 1)}.",
        )
    ]
    if len(result.classes) > 3:
        cards.append(
            (
                "Among the first three (top-3)",
                percent(result.top3, 1),
                f"For about {100 * result.top3:.0f} of 100 {result.things}, the right word is one"
                " of its three best guesses.",
            )
        )
    cards.append(
        (
            "Confidence is off by (calibration)",
            percent(result.ece, 1),
            f"On average it claims to be {percent(result.confidence, 1)} sure and is right in"
            f" {percent(result.top1, 1)}: {_attitude(result)}. At 0 %, “80 % sure” means right"
            " in 80 of 100.",
        )
    )
    return card_grid("cards", cards)


def _attitude(result: EvalResult) -> str:
    gap = result.confidence - result.top1
    if abs(gap) < 0.01:
        return "about as sure as it should be"
    return "too sure of itself" if gap > 0 else "too modest"


def _facts(result: EvalResult) -> str:
    facts = [
        ("MAP@3, as in the Kaggle challenge", f"{result.map3:.4f}", ""),
        ("Macro F1, all classes alike", f"{result.macro_f1:.4f}", ""),
        ("Loss (negative log likelihood)", f"{result.loss:.4f}", ""),
    ]
    if len(result.classes) > 5:
        facts.insert(0, ("Among the first five (top-5)", percent(result.top5, 1), ""))
    return card_grid("facts", facts)


def _training(told: Told | None) -> str:
    if told is None:
        return ""
    notes = "".join(f"<p>{prose(note)}</p>" for note in told.notes)
    return (
        f'<section><h2>How it was trained</h2>{notes}<div class="card">{_list(told.facts)}</div>'
        "</section>"
    )


def _sure(result: EvalResult) -> str:
    named = next(each for each in result.sure if each["threshold"] == SURE_AT)
    if named["accuracy"] is None:
        text = f"It is never {percent(SURE_AT, 0)} sure."
    else:
        text = (
            f"If it answers only when at least {percent(SURE_AT, 0)} sure, and says “not sure”"
            f" otherwise, it answers {percent(named['answered'], 1)} of the {result.things} and is"
            f" right in {percent(named['accuracy'], 1)} of these."
        )
    rows = [
        row(
            word_cell(percent(each["threshold"], 0)),
            share_cell(each["answered"]),
            share_cell(each["accuracy"]),
        )
        for each in result.sure
    ]
    return section(
        "When it may say “not sure”",
        text,
        table(["at least this sure"], ["answered", "right of these"], rows),
    )


def _groups(result: EvalResult) -> str:
    """Accuracy by ink, by recognised or not, by country: what is known of the drawings."""
    tables = []
    if result.by_ink:
        named = {f"{ink} %": result.by_ink[ink] for ink in sorted(result.by_ink)}
        tables.append(("Before the drawing is finished", "of its ink", named))
    if set(result.by_recognised) != {"unknown"}:
        tables.append(("Recognised by the game or not", "recognised", result.by_recognised))
    if set(result.by_country) != {"unknown"}:
        tables.append(("By country", "country", result.by_country))
    if not tables:
        return ""
    cards = "".join(
        f'<div class="card"><h3>{escape(title)}</h3>'
        f"{_group_table(column, groups, result.things)}</div>"
        for title, column, groups in tables
    )
    return f'<section><h2>Which {result.things}</h2><div class="groups">{cards}</div></section>'


def _group_table(column: str, groups: Mapping[str, Group], things: str) -> str:
    rows = [
        row(
            word_cell(name),
            count_cell(group["n"]),
            share_cell(group["top1"]),
            share_cell(group["top3"]),
        )
        for name, group in groups.items()
    ]
    return table([column], [things, "top-1", "top-3"], rows)


def _confused(result: EvalResult) -> str:
    if not result.most_confused:
        return ""
    rows = [
        row(
            word_cell(pair["true"]),
            word_cell(pair["guessed"]),
            count_cell(pair["count"]),
            share_cell(pair["share"], is_wrong=True),
        )
        for pair in result.most_confused[:20]
    ]
    worst = result.most_confused[0]
    return section(
        "Most often confused",
        f"“{worst['true']}” is taken for “{worst['guessed']}” {worst['count']:,} times:"
        f" {percent(worst['share'], 1)} of the {result.things} of “{worst['true']}”.",
        table(["true", "guessed"], ["times", "of the true"], rows),
    )


def _pictures(figures: Mapping[str, bytes]) -> str:
    if not figures:
        return ""
    shown = "".join(
        f'<figure><figcaption>{escape(title)}</figcaption><img alt="{escape(title)}"'
        f' src="{data_uri(png)}"></figure>'
        for title, png in figures.items()
    )
    return f"<section><h2>Pictures</h2>{shown}</section>"


def _classes(result: EvalResult) -> str:
    rows = [
        row(
            word_cell(word),
            share_cell(score["f1"]),
            share_cell(score["precision"]),
            share_cell(score["recall"]),
            count_cell(score["support"]),
        )
        for word, score in result.by_class.items()
    ]
    return section(
        "By class",
        f"Recall: how many of its {result.things} are found. Precision: how often the word is right"
        " when guessed. F1: both in one number. A click on a heading sorts.",
        table(["class"], ["F1", "precision", "recall", result.things], rows, is_long=True),
    )


def _about(result: EvalResult, extra: Mapping[str, str]) -> str:
    facts = {
        "model": result.model,
        "store": result.store,
        "split": result.split,
        "date": result.date,
        "Doodlewise": result.version,
        **extra,
    }
    listed = _list(facts)
    return f'<section><h2>About</h2><div class="card">{listed}</div></section>' if listed else ""


def _list(facts: Mapping[str, str]) -> str:
    """Names and values; nothing if there are none."""
    listed = "".join(
        f"<dt>{escape(name)}</dt><dd>{prose(value)}</dd>" for name, value in facts.items() if value
    )
    return f"<dl>{listed}</dl>" if listed else ""
