"""doodlewise serve"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._output import JsonFlag, QuietFlag, VerboseFlag, output

if TYPE_CHECKING:
    import socket

    from ..serve.models import Served
    from ..serve.settings import ServeSettings

__all__ = ["serve"]

EVERYWHERE = {"", "0.0.0.0", "::"}


def serve(
    model: Annotated[
        Path | None,
        typer.Argument(
            help="A model.onnx, a run folder or a model folder; if none, the model that comes with"
            " Doodlewise."
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 is every address.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 is any that is free.")] = 8000,
    open: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep drawings that people send there on purpose."),
    ] = None,
    api_key: Annotated[
        str,
        typer.Option(
            envvar="DOODLEWISE_API_KEY",
            show_envvar=False,
            help="Key to teach words and to keep drawings; better set as DOODLEWISE_API_KEY.",
        ),
    ] = "",
    cors: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Pages of this origin may ask too; * for all."),
    ] = None,
    rate: Annotated[
        float, typer.Option(help="Requests per second and client; 0 is no limit.")
    ] = 120.0,
    proxy: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Believe X-Forwarded-For of this proxy."),
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Serve the page that guesses while you draw, and its API."""
    import logging

    from ..serve.settings import ServeSettings

    settings = ServeSettings(
        model=model,
        host=host,
        port=port,
        keep=keep,
        api_key=api_key,
        cors=tuple(cors or ()),
        rate=rate,
        burst=2 * rate,
        proxies=",".join(proxy or ()),
    )
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)

    from ..serve.server import listen

    # Before the model is loaded: a port in use is found out at once.
    listening = listen(host, port)
    try:
        _run(settings, listening, open_page=open)
    finally:
        listening.close()
    output.say("Stopped.")


def _run(settings: ServeSettings, listening: socket.socket, *, open_page: bool) -> None:
    from ..serve.app import create_app
    from ..serve.opening import open_served
    from ..serve.server import serve as run

    served = open_served(settings.model, output.say)
    app = create_app(settings, served)
    address = _address(settings.host, listening.getsockname()[1])

    def on_ready() -> None:
        _show(address, served, settings)
        if open_page:
            import webbrowser

            webbrowser.open(address)

    run(app, settings, listening, on_ready)


def _address(host: str, port: int) -> str:
    """What a browser on this machine opens."""
    name = "localhost" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/"


def _show(address: str, served: Served, settings: ServeSettings) -> None:
    differing = settings.differing()
    if output.is_json:
        facts = {
            "address": address,
            "model": served.id,
            "version": served.version,
            "words": len(served.classifier.classes),
            "settings": {name: _plain(value) for name, value in differing.items()},
            "needs_key": bool(settings.api_key),
        }
        output.json(facts, indent=None)
        return
    output.text(f"Open {address}  (the API: {address}docs)")
    output.say(f"Model {served.id}, {len(served.classifier.classes)} words, {served.version}")
    for name, value in differing.items():
        listed = ", ".join(value) if isinstance(value, tuple) else f"{value}"
        output.say(f"{name.replace('_', ' ').capitalize()}: {listed}")
    if settings.api_key:
        output.say("Teaching and keeping need the key.")
    if settings.host in EVERYWHERE:
        output.say("Everyone in your network can use it.")
        if settings.keep and not settings.api_key:
            output.say(
                "And everyone can fill your disk with drawings. Set a key: DOODLEWISE_API_KEY=..."
            )
    output.say("Ctrl-C ends it.")


def _plain(value: object) -> object:
    """A setting as JSON has it."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
