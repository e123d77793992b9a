"""An evaluation as one web page that needs nothing else: no server, no network, no other file.

Style, script and pictures are inside; a content security policy keeps everything else out. All
words are escaped, for classes may be named as their owner likes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from ..files import write_text
from .result import SURE_AT, EvalResult, Group, percent

__all__ = ["write_report"]

_STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #23272f; --muted: #5f6571; --line: #e2dfd6;
  --blue: #2a6591; --bar: #d5e4ef; --wrong-bar: #fbe3cb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171c; --card: #1e2128; --ink: #e9e7e1; --muted: #a2a8b4; --line: #333843;
    --blue: #86bbe0; --bar: #28445a; --wrong-bar: #553517;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 2.5rem) 3rem; max-width: 68rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .4rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
p { margin: 0 0 .8rem; max-width: 44rem; }
p.muted { color: var(--muted); max-width: none; }
.cards, .facts { display: grid; gap: 1rem; margin: 1.3rem 0; }
.cards { grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
.facts { grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
.groups { columns: 24rem; column-gap: 1rem; margin-top: 1rem; }
.groups .card { break-inside: avoid; margin-bottom: 1rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; }
.card { padding: 1rem 1.2rem; min-width: 0; }
.card p { margin: .3rem 0 0; font-size: .92rem; color: var(--muted); }
.name { font-size: .88rem; color: var(--muted); }
.big { display: block; font-size: 2.2rem; font-weight: 650; line-height: 1.2; color: var(--blue); }
.facts .big { font-size: 1.25rem; color: var(--ink); }
.scroll { overflow: auto; }
.scroll.long { max-height: 36rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
table { font-variant-numeric: tabular-nums; }
th, td { padding: .32rem .6rem; text-align: right; border-bottom: 1px solid var(--line); }
th, td { white-space: nowrap; }
th { color: var(--muted); font-weight: 600; position: sticky; top: 0; background: var(--card); }
td { background: linear-gradient(var(--bar), var(--bar)) 0 0 / var(--share, 0) 100% no-repeat; }
td.wrong { --bar: var(--wrong-bar); }
th.word, td.word { text-align: left; }
td.word { white-space: normal; overflow-wrap: break-word; min-width: 5rem; max-width: 20rem; }
tbody tr:last-child td { border-bottom: 0; }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; }
th button { cursor: pointer; text-decoration: underline dotted; text-underline-offset: .2em; }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
figure { margin: 1.2rem 0; }
figcaption { font-weight: 600; margin-bottom: .5rem; }
img { display: block; max-width: 100%; height: auto; border-radius: .6rem; }
img { border: 1px solid var(--line); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 0; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
@media print { .scroll.long { max-height: none; } .card, figure { break-inside: avoid; } }
"""

_SCRIPT = """
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), body = head.closest("table").tBodies[0];
    const down = head.getAttribute("aria-sort") === "descending"
      || (head.cellIndex === 0 && !head.hasAttribute("aria-sort"));
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "ascending" : "descending");
    const value = (row) => row.cells[head.cellIndex].dataset.value;
    const compare = head.cellIndex === 0
      ? (a, b) => value(a).localeCompare(value(b))
      : (a, b) => value(a) - value(b);
    body.append(...[...body.rows].sort((a, b) => (down ? 1 : -1) * compare(a, b)));
  });
}
"""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_report(
    path: Path,
    result: EvalResult,
    figures: Mapping[str, bytes],
    extra: Mapping[str, str] | None = None,
) -> None:
    """Write the page.

    Args:
        path: the HTML file; replaced if it exists.
        figures: title to the bytes of a PNG, in the order in which they are shown.
        extra: name and value of what else should be said about the model or the run.
    """
    title = f"How well does {result.model or 'the model'} recognise drawings?"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="muted">{escape(_measured_on(result))}</p>',
        _headline(result),
        _facts(result),
        _sure(result),
        _groups(result),
        _confused(result),
        _pictures(figures),
        _classes(result),
        _about(result, extra or {}),
    ]
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + f"\n</main>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )
    write_text(path, page)


def _measured_on(result: EvalResult) -> str:
    split = f"the {result.split} split" if result.split else ""
    where = " of ".join(name for name in (split, result.store) if name)
    facts = [
        f"Measured on {result.n:,} drawings in {len(result.classes)} classes",
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
            f"Of 100 drawings, about {100 * result.top1:.0f} get the right word at once. With as"
            f" many drawings as these, chance alone moves this between {percent(low, 1)} and"
            f" {percent(high, 1)} (95 % interval). Guessing blindly:"
            f" {percent(1 / len(result.classes), 1)}.",
        )
    ]
    if len(result.classes) > 3:
        cards.append(
            (
                "Among the first three (top-3)",
                percent(result.top3, 1),
                f"For about {100 * result.top3:.0f} of 100 drawings, the right word is one of its"
                " three best guesses.",
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
    return _cards("cards", cards)


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
    return _cards("facts", facts)


def _sure(result: EvalResult) -> str:
    named = next(each for each in result.sure if each["threshold"] == SURE_AT)
    if named["accuracy"] is None:
        text = f"It is never {percent(SURE_AT, 0)} sure."
    else:
        text = (
            f"If it answers only when at least {percent(SURE_AT, 0)} sure, and says “not sure”"
            f" otherwise, it answers {percent(named['answered'], 1)} of the drawings and is right"
            f" in {percent(named['accuracy'], 1)} of these."
        )
    rows = [
        _row(
            _word(percent(each["threshold"], 0)),
            _share(each["answered"]),
            _share(each["accuracy"]),
        )
        for each in result.sure
    ]
    return _section(
        "When it may say “not sure”",
        text,
        _table(["at least this sure"], ["answered", "right of these"], rows),
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
        f'<div class="card"><h3>{escape(title)}</h3>{_group_table(column, groups)}</div>'
        for title, column, groups in tables
    )
    return f'<section><h2>Which drawings</h2><div class="groups">{cards}</div></section>'


def _group_table(column: str, groups: Mapping[str, Group]) -> str:
    rows = [
        _row(
            _word(name),
            _count(group["n"]),
            _share(group["top1"]),
            _share(group["top3"]),
        )
        for name, group in groups.items()
    ]
    return _table([column], ["drawings", "top-1", "top-3"], rows)


def _confused(result: EvalResult) -> str:
    if not result.most_confused:
        return ""
    rows = [
        _row(
            _word(pair["true"]),
            _word(pair["guessed"]),
            _count(pair["count"]),
            _share(pair["share"], is_wrong=True),
        )
        for pair in result.most_confused[:20]
    ]
    worst = result.most_confused[0]
    return _section(
        "Most often confused",
        f"“{worst['true']}” is taken for “{worst['guessed']}” {worst['count']:,} times:"
        f" {percent(worst['share'], 1)} of the drawings of “{worst['true']}”.",
        _table(["drawn", "guessed"], ["times", "of the drawn"], rows),
    )


def _pictures(figures: Mapping[str, bytes]) -> str:
    if not figures:
        return ""
    shown = "".join(
        f'<figure><figcaption>{escape(title)}</figcaption><img alt="{escape(title)}"'
        f' src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}"></figure>'
        for title, png in figures.items()
    )
    return f"<section><h2>Pictures</h2>{shown}</section>"


def _classes(result: EvalResult) -> str:
    rows = [
        _row(
            _word(word),
            _share(score["f1"]),
            _share(score["precision"]),
            _share(score["recall"]),
            _count(score["support"]),
        )
        for word, score in result.by_class.items()
    ]
    return _section(
        "By class",
        "Recall: how many of its drawings are found. Precision: how often the word is right when"
        " guessed. F1: both in one number. A click on a heading sorts.",
        _table(["class"], ["F1", "precision", "recall", "drawings"], rows, is_long=True),
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
    listed = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items() if value
    )
    if not listed:
        return ""
    return f'<section><h2>About</h2><div class="card"><dl>{listed}</dl></div></section>'


def _cards(kind: str, cards: Iterable[tuple[str, str, str]]) -> str:
    shown = "".join(
        f'<div class="card"><span class="name">{escape(name)}</span>'
        f'<span class="big">{escape(value)}</span>{f"<p>{_prose(text)}</p>" if text else ""}</div>'
        for name, value, text in cards
    )
    return f'<div class="{kind}">{shown}</div>'


def _section(title: str, text: str, table: str) -> str:
    return (
        f"<section><h2>{escape(title)}</h2><p>{_prose(text)}</p>"
        f'<div class="card">{table}</div></section>'
    )


def _prose(text: str) -> str:
    """Escaped, and no line ends before a percent sign."""
    return escape(text).replace(" %", "&nbsp;%")


def _table(
    words: Iterable[str], numbers: Iterable[str], rows: Iterable[str], *, is_long: bool = False
) -> str:
    """A table with columns of words, then of numbers; a long one scrolls and can be sorted."""
    heads = "".join(
        f'<th scope="col"{kind}>'
        + (f'<button type="button">{escape(name)}</button>' if is_long else escape(name))
        + "</th>"
        for kind, names in ((' class="word"', words), ("", numbers))
        for name in names
    )
    return (
        f'<div class="scroll{" long" if is_long else ""}" tabindex="0"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(*cells: str) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _word(text: str) -> str:
    return f'<td class="word" data-value="{escape(text)}">{escape(text)}</td>'


def _count(n: int) -> str:
    return f'<td data-value="{n}">{n:,}</td>'


def _share(share: float | None, *, is_wrong: bool = False) -> str:
    """A cell with a bar behind the number."""
    if share is None:
        return '<td data-value="-1">–</td>'
    kind = ' class="wrong"' if is_wrong else ""
    return (
        f'<td{kind} data-value="{share:.6f}" style="--share:{100 * share:.1f}%">'
        f"{percent(share, 1)}</td>"
    )
