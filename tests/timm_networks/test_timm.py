"""Networks of timm, in an environment of their own: see `timm_environment`."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from timm_environment import run_with_timm

from doodlewise.errors import MissingExtraError
from doodlewise.models.registry import create_model

HERE = Path(__file__).parent


def test_the_ordinary_environment_has_neither_timm_nor_torchvision() -> None:
    assert find_spec("timm") is None
    assert find_spec("torchvision") is None


def test_a_missing_timm_is_answered_with_the_line_that_installs_it() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'doodlewise\[timm\]'"):
        create_model("timm:resnet18", n_classes=3)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_everything_that_needs_timm(tmp_path: Path) -> None:
    done = run_with_timm(
        "-m", "pytest", "-p", "no:cacheprovider", str(HERE / "with_timm.py"), "--durations=5",
        HF_HOME=str(tmp_path / "huggingface"),
    )  # fmt: skip
    sys.stdout.write(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout or "[100%]" in done.stdout


@pytest.mark.slow
def test_a_torchvision_that_does_not_fit_torch_is_named_with_its_cure() -> None:
    code = (
        "from doodlewise.models.registry import create_model as c; c('timm:resnet18', n_classes=3)"
    )
    done = run_with_timm("-c", code, BROKEN_TORCHVISION="1")
    last = done.stderr.strip().splitlines()[-1]
    assert "ModelError: timm is installed, but torchvision" in last
    assert "operator torchvision::nms does not exist" in last
    assert "pip install --force-reinstall torch torchvision --index-url" in last
