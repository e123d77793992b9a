"""The examples of deployment name what is there. Docker is not needed for it."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer.main
import yaml

from doodlewise.cli.app import app

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def flags() -> set[str]:
    """The options of doodlewise serve."""
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    return {flag for parameter in command.params for flag in parameter.opts}


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def test_the_dockerfile_copies_what_is_there() -> None:
    copied = [
        source
        for name, rest in instructions()
        if name == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]
    assert "src" in copied
    for source in copied:
        assert (ROOT / source).exists(), source
    # What the package is built from, beside its sources.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"pyproject.toml", project["readme"], *project["license-files"]} <= set(copied)


def test_the_dockerfile_runs_a_command_that_is_there() -> None:
    entry = json.loads(dict(instructions())["ENTRYPOINT"])
    assert entry[:2] == ["doodlewise", "serve"]
    assert {word for word in entry if word.startswith("--")} <= flags()


def test_the_image_is_slim_not_root_and_watched() -> None:
    every = instructions()
    names = [name for name, _ in every]
    assert [rest for name, rest in every if name == "FROM"][-1].endswith("-slim")
    assert names.index("USER") < names.index("ENTRYPOINT")
    check = dict(every)["HEALTHCHECK"]
    code = json.loads(check.split("CMD ", 1)[1])
    assert code[0] == "python"
    compile(code[2], "HEALTHCHECK", "exec")
    assert "/readyz" in code[2]


@pytest.mark.skipif(
    shutil.which("docker") is None
    or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0,
    reason="there is no docker here",
)
@pytest.mark.slow
def test_the_image_is_built() -> None:
    subprocess.run(
        ["docker", "build", "-q", "-f", "deploy/Dockerfile", "-t", "doodlewise-test", "."],
        cwd=ROOT,
        check=True,
    )


def test_compose() -> None:
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["doodlewise"]
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert {word for word in service["command"] if word.startswith("--")} <= flags()
    folder = service["command"][service["command"].index("--keep") + 1]
    assert f"mkdir {folder}" in (DEPLOY / "Dockerfile").read_text()
    assert service["volumes"] == [f"drawings:{folder}"]
    assert service["ports"] == ["127.0.0.1:8000:8000"]


def test_systemd() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEPLOY / "doodlewise.service")
    command = parser["Service"]["ExecStart"].split()
    assert command[0].endswith("/bin/doodlewise")
    assert command[1] == "serve"
    assert {word for word in command if word.startswith("--")} <= flags()
    folder = command[command.index("--keep") + 1]
    assert folder == f"/var/lib/{parser['Service']['StateDirectory']}"
    assert parser["Service"]["DynamicUser"] == "yes"


def test_the_page_of_docs_names_every_file_and_flag() -> None:
    page = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    for path in DEPLOY.iterdir():
        assert f"deploy/{path.name}" in page
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) <= flags() | {
        "--data-binary", "--build", "--rm",
    }  # fmt: skip
