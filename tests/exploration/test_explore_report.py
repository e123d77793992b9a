from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_findings import KEY, doodle_findings, photo_findings
from PIL import Image

from doodlewise.data.formats.synthetic import SYNTHETIC_WORDS
from doodlewise.exploration.charts import number, place_of, ticks, ticks_of
from doodlewise.exploration.findings import Distribution
from doodlewise.exploration.pieces import FEATURED, featured
from doodlewise.exploration.report import write_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What a browser would read: tags with attributes, headings, text; the tree must be closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[tuple[int, str]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append((int(tag[1]), ""))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"script", "style"} & set(self.open):
            return
        self.text += data
        if {"h1", "h2", "h3"} & set(self.open):
            level, said = self.headings[-1]
            self.headings[-1] = (level, said + data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    @property
    def sections(self) -> list[str]:
        return [attrs["id"] or "" for tag, attrs in self.tags if tag == "section"]

    def images(self) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag == "img"]


@pytest.fixture(scope="module")
def doodles_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(path, doodle_findings())
    return path


@pytest.fixture(scope="module")
def photos_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(path, photo_findings())
    return path


def test_a_store_of_strokes_has_its_sections(doodles_page: Path) -> None:
    page = Page(doodles_page)
    assert page.sections == [
        "facts", "samples", "averages", "classes", "countries", "intensity", "distributions",
        "augmentation", "map", "duplicates", "suspects", "skipped",
    ]  # fmt: skip
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert [link for link in links if link in [f"#{name}" for name in page.sections]][1:13] == [
        f"#{name}" for name in page.sections
    ]
    assert "Lopsided: cup has 978 drawings, house only 310." in page.text
    assert ["cup", "978", "91.9 %"] in page.rows
    assert ["US", "2,608", "30.0 %"] in page.rows
    assert ["4 more countries", "6", "0.1 %"] in page.rows
    assert "17 of them are a copy of another" in page.text
    assert "The same to the last pixel. Two different words." in page.text
    assert "labelled apple, looks like bucket" in page.text
    assert str(KEY + 2) in page.text
    assert "Lowest: apple (3); highest: cat (12.5)." in page.text


def test_a_store_of_photos_has_sizes_and_file_names(photos_page: Path) -> None:
    page = Page(photos_page)
    assert "sizes" in page.sections
    assert "countries" not in page.sections
    assert "distributions" not in page.sections
    assert "recognised" not in [cell for row in page.rows for cell in row]
    assert "The smallest is 60 x 61, the largest 1,050 x 768" in page.text
    assert "1,050 x 768, 5.8 times the median area" in page.text
    assert "dog/3.jpg" in page.text
    assert [
        "not a picture, or damaged",
        "cat/666.jpg, dog/11702.jpg, dog/<b>.jpg",
        "3",
    ] in page.rows
    assert "12 pictures were turned as their EXIF data says" in page.text
    assert "where it is sharp, the pictures agree" in page.text


def test_headings_are_in_order_and_pictures_have_words(
    doodles_page: Path, photos_page: Path
) -> None:
    for path in (doodles_page, photos_page):
        page = Page(path)
        assert page.headings[0][0] == 1
        levels = [level for level, _ in page.headings]
        assert all(below - above <= 1 for above, below in pairwise(levels))
        assert all(said.strip() for _, said in page.headings)
        for attrs in page.images():
            assert attrs["alt"] or "hidden" in attrs
        assert [attrs["lang"] for tag, attrs in page.tags if tag == "html"] == ["en"]


def test_it_needs_nothing_else(doodles_page: Path) -> None:
    text = doodles_page.read_text(encoding="utf-8")
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    for attrs in Page(doodles_page).images():
        kind, content = re.fullmatch(r"data:image/(\w+);base64,(.+)", attrs["src"] or "").groups()  # type: ignore[union-attr]
        with Image.open(io.BytesIO(base64.b64decode(content))) as image:
            image.load()
            assert (image.format or "").lower() == kind


def test_what_was_drawn_is_what_is_shown(doodles_page: Path) -> None:
    images = {attrs["alt"]: attrs for attrs in Page(doodles_page).images()}
    attrs = images["24 drawings of car"]
    assert attrs["class"] == "ink"
    with Image.open(io.BytesIO(base64.b64decode((attrs["src"] or "").split(",")[1]))) as image:
        grey = np.asarray(image.convert("L"), np.int64)
    findings = doodle_findings()
    samples = findings.samples[findings.classes.index("car")]
    # The second drawing of the second row.
    shown = grey[50:98, 50:98]
    assert np.abs(shown - (255 - samples[7, :, :, 0].astype(np.int64))).max() <= 16


def test_names_are_escaped(tmp_path: Path) -> None:
    evil = ['<script>alert("x")</script>', "a & b", '"><img src=x onerror=y>', "it's"]
    findings = doodle_findings(evil, per_class=4)
    findings = replace(
        findings,
        store='stores/<i>"&',
        skipped={"counts": {"<u>why</u>": 40}, "examples": {"<u>why</u>": ["<s>f</s>:1"] * 40}},
    )
    write_page(tmp_path / "report.html", findings)
    page = Page(tmp_path / "report.html")
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert not {"u", "s"} & {tag for tag, _ in page.tags}
    assert not [attrs for _, attrs in page.tags if "onerror" in attrs]
    assert [row[0] for row in page.rows[1:5]] == evil
    assert "<u>why</u>: the first 40 places" in page.text


def test_many_classes_are_folded_away_and_the_page_stays_small(tmp_path: Path) -> None:
    findings = doodle_findings([f"word {i}" for i in range(60)], per_class=8)
    write_page(tmp_path / "report.html", findings)
    page = Page(tmp_path / "report.html")
    assert len(featured(findings)) == FEATURED
    assert page.text.count("36 more classes") == 4
    for i in range(60):
        assert any(
            attrs["alt"] == f"average of all drawings of word {i}" for attrs in page.images()
        )
    # 345 classes: 25 MB at most.
    assert (tmp_path / "report.html").stat().st_size < 25e6 * 60 / 345


def test_the_most_frequent_classes_are_shown_at_once() -> None:
    findings = doodle_findings([f"word {i}" for i in range(30)], per_class=2)
    counts = np.full(30, 10)
    counts[[3, 29]] = 11
    shown = featured(replace(findings, counts=counts))
    assert {3, 29} <= set(shown)
    # Then those with labels to check, then the first.
    assert shown == [*range(23), 29]


def test_long_lists_are_folded_away_and_only_equal_pictures_are_all_alike(tmp_path: Path) -> None:
    full = doodle_findings(SYNTHETIC_WORDS[:2], per_class=4)
    nearly = replace(full.duplicates[1], distance=1e-6)
    findings = replace(full, duplicates=[nearly] * 20, suspects=full.suspects[:1] * 40)
    write_page(tmp_path / "report.html", findings)
    page = Page(tmp_path / "report.html")
    assert "11 more" in page.text
    assert "25 more" in page.text
    assert page.text.count("99.9 % alike.") == 20


def test_classes_of_one_size_are_well_balanced(tmp_path: Path) -> None:
    full = doodle_findings(SYNTHETIC_WORDS[:3], per_class=4)
    write_page(tmp_path / "report.html", replace(full, counts=np.array([10, 10, 10])))
    assert "Well balanced: every class has 10 drawings." in Page(tmp_path / "report.html").text
    write_page(tmp_path / "report.html", replace(full, counts=np.array([10, 12, 11])))
    assert "bucket has the most, 12; apple the fewest, 10." in Page(tmp_path / "report.html").text


def test_what_was_not_found_is_left_out(tmp_path: Path) -> None:
    full = doodle_findings(SYNTHETIC_WORDS[:1], per_class=3)
    bare = replace(
        full,
        distributions=[],
        varied=None,
        projection=None,
        duplicates=[],
        n_duplicates=0,
        n_compared=0,
        suspects=[],
        countries=[("", full.n)],
        skipped={},
        recognised=np.array([[full.n, 0, 0]]),
    )
    write_page(tmp_path / "report.html", bare)
    page = Page(tmp_path / "report.html")
    assert page.sections == ["facts", "samples", "averages", "classes", "intensity"]
    assert "Lopsided" not in page.text


def test_a_class_without_rows_is_no_trouble(tmp_path: Path) -> None:
    full = doodle_findings(per_class=4)
    counts, samples = full.counts.copy(), list(full.samples)
    counts[2], samples[2] = 0, samples[2][:0]
    intensities, means = full.intensities.copy(), full.means.copy()
    intensities[2], means[2] = 0, 0
    distributions = [replace(d, medians=d.medians.copy()) for d in full.distributions]
    for d in distributions:
        d.medians[2] = np.nan
    findings = replace(
        full,
        counts=counts,
        samples=samples,
        intensities=intensities,
        means=means,
        distributions=distributions,
    )
    write_page(tmp_path / "report.html", findings)
    page = Page(tmp_path / "report.html")
    assert "only 0." in page.text
    assert "nan" not in page.text


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1000.0, [0, 200, 400, 600, 800, 1000]),
        (0.5, 16.5, [5, 10, 15]),
        (0.0, 0.4, [0.0, 0.1, 0.2, 0.3, 0.4]),
        (-1.0, 1.0, [-1.0, -0.5, 0.0, 0.5, 1.0]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_numbers_have_the_digits_that_matter() -> None:
    assert [number(each) for each in (1234.0, 5.0, 0.09971, 1.25, 123.4)] == [
        "1,234",
        "5",
        "0.0997",
        "1.25",
        "123",
    ]


def test_a_place_on_an_axis_follows_the_bins() -> None:
    edges = np.geomspace(0.25, 4.0, 41)
    d = Distribution("aspect", edges, np.ones((1, 40), np.int64), np.ones(1), 1.0)
    assert ticks_of(d) == [0.25, 0.5, 1, 2, 4]
    assert ticks_of(replace(d, edges=np.linspace(1, 6, 41))) == [1, 2, 3, 4, 5, 6]
    assert place_of(d, 1.0) == pytest.approx(0.5, abs=0.001)
    assert place_of(d, 99.0) == 1.0
    assert place_of(d, 0.0) == 0.0


def open_page(browser: Browser, path: Path, *, scheme: str, width: int) -> tuple[Tab, list[str]]:
    """A tab with the page, and the list of what goes wrong in it or leaves it."""
    tab = browser.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    trouble: list[str] = []
    tab.on("console", lambda message: trouble.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    tab.on(
        "request",
        lambda request: (
            trouble.append(f"request: {request.url[:60]}")
            if not request.url.startswith(("data:", path.as_uri()))
            else None
        ),
    )
    tab.goto(path.as_uri())
    return tab, trouble


PAPER = {"light": "rgb(251, 250, 247)", "dark": "rgb(21, 23, 28)"}
PAPER_NOW = "getComputedStyle(document.body).backgroundColor"


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400, 3840])
@pytest.mark.parametrize("kind", ["doodles", "photos"])
def test_it_opens_well(
    browser: Browser, kind: str, width: int, scheme: str, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(f"{kind}_page")
    tab, trouble = open_page(browser, path, scheme=scheme, width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate("[...document.images].every((i) => i.complete && i.naturalWidth > 0)")
    assert tab.evaluate(PAPER_NOW) == PAPER[scheme]
    other = "light" if scheme == "dark" else "dark"
    tab.get_by_role("button", name=other, exact=False).click()
    assert tab.evaluate(PAPER_NOW) == PAPER[other]
    tab.get_by_role("button", name=scheme, exact=False).click()
    assert tab.evaluate(PAPER_NOW) == PAPER[scheme]
    assert not trouble
    tab.close()


@pytest.mark.browser
def test_the_map_says_what_is_under_the_pointer(browser: Browser, doodles_page: Path) -> None:
    tab, trouble = open_page(browser, doodles_page, scheme="light", width=1400)
    rows = json.loads(tab.locator("#map-rows").text_content() or "")
    plane, tip = tab.locator(".map .plane"), tab.locator(".map .tip")
    plane.scroll_into_view_if_needed()
    tab.wait_for_timeout(600)  # the page scrolls smoothly
    box = plane.bounding_box()
    assert box is not None
    x, y = np.array(rows["x"]), np.array(rows["y"])
    distances = np.hypot(x[:, None] - x, y[:, None] - y) + np.eye(len(x))
    alone = int(distances.min(axis=1).argmax())
    assert not tip.is_visible()
    tab.mouse.move(box["x"] + x[alone] * box["width"], box["y"] + y[alone] * box["height"])
    assert tip.is_visible()
    assert tip.inner_text().strip() == rows["classes"][rows["labels"][alone]]
    ink = tab.evaluate(
        "(() => { const c = document.querySelector('.tip canvas');"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " return d.filter((v, i) => i % 4 === 0 && v < 128).length; })()"
    )
    assert ink > 20

    tab.get_by_role("button", name="cat", exact=True).click()
    assert tab.get_by_role("button", name="cat", exact=True).get_attribute("aria-pressed") == "true"
    plane.focus()
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
        assert tip.inner_text().strip() == "cat"
    assert not trouble
    tab.close()


@pytest.mark.browser
def test_the_table_sorts_and_countries_have_names(browser: Browser, doodles_page: Path) -> None:
    tab, trouble = open_page(browser, doodles_page, scheme="light", width=1400)
    tab.locator("#classes th button").nth(1).click()
    first = tab.locator("#classes tbody tr").first.inner_text().split()
    assert first[:2] == ["cup", "978"]
    assert "Germany (DE)" in tab.locator("#countries").inner_text()
    assert not trouble
    tab.close()
