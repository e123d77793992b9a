"""Clients that lie, dawdle, flood or run away."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable

import pytest
from served import CROSS, SECONDS, Running, error_of, received, running, slow
from websockets.exceptions import InvalidStatus

from doodlewise.serve import protocol

BODY = b'{"strokes":[[[10,20],[30,40]]]}'


def request(*headers: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([b"POST /v1/predict HTTP/1.1", b"Host: x", *headers, b"", body])


def length(n: int) -> bytes:
    return b"Content-Length: %d" % n


def status_and_code(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]["code"]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_more_announced_than_is_taken(server: Running) -> None:
    answer = server.raw(request(length(3 * 2**20)))
    assert status_and_code(answer) == (413, "too_large")
    assert b"2,097,152" in answer
    assert b"connection: close" in answer.lower()
    assert status_and_code(server.raw(request(length(10**15)))) == (413, "too_large")


def test_more_sent_in_chunks_than_is_taken(server: Running) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = server.raw(request(b"Transfer-Encoding: chunked"), *[chunk] * 33)
    assert status_and_code(answer) == (413, "too_large")


def test_chunks_are_fine(server: Running) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"
    answer = server.raw(request(b"Transfer-Encoding: chunked", body=chunks))
    assert answer.startswith(b"HTTP/1.1 200")


def test_less_sent_than_announced(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as connection:
        connection.sendall(request(length(1_000), body=BODY))
        connection.shutdown(socket.SHUT_WR)
        assert received(connection) == b""
    assert server.ask(BODY).status_code == 200


def test_more_sent_than_announced(server: Running) -> None:
    answer = server.raw(request(length(len(BODY)), body=BODY + b"GARBAGE\r\n\r\n"))
    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))
    assert server.ask(BODY).status_code == 200


@pytest.mark.parametrize(
    "lie",
    [
        request(b"Content-Length: x"),
        request(b"Content-Length: -5"),
        request(length(3), length(5), body=b"abc"),
        request(length(3), b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        request(b"Transfer-Encoding: chunked", body=b"XYZ\r\n"),
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 32,
        b"GET /%zz\x00 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
def test_what_is_no_http(server: Running, lie: bytes) -> None:
    assert status_and_code(server.raw(lie))[0] == 400
    assert server.ask(BODY).status_code == 200


def test_a_compressed_body_is_not_unpacked(server: Running) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    answer = server.ask(bomb, headers={"content-encoding": "gzip"})
    assert error_of(answer) == (415, "compressed_body")


def test_a_slow_body() -> None:
    with running(slow()[1], body_seconds=0.3) as one:
        answer = one.raw(request(length(len(BODY)), body=BODY[:5]))
        assert status_and_code(answer) == (408, "too_slow")
        assert b"0.3 seconds" in answer


def test_a_slow_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    with running(slow()[1]) as one:
        assert one.raw(b"") == b""
        assert one.raw(b"GET /healthz HT") == b""
        with socket.create_connection(("127.0.0.1", one.port), timeout=SECONDS) as connection:
            for _ in range(2):  # a connection in use stays
                connection.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
                assert received(connection).startswith(b"HTTP/1.1 200")
                time.sleep(0.4)


def test_too_many_requests() -> None:
    with running(slow()[1], rate=1.0, burst=3.0) as one:
        statuses = [one.ask(BODY).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        answer = one.ask(BODY)
        assert error_of(answer) == (429, "too_many_requests")
        assert int(answer.headers["retry-after"]) >= 1
        assert one.client.get("/healthz").status_code == 200
        with pytest.raises(InvalidStatus, match="429"), one.live():
            pass


def test_too_many_at_once() -> None:
    classifier, served = slow()
    with running(served, concurrency=4) as one:
        classifier.hold()
        threads = [threading.Thread(target=one.ask, args=[BODY]) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: one.state.active == 4)
        answer = one.ask(BODY)
        assert error_of(answer) == (503, "busy")
        assert answer.headers["retry-after"] == "1"
        assert one.client.get("/readyz").status_code == 200
        classifier.may_go_on.release(1_000)
        for thread in threads:
            thread.join(SECONDS)
        assert one.ask(BODY).status_code == 200


def test_too_many_wait() -> None:
    classifier, served = slow()
    with running(served, batch=2, queue=4) as one:
        classifier.hold()
        threads = [threading.Thread(target=one.ask, args=[BODY]) for _ in range(6)]
        threads[0].start()
        assert classifier.has_begun.wait(SECONDS)
        for thread in threads[1:5]:
            thread.start()
        until(lambda: one.state.batcher.depth == 4)
        assert error_of(one.ask(BODY)) == (503, "busy")
        drawings = {"drawings": [{"strokes": CROSS}] * 2}
        assert error_of(one.ask(drawings)) == (503, "busy")
        classifier.may_go_on.release(1_000)
        for thread in threads[:5]:
            thread.join(SECONDS)
        assert classifier.batches == [1, 1, 2, 2]  # the first one is of the start
        assert one.ask(BODY).status_code == 200


def test_who_has_gone_is_not_worked_for() -> None:
    classifier, served = slow()
    with running(served) as one:
        classifier.hold()
        first = threading.Thread(target=one.ask, args=[BODY])
        first.start()
        assert classifier.has_begun.wait(SECONDS)
        connections = [socket.create_connection(("127.0.0.1", one.port)) for _ in range(5)]
        for connection in connections:
            connection.sendall(request(length(len(BODY)), body=BODY))
        until(lambda: one.state.batcher.depth == 5)
        time.sleep(0.1)
        for connection in connections[:4]:
            connection.close()
        until(lambda: one.state.active == 2)
        classifier.may_go_on.release(1_000)
        first.join(SECONDS)
        assert received(connections[4]).startswith(b"HTTP/1.1 200")
        connections[4].close()
        assert classifier.batches == [1, 1, 1]
        assert 'status="499"} 4.0' in one.client.get("/metrics").text


def test_pipelined_requests(server: Running) -> None:
    one = request(length(len(BODY)), body=BODY)
    with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as connection:
        connection.sendall(one * 5)
        answers = b""
        while answers.count(b'"ms"') < 5:
            answers += connection.recv(65_536)
    assert answers.count(b"HTTP/1.1 200") == 5


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/static/../app.py",
        "//etc/passwd",
        "/engine.js/../../app.py",
        "/engine.js%00.png",
        "/\\..\\app.py",
        "/%ff%fe",
        "/app.py",
    ],
)
def test_no_path_reaches_the_disk(server: Running, path: str) -> None:
    answer = server.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert status_and_code(answer) == (404, "not_found")


def test_paths_do_not_fill_the_metrics(server: Running) -> None:
    for number in range(50):
        server.client.get(f"/nothing-{number}")
        server.client.get(f"/v1/models/nothing-{number}/model.onnx")
    page = server.client.get("/metrics").text
    assert "nothing-" not in page
    assert 'route="unknown"' in page


@pytest.mark.parametrize("path", ["/v1/predict/", "/v1/models/", "/healthz/"])
def test_a_slash_too_many_leads_nowhere(server: Running, path: str) -> None:
    method = "POST" if "predict" in path else "GET"
    answer = server.client.request(method, path, headers={"host": "elsewhere.example"})
    assert error_of(answer) == (404, "not_found")
