"""`/openapi.json` says what the service does: schemathesis asks it all of that."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from starlette.applications import Starlette
from starlette.testclient import TestClient

import geosearch
from geosearch.errors import BadRequest
from geosearch.indexing.pipeline import build
from geosearch.query.parameters import PARAMETERS
from geosearch.query.query import Query
from geosearch.search.searcher import Searcher
from geosearch.service import engines
from geosearch.service.app import make_app
from geosearch.service.engines import Engine, Engines
from geosearch.service.handlers import Handlers
from geosearch.service.metrics import Metrics
from geosearch.service.openapi import openapi_document
from geosearch.service.problems import CODES
from geosearch.service.request import read_url
from geosearch.service.settings import Settings
from geosearch.sources.synth.world import synthesise
from tests.geosearch.fakes import FakeEngine, publish_fake
from tests.geosearch.service.test_coverage_layer import ROWS, written

EXAMPLES = 40
HABIT = {
    "lat": 31.23, "lng": 121.47, "radius": 5000, "when": "Mo-Fr 12:00-13:00", "visits": 20,
    "spend": 4000,
}  # fmt: skip
WORTH = "/v1/cards:worth"
"""Few texts are opening hours, so few habits that keep to the document are understood."""
LIMITS = Settings(max_batch=2, log_requests=False)

# Wrong and too long as well: either may be said.
REFUSALS = SchemathesisConfig.from_dict(
    {"checks": {"negative_data_rejection": {"expected-statuses": [400, 404, 413, 414, 415]}}}
)

TEXT_LISTS = {name for name, parameter in PARAMETERS.items() if parameter.kind == "texts"}
LISTS = TEXT_LISTS | {name for name, each in PARAMETERS.items() if each.kind in ("choices", "box")}
BLANKS = [chr(code) for code in range(0x110000) if chr(code).isspace()]
ECMA_BLANKS = r"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
r"""WhiteSpace and LineTerminator of ECMA 262, which are its `\s`."""


def is_read_as_meant(name: str, value: Any) -> bool:
    """Whether a value in a URL that breaks the document may be read nonetheless.

    Nothing but blanks is a list with nothing in it, blanks around an item are not part of it, and
    forms write flags as numbers. Whatever else stands for a list of texts is one text there.
    """
    items = value if isinstance(value, list) else [value]
    if len(items) == 1 and str(items[0]).strip() in ("", "0", "1"):
        return True
    if name in LISTS and any(isinstance(item, str) and item != item.strip() for item in items):
        return True
    return name in TEXT_LISTS and not isinstance(value, list)


# What a document cannot say: a request that fits it may still be refused with one of these.
BEYOND_THE_DOCUMENT = {
    "bad_cursor",
    "bad_instant",  # of the years 1 and 9999, in which a time zone may have no place
    "bad_box",
    "bad_polygon",
    "polygon_too_complex",
    "needs_cards",
    "needs_q",
    "at_outside_horizon",
    "unknown_zone",
    "unknown_slot",
    "cursor_expired",
    "conflict",
    "missing",  # of half a position
    "unreadable_hours",
    "unknown_card",
    "too_many",  # of shops within reach
}


def position_or_box(query: dict[str, Any] | None) -> dict[str, Any]:
    """Make what is asked of zones one question: a document cannot say that two exclude another."""
    query = query or {}
    left_out = ("lat", "lng") if "bbox" in query else ()
    needed = {} if "bbox" in query else {"lat": 1.0, "lng": 2.0}
    return needed | {name: value for name, value in query.items() if name not in left_out}


@pytest.fixture(scope="module", params=["made up", "real"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Starlette:
    """The service over an engine that takes anything, and over one that really searches."""
    folder = tmp_path_factory.mktemp("openapi")
    index = folder / "index"
    opener: Callable[[Path], Engine] = FakeEngine
    if request.param == "real":
        synthesise(folder / "snapshot", merchants=400, seed=1, created_at=datetime.now(UTC))
        build(folder / "snapshot", index)
        opener = Searcher
    else:
        publish_fake(index)
    engines = Engines(index, opener, poll_seconds=1)
    engines.load()
    coverage = written(folder / "coverage.geojson", ROWS)
    limits = msgspec.structs.replace(LIMITS, coverage=str(coverage))
    return make_app(Handlers(engines, Metrics(engines), limits))


CASES = [
    (path, method, mode)
    for path, methods in openapi_document(LIMITS)["paths"].items()
    for method, operation in methods.items()
    for mode in GenerationMode
    # A route that takes nothing cannot be asked wrongly.
    if mode.is_positive or "parameters" in operation or "requestBody" in operation
]


@pytest.mark.parametrize(("path", "method", "mode"), CASES)
def test_an_operation_keeps_to_the_document(
    app: Starlette,
    path: str,
    method: str,
    mode: GenerationMode,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "REACH_SECONDS", 0.0)
    operation = schemathesis.openapi.from_asgi("/openapi.json", app, config=REFUSALS)[path][method]
    statuses: Counter[int] = Counter()
    made_up = "made up" in request.node.name
    if made_up and path == WORTH:
        pytest.skip("a study needs an engine that searches")

    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case[Any]) -> None:
        if mode.is_positive and path == "/v1/zones":
            case.query = position_or_box(case.query)
        response = case.call()
        statuses[response.status_code] += 1
        excluded: list[Any] = [positive_data_acceptance]
        if any(is_read_as_meant(name, value) for name, value in (case.query or {}).items()):
            excluded.append(negative_data_rejection)
        if made_up and "polygon" in repr(case.body):
            # Only an engine that searches looks at corners.
            excluded.append(negative_data_rejection)
        if response.status_code == 503:
            assert response.json()["code"] == "behind", "no index here has live changes"
            excluded.append(not_a_server_error)
        case.validate_response(response, excluded_checks=excluded)
        if mode.is_positive and response.status_code in (400, 410):
            errors = response.json()["errors"]
            # All four numbers of a box have the bounds of a longitude, for generators of clients.
            codes = {error["code"] for error in errors if "/bbox/" not in error["pointer"]}
            assert codes <= BEYOND_THE_DOCUMENT

    ask()
    if mode.is_negative:
        assert statuses.total() > statuses[200]
    elif path == "/v1/regions":
        assert statuses[404], "no index here is one of a region"
    elif path != WORTH and ("made up" in request.node.callspec.id or "{" not in path):
        assert statuses[200]


def test_a_url_that_is_too_long_is_refused_as_described(app: Starlette) -> None:
    document = openapi_document(LIMITS)
    client = TestClient(app)
    refused = 0
    for path, methods in document["paths"].items():
        parameters = methods.get("get", {}).get("parameters", [])
        if any(parameter["in"] == "query" for parameter in parameters):
            response = client.get(path.format(merchant_id="m1"), params={"lat": "1" * 20_000})
            assert response.status_code == 414
            assert "414" in methods["get"]["responses"]
            refused += 1
    assert refused == 8


FILES = {"/page/{version}/{name:path}", "/land.geojson", "/basemap.pmtiles"}
"""Routes of what the map page is made of; `/` has their paths, and they are no interface."""


def test_every_route_is_described(app: Starlette) -> None:
    document = openapi_document(Settings())
    described = {path.replace("}", ":path}") for path in document["paths"]}
    served = {route.path for route in app.routes}  # type: ignore[attr-defined]
    assert described | FILES == served


def test_every_parameter_is_described_with_its_default() -> None:
    document = openapi_document(Settings())
    properties = document["components"]["schemas"]["Query"]["properties"]
    assert list(properties) == list(PARAMETERS)
    query = Query(lat=0.0, lng=0.0)
    for name, schema in properties.items():
        assert schema["description"]
        default = getattr(query, name)
        if not PARAMETERS[name].required and default is not None and default != ():
            shown = str(default).lower() if isinstance(default, bool) else default
            assert f"Default `{shown}`." in schema["description"]
    for entry in document["paths"]["/v1/nearby"]["get"]["parameters"]:
        if "default" in entry["schema"]:
            assert entry["schema"]["default"] == getattr(query, entry["name"])
    in_url = [entry["name"] for entry in document["paths"]["/v1/nearby"]["get"]["parameters"]]
    assert in_url == [name for name in PARAMETERS if name != "polygon"]


def test_the_items_of_a_list_in_a_url_are_those_that_are_read() -> None:
    """Also where a regular expression has the blanks of ECMA 262 instead of Python's."""
    for entry in openapi_document(LIMITS)["paths"]["/v1/nearby"]["get"]["parameters"]:
        if entry["name"] not in TEXT_LISTS:
            continue
        python = entry["schema"]["items"]["pattern"]
        ecma = re.sub(r"\\s", lambda _: ECMA_BLANKS, python)
        assert ecma != python
        for item in ("", ",", "a,", ",a", *BLANKS, *(f" {blank}" for blank in BLANKS)):
            for pattern in (python, ecma):
                assert not re.search(pattern, item), (pattern, item)
            with pytest.raises(BadRequest):
                read_url(f"lat=1&lng=2&{entry['name']}=first,{quote(item)}".encode())
        for item in ("a", "a b", "药", ".", "\0", "\u200b", *(f"{blank}a" for blank in BLANKS)):
            for pattern in (python, ecma):
                assert re.search(pattern, item), (pattern, item)
            query = read_url(f"lat=1&lng=2&{entry['name']}=first,{quote(item)}".encode())
            assert getattr(query, entry["name"]) == ("first", item.strip())


def _walk(schema: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        yield where, schema
        for name, value in schema.items():
            if name == "properties" and schema.get("type") == "object":
                # Names are data here: a Feature has a member `properties`.
                for member, inner in value.items():
                    yield from _walk(inner, f"{where}/{name}/{member}")
            else:
                yield from _walk(value, f"{where}/{name}")
    elif isinstance(schema, list):
        for value in schema:
            yield from _walk(value, where)


NUMBERS = re.compile(
    r"minor units|[Mm]etres|[Mm]icroseconds|degrees|stars|[Pp]ercent|[Ss]econds|[Bb]ytes|persons"
    r"|[Nn]umbers? of|[Cc]ounters|HTTP status|[Ss]hare"
)
"""What a member that is a number says: its unit, or that it counts."""


def _is_numeric(schema: dict[str, Any]) -> bool:
    if "additionalProperties" in schema:
        return _is_numeric(schema["additionalProperties"])
    if schema.get("type") == "array" and schema["items"]:
        return _is_numeric(schema["items"])
    kinds = schema.get("type", ())
    return any(kind in kinds for kind in ("number", "integer"))


def test_every_member_is_described() -> None:
    """With unit, and when it is null or absent; requests included.

    With the generators of clients in mind: lists say of what, and no tuple types.
    """
    schemas = openapi_document(Settings())["components"]["schemas"]
    seen: Counter[str] = Counter()
    for where, schema in _walk(schemas):
        assert "prefixItems" not in schema, where
        if schema.get("type") == "array" or schema.get("type") == ["array", "null"]:
            assert "items" in schema, where
        if not isinstance(schema.get("properties"), dict):
            continue
        top = where.split("/")[1]
        for name, member in schema["properties"].items():
            text = member.get("description", "")
            assert text.endswith("."), f"{where}/{name}: {text!r}"
            seen["members"] += 1
            if top in ("Query", "Queries", "Habit", "WorthQuery"):
                continue
            if "null" in (member.get("type") or "") or {"type": "null"} in member.get("oneOf", ()):
                assert re.search(r"\b[Nn]ull\b", text), f"{where}/{name} is never null"
                seen["null"] += 1
            if name not in schema.get("required", ()) and top != "Explanation":
                assert re.search(r"\bAbsent\b", text), f"{where}/{name} is never absent"
                seen["absent"] += 1
            if _is_numeric(member):
                assert NUMBERS.search(text), f"{where}/{name} has no unit"
                seen["numbers"] += 1
    assert seen["members"] > 200
    assert seen["null"] > 20
    assert seen["absent"] > 70
    assert seen["numbers"] > 60


def test_every_operation_and_parameter_is_described() -> None:
    for path, methods in openapi_document(Settings())["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            for parameter in operation.get("parameters", ()):
                assert parameter["description"].endswith("."), f"{path} {parameter['name']}"


def test_answers_have_no_member_that_is_not_described(app: Starlette) -> None:
    """Every member of real answers is one of its schema, and every required one is there."""
    schemas = openapi_document(LIMITS)["components"]["schemas"]
    client = TestClient(app)
    if client.get("/v1/index").json()["snapshot_id"] == "fake":
        pytest.skip("made up answers")
    here = {"lat": 31.23, "lng": 121.47}
    shops = client.get(
        "/v1/nearby",
        params=here
        | {
            "total": True,
            "facets": "category",
            "limit": 50,
            "explain": True,
            "cards": "nope",
            "categories": "nope,food",
            "deals": "any",
            "near_misses": 20,
            "stacking": "on",
        },
    ).json()
    with_deal: dict[str, Any] = here | {"radius": 50_000, "deals": "any"}
    first = client.get("/v1/nearby", params=with_deal).json()["results"][0]
    dear: dict[str, Any] = with_deal | {"categories": "no", "q": "x", "max_pay": 0}
    merchant = f"/v1/merchants/{first['merchant']['merchant_id']}"
    asked = {
        "Answer": shops,
        "FeatureCollection": client.get(
            "/v1/nearby", params=here | {"format": "geojson", "radius": 50_000, "total": True}
        ).json(),
        "Suggestions": client.get("/v1/suggest", params=here | {"q": "a", "radius": 50_000}).json(),
        "Worth": client.post(WORTH, json={"habits": [HABIT]}).json(),
        "MerchantRecord": client.get(merchant, params=here).json(),
        "Why": client.get(f"{merchant}/why", params=dear).json(),
        "Zones": client.get("/v1/zones", params={"bbox": "121,31,122,32"}).json(),
        "Categories": client.get("/v1/categories").json(),
        "Programs": client.get("/v1/programs").json(),
        "Index": client.get("/v1/index").json(),
        "Problem": client.get("/v1/nearby").json(),
    }
    seen: Counter[str] = Counter()

    def compare(name: str, schema: Any, value: Any) -> None:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return compare(name, schemas[name], value)
        if choices := schema.get("oneOf") or schema.get("anyOf"):
            return None if value is None else compare(name, choices[0], value)
        if isinstance(value, dict) and "properties" in schema:
            assert set(value) <= set(schema["properties"]), name
            assert set(schema.get("required", ())) <= set(value), name
            seen[name] += 1
            for member, inner in value.items():
                compare(f"{name}.{member}", schema["properties"][member], inner)
        elif isinstance(value, list) and "items" in schema:
            for inner in value:
                compare(name, schema["items"], inner)
        return None

    for name, value in asked.items():
        compare(name, schemas[name], value)
    assert {"Merchant", "Deal", "Zone", "Category", "Program", "Suggestion", "CardWorth"} <= set(
        seen
    )
    assert {"NearMiss", "Fix", "ShopReason", "DealReasons", "DealReason"} <= set(seen)
    assert {"Merchant", "Deal", "Zone", "Category", "Program", "Suggestion"} <= set(seen)
    assert {"Combination", "CombinationStep"} <= set(seen)


def test_every_code_that_is_raised_is_known() -> None:
    pattern = r'(?:BadRequest\([^()]*\["detail"\], \[found\], |HttpProblem\(\s*)"(\w+)"'
    sources = Path(geosearch.__file__).parent.rglob("*.py")
    raised = {code for file in sources for code in re.findall(pattern, file.read_text("utf-8"))}
    assert len(raised) >= 12
    assert raised <= set(CODES)


def test_every_code_is_described() -> None:
    document = openapi_document(Settings())
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(CODES)
