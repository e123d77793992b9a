"""Makes src/doodlewise/exporting/runtime/: onnxruntime-web, as it goes into the package.

    python tools/vendor_runtime.py [--from onnxruntime-web-1.30.0.tgz]

Of the npm package, whose hash is checked, three files are taken: the library and its glue in
JavaScript, as they are, under names that end in .js (not every host knows .mjs), and the compiled
runtime, packed with xz to a sixth. Licence and notices come from the installed onnxruntime, which
is built from the same sources; the npm package has none in it. Another version is a new `VERSION`
and `INTEGRITY`: `npm view onnxruntime-web@1.30.0 dist.integrity`.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import lzma
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

VERSION = "1.30.0"
INTEGRITY = (
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZ"
    "ClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
FILES = {
    "ort.js": "ort.wasm.min.mjs",
    "ort-glue.js": "ort-wasm-simd-threaded.mjs",
    "ort.wasm": "ort-wasm-simd-threaded.wasm",
}
"""Names in the package, and in the npm package's dist/."""
TEXTS = {"LICENSE.txt": "LICENSE", "THIRD_PARTY_NOTICES.txt": "ThirdPartyNotices.txt"}
PACKED = {"ort.wasm", "THIRD_PARTY_NOTICES.txt"}
OUT = Path(__file__).resolve().parents[1] / "src/doodlewise/exporting/runtime"


def fetched(folder: Path) -> Path:
    """The npm package, downloaded."""
    command = ["npm", "pack", f"onnxruntime-web@{VERSION}", "--silent"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / f"onnxruntime-web-{VERSION}.tgz"


def check(archive: Path) -> None:
    """End the script unless the archive is the one that we mean."""
    digest = hashlib.sha512(archive.read_bytes()).digest()
    found = f"sha512-{base64.b64encode(digest).decode()}"
    if found != INTEGRITY:
        sys.exit(f"{archive} has the hash {found}, and is to have {INTEGRITY}. Do not use it.")


def contents(archive: Path) -> dict[str, bytes]:
    """What is to be in the package, unpacked."""
    found = {}
    with tarfile.open(archive) as tar:
        for name, original in FILES.items():
            member = tar.extractfile(f"package/dist/{original}")
            assert member is not None
            found[name] = member.read()
    spec = find_spec("onnxruntime")
    assert spec is not None
    assert spec.origin is not None
    for name, original in TEXTS.items():
        found[name] = (Path(spec.origin).parent / original).read_bytes()
    return found


def packed(data: bytes) -> bytes:
    # More memory for literals and less for alignment suits machine code of WebAssembly best.
    best = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "pb": 0}
    return lzma.compress(data, format=lzma.FORMAT_XZ, filters=[best])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--from", dest="archive", type=Path, help="the npm package, already here")
    archive = parser.parse_args().archive
    with tempfile.TemporaryDirectory() as folder:
        archive = archive or fetched(Path(folder))
        check(archive)
        found = contents(archive)
    OUT.mkdir(exist_ok=True)
    files = {}
    for name, data in found.items():
        stored = f"{name}.xz" if name in PACKED else name
        (OUT / stored).write_bytes(packed(data) if name in PACKED else data)
        files[name] = {
            "stored": stored,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    manifest = {
        "name": "onnxruntime-web",
        "version": VERSION,
        "licence": "MIT",
        "source": f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz",
        "integrity": INTEGRITY,
        "files": files,
    }
    text = json.dumps(manifest, indent=1) + "\n"
    (OUT / "runtime.json").write_text(text, encoding="utf-8")
    total = sum(path.stat().st_size for path in OUT.iterdir())
    sys.stdout.write(f"{OUT}: {total / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
