"""The page /docs: the description of the API for people, without any script."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from html import escape
from pathlib import Path
from typing import Any

from .settings import ServeSettings

__all__ = ["STYLE", "docs_page"]

STYLE = Path(__file__).with_name("docs.css").read_bytes()
LIMITS = (
    "max_body", "max_picture", "max_strokes", "max_points", "batch", "rate", "burst", "concurrency",
    "queue", "connections", "live_rate",
)  # fmt: skip
EXAMPLES = {
    ("post", "/v1/predict"): (
        "curl -s localhost:{port}/v1/predict -d '{{\"strokes\":[[[10,20],[30,40]]]}}'\n"
        "curl -s 'localhost:{port}/v1/predict?top=3' -H 'Content-Type: image/png'"
        " --data-binary @doodle.png\n"
        "curl -s localhost:{port}/v1/predict -F image=@doodle.png"
    ),
    ("get", "/v1/labels"): "curl -s localhost:{port}/v1/labels",
}


def docs_page(described: dict[str, Any], settings: ServeSettings) -> str:
    """The page.

    Args:
        described: as openapi.json.
        settings: with the limits that it shows.
    """
    info = described["info"]
    operations = [
        _operation(method, path, operation, settings.port)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = described.get("components", {}).get("schemas", {})
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(info['title'])}: the API</title>"
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="docs.css">'
        f"<h1>{escape(info['title'])}: the API</h1>{_text(info.get('description', ''))}"
        '<p><a href="openapi.json">openapi.json</a> · <a href="./">the page that guesses</a></p>'
        f"{''.join(operations)}{_limits(settings)}"
        f"<h2>Types</h2>{''.join(_schema(name, each) for name, each in sorted(schemas.items()))}"
        "</html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any], port: int) -> str:
    parts = [
        f'<h2><span class="method">{method.upper()}</span> <code>{escape(path)}</code></h2>',
        _text(operation.get("description") or operation.get("summary", "")),
    ]
    example = EXAMPLES.get((method, path))
    if example:
        parts.append(f"<pre>{escape(example.format(port=port))}</pre>")
    parameters = operation.get("parameters", [])
    if parameters:
        rows = [
            f"<tr><td><code>{escape(each['name'])}</code><td>{each['in']}"
            f"<td><code>{escape(_type(each.get('schema', {})))}</code>"
            for each in parameters
        ]
        parts.append(f"<table><tr><th>Parameter<th>In<th>Type{''.join(rows)}</table>")
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(
            f"<p>Body <code>{escape(kind)}</code>: {_linked(content.get('schema', {}))}</p>"
        )
    rows = []
    for status, response in operation.get("responses", {}).items():
        contents: list[dict[str, Any]] = list(response.get("content", {}).values())
        schema = contents[0].get("schema", {}) if contents else {}
        rows.append(
            f"<tr><td><code>{escape(str(status))}</code><td>{escape(response['description'])}"
            f"<td>{_linked(schema)}"
        )
    parts.append(f"<table><tr><th>Answer<th>When<th>Type{''.join(rows)}</table>")
    return "".join(parts)


def _limits(settings: ServeSettings) -> str:
    helps = {each.name: each.metadata["help"] for each in fields(settings)}
    rows = [
        f"<tr><td>{escape(helps[name])}<td>{getattr(settings, name):,g}"
        if isinstance(getattr(settings, name), float)
        else f"<tr><td>{escape(helps[name])}<td>{getattr(settings, name):,}"
        for name in LIMITS
    ]
    return f"<h2>Limits of this server</h2><table>{''.join(rows)}</table>"


def _schema(name: str, schema: dict[str, Any]) -> str:
    text = json.dumps(schema, indent=1, ensure_ascii=False)
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code>'
        f" {escape(schema.get('description', ''))}</summary><pre>{escape(text)}</pre></details>"
    )


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(_type(each) for each in schema.get("anyOf") or schema["oneOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    text = str(schema.get("format") or schema.get("type", "anything"))
    if "default" in schema:
        text += f", {json.dumps(schema['default'])} if none"
    return text


def _linked(schema: dict[str, Any]) -> str:
    """The type, with a link to where it is described."""
    text = escape(_type(schema)) if schema else ""
    names = sorted({ref.rpartition("/")[2] for ref in _refs(schema)}, key=len, reverse=True)
    if not names:
        return text
    pattern = "|".join(rf"\b{re.escape(name)}\b" for name in names)
    return re.sub(pattern, lambda found: f'<a href="#{found[0]}">{found[0]}</a>', text)


def _refs(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [str(schema["$ref"])] if "$ref" in schema else []
        return own + [ref for value in schema.values() for ref in _refs(value)]
    if isinstance(schema, list):
        return [ref for value in schema for ref in _refs(value)]
    return []


def _text(text: str) -> str:
    """Paragraphs, with code between backticks."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return "".join(f"<p>{each.strip()}</p>" for each in marked.split("\n\n") if each.strip())
