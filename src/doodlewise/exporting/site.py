"""The page as a folder of files that any host can serve: everything runs in the browser."""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
import lzma
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import BundleError, DataError, RunError
from ..files import explain_os_errors, write_json
from ..predict.bundled import BUNDLED
from ..predict.classifier import Classifier, load
from ..predict.emoji import EMOJI
from ..predict.means import MEANS_KEY
from ..predict.onnx_backend import METADATA_KEY
from ..version import __version__

__all__ = ["POLICY", "SiteReport", "check_site", "write_site"]

PAGE = Path(__file__).parents[1] / "serve" / "static"
RUNTIME = Path(__file__).parent / "runtime"
MANIFEST = RUNTIME / "runtime.json"
"""Version, source and hashes of the runtime; `tools/vendor_runtime.py` makes all of the folder."""
LIST = "site.json"
"""What is in a site; by it a folder is known as one of ours."""
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self';"
    " img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none';"
    " form-action 'none'"
)
"""What the page may do. Nothing of another origin, no script but its own files."""
HEAD = "<head>"


@dataclass(frozen=True, slots=True)
class SiteReport:
    """What was written.

    Attributes:
        out: the folder.
        model: the file that is in it.
        words: how many it knows.
        n_files: in the folder.
        n_bytes: of all of them.
        download: bytes that a visitor loads, from a host that compresses nothing.
    """

    out: Path
    model: Path
    words: int
    n_files: int
    n_bytes: int
    download: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"out": str(self.out), "model": str(self.model)}


def check_site(out: Path) -> None:
    """That a site may be written there; asked before a long export.

    Raises:
        RunError: something is in the way.
    """
    advice = "Move it away, or choose another folder."
    if not out.exists():
        return
    if not out.is_dir():
        raise RunError(f"{out} is a file, and the site would be a folder. {advice}")
    there = {path.name for path in out.iterdir()}
    if not there:
        return
    try:
        listed = json.loads((out / LIST).read_text(encoding="utf-8"))
        ours = {Path(file).parts[0] for file in listed["files"]} | {LIST}
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        raise RunError(f"{out} is there, and is not a site of Doodlewise. {advice}") from None
    if foreign := sorted(there - ours):
        raise RunError(
            f"{out} holds {foreign[0]}, which does not belong to the site and would be lost."
            f" {advice}"
        )


def write_site(model: Path | None, out: Path, *, name: str = "") -> SiteReport:
    """Write a site; its folder appears whole, or not at all.

    Args:
        model: an exported file that takes strokes; the one that comes with the package when None.
        out: the folder; a site that is there is replaced.
        name: of the model, for people; that of the file when "".

    Raises:
        BundleError: there is no such file, or it takes no strokes.
        RunError: something else is at `out`.
        DataError: it cannot be written.
    """
    file = model or BUNDLED
    classifier = load(file)
    if json.loads(classifier.metadata[METADATA_KEY])["input"] != "strokes":
        raise BundleError(
            f"{file} takes pictures only, and people draw on a site. Export one that takes strokes:"
            " doodlewise export runs/first --to model.onnx"
        )
    check_site(out)
    with (
        explain_os_errors(f"writing {out}", "Then export again"),
        _folder_replacing(out) as folder,
    ):
        _write_page(folder)
        _write_model(folder, file, classifier, name or file.stem)
        _write_runtime(folder / "runtime")
        files = {
            path.relative_to(folder).as_posix(): path.stat().st_size
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        write_json(folder / LIST, {"made_by": f"doodlewise {__version__}", "files": files})
    loaded = sum(size for name, size in files.items() if not name.endswith(".txt"))
    return SiteReport(
        out, file, len(classifier.classes), len(files) + 1, sum(files.values()), download=loaded
    )


@contextmanager
def _folder_replacing(out: Path) -> Iterator[Path]:
    """Yield a new folder beside `out`; it takes its place only if the block succeeds."""
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    new, old = (out.with_name(f".{out.name}.{os.getpid()}.{kind}") for kind in ("new", "old"))
    try:
        new.mkdir()
        yield new
        if out.exists():
            out.rename(old)
        new.rename(out)
    finally:
        if old.exists() and not out.exists():
            old.rename(out)
        for folder in (new, old):
            shutil.rmtree(folder, ignore_errors=True)


def _write_page(folder: Path) -> None:
    """The files of the page, and its policy in the page itself, for hosts send no such header."""
    for path in sorted(PAGE.rglob("*")):
        if path.is_file():
            target = folder / path.relative_to(PAGE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    page = folder / "index.html"
    text = page.read_text(encoding="utf-8")
    assert HEAD in text
    policy = f'\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    page.write_text(text.replace(HEAD, HEAD + policy, 1), encoding="utf-8")


def _write_model(folder: Path, file: Path, classifier: Classifier, name: str) -> None:
    """The model, the mean drawings that are in it, and config.json, which the page reads first."""
    content = file.read_bytes()
    (folder / "model.onnx").write_bytes(content)
    means = _means(classifier)
    if means is not None:
        (folder / "means.png").write_bytes(means)
    info = classifier.info
    config = {
        "mode": "browser",
        "version": __version__,
        "model": {
            "id": name,
            "name": name,
            "version": f"{__version__}+{hashlib.sha256(content).hexdigest()[:8]}",
            "render": classifier.render.to_dict(),
            "sure_from": info.sure_from,
            "metrics": info.metrics,
            "features": classifier.feature_width,
            "temperature": info.temperature,
        },
        "labels": [{"word": word, "emoji": EMOJI.get(word)} for word in info.classes],
        "means": None if means is None else "means.png",
        "teach": {"enabled": classifier.has_features, "needs_key": False, "pictures": False},
        "keep": {"enabled": False},
        "files": {"model": "model.onnx", "runtime": "runtime/"},
    }
    write_json(folder / "config.json", config)


def _means(classifier: Classifier) -> bytes | None:
    """The sheet of mean drawings that travels in the file, if any."""
    text = classifier.metadata.get(MEANS_KEY)
    try:
        return None if text is None else base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _write_runtime(folder: Path) -> None:
    """onnxruntime-web as a visitor loads it.

    The package has it packed with xz, which browsers do not read; gzip, which they do, is larger,
    and is unpacked by the page itself, so that it does not matter what the host does.
    """
    folder.mkdir()
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    for name, expected in manifest["files"].items():
        content = (RUNTIME / expected["stored"]).read_bytes()
        if expected["stored"].endswith(".xz"):
            content = lzma.decompress(content)
        if hashlib.sha256(content).hexdigest() != expected["sha256"]:
            raise DataError(
                f"{RUNTIME / expected['stored']} is damaged. Run: pip install --force-reinstall"
                " doodlewise"
            )
        if name.endswith(".wasm"):
            name, content = f"{name}.gz", gzip.compress(content, 9, mtime=0)
        (folder / name).write_bytes(content)
    about = {key: manifest[key] for key in ("name", "version", "licence", "source", "integrity")}
    write_json(folder / "runtime.json", about)
