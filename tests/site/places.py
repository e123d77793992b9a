"""Where the site of the tests is, and what its pages are asked."""

from __future__ import annotations

from doodlewise.exporting.site import POLICY

__all__ = ["BARE", "OPEN_ENGINE", "SUB_PATH"]

SUB_PATH = "some/where/site"
BARE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Bare</title><link rel="icon" href="data:,">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
</head><body></body></html>
"""
"""A page with nothing on it, beside the real one, for tests of what is under it."""
OPEN_ENGINE = """async () => {
    const { openEngine } = await import(new URL("engine.js", document.baseURI));
    const config = await (await fetch("config.json")).json();
    window.engine = await openEngine(config);
}"""
