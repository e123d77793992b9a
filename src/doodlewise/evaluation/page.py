"""The frame of our web pages, and their tables: one file that needs nothing else.

Style, script and pictures are inside; a content security policy keeps everything else out. All
words are escaped, for classes may be named as their owner likes. Light or dark is the reader's
choice: what the system says, or a button of the page.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

from .result import percent

__all__ = [
    "card_grid",
    "count_cell",
    "data_uri",
    "frame",
    "prose",
    "row",
    "section",
    "share_cell",
    "table",
    "word_cell",
]

_STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #23272f; --muted: #5f6571; --line: #e2dfd6;
  --blue: #2a6591; --orange: #b85c12; --bar: #d5e4ef; --wrong-bar: #fbe3cb;
  --ink-filter: none; --ink-blend: multiply;
}
@media (prefers-color-scheme: dark) {
  :root:not([data-theme=light]) { DARK }
}
:root[data-theme=light] { color-scheme: light; }
:root[data-theme=dark] { color-scheme: dark; DARK }
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
.theme { position: absolute; top: 1rem; right: 1rem; padding: .3rem .8rem; cursor: pointer; }
.theme { font: inherit; font-size: .88rem; color: var(--ink); background: var(--card); }
.theme { border: 1px solid var(--line); border-radius: 2rem; }
h1 { padding-right: 5.5rem; }
@media print { .theme { display: none; }
  .scroll.long { max-height: none; } .card, figure { break-inside: avoid; } }
""".replace(
    "DARK",
    "--paper: #15171c; --card: #1e2128; --ink: #e9e7e1; --muted: #a2a8b4; --line: #333843;"
    " --blue: #86bbe0; --orange: #eda15c; --bar: #28445a; --wrong-bar: #553517;"
    " --ink-filter: invert(1) brightness(.93); --ink-blend: screen;",
)

_SCRIPT = """
const dark = () => (document.documentElement.dataset.theme
  || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const theme = document.createElement("button");
const name_theme = () => { theme.textContent = dark() ? "☀ Light" : "☾ Dark"; };
theme.type = "button";
theme.className = "theme";
theme.addEventListener("click", () => {
  document.documentElement.dataset.theme = dark() ? "light" : "dark";
  name_theme();
});
name_theme();
document.querySelector("main").prepend(theme);
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


def frame(title: str, parts: Iterable[str], *, style: str = "", script: str = "") -> str:
    """A whole page.

    Args:
        title: its name, not escaped yet.
        parts: HTML of its body, in order; empty ones are left out.
        style: CSS of this page, after the common one.
        script: JavaScript of this page, likewise.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n"
        "<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + f"\n</main>\n<script>{_SCRIPT}{script}</script>\n</body>\n</html>\n"
    )


def data_uri(content: bytes, kind: str = "png") -> str:
    """A picture as the address of itself."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def card_grid(kind: str, cards: Iterable[tuple[str, str, str]]) -> str:
    """Cards with a name, a value and what it means; "cards" are large, "facts" small."""
    shown = "".join(
        f'<div class="card"><span class="name">{escape(name)}</span>'
        f'<span class="big">{escape(value)}</span>{f"<p>{prose(text)}</p>" if text else ""}</div>'
        for name, value, text in cards
    )
    return f'<div class="{kind}">{shown}</div>'


def section(title: str, text: str, table: str) -> str:
    """A heading, what it is about, and a table."""
    return (
        f"<section><h2>{escape(title)}</h2><p>{prose(text)}</p>"
        f'<div class="card">{table}</div></section>'
    )


def prose(text: str) -> str:
    """Escaped, and no line ends before a percent sign."""
    return escape(text).replace(" %", "&nbsp;%")


def table(
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


def row(*cells: str) -> str:
    """A row of a table, of cells made by `word_cell`, `count_cell` and `share_cell`."""
    return f"<tr>{''.join(cells)}</tr>"


def word_cell(text: str) -> str:
    """A cell with text."""
    return f'<td class="word" data-value="{escape(text)}">{escape(text)}</td>'


def count_cell(n: int) -> str:
    """A cell with a number."""
    return f'<td data-value="{n}">{n:,}</td>'


def share_cell(share: float | None, *, is_wrong: bool = False) -> str:
    """A cell with a bar behind the number."""
    if share is None:
        return '<td data-value="-1">–</td>'
    kind = ' class="wrong"' if is_wrong else ""
    return (
        f'<td{kind} data-value="{share:.6f}" style="--share:{100 * share:.1f}%">'
        f"{percent(share, 1)}</td>"
    )
