"""Words are taught over HTTP, what was learnt is taken home, drawings are kept."""

from __future__ import annotations

import base64
import io
import json
import stat
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import onnx
import pytest
from drawn import dark_on_light, encoded
from made_learner import KNOWN, hand, write_learner
from made_onnx import write_pixels_model
from PIL import Image
from served import CROSS, Running, error_of, running, served_file

from doodlewise.data.formats import read_drawings
from doodlewise.predict.classifier import load
from doodlewise.predict.keep import KEPT
from doodlewise.serve import teach as teaching

KINDS = ("ring", "cross", "plus")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("school")


@pytest.fixture(scope="module")
def school(folder: Path) -> Iterator[Running]:
    base = served_file(write_learner(folder / "learner.onnx"))
    with running(base, keep=folder / "kept", taught=3) as one:
        yield one


def strokes(kind: str, n: int = 5, seed: int = 0) -> list[Any]:
    return [drawing.to_strokes() for drawing in hand(kind, n, seed)]


def lesson(*kinds: str, **more: Any) -> dict[str, Any]:
    words = [
        {"word": kind, "drawings": [{"strokes": each} for each in strokes(kind)]} for kind in kinds
    ]
    return {"words": words} | more


def learn(one: Running, body: Any, **options: Any) -> httpx.Response:
    return one.client.post("/v1/teach", json=body, **options)


def data_url(kind: str, form: str = "png", seed: int = 0) -> str:
    content = encoded(dark_on_light(hand(kind, 1, seed)[0]), form.upper())
    return f"data:image/{form};base64,{base64.b64encode(content).decode()}"


def test_words_are_learnt_and_guessed_at_once(school: Running) -> None:
    response = learn(school, lesson(*KINDS))
    assert response.status_code == 201
    answer = response.json()
    assert set(answer) == {"model", "words", "examples", "seconds", "accuracy", "notes"}
    assert answer["words"] == list(KINDS)
    assert answer["examples"] == 15
    assert answer["accuracy"] >= 0.9
    assert answer["model"].startswith("taught-")
    for kind in KINDS:
        guess = school.ask({"strokes": strokes(kind, 1, 9)[0], "model": answer["model"]}).json()
        assert guess["word"] == kind
        assert guess["model"] == answer["model"]
    labels = school.client.get("/v1/labels", params={"model": answer["model"]}).json()
    assert [each["word"] for each in labels["labels"]] == list(KINDS)
    cards = school.client.get("/v1/models").json()["models"]
    assert cards[0]["taught"] is False
    assert cards[-1]["id"] == answer["model"]
    assert cards[-1]["metrics"]["top1"] >= 0.9
    with school.live() as live:
        live.send(json.dumps({"type": "start", "model": answer["model"]}))
        live.send(json.dumps({"type": "set", "strokes": strokes("plus", 1, 9)[0], "seq": 1}))
        while (told := json.loads(live.recv(timeout=20)))["type"] != "guess":
            pass
        assert told["word"] == "plus"


def test_known_words_may_stay(school: Running) -> None:
    answer = learn(school, lesson("ring", keep_known=True)).json()
    assert answer["words"] == ["ring"]
    labels = school.client.get("/v1/labels", params={"model": answer["model"]}).json()
    assert [each["word"] for each in labels["labels"]] == [*KNOWN, "ring"]
    more = learn(school, lesson("plus", keep_known=True, base=answer["model"])).json()
    labels = school.client.get("/v1/labels", params={"model": more["model"]}).json()
    assert [each["word"] for each in labels["labels"]] == [*KNOWN, "ring", "plus"]


def test_pictures_teach_too(school: Running) -> None:
    body = {
        "words": [
            {"word": kind, "images": [data_url(kind, form) for form in ("png", "jpeg", "webp")]}
            for kind in ("ring", "cross")
        ]
    }
    body["words"][0]["drawings"] = [{"strokes": each} for each in strokes("ring", 2)]  # type: ignore[assignment]
    answer = learn(school, body).json()
    assert answer["examples"] == 8
    guess = school.ask({"strokes": strokes("cross", 1, 5)[0], "model": answer["model"]}).json()
    assert guess["word"] == "cross"


def test_what_was_learnt_is_taken_home(school: Running, tmp_path: Path) -> None:
    model = learn(school, lesson("ring", "cross")).json()["model"]
    response = school.client.get(f"/v1/models/{model}/model.onnx")
    assert response.status_code == 200
    assert response.headers["content-disposition"] == f'attachment; filename="{model}.onnx"'
    onnx.checker.check_model(onnx.load_from_string(response.content))
    (tmp_path / "mine.onnx").write_bytes(response.content)
    assert load(tmp_path / "mine.onnx").predict(hand("ring", 1, 7)[0]).word == "ring"

    response = school.client.get(f"/v1/models/{model}/bundle.zip")
    assert response.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["model.onnx", "drawings.ndjson", "README.md"]
        assert archive.read("model.onnx") == (tmp_path / "mine.onnx").read_bytes()
        (tmp_path / "drawings.ndjson").write_bytes(archive.read("drawings.ndjson"))
        readme = archive.read("README.md").decode()
    assert "2 words" in readme
    assert "Apache-2.0" in readme
    drawings = list(read_drawings(tmp_path / "drawings.ndjson"))
    assert [drawing.word for drawing in drawings] == ["ring"] * 5 + ["cross"] * 5
    assert len({drawing.key_id for drawing in drawings}) == 10


def test_the_newest_models_are_kept(school: Running) -> None:
    models = [learn(school, lesson("ring", "cross")).json()["model"] for _ in range(4)]
    assert len(set(models)) == 4
    for path in ("model.onnx", "bundle.zip"):
        response = school.client.get(f"/v1/models/{models[0]}/{path}")
        assert error_of(response) == (404, "unknown_model")
        assert school.client.get(f"/v1/models/{models[-1]}/{path}").status_code == 200
    assert error_of(school.client.get("/v1/models/../../etc/model.onnx"))[0] == 404


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", (400, "bad_json")),
        ({"words": []}, (422, "wrong_type")),
        ({"words": [{"word": "a"}]}, (422, "examples")),
        ({"wurds": []}, (422, "unknown_key")),
        (lesson("ring"), (422, "unusable")),
        (lesson("ring", "ring"), (422, "same_word")),
        (lesson("ring", "cross", base="nobody"), (404, "unknown_model")),
        ({"words": [{"word": KNOWN[0].upper(), "drawings": [{"strokes": CROSS}]}],
          "keep_known": True}, (422, "known_word")),
        ({"words": [{"word": "a", "drawings": [{"strokes": []}]}]}, (422, "empty_drawing")),
        ({"words": [{"word": "a", "drawings": [{"strokes": [[[1, 2], [1]]]}]}]},
         (422, "unequal_lists")),
        ({"words": [{"word": "a", "drawings": [{"strokes": [[[1e39], [1]]]}]}]},
         (422, "unusable_drawing")),
        ({"words": [{"word": "a", "drawings": [{"strokes": CROSS}] * 101}]}, (422, "wrong_type")),
        ({"words": [{"word": str(n), "drawings": [{"strokes": CROSS}]} for n in range(101)]},
         (422, "wrong_type")),
        ({"words": [{"word": 5, "drawings": [{"strokes": CROSS}]}]}, (422, "wrong_type")),
    ],
)  # fmt: skip
def test_lessons_that_are_none(school: Running, body: Any, expected: tuple[int, str]) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert error_of(school.client.post("/v1/teach", content=content)) == expected


@pytest.mark.parametrize(
    "word", ["", "  ", "a\nb", "a\x00", "\u202eevil", "a\u2028b", "x" * 61, "x" * 300]
)
def test_words_that_are_none(school: Running, word: Any) -> None:
    body = lesson("ring", "cross")
    body["words"][0]["word"] = word
    status, code = error_of(learn(school, body))
    assert (status, code) in ((422, "bad_word"), (422, "wrong_type"))


def test_words_of_all_the_world(school: Running) -> None:
    body = lesson("ring", "cross", "plus")
    given = ("  cafe\u0301 ", "猫", "\U0001f468\u200d\U0001f469\u200d\U0001f467")
    for each, word in zip(body["words"], given, strict=True):
        each["word"] = word
    answer = learn(school, body).json()
    assert answer["words"] == ["caf\u00e9", "猫", given[2]]
    bundle = school.client.get(f"/v1/models/{answer['model']}/bundle.zip")
    assert bundle.status_code == 200


def bomb() -> str:
    picture = Image.new("1", (30_000, 30_000), 1)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://example.org/a.png", "bad_data_url"),
        ("file:///etc/passwd", "bad_data_url"),
        ("data:image/svg+xml;base64,PHN2Zz4=", "bad_data_url"),
        ("data:image/png,abc", "bad_data_url"),
        ("data:image/png;base64,abc", "bad_data_url"),
        ("data:image/png;base64,", "unusable_picture"),
        (data_url("ring").replace("png", "jpeg", 1), "unusable_picture"),
        (data_url("ring")[: 22 + 400], "unusable_picture"),
        ("bomb", "unusable_picture"),
        ("blank", "unusable_picture"),
    ],
)
def test_pictures_that_are_none(school: Running, url: str, code: str) -> None:
    if url == "bomb":
        url = bomb()
    if url == "blank":
        blank = encoded(Image.new("L", (50, 50), 255), "PNG")
        url = f"data:image/png;base64,{base64.b64encode(blank).decode()}"
    body = lesson("ring", "cross")
    body["words"][1]["images"] = [url]
    response = learn(school, body)
    assert response.status_code == 422
    assert error_of(response)[1] == code


def test_a_model_without_features_cannot_be_taught(tmp_path: Path) -> None:
    with running(served_file(write_pixels_model(tmp_path / "old.onnx"))) as one:
        response = learn(one, lesson("ring", "cross"))
        assert response.status_code == 422
        assert "gives no features" in response.json()["error"]["message"]
        response = one.client.post(
            "/v1/drawings", json={"word": "a", "strokes": CROSS, "keep": True}
        )
        assert error_of(response) == (404, "keeps_nothing")


def test_one_lesson_at_a_time_and_few_that_wait(
    school: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, begun = threading.Event(), threading.Semaphore(0)
    at_once: list[int] = []
    really = teaching.teach

    def slow(*arguments: Any, **options: Any) -> Any:
        at_once.append(1)
        assert len(at_once) == 1
        begun.release()
        assert go_on.wait(20)
        at_once.pop()
        return really(*arguments, **options)

    monkeypatch.setattr(teaching, "teach", slow)
    found: list[int] = []

    def ask() -> None:
        with httpx.Client(base_url=school.url, timeout=30) as client:
            response = client.post("/v1/teach", json=lesson("ring", "cross"))
            found.append(response.status_code)
            if response.status_code == 503:
                assert response.headers["retry-after"] == "10"
                assert error_of(response)[1] == "busy"

    threads = [threading.Thread(target=ask) for _ in range(teaching.MOST_WAITING + 2)]
    for thread in threads:
        thread.start()
    assert begun.acquire(timeout=20)
    # Guesses are made in the meantime.
    assert school.ask({"strokes": CROSS}).status_code == 200
    for thread in threads:
        thread.join(0.5)
    assert found == [503, 503]
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert sorted(found) == [201] * teaching.MOST_WAITING + [503, 503]


def test_a_lesson_that_takes_too_long(school: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(teaching, "LONGEST_WAIT", 0.2)
    monkeypatch.setattr(teaching, "teach", lambda *_, **__: go_on.wait(20) and None)
    response = learn(school, lesson("ring", "cross"))
    go_on.set()
    assert error_of(response) == (503, "busy")


def test_the_key_is_needed(folder: Path) -> None:
    base = served_file(write_learner(folder / "locked.onnx"))
    with running(base, api_key="secret", keep=folder / "locked") as one:
        keep = {"word": "a", "strokes": CROSS, "keep": True}
        for path, body in (("/v1/teach", lesson("ring", "cross")), ("/v1/drawings", keep)):
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                response = one.client.post(path, json=body, headers=headers)
                assert error_of(response) == (401, "key_needed")
            headers = {"Authorization": "Bearer secret"}
            assert one.client.post(path, json=body, headers=headers).status_code == 201


def test_drawings_are_kept(school: Running, folder: Path) -> None:
    for number, kind in enumerate(KINDS, 1):
        response = school.client.post(
            "/v1/drawings", json={"word": f" {kind} ", "strokes": strokes(kind, 1)[0], "keep": True}
        )
        assert (response.status_code, response.json()) == (201, {"kept": number})
    file = folder / "kept" / KEPT
    assert [drawing.word for drawing in read_drawings(file)] == list(KINDS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"word": "a", "strokes": CROSS, "keep": False}, (422, "keep_is_false")),
        ({"word": "a", "strokes": CROSS}, (422, "wrong_type")),
        ({"word": "../a\x07", "strokes": CROSS, "keep": True}, (422, "bad_word")),
        ({"word": "a", "strokes": [], "keep": True}, (422, "empty_drawing")),
    ],
)
def test_drawings_that_are_not_kept(school: Running, body: Any, expected: tuple[int, str]) -> None:
    assert error_of(school.client.post("/v1/drawings", json=body)) == expected


def test_a_disk_that_is_full(school: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("doodlewise.predict.keep._write", full)
    body = {"word": "a", "strokes": CROSS, "keep": True}
    response = school.client.post("/v1/drawings", json=body)
    assert error_of(response) == (503, "not_kept")
    assert response.headers["retry-after"] == "60"


def test_the_description_has_it(school: Running) -> None:
    described = school.client.get("/openapi.json").json()
    for path in ("/v1/teach", "/v1/drawings"):
        assert "201" in described["paths"][path]["post"]["responses"]
    for name in ("Teach", "WordIn", "TeachAnswer", "Keep", "Kept"):
        assert name in described["components"]["schemas"]
    assert "/v1/models/{id}/bundle.zip" in described["paths"]
