"""Every command and every piece of Python in README and docs is run, in the order of the pages."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from made_sources import make_sources, sources_of_google

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "docs/data.md",
    "docs/kaggle.md",
    "docs/photos.md",
    "docs/explore.md",
    "docs/train.md",
    "docs/networks.md",
    "docs/sweeps.md",
    "docs/records.md",
    "docs/runs.md",
    "docs/devices.md",
    "docs/predict.md",
    "docs/export.md",
    "docs/serve.md",
    "docs/page.md",
    "docs/teach.md",
    "docs/finetune.md",
    "docs/site.md",
    "docs/doctor.md",
    "docs/pixels.md",
)
BLOCK = re.compile(r"```(sh|python)\n(.*?)```", re.DOTALL)
SET_UP = ("make demo", "make test", "source .venv")
"""The test is inside of what these do; `test_make_knows_the_targets` looks at them."""
SERVERS = ("doodlewise serve", "python -m http.server")
"""They run beside the rest of their page, until the next one; then Ctrl-C ends them."""


def blocks(page: str) -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def commands_in_tables(page: str) -> list[str]:
    """Whole commands that make something, in the cells of tables."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^\|.*`(doodlewise [^`]* --out [^`]*)` \|$", text, re.M)


@pytest.fixture(scope="module")
def place(doodles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with sources of every kind, in which the demo has been run, small."""
    folder = tmp_path_factory.mktemp("docs")
    make_sources(folder, doodles)
    shell(
        f"{sys.executable} {ROOT / 'examples' / 'demo.py'} --per-class 40 --epochs 1"
        " --base-url http://127.0.0.1:9",
        folder,
    )
    shutil.copy(folder / "demo" / "picture.png", folder / "doodle.png")
    with pytest.MonkeyPatch.context() as patch, sources_of_google(doodles) as url:
        patch.setenv("DOODLEWISE_BASE_URL", url)
        yield folder


def shell(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_demo_ends_with_a_table_a_picture_and_the_next_commands(place: Path) -> None:
    assert (place / "demo/runs/demo/eval-test/plots/samples.png").stat().st_size > 10_000
    assert (place / "demo/runs/demo/eval-test/report.html").exists()
    assert (place / "demo/some.ndjson").exists()


@contextmanager
def running(command: str, folder: Path) -> Iterator[None]:
    """A server that answers."""
    port = int((re.findall(r"(?:--port |http.server )(\d+)", command) or ["8000"])[0])
    arguments = shlex.split(command.removesuffix("&").strip())
    program = Path(sys.executable).with_name(arguments[0])
    environment = {**os.environ, "BROWSER": "true"}
    with subprocess.Popen([program, *arguments[1:]], cwd=folder, env=environment) as server:
        try:
            deadline = time.monotonic() + 60
            while server.poll() is None and time.monotonic() < deadline:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            assert server.poll() is None, f"{command} ended with {server.returncode}"
            yield
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
    assert server.returncode in (0, 130), f"{command} ended with {server.returncode}"


def commands_in(text: str) -> Iterator[str]:
    """The commands of a block of shell; a line that ends in a backslash goes on in the next."""
    for line in text.replace("\\\n", " ").splitlines():
        command = line.split("  #")[0].strip()
        if command and not command.startswith(SET_UP):
            yield command


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_pages_do_what_they_say(place: Path) -> None:
    ran = 0
    for page in PAGES:
        with ExitStack() as server:
            for language, text in blocks(page):
                if language == "python":
                    script = place / "block.py"
                    script.write_text(text, encoding="utf-8")
                    shell(f"{sys.executable} {script}", place)
                    ran += 1
                    continue
                for command in commands_in(text):
                    if command.startswith(SERVERS):
                        server.close()
                        server.enter_context(running(command, place))
                    else:
                        shell(command, place)
                    ran += 1
        for command in commands_in_tables(page):
            shell(command, place)
            ran += 1
    assert ran >= 80


def test_make_knows_the_targets() -> None:
    for target in ("demo", "test", "lint", "bench"):
        done = subprocess.run(
            ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert ".venv" in done.stdout


def test_the_page_of_commands_is_up_to_date() -> None:
    make_cli = runpy.run_path(str(ROOT / "docs" / "make_cli.py"))
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == make_cli["page"](), "run: python docs/make_cli.py"


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))])
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{page} points to {target}"
