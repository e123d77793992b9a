"""The folder that is written: whole or not at all, and nothing lost."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from places import SUB_PATH

import doodlewise as dw
from doodlewise.bundle_info import BundleInfo
from doodlewise.cli.app import run as run_command
from doodlewise.data.store import Store
from doodlewise.errors import BundleError, DataError, RunError
from doodlewise.exporting import site as site_module
from doodlewise.exporting.site import MANIFEST, POLICY, RUNTIME, write_site
from doodlewise.models.bundle import save_bundle
from doodlewise.models.registry import create_model
from doodlewise.predict.bundled import BUNDLED
from doodlewise.raster import RenderSpec


@pytest.fixture
def site(www: Path) -> Path:
    return www / SUB_PATH


def test_what_is_in_it(site: Path) -> None:
    listed = json.loads((site / "site.json").read_text())["files"]
    there = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    # The bare page, and files that tests try, are not of the site.
    assert set(listed) | {"site.json"} <= there
    assert {name: (site / name).stat().st_size for name in listed} == listed
    needed = {"index.html", "app.js", "worker.js", "config.json", "model.onnx"}
    assert needed | {"runtime/ort.js", "runtime/ort.wasm.gz", "runtime/LICENSE.txt"} <= set(listed)
    assert (site / "model.onnx").read_bytes() == BUNDLED.read_bytes()


def test_the_config_says_what_the_model_does(site: Path) -> None:
    config = json.loads((site / "config.json").read_text())
    model = dw.load()
    assert config["mode"] == "browser"
    assert [label["word"] for label in config["labels"]] == model.classes
    assert dict(map(dict.values, config["labels"]))["cat"] == "🐈"
    assert config["model"]["sure_from"] == model.info.sure_from
    assert config["model"]["features"] == model.feature_width
    assert config["model"]["render"] == model.render.to_dict()
    assert config["teach"] == {"enabled": True, "needs_key": False, "pictures": False}
    assert (config["means"] is not None) == (site / "means.png").exists()


def test_the_runtime_is_the_one_of_npm(site: Path) -> None:
    manifest = json.loads(MANIFEST.read_text())
    for name, expected in manifest["files"].items():
        if name == "ort.wasm":
            content = gzip.decompress((site / "runtime/ort.wasm.gz").read_bytes())
        else:
            content = (site / "runtime" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == expected["sha256"], name
    about = json.loads((site / "runtime/runtime.json").read_text())
    assert (about["name"], about["version"]) == ("onnxruntime-web", manifest["version"])
    assert about["integrity"].startswith("sha512-")
    assert f"v{manifest['version']}" in (site / "runtime/ort.js").read_text()[:200]
    # It is in the package too, which has to stay small.
    assert sum(path.stat().st_size for path in RUNTIME.iterdir()) < 3_000_000


def test_it_names_no_other_place(site: Path) -> None:
    """Only relative addresses, so that it works under any path, and nothing of anyone else."""
    page = (site / "index.html").read_text()
    addresses = re.findall(r"""(?:href|src|action)=["']([^"']*)""", page)
    assert addresses
    assert not [each for each in addresses if each.startswith(("/", "http"))]
    for path in [*site.glob("*.js"), *site.glob("canvas/*.js"), *site.rglob("*.css")]:
        code = re.sub(r"^\s*(//|/?\*).*$", "", path.read_text(), flags=re.M)
        others = set(re.findall(r"https?://[^\s\"'`)]+", code)) - {"http://www.w3.org/2000/svg"}
        rooted = re.findall(r"""url\(['"]?/|from ['"]/|fetch\(['"`]/|import\(['"`]/""", code)
        assert not others, path
        assert not rooted, path


def test_the_page_may_do_no_more_than_it_does(site: Path) -> None:
    page = (site / "index.html").read_text()
    assert page.index("Content-Security-Policy") < page.index("<link")
    assert f'content="{POLICY}"' in page
    assert "unsafe-inline" not in POLICY
    assert "'unsafe-eval'" not in POLICY


def test_it_is_written_again_in_place_of_itself(tmp_path: Path) -> None:
    out = tmp_path / "new" / "site"
    first = write_site(None, out)
    (out / "app.js").write_text("old")
    assert write_site(None, out) == first
    assert (out / "app.js").read_bytes() == (site_module.PAGE / "app.js").read_bytes()
    assert [path.name for path in out.parent.iterdir()] == ["site"]
    assert first.words == 345
    assert first.n_files == sum(path.is_file() for path in out.rglob("*"))
    assert first.n_bytes < 10_000_000


def test_the_same_model_gives_the_same_site(tmp_path: Path) -> None:
    for name in "ab":
        write_site(None, tmp_path / name)
    for path in (tmp_path / "a").rglob("*"):
        if path.is_file():
            other = tmp_path / "b" / path.relative_to(tmp_path / "a")
            assert path.read_bytes() == other.read_bytes(), path


def test_nothing_of_anyone_else_is_lost(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    write_site(None, own)  # an empty folder is in nobody's way
    (own / "CNAME").write_text("doodles.example")
    with pytest.raises(RunError, match=r"holds CNAME, which does not belong .* Move it"):
        write_site(None, own)
    assert (own / "CNAME").read_text() == "doodles.example"

    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.png").touch()
    with pytest.raises(RunError, match=r"photos is there, and is not a site of Doodlewise"):
        write_site(None, other)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(RunError, match="is a file"):
        write_site(None, file)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "own", "photos"]


def test_a_failure_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "site"
    write_site(None, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    for path in RUNTIME.iterdir():
        (runtime / path.name).write_bytes(path.read_bytes())
    (runtime / "ort.js").write_text("tampered")
    monkeypatch.setattr(site_module, "RUNTIME", runtime)
    with pytest.raises(DataError, match=r"ort.js is damaged. Run: pip install --force-reinstall"):
        write_site(None, out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runtime", "site"]


def test_mean_drawings_come_along(tmp_path: Path) -> None:
    model = onnx.load(BUNDLED)
    kept = [each for each in model.metadata_props if each.key != "doodlewise.means"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, tmp_path / "without.onnx")
    model.metadata_props.add(
        key="doodlewise.means", value=base64.b64encode(b"\x89PNG and so on").decode()
    )
    onnx.save(model, tmp_path / "with.onnx")
    write_site(tmp_path / "with.onnx", tmp_path / "with", name="mine")
    assert (tmp_path / "with/means.png").read_bytes() == b"\x89PNG and so on"
    config = json.loads((tmp_path / "with/config.json").read_text())
    assert (config["means"], config["model"]["name"]) == ("means.png", "mine")
    write_site(tmp_path / "without.onnx", tmp_path / "without")
    assert not (tmp_path / "without/means.png").exists()
    config = json.loads((tmp_path / "without/config.json").read_text())
    assert (config["means"], config["model"]["id"]) == (None, "without")


def test_models_that_cannot_be_on_a_site(save_pixels: Callable[[], Path], tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="There is no file"):
        write_site(tmp_path / "none.onnx", tmp_path / "site")
    with pytest.raises(BundleError, match=r"takes pictures only, and people draw on a site"):
        write_site(save_pixels(), tmp_path / "site")
    assert not (tmp_path / "site").exists()


@pytest.fixture
def run_folder(strokes_store: Path, tmp_path: Path) -> Path:
    """A network that has not learnt, where a run would have left it."""
    torch.manual_seed(3)
    classes = Store(strokes_store).classes
    network = create_model("quickdraw_cnn_v1", n_classes=len(classes), image_shape=(1, 28, 28))
    info = BundleInfo("quickdraw_cnn_v1", classes, (1, 28, 28), RenderSpec())
    save_bundle(network.eval(), info, tmp_path / "first" / "model")
    (tmp_path / "first" / "config.yaml").write_text(f"store: {strokes_store}\n", encoding="utf-8")
    return tmp_path / "first"


@pytest.fixture
def save_pixels(run_folder: Path, tmp_path: Path) -> Callable[[], Path]:
    def save() -> Path:
        file = tmp_path / "pixels.onnx"
        command = ["export", str(run_folder), "--to", str(file), "--input", "pixels"]
        assert run_command(command) == 0
        return file

    return save


def test_the_command(run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "site")
    assert run_command(["export", str(run_folder), "--site", out]) == 0
    told = capsys.readouterr()
    assert "The model: strokes in, float32" in told.out
    assert f"{out}: a page that knows 6 words" in told.out
    assert "python -m http.server -d" in told.err
    config = json.loads((tmp_path / "site/config.json").read_text())
    assert config["model"]["name"] == "first"

    file = str(tmp_path / "model.onnx")
    assert run_command(["export", str(run_folder), "--to", file, "--site", out, "--json"]) == 0
    both = json.loads(capsys.readouterr().out)
    assert (both["file"]["out"], both["site"]["out"]) == (file, out)
    assert (tmp_path / "site/model.onnx").read_bytes() == Path(file).read_bytes()

    assert run_command(["export", file, "--site", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == file
    assert run_command(["export", "--site", out]) == 0
    assert "knows 345 words" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say where to: --to model.onnx, or --site site/, or both."),
        (["--to", "x.onnx"], "Name the run folder to export"),
        (["m.onnx", "--to", "x.onnx"], "Name the run folder to export"),
        (["m.onnx", "--site", "s", "--int8"], "are for a run that is exported"),
        (["runs/x", "--site", "s", "--input", "pixels"], "takes --input strokes"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["export", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_without_torch_and_onnx(tmp_path: Path) -> None:
    """A site of an exported file needs neither."""
    code = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'onnxscript', 'numba', 'pyarrow', 'lightning_fabric'):\n"
        "    sys.modules[name] = None\n"
        "from doodlewise.cli.app import run\n"
        f"sys.exit(run(['export', '--site', {str(tmp_path / 'site')!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site/model.onnx").exists()
