"""A bucket to download from, and no proxy on the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bucket import Bucket, serving
from fetching import FORMATS, content, path_of


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """A bucket with cats in every format, and dogs as simplified drawings."""
    with serving() as bucket:
        for format in FORMATS:
            bucket.files[path_of(format)] = content(format)
        bucket.files["full/simplified/dog.ndjson"] = content("simplified", seed=1)
        yield bucket
