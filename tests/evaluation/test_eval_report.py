from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from doodlewise.evaluation import EvalResult, Tally
from doodlewise.evaluation.plots import plot_by_ink, to_png
from doodlewise.evaluation.report import write_report

Simulate = Callable[..., EvalResult]
VOID = {"meta", "img"}


class Page(HTMLParser):
    """What a browser would read: tags with attributes, cells of tables, text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open or "style" in self.open:
            return
        self.text += data
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data

    def table(self, first: str) -> list[list[str]]:
        return next(table for table in self.tables if table[0][0] == first)


def test_numbers_are_there(simulate: Simulate, tmp_path: Path) -> None:
    result = simulate(10)
    write_report(tmp_path / "report.html", result, {}, {"device": "cpu"})
    page = Page(tmp_path / "report.html")
    assert not page.open
    assert "How well does tiny recognise drawings?" in page.text
    assert "2,000 drawings in 10 classes from the test split of store on 2025-03-02." in page.text
    assert f"{100 * result.top1:.1f} %" in page.text
    assert f"{100 * result.ece:.1f} %" in page.text
    assert "device" in page.text
    classes = page.table("class")
    score = result.by_class["word 4"]
    assert classes[5] == [
        "word 4",
        f"{100 * score['f1']:.1f} %",
        f"{100 * score['precision']:.1f} %",
        f"{100 * score['recall']:.1f} %",
        f"{score['support']:,}",
    ]
    assert page.table("of its ink")[1] == ["25 %", "2,000", "20.0 %", "40.0 %"]
    assert [row[0] for row in page.table("recognised")[1:]] == ["yes", "no", "unknown"]
    assert {row[0] for row in page.table("country")[1:]} == {"US", "DE", "unknown"}
    confused = result.most_confused[0]
    assert page.table("true")[1][:3] == [
        confused["true"],
        confused["guessed"],
        str(confused["count"]),
    ]


def test_what_is_not_known_is_left_out(simulate: Simulate, tmp_path: Path) -> None:
    full = simulate(3)
    unknown = {"unknown": full.overall}
    bare = replace(
        full,
        by_ink={},
        by_recognised=unknown,
        by_country=unknown,
        most_confused=[],
        model="",
        store="",
        split="",
        date="",
        version="",
    )
    write_report(tmp_path / "report.html", bare, {})
    page = Page(tmp_path / "report.html")
    assert [table[0][0] for table in page.tables] == ["at least this sure", "class"]
    assert "Measured on 2,000 drawings in 3 classes." in page.text
    assert "top-3" not in page.text


@pytest.mark.parametrize(
    ("confidence", "words"),
    [(0.2, "too sure of itself"), (-0.2, "too modest"), (0.0, "about as sure as it should be")],
)
def test_calibration_in_words(
    simulate: Simulate, tmp_path: Path, confidence: float, words: str
) -> None:
    result = simulate(3)
    one = {"low": 0.0, "high": 1.0, "count": result.n, "accuracy": result.top1}
    bins = [{**one, "confidence": result.top1 + confidence}]
    write_report(tmp_path / "report.html", replace(result, calibration=bins), {})  # type: ignore[arg-type]
    assert words in Page(tmp_path / "report.html").text


def test_it_needs_nothing_else(simulate: Simulate, tmp_path: Path) -> None:
    result = simulate(10)
    png = to_png(plot_by_ink(result))
    write_report(tmp_path / "report.html", result, {"How early": png})
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    page = Page(tmp_path / "report.html")
    sources = [attrs["src"] for _, attrs in page.tags if "src" in attrs]
    assert sources == ["data:image/png;base64," + base64.b64encode(png).decode()]
    assert not [tag for tag, attrs in page.tags if tag == "link" or "href" in attrs]
    policy = next(a["content"] for _, a in page.tags if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert [attrs["alt"] for tag, attrs in page.tags if tag == "img"] == ["How early"]


def test_names_are_escaped(simulate: Simulate, tmp_path: Path) -> None:
    evil = ['<script>alert("x")</script>', "a & b", '"><img src=x onerror=y>', "it's"]
    result = replace(simulate(evil), model="<i>m</i>", store="a&b", split='"s"')
    write_report(tmp_path / "report.html", result, {'"<b>': b"png"}, {"<u>": "</dd><h1>"})
    page = Page(tmp_path / "report.html")
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not {"i", "b", "u"} & {tag for tag, _ in page.tags}
    assert not [attrs for _, attrs in page.tags if "onerror" in attrs]
    assert [row[0] for row in page.table("class")[1:]] == evil
    assert "<i>m</i>" in page.text
    assert "</dd><h1>" in page.text


def test_the_class_table_can_be_sorted_by_value(simulate: Simulate, tmp_path: Path) -> None:
    result = simulate(10)
    write_report(tmp_path / "report.html", result, {})
    page = Page(tmp_path / "report.html")
    assert [tag for tag, _ in page.tags].count("button") == 5
    cells = [attrs for tag, attrs in page.tags if tag == "td"][-5:]
    score = result.by_class["word 9"]
    assert cells[0]["data-value"] == "word 9"
    assert float(cells[1]["data-value"] or "") == pytest.approx(score["f1"], abs=1e-6)
    assert cells[4]["data-value"] == str(score["support"])


def test_a_network_that_is_never_sure(tmp_path: Path) -> None:
    tally = Tally(["a", "b", "c", "d"])
    tally.update(np.full((4, 4), 0.25), np.arange(4), rows=np.arange(4))
    write_report(tmp_path / "report.html", tally.result(), {})
    page = Page(tmp_path / "report.html")
    assert "It is never 90\N{NO-BREAK SPACE}% sure." in page.text
    assert page.table("at least this sure")[1] == ["50 %", "0.0 %", "–"]
