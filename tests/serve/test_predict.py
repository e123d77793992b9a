"""POST /v1/predict: good requests, and what is said of bad ones."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import DRAWINGS, dark_on_light, encoded
from served import CROSS, WORDS, ZIGZAG, Running, error_of, photos_model, running, strokes_model

from doodlewise.drawing import Drawing
from doodlewise.predict.classifier import Prediction, load
from doodlewise.raster import RenderSpec, render

HOUSE = DRAWINGS["house"]


@pytest.fixture(scope="module")
def model(server: Running) -> Any:
    return server.state.models.default.classifier


def same(answer: dict[str, Any], prediction: Prediction) -> bool:
    expected = prediction.to_dict()
    return (
        answer["word"] == expected["word"]
        and answer["sure"] == expected["sure"]
        and [each["word"] for each in answer["guesses"]]
        == [each["word"] for each in expected["guesses"]]
        and [each["probability"] for each in answer["guesses"]]
        == pytest.approx([each["probability"] for each in expected["guesses"]], abs=2e-6)
    )


def test_it_guesses_as_python_does(server: Running, model: Any) -> None:
    for strokes in DRAWINGS.values():
        answer = server.ask({"strokes": strokes, "top": 3})
        assert answer.status_code == 200
        found = answer.json()
        assert same(found, model.predict(Drawing.from_strokes(strokes), top=3))
        assert found["model"] == "pixels"
        assert found["version"].startswith("0.")
        assert found["ms"] > 0
        assert found["notes"] == []
        assert "pixels" not in found


def test_curl_works_as_it_is_told(server: Running) -> None:
    done = subprocess.run(
        ["curl", "-s", f"{server.url}/v1/predict", "-d", '{"strokes":[[[10,20],[30,40]]]}'],
        capture_output=True,
        check=True,
    )
    assert set(json.loads(done.stdout)) == {
        "word", "probability", "sure", "guesses", "notes", "model", "version", "ms",
    }  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "text/plain", ""]
)
def test_content_types_that_are_json(server: Running, kind: str) -> None:
    assert server.ask({"strokes": CROSS}, headers={"content-type": kind}).status_code == 200


def test_a_batch(server: Running, model: Any) -> None:
    drawings = [{"strokes": strokes} for strokes in DRAWINGS.values()]
    found = server.ask({"drawings": drawings, "top": 2}).json()
    assert set(found) == {"predictions", "model", "version", "ms"}
    for each, strokes in zip(found["predictions"], DRAWINGS.values(), strict=True):
        assert same(each, model.predict(Drawing.from_strokes(strokes), top=2))


def test_a_batch_of_one_is_a_batch(server: Running) -> None:
    assert len(server.ask({"drawings": [{"strokes": CROSS}]}).json()["predictions"]) == 1


def test_top_is_cut_to_the_words_there_are(server: Running) -> None:
    assert len(server.ask({"strokes": CROSS, "top": 1}).json()["guesses"]) == 1
    every = server.ask({"strokes": CROSS, "top": 1000}).json()["guesses"]
    assert {guess["word"] for guess in every} == set(WORDS)
    assert sum(guess["probability"] for guess in every) == pytest.approx(1, abs=1e-5)


def test_what_is_not_in_the_body_may_be_in_the_query(server: Running) -> None:
    asked = server.ask({"strokes": CROSS}, params={"top": 2, "look": "true", "model": "pixels"})
    assert len(asked.json()["guesses"]) == 2
    assert "pixels" in asked.json()
    body = {"strokes": CROSS, "top": 1, "look": False}
    asked = server.ask(body, params={"top": 2, "look": "true"})
    assert len(asked.json()["guesses"]) == 1
    assert "pixels" not in asked.json()
    assert error_of(server.ask(body, params="top=x")) == (422, "bad_query")
    assert error_of(server.ask(body, params="top=1&top=2")) == (422, "bad_query")


def test_look_shows_what_the_network_saw(server: Running) -> None:
    pixels = server.ask({"strokes": HOUSE, "look": True}).json()["pixels"]
    expected = render(Drawing.from_strokes(HOUSE), RenderSpec())
    assert np.abs(np.array(pixels, int) - expected).max() <= 1


def test_a_model_that_cannot_show_says_so(tmp_path: Path) -> None:
    with running(strokes_model(tmp_path)) as one:
        assert one.ask({"strokes": CROSS}).status_code == 200
        assert error_of(one.ask({"strokes": CROSS, "look": True})) == (422, "no_look")
        picture = encoded(dark_on_light(Drawing.from_strokes(HOUSE)), "PNG")
        answer = one.ask(picture, headers={"content-type": "image/png"})
        assert error_of(answer) == (422, "takes_drawings_only")


def test_the_third_list_is_times(server: Running) -> None:
    timed = [[[0, 60, 90], [0, 200, 20], [0, 15, 30]]]
    found, plain = (server.ask({"strokes": each}).json() for each in (timed, [timed[0][:2]]))
    assert found["guesses"] == plain["guesses"]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_picture_as_the_body(server: Running, model: Any, form: str) -> None:
    picture = dark_on_light(Drawing.from_strokes(HOUSE))
    kind = f"image/{form.lower()}"
    answer = server.ask(
        encoded(picture, form), headers={"content-type": kind}, params={"top": 2, "look": "true"}
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert len(found["guesses"]) == 2
    assert np.shape(found["pixels"]) == (28, 28)
    if form == "PNG":
        assert same(found, model.predict(picture, top=2))


def test_pictures_of_a_form(server: Running, model: Any) -> None:
    pictures = [dark_on_light(Drawing.from_strokes(each)) for each in (HOUSE, ZIGZAG)]
    files = [("image", ("a.png", encoded(each, "PNG"), "image/png")) for each in pictures]
    one = server.client.post("/v1/predict", files=files[:1])
    assert same(one.json(), model.predict(pictures[0]))
    both = server.client.post("/v1/predict", files=files).json()["predictions"]
    for found, picture in zip(both, pictures, strict=True):
        assert same(found, model.predict(picture))


def test_notes_of_a_picture(server: Running) -> None:
    picture = dark_on_light(Drawing.from_strokes(HOUSE), RenderSpec(side=255, line_width=1))
    found = server.ask(encoded(picture, "PNG"), headers={"content-type": "image/png"}).json()
    assert any("thin" in note for note in found["notes"])


def test_a_network_that_takes_pictures_only(tmp_path: Path) -> None:
    with running(photos_model(tmp_path)) as one:
        assert error_of(one.ask({"strokes": CROSS})) == (422, "takes_pictures_only")
        picture = encoded(dark_on_light(Drawing.from_strokes(HOUSE)), "PNG")
        assert one.ask(picture, headers={"content-type": "image/png"}).status_code == 200
        with one.live() as live:
            live.send('{"type": "start"}')
            assert json.loads(live.recv(5))["code"] == "takes_pictures_only"


TOO_FAR = [[[0, 1e39], [0, 1]]]
WRONG: dict[str, tuple[bytes | dict[str, Any], int, str]] = {
    "nothing": (b"", 400, "bad_json"),
    "no JSON": (b"strokes", 400, "bad_json"),
    "cut off": (b'{"strokes": [[[1', 400, "bad_json"),
    "more behind it": (b'{"strokes": [[[1],[1]]]} {}', 400, "bad_json"),
    "not UTF-8": (b'{"model": "\xff\xfe"}', 400, "bad_json"),
    "UTF-16": ('{"strokes": []}'.encode("utf-16"), 400, "bad_json"),
    "NaN": (b'{"strokes": [[[NaN], [1]]]}', 400, "bad_json"),
    "Infinity": (b'{"strokes": [[[1], [-Infinity]]]}', 400, "bad_json"),
    "a number beyond all": (b'{"strokes": [[[1e400], [1]]]}', 422, "wrong_type"),
    "a huge integer": (b'{"strokes": [[[%s], [1]]]}' % (b"9" * 5_000), 422, "wrong_type"),
    "an integer too far away": (
        b'{"strokes": [[[%s],[1]]]}' % (b"9" * 60),
        422,
        "unusable_drawing",
    ),
    "too far away": ({"strokes": TOO_FAR}, 422, "unusable_drawing"),
    "true": (b'{"strokes": [[[true], [1]]]}', 422, "wrong_type"),
    "text for a number": (b'{"strokes": [[["1"], [1]]]}', 422, "wrong_type"),
    "null": (b'{"strokes": [[[null], [1]]]}', 422, "wrong_type"),
    "a list": (b"[]", 422, "wrong_type"),
    "points instead of lists": ({"strokes": [[1, 2], [3, 4]]}, 422, "wrong_type"),
    "rows of points": ({"strokes": [[[1, 2], [3, 4], [5, 6], [7, 8]]]}, 422, "wrong_type"),
    "only x": ({"strokes": [[[1, 2]]]}, 422, "wrong_type"),
    "unequal": ({"strokes": [[[1, 2], [3]]]}, 422, "unequal_lists"),
    "unequal times": ({"strokes": [[[1, 2], [3, 4], [5]]]}, 422, "unequal_lists"),
    "no strokes": ({"strokes": []}, 422, "empty_drawing"),
    "empty strokes": ({"strokes": [[[], []], [[], []]]}, 422, "empty_drawing"),
    "nested deeply": (b'{"strokes": ' + b"[" * 200_000, 422, "wrong_type"),
    "nested deeply elsewhere": (b'{"a": ' + b'{"a":' * 200_000, 422, "unknown_key"),
    "nested deeply at once": (b"[" * 200_000, 422, "wrong_type"),
    "nothing asked": ({}, 422, "nothing_drawn"),
    "both": ({"strokes": CROSS, "drawings": [{"strokes": CROSS}]}, 422, "both"),
    "no drawings": ({"drawings": []}, 422, "wrong_type"),
    "an empty one": ({"drawings": [{"strokes": CROSS}, {"strokes": []}]}, 422, "empty_drawing"),
    "one too far": ({"drawings": [{"strokes": TOO_FAR}]}, 422, "unusable_drawing"),
    "many drawings": ({"drawings": [{"strokes": CROSS}] * 65}, 422, "too_many_drawings"),
    "many strokes": ({"strokes": [[[1], [1]]] * 1_001}, 422, "too_many_strokes"),
    "many points": ({"strokes": [[[1] * 20_001, [1] * 20_001]]}, 422, "too_many_points"),
    "no guesses": ({"strokes": CROSS, "top": 0}, 422, "wrong_type"),
    "half a guess": ({"strokes": CROSS, "top": 1.5}, 422, "wrong_type"),
    "endless guesses": (b'{"top": 99999999999999999999999999}', 422, "wrong_type"),
    "unknown key": ({"strokse": CROSS}, 422, "unknown_key"),
    "unknown model": ({"strokes": CROSS, "model": "pixel"}, 404, "unknown_model"),
    "gone model": ({"strokes": CROSS, "model": "taught-1"}, 404, "unknown_model"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said(server: Running, what: str) -> None:
    body, status, code = WRONG[what]
    assert error_of(server.ask(body)) == (status, code)


def test_a_million_points(server: Running) -> None:
    body = json.dumps({"strokes": [[[0] * 500_000, [0] * 500_000]]}).encode().replace(b" ", b"")
    assert error_of(server.ask(body)) == (422, "too_many_points")
    assert error_of(server.ask(body * 2)) == (413, "too_large")


def test_the_messages_help(server: Running) -> None:
    def message(body: Any) -> str:
        return server.ask(body).json()["error"]["message"]

    assert "Did you mean 'strokes'?" in message({"strokse": CROSS})
    assert "Did you mean 'pixels'?" in message({"strokes": CROSS, "model": "pixel"})
    assert "drawings[1]" in message({"drawings": [{"strokes": CROSS}, {"strokes": []}]})
    assert "strokes[0]" in message({"strokes": [[[1, 2], [3]]]})
    assert "64" in message({"drawings": [{"strokes": CROSS}] * 65})
    assert "Teach it again" in message({"strokes": CROSS, "model": "taught-1"})


@pytest.mark.parametrize(
    "strokes",
    [
        [[[5], [5]]],
        [[[5], [5]], [[9], [9]]],
        [[[], []], [[5, 6], [5, 6]]],
        [[[0, 1e38], [0, -1e38]]],
        [[[1e-300, 0], [0, 1e-300]]],
        [[[0] * 20_000, list(range(20_000))]],
        [[[i], [i]] for i in range(1_000)],
    ],
    ids=["dot", "dots", "partly empty", "huge", "tiny", "long", "many strokes"],
)
def test_odd_drawings_are_guessed(server: Running, strokes: Any) -> None:
    found = server.ask({"strokes": strokes, "top": 3})
    assert found.status_code == 200, found.text
    assert sum(each["probability"] for each in found.json()["guesses"]) == pytest.approx(
        1, abs=1e-5
    )


PNG = {"content-type": "image/png"}
NOT_PICTURES = {
    "nothing": b"",
    "text": b"hello",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "cut off": encoded(dark_on_light(Drawing.from_strokes(HOUSE)), "PNG")[:200],
    "blank": encoded(dark_on_light(Drawing.from_strokes(HOUSE)).point(lambda _: 255), "PNG"),
}


@pytest.mark.parametrize("what", NOT_PICTURES)
def test_no_picture(server: Running, what: str) -> None:
    assert error_of(server.ask(NOT_PICTURES[what], headers=PNG)) == (422, "unusable_picture")


def test_a_decompression_bomb(server: Running) -> None:
    from PIL import Image

    file = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(file, "PNG")
    assert len(file.getvalue()) < 200_000
    answer = server.ask(file.getvalue(), headers=PNG)
    assert error_of(answer) == (422, "unusable_picture")
    assert "20 million pixels" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("top=0", 422, "bad_query"),
        ("top=x", 422, "bad_query"),
        ("tip=3", 422, "bad_query"),
        ("look=perhaps", 422, "bad_query"),
        ("model=other", 404, "unknown_model"),
        ("&".join(f"a{i}=1" for i in range(99)), 422, "bad_query"),
    ],
)
def test_wrong_queries(server: Running, query: str, status: int, code: str) -> None:
    assert error_of(server.ask(b"", headers=PNG, params=query)) == (status, code)


def test_wrong_forms(server: Running) -> None:
    post = server.client.post
    form = {"content-type": "multipart/form-data"}
    assert error_of(server.ask(b"--x", headers=form)) == (400, "bad_form")
    form = {"content-type": "multipart/form-data; boundary=x"}
    assert error_of(server.ask(b"garbage", headers=form)) == (400, "bad_form")
    assert error_of(server.ask(b"--x--\r\n", headers=form)) == (422, "no_picture")
    other = [("other", ("a.png", b"", "image/png"))]
    assert error_of(post("/v1/predict", files=other)) == (422, "unknown_part")
    many = [("image", ("a.png", b"", "image/png"))] * 65
    assert error_of(post("/v1/predict", files=many)) == (422, "too_many_drawings")


def test_a_name_in_a_form_is_only_a_name(server: Running) -> None:
    picture = encoded(dark_on_light(Drawing.from_strokes(HOUSE)), "PNG")
    files = [("image", ("../../etc/passwd\x00.png", picture, "image/png"))]
    assert server.client.post("/v1/predict", files=files).status_code in (200, 400)


def test_unknown_content_types(server: Running) -> None:
    for kind in ("application/xml", "video/mp4", "nonsense"):
        answer = server.ask(b"<a/>", headers={"content-type": kind})
        assert error_of(answer) == (415, "unknown_content_type")
    packed = server.ask(b"", headers={"content-encoding": "gzip"})
    assert error_of(packed) == (415, "compressed_body")


def test_the_model_of_the_package(tmp_path: Path) -> None:
    del tmp_path
    with running() as one:
        for strokes in DRAWINGS.values():
            found = one.ask({"strokes": strokes, "look": True}).json()
            assert same(found, load().predict(Drawing.from_strokes(strokes)))
            assert np.shape(found["pixels"]) == (28, 28)
        picture = dark_on_light(Drawing.from_strokes(HOUSE))
        found = one.ask(encoded(picture, "PNG"), headers=PNG).json()
        assert same(found, load().predict(picture))
