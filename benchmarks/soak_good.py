# ruff: noqa: ARG001 - every kind is made from the same two things
"""What people send, in the soak test; each kind says with which status it has to be answered."""

from __future__ import annotations

import asyncio
import json
import random

from http_load import post
from soak_parts import Connection, Good, Made, Session, WebSocket, ask, form, kind, read_answer


@kind(50, 200)
def drawing(good: Good, rng: random.Random) -> Made:
    at = rng.randrange(len(good.strokes))
    body = f'{{"strokes":{good.strokes[at]},"top":{rng.choice([1, 3, 5, 345])}}}'
    content = rng.choice(["application/json", "application/x-www-form-urlencoded", "text/plain"])
    return post("/v1/predict", body.encode(), content), [good.guesses[at]]


@kind(5, 200)
def batch(good: Good, rng: random.Random) -> Made:
    chosen = [rng.randrange(len(good.strokes)) for _ in range(rng.choice([1, 2, 5, 16, 64]))]
    listed = ",".join(f'{{"strokes":{good.strokes[at]}}}' for at in chosen)
    body = f'{{"drawings":[{listed}],"model":"{good.model}"}}'
    return post("/v1/predict", body.encode()), [good.guesses[at] for at in chosen]


@kind(3, 200)
def picture(good: Good, rng: random.Random) -> Made:
    at = rng.randrange(len(good.pictures))
    return post("/v1/predict?top=3", good.pictures[at], "image/png"), [good.picture_guesses[at]]


@kind(1, 200)
def form_of_pictures(good: Good, rng: random.Random) -> Made:
    chosen = [rng.randrange(len(good.pictures)) for _ in range(rng.randint(1, 3))]
    body, content = form([("image", good.pictures[at]) for at in chosen])
    return post("/v1/predict", body, content), [good.picture_guesses[at] for at in chosen]


@kind(2, 200)
def in_chunks(good: Good, rng: random.Random) -> Made:
    at = rng.randrange(len(good.strokes))
    body = f'{{"strokes":{good.strokes[at]},"look":true}}'.encode()
    cut = rng.randrange(1, len(body))
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:cut], body[cut:]))
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + chunks + b"0\r\n\r\n", [good.guesses[at]]


@kind(3, 200)
def page_or_fact(good: Good, rng: random.Random) -> Made:
    paths = ["/", "/v1/models", "/v1/labels", "/healthz", "/readyz", "/metrics", "/config.json"]
    return ask(rng.choice([*paths, "/openapi.json", "/docs"])), None


@kind(3, 200)
def live(good: Good, rng: random.Random) -> Made:
    at = rng.randrange(len(good.strokes))

    async def work(port: int) -> int | str:
        async with WebSocket(port) as socket:
            await socket.say({"type": "start", "top": 1, "seq": 1})
            strokes = json.loads(good.strokes[at])
            for x, y in strokes:
                await socket.say({"type": "points", "x": x, "y": y, "seq": 2})
                await socket.say({"type": "end", "seq": 3})
            await socket.say({"type": "set", "strokes": strokes, "seq": 4})
            heard = await socket.hear_until(4)
        word, probability = good.guesses[at]
        is_right = heard["word"] == word and abs(heard["probability"] - probability) < 1e-3
        return 200 if is_right else "wrong guess"

    return Session(work), None


@kind(1, 200)
def slow_but_complete(good: Good, rng: random.Random) -> Made:
    at = rng.randrange(len(good.strokes))
    request = post("/v1/predict", f'{{"strokes":{good.strokes[at]}}}'.encode())
    cuts = sorted(rng.randrange(1, len(request)) for _ in range(3))

    async def work(port: int) -> int | str:
        async with Connection(port) as (reader, writer):
            for first, last in zip([0, *cuts], [*cuts, len(request)], strict=True):
                writer.write(request[first:last])
                await asyncio.sleep(0.02)
            status, body = await read_answer(reader)
        return status if json.loads(body)["word"] == good.guesses[at][0] else "wrong guess"

    return Session(work), None


@kind(1, 200)
def several_at_once(good: Good, rng: random.Random) -> Made:
    chosen = [rng.randrange(len(good.strokes)) for _ in range(3)]

    async def work(port: int) -> int | str:
        async with Connection(port) as (reader, writer):
            for at in chosen:
                writer.write(post("/v1/predict", f'{{"strokes":{good.strokes[at]}}}'.encode()))
            words = [json.loads((await read_answer(reader))[1])["word"] for _ in chosen]
        return 200 if words == [good.guesses[at][0] for at in chosen] else "wrong guess"

    return Session(work), None
