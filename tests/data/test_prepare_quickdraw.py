"""`data prepare quickdraw`: fetched and prepared in one go, as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bucket import Bucket

from doodlewise.cli.app import run
from doodlewise.data.store import Store


@pytest.fixture
def google(bucket: Bucket, doodles: Path) -> Bucket:
    for word in ("cat", "star"):
        bucket.files[f"full/simplified/{word}.ndjson"] = (doodles / f"{word}.ndjson").read_bytes()
    return bucket


def prepared(google: Bucket, tmp_path: Path, *options: object) -> int:
    command = ["data", "prepare", "quickdraw", "--base-url", google.url, "--jobs", "1"]
    command += ["--downloads", tmp_path / "downloads", "--out", tmp_path / "store", *options]
    return run([str(each) for each in command])


def test_only_what_is_wanted_is_fetched_and_prepared(google: Bucket, tmp_path: Path) -> None:
    assert prepared(google, tmp_path, "--classes", "cat,star", "--per-class", 20) == 0
    store = Store(tmp_path / "store")
    assert store.classes == ["cat", "star"]
    assert store.size("all") == 40
    files = {path.name for path in (tmp_path / "downloads" / "simplified").iterdir()}
    assert files == {"cat.ndjson", "star.ndjson", "downloads.json"}


def test_again_nothing_is_fetched(google: Bucket, tmp_path: Path) -> None:
    assert prepared(google, tmp_path, "--classes", "cat,star") == 0
    sent = dict(google.sent)
    assert prepared(google, tmp_path, "--classes", "cat,star") == 0
    assert dict(google.sent) == sent


def test_more_are_fetched_where_some_are_left_out(google: Bucket, tmp_path: Path) -> None:
    options = ["--classes", "cat,star", "--per-class", 20, "--recognised-only"]
    assert prepared(google, tmp_path, *options) == 0
    lines = (tmp_path / "downloads" / "simplified" / "cat.ndjson").read_text().splitlines()
    assert len(lines) == 40
    assert all(json.loads(line)["recognized"] in (True, None, False) for line in lines)


def test_all_of_it_is_not_fetched_by_mistake(
    google: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepared(google, tmp_path) == 2
    assert "345 words and tens of gigabytes" in capsys.readouterr().err
    assert not google.requests


def test_a_folder_of_that_name_is_a_folder(
    doodles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickdraw").symlink_to(doodles)
    assert run(["data", "prepare", "quickdraw", "--out", "store", "--jobs", "1"]) == 0
    assert Store("store").size("all") == 18 * 60
