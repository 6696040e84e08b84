"""`GET /v1/density` over HTTP: its members, its entity tag, and what it refuses."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.geosearch.fakes import SHOPS, publish_fake, running


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    publish_fake(tmp_path / "index")
    with running(tmp_path / "index") as client:
        yield client


def test_answer(client: TestClient) -> None:
    answer = client.get("/v1/density?bbox=121,31,122,32&cells=3")
    assert answer.json() == {
        "snapshot_id": "fake",
        "bbox": [121.0, 31.0, 122.0, 32.0],
        "cells": 3,
        "total": 9 * SHOPS,
        "counts": [[SHOPS] * 3] * 3,
    }
    assert client.get("/v1/density?bbox=121,31,122,32").json()["cells"] == 32
    again = {"if-none-match": answer.headers["etag"]}
    assert client.get("/v1/density?bbox=121,31,122,32&cells=3", headers=again).status_code == 304


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("", "/bbox"),
        ("bbox=121,31,122", "/bbox"),
        ("bbox=121,32,122,31", "/bbox"),
        ("bbox=31,121,32,122", "/bbox/1"),
        ("bbox=121,31,122,32&cells=0", "/cells"),
        ("bbox=121,31,122,32&cells=129", "/cells"),
        ("bbox=121,31,122,32&cells=x", "/cells"),
        ("bbox=121,31,122,32&cells=2&cells=3", "/cells"),
        ("bbox=121,31,122,32&zoom=3", "/zoom"),
    ],
)
def test_what_is_refused(client: TestClient, query: str, pointer: str) -> None:
    answer = client.get(f"/v1/density?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == pointer
