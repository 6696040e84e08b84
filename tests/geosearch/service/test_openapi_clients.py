"""Clients that generators make of `/openapi.json`, used against a running service.

Each test skips where its generator is not installed: `make clients` for Python, `make node` for
TypeScript. They take seconds, because generators and compilers are processes.
"""

import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.request import urlopen

import pytest
import uvicorn

from geosearch.indexing.pipeline import build
from geosearch.search.searcher import Searcher
from geosearch.service.app import make_app
from geosearch.service.engines import Engines
from geosearch.service.guard import GuardedProtocol
from geosearch.service.handlers import Handlers
from geosearch.service.metrics import Metrics
from geosearch.service.openapi import openapi_document
from geosearch.service.settings import Settings
from tests.geosearch.snapshot_files import deal, merchant, write_snapshot

TESTS = Path(__file__).parents[2]
TOOLS = TESTS.parent / ".clients" / "bin"
NODE = TESTS / "node"

needs_python_tools = pytest.mark.skipif(
    not (TOOLS / "openapi-python-client").exists(),
    reason="openapi-python-client is not installed: make clients",
)
needs_node_tools = pytest.mark.skipif(
    shutil.which("node") is None
    or not (NODE / "node_modules" / ".bin" / "openapi-typescript").exists(),
    reason="openapi-typescript is not installed: make node",
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("clients")
    shops = [merchant(n, lat=31.23 + n / 1e4, name=f"A {n}", categories=["food"]) for n in range(4)]
    deals = [deal(0, merchant_ids=["m0", "m1"], program_id="red")]
    write_snapshot(folder / "snapshot", {"merchants": shops, "deals": deals})
    ring = [[121.4, 31.2], [121.5, 31.2], [121.5, 31.3], [121.4, 31.3], [121.4, 31.2]]
    zone = {
        "type": "Feature",
        "properties": {"zone_id": "z", "name": "z"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    collection = {"type": "FeatureCollection", "features": [zone]}
    (folder / "snapshot" / "zones.geojson").write_text(json.dumps(collection), encoding="utf-8")
    build(folder / "snapshot", folder / "index", now=datetime.now(UTC))
    engines = Engines(folder / "index", Searcher, poll_seconds=60)
    engines.load()
    handlers = Handlers(engines, Metrics(engines), Settings(log_requests=False))
    config = uvicorn.Config(
        make_app(handlers), http=cast(Any, GuardedProtocol), lifespan="off", log_config=None,
        loop="geosearch.service.acceptor:AcceptingLoop", ws="none",
    )  # fmt: skip
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    serving = threading.Thread(target=server.run, args=([listener],))
    serving.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    serving.join()
    handlers.close()


@pytest.fixture(scope="module")
def document(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    with urlopen(f"{url}/openapi.json") as answer:
        file.write_bytes(answer.read())
    return file


def ran(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def operations() -> set[str]:
    paths = openapi_document(Settings())["paths"]
    return {one["operationId"] for methods in paths.values() for one in methods.values()}


def check_answers(answers: dict[str, Any]) -> None:
    """What a client got: every shop, whatever way it was asked for, and the deal of its card."""
    for name in ("box", "polygon"):
        assert len(answers[name]["results"]) == 3, name
    for name in ("get", "post"):
        assert len(answers[name]["results"]) == 2
        best = answers[name]["results"][0]["best_deal"]
        assert (best["deal_id"], best["program_id"]) == ("d0", "red")
    assert answers["get"]["total"] == 2
    assert len(answers["batch"]["answers"][0]["results"]) == 3
    assert answers["some"]["results"] == [{"merchant": {"name": "A 0"}, "distance_m": 0.0}]
    assert answers["suggest"]["suggestions"]
    assert answers["zones"]["zones"][0]["geometry"]["type"] == "Polygon"
    assert answers["categories"]["categories"][0]["category_id"] == "food"
    assert answers["merchant"]["best_deal"]["deal_id"] == "d0"


@needs_python_tools
def test_the_document_is_valid(document: Path) -> None:
    assert (
        ran(TOOLS / "openapi-spec-validator", document, cwd=document.parent).strip().endswith("OK")
    )


@needs_python_tools
def test_a_python_client_has_and_uses_every_operation(
    url: str, document: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"post_hooks": []}), encoding="utf-8")
    said = ran(
        *(TOOLS / "openapi-python-client", "generate", "--path", document, "--meta", "none"),
        *("--output-path", tmp_path / "nearby_client", "--config", config),
        cwd=tmp_path,
    )
    assert "Warning" not in said, said
    made = {file.stem for file in (tmp_path / "nearby_client/api/default").glob("*.py")}
    snake = {"".join(f"_{c.lower()}" if c.isupper() else c for c in name) for name in operations()}
    assert made - {"__init__"} == snake
    assert len(snake) == 21
    script = TESTS / "clients" / "use_client.py"
    answers = json.loads(ran(TOOLS / "python", script, tmp_path, url, cwd=tmp_path))
    check_answers(answers)
    assert len(answers["polygons"]["results"]) == 3


@needs_node_tools
def test_a_typescript_client_compiles_strictly_and_works(
    url: str, document: Path, tmp_path: Path
) -> None:
    tools = NODE / "node_modules" / ".bin"
    os.symlink(NODE / "node_modules", tmp_path / "node_modules")
    shutil.copy(NODE / "use_client.ts", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    ran(tools / "openapi-typescript", document, "-o", "schema.d.ts", cwd=tmp_path)
    made = (tmp_path / "schema.d.ts").read_text("utf-8")
    assert all(f"    {name}: {{\n" in made for name in operations())
    options = "--strict --noUncheckedIndexedAccess --target es2022 --module nodenext --skipLibCheck"
    ran(tools / "tsc", *options.split(), "--types", "node", "use_client.ts", cwd=tmp_path)
    answers = json.loads(ran("node", "use_client.js", url, cwd=tmp_path))
    check_answers(answers)
    assert answers["saving"] is None, "the bill is unknown"
