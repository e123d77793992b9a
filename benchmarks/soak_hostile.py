# ruff: noqa: ARG001 - every kind is made from the same two things
"""What breaks on the way and what attackers try, in the soak test; each kind says what is a proper
answer. Most are plain bytes for a connection that stays open; some need one of their own, because
they break it or take their time.
"""

from __future__ import annotations

import asyncio
import gzip
import random
import struct
import zlib

from PIL import Image

from http_load import post
from soak_parts import (
    Connection,
    Good,
    Made,
    Session,
    WebSocket,
    ask,
    ask_alone,
    chunk,
    form,
    kind,
    png,
    read_answer,
)

MAX_BODY = 2 * 2**20
"""Of a request with strokes, as the server has it by default."""
BIG_PICTURE = (6_000, 6_000)
"""More than the 20 million pixels that are taken; compressed, it has some 40 kB."""


def _strokes(text: str, content: str = "application/json") -> Made:
    return post("/v1/predict", text.encode("utf-8", "surrogatepass"), content), None


@kind(2, 422)
def empty(good: Good, rng: random.Random) -> Made:
    texts = ['{"strokes":[]}', '{"strokes":[[[],[]]]}', "{}", '{"drawings":[]}']
    return _strokes(rng.choice([*texts, '{"drawings":[{"strokes":[]}]}', '{"strokes":null}']))


@kind(2, 400, 422)
def not_a_number(good: Good, rng: random.Random) -> Made:
    value = rng.choice(["NaN", "Infinity", "-Infinity", "1e999", "1e39", "null", '"1"', "true"])
    return _strokes(f'{{"strokes":[[[10,{value}],[30,40]]]}}')


@kind(2, 400)
def broken_json(good: Good, rng: random.Random) -> Made:
    text = f'{{"strokes":{rng.choice(good.strokes)}}}'
    kinds = ["", "{", "}", "\x00", "\ufeff" + text, "strokes=1", "'{}'"]
    return _strokes(rng.choice([*kinds, text[: rng.randrange(len(text) - 1)], text + "]"]))


@kind(1, 400, 422)
def not_utf8(good: Good, rng: random.Random) -> Made:
    body = b'{"strokes":[[[1,2],[3,4]]],"model":"' + rng.randbytes(8) + b'\xff\xfe"}'
    return post("/v1/predict", body), None


@kind(0.2, 413)
def huge(good: Good, rng: random.Random) -> Made:
    size = MAX_BODY + rng.choice([1, 1000, MAX_BODY])

    async def work(port: int) -> int | str:
        return await ask_alone(port, post("/v1/predict", b" " * size))

    return Session(work), None


@kind(0.5, 413)
def huge_as_it_says(good: Good, rng: random.Random) -> Made:
    length = rng.choice([MAX_BODY + 1, 10**9, 10**17])

    async def work(port: int) -> int | str:
        head = f"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
        return await ask_alone(port, head.encode() + b"{")

    return Session(work), None


@kind(1, 400, 422)
def deeply_nested(good: Good, rng: random.Random) -> Made:
    depth = rng.choice([10, 500, 5_000, 100_000])
    return _strokes('{"strokes":' + "[" * depth + "]" * depth + "}")


@kind(2, 422)
def wrong_types(good: Good, rng: random.Random) -> Made:
    texts = ["[]", '"cat"', "7", "null", '{"strokes":"cat"}', '{"strokes":[[1,2],[3,4]]}']
    texts += [
        '{"strokes":{"0":[[1],[2]]}}',
        '{"strokes":[[[1],[2],[3],[4]]]}',
        '{"strokes":[[[1]]]}',
    ]
    texts += ['{"strokes":[[[1],[2]]],"top":"five"}', '{"strokes":[[[1],[2]]],"top":0}']
    texts += ['{"strokes":[[[1],[2]]],"top":-1}', '{"strokes":[[[1],[2]]],"top":1e9}']
    texts += ['{"strokes":[[[1],[2]]],"look":"yes"}', '{"strokes":[[[1],[2]]],"model":7}']
    texts += ['{"strokes":[[[1],[2]]],"drawings":[{"strokes":[[[1],[2]]]}]}']
    return _strokes(
        rng.choice([*texts, '{"strokes":[[[1,2],[3]]]}', '{"strokes":[[[1],[2]]],"tpo":3}'])
    )


@kind(1, 422)
def too_many(good: Good, rng: random.Random) -> Made:
    which = rng.randrange(3)
    if which == 0:
        zeros = ",".join("0" * 20_001)
        return _strokes(f'{{"strokes":[[[{zeros}],[{zeros}]]]}}')
    if which == 1:
        return _strokes('{"strokes":[' + ",".join(["[[1],[2]]"] * 1_001) + "]}")
    return _strokes('{"drawings":[' + ",".join(['{"strokes":[[[1],[2]]]}'] * 65) + "]}")


@kind(1, 415)
def wrong_content_type(good: Good, rng: random.Random) -> Made:
    kinds = ["application/xml", "text/html", "video/mp4", "application/pdf", "x", "/", "☃"]
    body = rng.choice([b"<a/>", b"{}", b""])
    return post("/v1/predict", body, rng.choice(kinds).encode().decode("latin-1")), None


@kind(0.5, 415)
def compressed(good: Good, rng: random.Random) -> Made:
    body = gzip.compress(b" " * 10_000_000 if rng.random() < 0.1 else b'{"strokes":[]}')
    head = f"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Content-Encoding: gzip\r\n\r\n" + body, None


@kind(1, 404)
def unknown_path(good: Good, rng: random.Random) -> Made:
    paths = ["/v1/predict/", "/v2/predict", "/admin", "/.env", "/wp-login.php", "/v1", "/index.php"]
    return ask(rng.choice([*paths, f"/{rng.getrandbits(64):x}", "/" + "a" * 5_000])), None


@kind(1, 400, 404, 405, 501)
def unknown_method(good: Good, rng: random.Random) -> Made:
    method = rng.choice(["GET", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
    return ask("/v1/predict", method), None


@kind(1, 404)
def unknown_model(good: Good, rng: random.Random) -> Made:
    names = ["", "cat", "../../etc/passwd", "taught-0", "\\u0000", "a" * 10_000, "%s%n"]
    return _strokes(f'{{"strokes":[[[1],[2]]],"model":"{rng.choice(names)}"}}')


@kind(1, 422)
def wrong_query(good: Good, rng: random.Random) -> Made:
    queries = ["top=x", "top=0", "top=99999", "look=maybe", "size=3", "%", "&".join(["a=1"] * 99)]
    return post(f"/v1/predict?{rng.choice(queries)}", good.pictures[0], "image/png"), None


@kind(1, 400, 404, 405)
def path_traversal(good: Good, rng: random.Random) -> Made:
    up = rng.choice(["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..\\", "....//", "%252e%252e%252f"])
    before = rng.choice(["/", "/static/", "/v1/models/", "/runtime/", "//", "/docs/"])
    file = rng.choice(["etc/passwd", "app.py", "etc/passwd%00.png", "settings.py"])
    return ask(before + up * rng.randint(1, 8) + file), None


@kind(0.5, 400, 401, 404, 405, 413, 415, 422)
def wrong_teaching(good: Good, rng: random.Random) -> Made:
    path = rng.choice(
        ["/v1/teach", "/v1/drawings", "/v1/models/x/model.onnx", "/v1/models//bundle.zip"]
    )
    texts = ["", "{}", '{"words":[]}', '{"words":[{"word":"","drawings":[]}]}', '{"word":"../x"}']
    texts += ['{"words":[{"word":"a","images":["data:image/png;base64,AAAA"]}]}', '{"strokes":[]}']
    return post(path, rng.choice(texts).encode()), None


@kind(1, 422)
def broken_picture(good: Good, rng: random.Random) -> Made:
    picture = bytearray(rng.choice(good.pictures))
    if rng.random() < 0.5:
        del picture[rng.randrange(60) :]
    else:
        # The header, so that it is broken for sure.
        picture[rng.randrange(0, 8)] ^= 0x55
    return post("/v1/predict", bytes(picture), rng.choice(["image/png", "image/x"])), None


@kind(1, 422)
def blank_picture(good: Good, rng: random.Random) -> Made:
    return post("/v1/predict", png(Image.new("L", (90, 60), rng.randrange(256))), "image/png"), None


def _lying_png() -> bytes:
    """A header that promises 100,000 x 100,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(header) + chunk(b"IDAT" + zlib.compress(b"\0" * 999))


_BOMB: list[bytes] = []


@kind(0.5, 422)
def decompression_bomb(good: Good, rng: random.Random) -> Made:
    if not _BOMB:
        _BOMB.append(png(Image.new("1", BIG_PICTURE, 1)))
    body = _BOMB[0] if rng.random() < 0.5 else _lying_png()
    return post("/v1/predict", body, "image/png"), None


@kind(0.5, 422)
def picture_with_a_bomb_inside(good: Good, rng: random.Random) -> Made:
    text = b"zTXt" + b"comment\0\0" + zlib.compress(b" " * 80_000_000)
    return post("/v1/predict", b"\x89PNG\r\n\x1a\n" + chunk(text), "image/png"), None


@kind(1, 400, 422)
def wrong_form(good: Good, rng: random.Random) -> Made:
    if rng.random() < 0.5:
        body, content = form([(rng.choice(["file2", "", "strokes"]), good.pictures[0])])
    else:
        body, content = rng.choice(
            [(b"", "multipart/form-data"), (b"--x--", "multipart/form-data; boundary=x")]
        )
    return post("/v1/predict", body, content), None


@kind(1, 400, "closed")
def not_http(good: Good, rng: random.Random) -> Made:
    texts = [b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\r\n" * 9]
    texts += [b"GET / HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    texts += [b"POST /v1/predict HTTP/1.1\r\nContent-Length: -5\r\n\r\n"]
    texts += [b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]
    text = rng.choice([*texts, rng.randbytes(200)])

    async def work(port: int) -> int | str:
        async with Connection(port) as (reader, writer):
            writer.write(text)
            writer.write_eof()
            try:
                return (await read_answer(reader))[0]
            except (EOFError, ConnectionError, ValueError):
                return "closed"

    return Session(work), None


@kind(0.5, 400, 404, 413, 431, "closed")
def huge_headers(good: Good, rng: random.Random) -> Made:
    lines = b"".join(b"X-%d: %b\r\n" % (n, b"a" * 500) for n in range(rng.choice([50, 500])))

    async def work(port: int) -> int | str:
        async with Connection(port) as (reader, writer):
            try:
                writer.write(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n")
                await writer.drain()
                return (await read_answer(reader))[0]
            except (EOFError, ConnectionError):
                return "closed"

    return Session(work), None


@kind(1, 200, "closed")
def half_closed(good: Good, rng: random.Random) -> Made:
    request = post("/v1/predict", f'{{"strokes":{rng.choice(good.strokes)}}}'.encode())

    async def work(port: int) -> int | str:
        async with Connection(port) as (reader, writer):
            writer.write(request)
            writer.write_eof()
            try:
                return (await read_answer(reader))[0]
            except (EOFError, ConnectionError):
                return "closed"

    return Session(work), None


@kind(2, "gone")
def client_goes_away(good: Good, rng: random.Random) -> Made:
    request = post("/v1/predict", f'{{"strokes":{rng.choice(good.strokes)}}}'.encode())
    if rng.random() < 0.5:
        request = request[: rng.randrange(1, len(request))]

    async def work(port: int) -> int | str:
        async with Connection(port) as (_, writer):
            writer.write(request)
            await asyncio.sleep(rng.choice([0.0, 0.001, 0.01]))
            if rng.random() < 0.5:
                writer.transport.abort()
        return "gone"

    return Session(work), None


@kind(0.05, 408, "closed", "not tried")
def never_complete(good: Good, rng: random.Random) -> Made:
    part = rng.choice(
        [
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{",
            b"POST /v1/predict HTTP/1.1\r\nHost: local",
        ]
    )

    async def work(port: int) -> int | str:
        if not good.is_slow_too:
            return "not tried"
        async with Connection(port) as (reader, writer):
            writer.write(part)
            try:
                return (await read_answer(reader))[0]
            except (EOFError, ConnectionError):
                return "closed"

    return Session(work), None


@kind(2, "error", "closed", 400, 404, 426)
def websocket_garbage(good: Good, rng: random.Random) -> Made:
    texts = ["", "{", "[]", "null", '{"type":"fly"}', '{"type":"points","x":[1],"y":[]}', "☃"]
    texts += ['{"type":"points","x":[NaN],"y":[1]}', '{"type":"set","strokes":[[[1e39],[1]]]}']
    texts += ['{"type":"points","x":' + "[" * 5_000, '{"type":"start","model":"x"}', '{"type":1}']
    text = rng.choice(texts).encode()
    frames = [
        b"\x82\x84\0\0\0\0abcd",
        b"\xff\xff" + b"\xff" * 12,
        b"\x81\x05plain",
        rng.randbytes(64),
    ]

    async def work(port: int) -> int | str:
        try:
            async with WebSocket(port) as socket:
                if rng.random() < 0.6:
                    await socket.say_bytes(text)
                else:
                    socket.write(rng.choice(frames))
                    socket.write(b"\x88\x80\0\0\0\0")
                return "error" if (await socket.hear()).get("type") == "error" else "answered"
        except (EOFError, ConnectionError):
            return "closed"

    return Session(work), None


@kind(0.5, 400, 404, 405, 426)
def wrong_upgrade(good: Good, rng: random.Random) -> Made:
    head = rng.choice(
        [
            b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\n\r\n",
        ]
    )

    async def work(port: int) -> int | str:
        return await ask_alone(port, head)

    return Session(work), None
