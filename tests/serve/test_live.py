"""WS /v1/live, over real sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from drawn import DRAWINGS
from served import CROSS, SECONDS, ZIGZAG, Running, SlowClassifier, running, slow
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from doodlewise.drawing import Drawing


def say(live: ClientConnection, kind: str, **more: Any) -> None:
    live.send(json.dumps({"type": kind, **more}))


def heard(live: ClientConnection, timeout: float = SECONDS) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(live.recv(timeout))
    return message


def heard_of(live: ClientConnection, seq: int) -> dict[str, Any]:
    """The first message that includes a number."""
    while True:
        message = heard(live)
        if message["seq"] is not None and message["seq"] >= seq:
            return message


def test_a_drawing_as_it_grows(server: Running) -> None:
    seq = 0
    with server.live() as live:
        say(live, "start", top=2)
        assert heard(live) == {"type": "empty", "seq": None}
        for number, (xs, ys) in enumerate(DRAWINGS["house"], 1):
            for x, y in zip(xs, ys, strict=True):
                seq += 1
                say(live, "points", x=[x], y=[y], seq=seq)
            seq += 1
            say(live, "end", seq=seq)
            guess = heard_of(live, seq)
            assert (guess["type"], guess["seq"], guess["strokes"]) == ("guess", seq, number)
    assert set(guess) == {
        "type", "seq", "strokes", "points", "word", "probability", "sure", "guesses", "model", "ms",
    }  # fmt: skip
    drawing = Drawing.from_strokes(DRAWINGS["house"])
    assert guess["points"] == drawing.n_points
    expected = server.state.models.default.classifier.predict(drawing, top=2)
    assert [each["word"] for each in guess["guesses"]] == [each.word for each in expected.guesses]
    assert guess["probability"] == pytest.approx(expected.probability, abs=2e-6)


def test_undo_clear_and_set(server: Running) -> None:
    with server.live() as live:
        say(live, "set", strokes=CROSS, seq=1)
        assert heard_of(live, 1)["strokes"] == 2
        say(live, "undo", seq=2)
        assert heard_of(live, 2)["strokes"] == 1
        say(live, "undo", seq=3)
        assert heard_of(live, 3) == {"type": "empty", "seq": 3}
        say(live, "undo", seq=4)
        assert heard_of(live, 4) == {"type": "empty", "seq": 4}
        say(live, "points", x=[1, 2], y=[3, 4])
        say(live, "undo", seq=5)
        assert heard_of(live, 5) == {"type": "empty", "seq": 5}
        say(live, "set", strokes=ZIGZAG, seq=6)
        assert heard_of(live, 6)["points"] == 6
        say(live, "clear", seq=7)
        assert heard_of(live, 7) == {"type": "empty", "seq": 7}
        say(live, "set", strokes=[], seq=8)
        assert heard_of(live, 8) == {"type": "empty", "seq": 8}
        say(live, "end", seq=9)
        assert heard_of(live, 9) == {"type": "empty", "seq": 9}


def test_a_set_drawing_can_be_gone_on_with(server: Running) -> None:
    with server.live() as live:
        say(live, "set", strokes=CROSS)
        say(live, "points", x=[9, 8], y=[7, 6])
        say(live, "end", seq=3)
        guess = heard_of(live, 3)
    assert (guess["strokes"], guess["points"]) == (3, 6)


def test_guesses_while_the_pen_is_down_come_at_intervals() -> None:
    with running(live_interval=0.05) as one, one.live() as live:
        say(live, "points", x=[0, 1], y=[0, 1], seq=0)
        heard_of(live, 0)
        began = time.monotonic()
        for seq in range(1, 61):
            say(live, "points", x=[seq], y=[seq], seq=seq)
            time.sleep(0.005)
        took = time.monotonic() - began
        guesses = []
        while not guesses or guesses[-1]["seq"] < 60:
            guesses.append(heard(live))
        # As many as fit into that time and one more, not one for each message.
        assert 1 <= len(guesses) <= took / 0.05 + 2
        with pytest.raises(TimeoutError):
            heard(live, 0.2)


def held() -> tuple[SlowClassifier, Any]:
    return slow()


def test_stale_work_is_dropped_and_the_last_message_is_answered() -> None:
    classifier, served = held()
    with running(served) as one, one.live() as live:
        say(live, "set", strokes=CROSS, seq=0)
        heard_of(live, 0)
        classifier.hold()
        for seq in range(1, 101):
            say(live, "points", x=[seq], y=[seq], seq=seq)
            say(live, "end")
        assert classifier.has_begun.wait(SECONDS)
        assert one.state.batcher.depth <= 1
        say(live, "end", seq=101)
        time.sleep(0.1)
        before = len(classifier.batches)
        classifier.may_go_on.release(1_000)
        guess = heard_of(live, 101)
        assert guess["strokes"] == 102
        assert len(classifier.batches) - before <= 2


def test_a_drawing_that_is_cleared_while_it_waits_is_not_looked_at() -> None:
    classifier, served = held()
    with running(served) as one, one.live() as live, one.live() as other:
        classifier.hold()
        say(other, "set", strokes=CROSS, seq=1)
        assert classifier.has_begun.wait(SECONDS)
        say(live, "set", strokes=CROSS, seq=1)
        deadline = time.monotonic() + SECONDS
        while one.state.batcher.depth < 1:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        say(live, "clear", seq=2)
        time.sleep(0.1)
        classifier.may_go_on.release(1_000)
        assert heard(live) == {"type": "empty", "seq": 2}


def test_pens_that_were_lifted_come_first() -> None:
    classifier, served = held()

    def until_depth(n: int) -> None:
        deadline = time.monotonic() + SECONDS
        while one.state.batcher.depth != n:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    with running(served, batch=1) as one, ExitStack() as stack:
        busy, patient, lifted, hurried = (stack.enter_context(one.live()) for _ in range(4))
        classifier.hold()
        say(busy, "set", strokes=CROSS, seq=1)
        assert classifier.has_begun.wait(SECONDS)
        for depth, live in enumerate((patient, hurried), 1):
            say(live, "points", x=[1, 2], y=[3, 4], seq=1)
            until_depth(depth)
        say(lifted, "set", strokes=CROSS, seq=1)
        until_depth(3)
        say(hurried, "end", seq=2)
        time.sleep(0.1)
        assert one.state.batcher.depth == 3
        for live, seq in ((busy, 1), (lifted, 1), (hurried, 2)):
            classifier.may_go_on.release()
            heard_of(live, seq)
        with pytest.raises(TimeoutError):
            heard(patient, 0.05)
        classifier.may_go_on.release(1_000)
        assert heard_of(patient, 1)["points"] == 2


def test_models(server: Running) -> None:
    classifier = server.state.models.default.classifier
    server.state.models.add("taught-live", classifier, b"file")
    with server.live() as live:
        say(live, "start", model="taught-live", seq=1)
        say(live, "set", strokes=CROSS, seq=2)
        assert heard_of(live, 2)["model"] == "taught-live"
        say(live, "start", model="taught-none", seq=3)
        problem = heard_of(live, 3)
        assert (problem["type"], problem["code"]) == ("error", "unknown_model")
        say(live, "undo", seq=4)  # the drawing is as it was
        assert heard_of(live, 4)["strokes"] == 1


WRONG: dict[str, tuple[str | bytes, str]] = {
    "no JSON": ("hello", "bad_json"),
    "nothing": ("", "bad_json"),
    "NaN": ('{"type": "points", "x": [NaN], "y": [1]}', "bad_json"),
    "nested": ("[" * 100_000, "wrong_type"),
    "no type": ("{}", "wrong_type"),
    "unknown type": ('{"type": "guess"}', "wrong_type"),
    "unknown key": ('{"type": "end", "sequence": 1}', "unknown_key"),
    "true": ('{"type": "points", "x": [true], "y": [1]}', "wrong_type"),
    "unequal": ('{"type": "points", "x": [1, 2], "y": [1]}', "unequal_lists"),
    "too far": ('{"type": "points", "x": [1e39], "y": [1]}', "unusable_drawing"),
    "too far at once": ('{"type": "set", "strokes": [[[1e39], [1]]]}', "unusable_drawing"),
    "too many points": (
        json.dumps({"type": "points", "x": [1] * 20_001, "y": [1] * 20_001}),
        "too_many_points",
    ),
    "too many strokes": (
        json.dumps({"type": "set", "strokes": [[[1], [1]]] * 1_001}),
        "too_many_strokes",
    ),
    "binary": (b"\x00\x01", "binary"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_and_the_connection_stays(server: Running, what: str) -> None:
    text, code = WRONG[what]
    with server.live() as live:
        say(live, "set", strokes=CROSS, seq=1)
        heard_of(live, 1)
        live.send(text)
        problem = heard(live)
        assert (problem["type"], problem["code"]) == ("error", code)
        assert problem["message"]
        say(live, "end", seq=2)
        assert heard_of(live, 2)["strokes"] == 2


def test_an_error_names_its_message(server: Running) -> None:
    with server.live() as live:
        live.send('{"type": "points", "x": ["1"], "y": [1], "seq": 17}')
        assert heard(live)["seq"] == 17


def test_a_drawing_that_grows_too_long(server: Running) -> None:
    with server.live() as live:
        for seq in range(5):
            say(live, "points", x=[seq] * 5_000, y=[seq] * 5_000, seq=seq)
        messages = [heard(live)]
        while messages[-1]["type"] != "error":
            messages.append(heard(live))
        assert messages[-1]["code"] == "too_many_points"
        say(live, "clear", seq=9)
        assert heard_of(live, 9)["type"] == "empty"


def test_a_flood_is_ended() -> None:
    with running(slow()[1], live_rate=50.0) as one, one.live() as live:
        with suppress(ConnectionClosed):
            for _ in range(1_000):
                say(live, "end")
        messages: list[dict[str, Any]] = []
        with suppress(ConnectionClosed):
            while True:
                messages.append(heard(live))
        assert live.close_code == 1008
        assert messages[-1]["code"] == "closing"
        assert "50 messages a second" in messages[-1]["message"]


def test_a_frame_that_is_too_large(server: Running) -> None:
    with server.live() as live:
        with suppress(ConnectionClosed):
            live.send(" " * (3 * 2**20))
            live.recv(SECONDS)
        # Where the server closed before it had read everything, only the end is seen.
        assert live.close_code in (1006, 1009)
    assert server.client.get("/healthz").status_code == 200


def test_garbage_on_the_socket(server: Running) -> None:
    hello = (
        b"GET /v1/live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    for garbage in (b"\xff" * 100, b"\x81\x05hello", b"\x81\x82\x00\x00\x00\x00\xff\xfe"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as connection:
            connection.sendall(hello)
            assert connection.recv(4_096).startswith(b"HTTP/1.1 101")
            connection.sendall(garbage)
            while connection.recv(4_096):
                pass
    with server.live() as live:
        say(live, "set", strokes=CROSS, seq=1)
        assert heard_of(live, 1)["type"] == "guess"


def test_running_away_while_it_guesses() -> None:
    classifier, served = held()
    with running(served) as one, ExitStack() as stack:
        classifier.hold()
        lives = [stack.enter_context(one.live()) for _ in range(10)]
        for live in lives:
            say(live, "set", strokes=CROSS)
        assert classifier.has_begun.wait(SECONDS)
        for live in lives:
            live.socket.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + SECONDS
        while one.state.lives:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        classifier.may_go_on.release(1_000)
        assert one.ask({"strokes": CROSS}).status_code == 200


def test_as_many_connections_as_may_be() -> None:
    with running(slow()[1], connections=2) as one:
        with one.live(), one.live():
            with pytest.raises(InvalidStatus) as refused, one.live():
                pass
            response = refused.value.response
            assert response.status_code == 503
            assert response.headers["retry-after"] == "1"
            assert json.loads(response.body)["error"]["code"] == "busy"
        time.sleep(0.1)
        with one.live():
            pass


def test_pages_of_other_origins(server: Running) -> None:
    with pytest.raises(InvalidStatus) as refused, server.live(origin="http://evil.example"):
        pass
    assert refused.value.response.status_code == 403
    with server.live(origin=f"http://127.0.0.1:{server.port}"):
        pass


def test_the_connection_ends_with_the_server() -> None:
    classifier, served = held()
    with running(served) as one, one.live() as idle, one.live() as busy:
        say(busy, "set", strokes=CROSS, seq=1)
        heard_of(busy, 1)
        classifier.hold()
        say(busy, "end", seq=2)
        assert classifier.has_begun.wait(SECONDS)
        threading.Timer(0.3, classifier.may_go_on.release, [1_000]).start()
        one.server.should_exit = True
        assert heard_of(busy, 2)["type"] == "guess"  # what was taken is finished
        for live in (idle, busy):
            with pytest.raises(ConnectionClosed) as closed:
                live.recv(SECONDS)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001


def test_many_at_once(server: Running) -> None:
    """Everyone is answered, with a guess of their own drawing."""
    with ExitStack() as stack:
        lives = [stack.enter_context(server.live()) for _ in range(60)]
        for number, live in enumerate(lives):
            say(live, "set", strokes=[[[0, number + 1], [0, 5]]] * (number % 7 + 1), seq=number)
        for number, live in enumerate(lives):
            guess = heard_of(live, number)
            assert (guess["seq"], guess["strokes"]) == (number, number % 7 + 1)
