"""What the server says about itself, its page, and the headers of its answers."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path

import msgspec
import onnx
import pytest
from drawn import DRAWINGS
from prometheus_client.parser import text_string_to_metric_families
from served import (
    CROSS,
    WORDS,
    Running,
    error_of,
    photos_model,
    pixels_model,
    running,
    served_file,
    slow,
)

from doodlewise.predict.emoji import EMOJI
from doodlewise.serve.page import STATIC, TYPES, Page
from doodlewise.serve.schemas import PredictBatch, PredictBody, PredictOne
from doodlewise.serve.settings import ServeSettings
from doodlewise.version import __version__


def test_models(server: Running) -> None:
    first = server.client.get("/v1/models").json()["models"][0]
    assert first["version"].startswith(f"{__version__}+")
    del first["version"]
    assert first == {
        "id": "pixels", "name": "pixels", "words": 3, "metrics": {}, "taught": False,
        "default": True,
    }  # fmt: skip


def test_labels(server: Running) -> None:
    found = server.client.get("/v1/labels").json()
    assert found == {
        "model": "pixels",
        "labels": [{"word": word, "emoji": EMOJI.get(word)} for word in WORDS],
    }
    assert server.client.get("/v1/labels", params={"model": "pixels"}).json() == found
    wrong = server.client.get("/v1/labels", params={"model": "x"})
    assert error_of(wrong) == (404, "unknown_model")


def test_health(server: Running) -> None:
    assert server.client.get("/healthz").json() == {"status": "ok"}
    assert server.client.get("/readyz").json() == {"status": "ok"}


def test_not_ready_while_it_stops() -> None:
    with running(slow()[1]) as one:
        one.state.is_stopping = True
        assert error_of(one.client.get("/readyz")) == (503, "stopping")
        assert one.client.get("/healthz").status_code == 200
        one.state.is_stopping = False


def test_metrics(tmp_path: Path) -> None:
    with running(pixels_model(tmp_path)) as one:
        one.ask({"strokes": CROSS})
        one.ask({"drawings": [{"strokes": CROSS}] * 3})
        one.ask({})
        with one.live() as live:
            live.send(json.dumps({"type": "set", "strokes": CROSS}))
            live.recv(5)
            answer = one.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {each.name: each for each in text_string_to_metric_families(answer.text)}
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert values["doodlewise_requests_total", "/v1/predict", "200"] == 2
    assert values["doodlewise_requests_total", "/v1/predict", "422"] == 1
    assert values["doodlewise_request_seconds_count", "/v1/predict"] == 3
    assert values["doodlewise_guesses_total", "http"] == 4
    assert values["doodlewise_guesses_total", "live"] == 1
    assert values["doodlewise_live_connections",] == 1
    assert values["doodlewise_queue_depth",] == 0
    assert values["doodlewise_batch_size_sum",] == 6  # with the first guess, of the start
    assert families["doodlewise_model_info"].samples[0].labels["model"] == "pixels"


def test_the_config_of_the_page(server: Running) -> None:
    config = server.client.get("/config.json").json()
    assert config["mode"] == "server"
    assert config["version"] == __version__
    assert config["model"]["id"] == "pixels"
    assert config["model"]["render"] == {
        "side": 28,
        "line_width": 16.0,
        "padding": 16.0,
        "channels": ["ink"],
    }
    assert config["model"]["sure_from"] == 0.6
    assert config["model"]["temperature"] == 1.5
    assert config["model"]["features"] is None
    assert [each["word"] for each in config["labels"]] == WORDS
    assert config["means"] is None
    assert config["teach"] == {"enabled": False, "needs_key": False, "pictures": True}
    assert config["keep"] == {"enabled": False}
    assert error_of(server.client.get("/means.png")) == (404, "not_found")


def test_the_config_of_photos(tmp_path: Path) -> None:
    served = served_file(photos_model(tmp_path))
    page = Page(ServeSettings(), served, {})
    file = page.file("/config.json")
    assert file is not None
    assert json.loads(file.content)["model"]["render"] is None


def test_the_means_of_the_model(tmp_path: Path) -> None:
    path = pixels_model(tmp_path)
    model = onnx.load(path)
    entry = model.metadata_props.add()
    entry.key, entry.value = "doodlewise.means", base64.b64encode(b"\x89PNG...").decode()
    onnx.save(model, path)
    with running(path) as one:
        assert one.client.get("/config.json").json()["means"] == "means.png"
        answer = one.client.get("/means.png")
        assert (answer.content, answer.headers["content-type"]) == (b"\x89PNG...", "image/png")


def test_the_files_of_the_page(server: Running) -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= set(TYPES)
    for path in files:
        answer = server.client.get(f"/{path.relative_to(STATIC).as_posix()}")
        assert answer.status_code == 200
        assert answer.content == path.read_bytes()
        assert answer.headers["content-type"] == TYPES[path.suffix]
    assert server.client.get("/").content == (STATIC / "index.html").read_bytes()


def test_files_are_compressed_and_asked_for_again(server: Running) -> None:
    raw = server.raw(b"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, br\r\n\r\n")
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head
    assert gzip.decompress(body) == (STATIC / "index.html").read_bytes()
    plain = server.client.get("/", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["cache-control"] == "no-cache"
    again = server.client.get("/", headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    changed = server.client.get("/", headers={"if-none-match": '"other"'})
    assert changed.status_code == 200
    head_only = server.client.head("/", headers={"accept-encoding": "identity"})
    assert (head_only.content, int(head_only.headers["content-length"])) == (
        b"",
        len(plain.content),
    )


def test_only_what_was_there_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    for name in ("index.html", "runtime.wasm", "secret.py", ".hidden.js"):
        (tmp_path / "page" / name).write_text(name)
    page = Page(ServeSettings(), served_file(pixels_model(tmp_path)), {}, tmp_path / "page")
    (tmp_path / "page" / "later.js").write_text("later")
    assert page.paths == {"/", "/index.html", "/runtime.wasm", "/config.json"}
    assert page.file("/later.js") is None
    assert TYPES[".wasm"] == "application/wasm"


def test_the_description(server: Running) -> None:
    described = server.client.get("/openapi.json").json()
    assert described["info"]["version"] == __version__
    assert {"/v1/predict", "/v1/models", "/v1/labels", "/healthz", "/readyz", "/metrics"} <= set(
        described["paths"]
    )
    one = described["components"]["schemas"]["PredictOne"]["properties"]
    assert one["strokes"]["maxItems"] == ServeSettings().max_strokes


def test_what_is_described_is_what_is_decoded() -> None:
    both = {
        field.name: field.type
        for kind in (PredictOne, PredictBatch)
        for field in msgspec.structs.fields(kind)
        if field.name not in ("strokes", "drawings")
    }
    for field in msgspec.structs.fields(PredictBody):
        if field.name in both:
            assert field.type == both.pop(field.name) | msgspec.UnsetType
    assert both == {}


def test_the_page_of_the_api_asks_nobody_else(server: Running) -> None:
    page = server.client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "<script" not in page.text
    assert "style=" not in page.text
    links = re.findall(r'(?:href|src)="([^"]*)"', page.text)
    assert not [link for link in links if re.match(r"https?:|//", link)]
    assert server.client.get("/docs.css").headers["content-type"].startswith("text/css")
    for name in ("/v1/predict", "PredictOne", "20,000", "curl"):
        assert name in page.text


PATHS = ["/", "/config.json", "/v1/models", "/docs", "/nothing", "/v1/predict"]


@pytest.mark.parametrize("path", PATHS)
def test_security_headers(server: Running, path: str) -> None:
    headers = server.client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "script-src 'self' 'wasm-unsafe-eval'" in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_other_origins_may_not_ask(server: Running) -> None:
    foreign = {"origin": "https://evil.example"}
    answer = server.ask({"strokes": CROSS}, headers=foreign)
    assert error_of(answer) == (403, "foreign_origin")
    assert "access-control-allow-origin" not in answer.headers
    assert "--cors https://evil.example" in answer.json()["error"]["message"]
    own = {"origin": server.url}
    assert server.ask({"strokes": CROSS}, headers=own).status_code == 200
    preflight = server.client.options(
        "/v1/predict", headers=foreign | {"access-control-request-method": "POST"}
    )
    assert preflight.status_code == 403


@pytest.mark.parametrize("allowed", ["https://page.example", "*"])
def test_other_origins_may_ask_if_they_may(allowed: str) -> None:
    with running(slow()[1], cors=(allowed,)) as one:
        page = {"origin": "https://page.example"}
        answer = one.ask({"strokes": CROSS}, headers=page)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == allowed
        preflight = one.client.options(
            "/v1/predict", headers=page | {"access-control-request-method": "POST"}
        )
        assert preflight.status_code == 204
        assert "content-type" in preflight.headers["access-control-allow-headers"]
        other = one.ask({"strokes": CROSS}, headers={"origin": "https://page.example.evil"})
        assert other.status_code == (200 if allowed == "*" else 403)
        with one.live(origin="https://page.example") as live:
            live.send("{}")
            live.recv(5)


@pytest.mark.parametrize("path", ["/v1/teach", "/v1/drawings"])
def test_the_key(path: str) -> None:
    with running(slow()[1], api_key="secret") as one:
        for given in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}):
            answer = one.client.post(path, content=b"{}", headers=given)
            assert error_of(answer) == (401, "key_needed")
            assert answer.headers["www-authenticate"] == "Bearer"
        right = {"authorization": "Bearer secret"}
        assert one.client.post(path, content=b"{}", headers=right).status_code != 401
        assert one.ask({"strokes": CROSS}).status_code == 200  # guessing is for all
        assert one.client.get("/config.json").json()["teach"]["needs_key"] is True
        assert "secret" not in one.client.get("/docs").text


def test_wrong_methods(server: Running) -> None:
    answer = server.client.get("/v1/predict")
    assert error_of(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    assert error_of(server.client.delete("/v1/models")) == (405, "method_not_allowed")


def test_a_bug_is_told_as_one(caplog: pytest.LogCaptureFixture) -> None:
    classifier, served = slow()
    with running(served) as one:
        classifier.see = None  # type: ignore[assignment, method-assign]
        answer = one.ask({"strokes": DRAWINGS["house"]})
        assert error_of(answer) == (500, "internal")
        assert "report it" in answer.json()["error"]["message"]
        assert "TypeError" in caplog.text
        assert one.client.get("/healthz").status_code == 200
        assert 'status="500"' in one.client.get("/metrics").text
