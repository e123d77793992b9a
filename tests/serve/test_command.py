"""doodlewise serve, as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from made_onnx import INFO
from served import CROSS, SECONDS, pixels_model, running
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from doodlewise.cli.app import run
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing
from doodlewise.errors import ConfigError
from doodlewise.models.bundle import save_bundle
from doodlewise.models.registry import create_model
from doodlewise.serve.opening import open_served
from doodlewise.serve.settings import ServeSettings

NOT_CORE = (
    "cv2", "lightning_fabric", "matplotlib", "numba", "onnx", "onnxscript", "pyarrow", "torch",
)  # fmt: skip
WITHOUT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Refuse())
"""


@contextmanager
def serving(*arguments: object, **surroundings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and its address when it is ready."""
    command = [sys.executable, "-m", "doodlewise", "serve", "--port", "0", *map(str, arguments)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | surroundings,
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        found = re.search(r"http://[^/ \"]+", first)
        assert found is not None, first + process.communicate()[1]
        yield process, found[0]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pixels_model(tmp_path_factory.mktemp("command"))


def test_it_says_what_it_serves(model: Path) -> None:
    with serving(model, "--cors", "https://a.example", "--rate", "7", "--api-key", "k") as (
        process,
        address,
    ):
        assert httpx.get(f"{address}/v1/models").json()["models"][0]["id"] == "pixels"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert "Model pixels, 3 words" in said
    assert "Cors: https://a.example" in said
    assert "Rate: 7.0" in said
    assert "need the key" in said
    assert said.endswith("Stopped.\n")
    assert "Traceback" not in said


def test_in_json(model: Path) -> None:
    command = [sys.executable, "-m", "doodlewise", "serve", str(model), "--port", "0", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        assert (facts["model"], facts["words"], facts["settings"]) == ("pixels", 3, {})
        assert httpx.get(f"{facts['address']}readyz").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def test_sigterm_finishes_what_was_taken(model: Path) -> None:
    body = json.dumps({"drawings": [{"strokes": CROSS}] * 64})
    with serving(model, "--rate", "0", DOODLEWISE_API_KEY="secret") as (process, address):
        statuses: list[int] = []
        is_over = threading.Event()

        def ask_on() -> None:
            with httpx.Client(base_url=address, timeout=SECONDS) as client:
                while not is_over.is_set():
                    try:
                        statuses.append(client.post("/v1/predict", content=body).status_code)
                    except httpx.TransportError:  # the door is closed
                        return

        askers = [threading.Thread(target=ask_on) for _ in range(4)]
        with (
            connect(address.replace("http", "ws") + "/v1/live") as live,
            httpx.Client(base_url=address, timeout=SECONDS) as watcher,
        ):
            assert watcher.post("/v1/teach").status_code == 401  # the key of the surroundings
            assert watcher.get("/readyz").status_code == 200
            for asker in askers:
                asker.start()
            while len(statuses) < 8:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.15)
            assert watcher.get("/readyz").status_code == 503
            assert watcher.get("/healthz").status_code == 200
            with pytest.raises(ConnectionClosed) as closed:
                live.recv(SECONDS)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
        _, said = process.communicate(timeout=SECONDS)
        is_over.set()
        for asker in askers:
            asker.join(SECONDS)
    assert process.returncode == 0
    assert set(statuses) == {200}
    assert "Traceback" not in said


def test_a_port_in_use(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run(["serve", str(model), "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert f"Port {port} is in use." in said
    free = int(re.findall(r"--port (\d+)", said)[0])
    assert free > port


def test_an_address_of_another_machine(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", str(model), "--host", "192.0.2.1"]) == 2
    assert "an address of this machine" in " ".join(capsys.readouterr().err.split())


def test_a_model_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["serve", str(tmp_path / "none.onnx"), "--port", "0"]) == 1
    assert "There is no file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 70_000}, {"rate": -1.0}, {"cors": ("example.org",)}, {"queue": 3},
        {"api_key": "schlüssel"},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"[.]$|all[.]"):
        ServeSettings(**wrong)  # type: ignore[arg-type]


def test_settings_are_explained() -> None:
    assert all(each.metadata["help"] for each in ServeSettings.__dataclass_fields__.values())


def test_everyone_in_the_network(model: Path, tmp_path: Path) -> None:
    with serving(model, "--host", "0.0.0.0", "--keep", tmp_path / "kept") as (process, _):
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS)
    assert "Everyone in your network can use it." in said
    assert "DOODLEWISE_API_KEY" in said


def test_without_torch_and_its_kin(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT.format(names=NOT_CORE))
    with serving(PYTHONPATH=str(tmp_path)) as (_, address):
        found = httpx.post(f"{address}/v1/predict", json={"strokes": CROSS}, timeout=SECONDS)
        assert found.status_code == 200
        assert found.json()["model"] == "doodles-345"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A run that does not know the store it was trained on."""
    folder = tmp_path / "myrun"
    info = replace(INFO, model="quickdraw_cnn_v1")
    save_bundle(create_model(info.model, n_classes=3), info, folder / "model")
    return folder


def test_a_run_that_cannot_be_exported_runs_in_torch(bundle: Path) -> None:
    said: list[str] = []
    served = open_served(bundle, said.append)
    assert served.id == "myrun"
    assert served.onnx is None
    assert "Exporting" in said[0]
    assert "It runs in torch" in said[1]
    assert "--verify STORE" in said[1]
    assert open_served(bundle / "model").id == "myrun"
    with running(served) as one:
        found = one.ask({"strokes": CROSS, "look": True, "top": 3})
        assert found.status_code == 200
        expected = served.classifier.predict(Drawing.from_strokes(CROSS), top=3)
        assert found.json()["word"] == expected.word
        assert one.client.get("/config.json").json()["model"]["features"] == 1568


def test_a_run_with_an_exported_file(bundle: Path) -> None:
    exported = pixels_model(bundle / "model").rename(bundle / "model" / "model.onnx")
    said: list[str] = []
    served = open_served(bundle, said.append)
    assert (served.id, served.onnx, said) == ("myrun", exported.read_bytes(), [])
    os.utime(exported, (0, 0))  # the model has been trained on since
    open_served(bundle, said.append)
    assert "Exporting" in said[0]


def test_a_run_of_bitmaps_is_exported_to_take_pixels(bundle: Path, bitmap_store: Path) -> None:
    words = Store(bitmap_store).classes
    info = replace(INFO, model="quickdraw_cnn_v1", classes=words)
    save_bundle(create_model(info.model, n_classes=len(words)), info, bundle / "model")
    (bundle / "config.yaml").write_text(f"store: {bitmap_store}\n", encoding="utf-8")
    said: list[str] = []
    served = open_served(bundle, said.append)
    assert len(said) == 1
    assert served.onnx is not None
    assert served.classifier.takes_drawings
    assert served.classifier.predict(Drawing.from_strokes(CROSS)).word in words
