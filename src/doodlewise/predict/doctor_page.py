"""A diagnosis as a web page in one file, to send to somebody or to hand in."""

from __future__ import annotations

import base64
import io
from html import escape

from PIL import Image

from .doctor import Diagnosis, View
from .doctor_sheet import COLOURS, LABELS, shown_whole
from .findings import Finding

__all__ = ["make_page"]

STYLE = """
:root { color-scheme: light dark; --soft: #6a6a66; --card: #f6f6f4; --bar: #9dbcf0; }
@media (prefers-color-scheme: dark) {
  :root { --soft: #a2a29c; --card: #262624; --bar: #31568f; }
}
body { font: 17px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin: 0; overflow-wrap: anywhere } .soft, small { color: var(--soft) }
.verdict { font-size: 1.3rem }
.views { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1.5rem }
.views h2 { font-size: 1.1rem; margin: 0.5rem 0 }
img { width: 100%; image-rendering: pixelated; border-radius: 4px; display: block }
.guess { display: flex; justify-content: space-between; padding: 0.2rem 0.6rem; margin-top: 0.4rem;
  border-radius: 4px }
article { background: var(--card); border-left: 8px solid; border-radius: 8px; padding: 1rem 1.4rem;
  margin: 1rem 0; display: flex; gap: 1.5rem; flex-wrap: wrap }
article > div:first-child { flex: 1 1 22rem } article h3, article p { margin: 0 0 0.4rem }
code { display: block; background: #8882; border-radius: 4px; padding: 0.4rem 0.8rem;
  overflow-x: auto; white-space: pre-wrap }
figure { margin: 0; width: 6.5rem; font-size: 0.85rem } .trials { display: flex; gap: 1rem }
"""


def make_page(diagnosis: Diagnosis) -> str:
    """The page: HTML with all pictures inside, no scripts."""
    name = escape(diagnosis.source.rpartition("/")[2] or "A picture")
    box = "The box is what was found to be ink." if diagnosis.ink_box else ""
    views = [
        f"<section><h2>As it is</h2>{_image(shown_whole(diagnosis, 400), 'as it is')}"
        f"<p class=soft>{box}</p></section>",
        *(
            _view(title, view)
            for title, view in (("The plain way", diagnosis.plain), ("Mended", diagnosis.mended))
            if view is not None
        ),
    ]
    found = "".join(_finding(diagnosis, finding) for finding in diagnosis.findings)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width">'
        f"<title>{name}: why it may be misread</title><style>{STYLE}</style>"
        f"<h1>{name}</h1><p class=soft>{escape(diagnosis.facts)}</p>"
        f"<p class=verdict>{escape(diagnosis.verdict)}</p><div class=views>{''.join(views)}</div>"
        f"{'<h2>What was found</h2>' if found else ''}{found}</html>\n"
    )


def _view(title: str, view: View) -> str:
    side = len(view.pixels)
    return (
        f"<section><h2>{title}</h2>{_image(Image.fromarray(view.pixels), title)}"
        f"<p class=soft>{side} x {side} pixels go into the network</p>{_guesses(view)}</section>"
    )


def _guesses(view: View) -> str:
    rows = []
    for guess in view.prediction.guesses:
        share = f"{100.0 * guess.probability:.1f}%"
        back = f"background: linear-gradient(90deg, var(--bar) {share}, var(--card) {share})"
        rows.append(
            f'<div class=guess style="{back}"><span>{escape(guess.word)}</span>'
            f"<span>{guess.probability:.0%}</span></div>"
        )
    return "".join(rows)


def _finding(diagnosis: Diagnosis, finding: Finding) -> str:
    colour, trial = COLOURS[finding.severity], diagnosis.trial(finding.code)
    code = f"<code>{escape(finding.code_line)}</code>" if finding.code_line else ""
    trials = "" if trial is None else (
        f"<div class=trials>{_trial('only this mended', trial.alone)}"
        f"{_trial('all but this', trial.without)}</div>"
    )  # fmt: skip
    return (
        f'<article style="border-color: {colour}"><div><h3>{escape(finding.title)}'
        f" <small>{LABELS[finding.severity]}</small></h3>"
        f"<p>{escape(finding.what[:1].upper() + finding.what[1:])}.</p>"
        f"<p class=soft>{escape(finding.why)}</p><p>{escape(finding.advice)}</p>{code}</div>"
        f"{trials}</article>"
    )


def _trial(title: str, view: View) -> str:
    guess = view.prediction.guesses[0]
    return (
        f"<figure><figcaption class=soft>{title}</figcaption>"
        f"{_image(Image.fromarray(view.pixels), title)}"
        f"{escape(guess.word)} <span class=soft>{guess.probability:.0%}</span></figure>"
    )


def _image(picture: Image.Image, described: str) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    inside = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="{escape(described)}" src="data:image/png;base64,{inside}">'
