"""Which pages of other origins may read the answers."""

from pathlib import Path

import pytest

from geosearch.service.cross_origin import CrossOrigin
from geosearch.service.problems import HttpProblem
from tests.geosearch.fakes import publish_fake, running

APP = "https://app.example.com"
LIST = (APP, "http://localhost:3000")
ATTACKS = [
    "null",
    "https://app.example.com.evil.com",
    "https://evil.com/https://app.example.com",
    "https://app.example.com:8443",
    "http://app.example.com",
    "HTTPS://APP.EXAMPLE.COM",
    "https://app.example.com, http://localhost:3000",
    "https://app.example.com\r\nset-cookie: x",
    "*",
    "",
]


@pytest.mark.parametrize("origin", ATTACKS)
def test_an_origin_that_is_not_named_gets_no_permission(origin: str) -> None:
    rules = CrossOrigin(LIST)
    assert rules.headers(origin.encode()) == ()
    assert rules.varies == (b"origin",)
    with pytest.raises(HttpProblem) as refused:
        rules.preflight(origin.encode(), "GET")
    assert refused.value.code == "origin_not_allowed"
    assert "\r" not in str(refused.value)


def test_without_the_setting_nothing_is_said() -> None:
    rules = CrossOrigin()
    assert not rules.is_on
    assert rules.headers(None) == rules.headers(APP.encode()) == rules.varies == ()


def test_a_very_long_origin_is_shown_in_part() -> None:
    with pytest.raises(HttpProblem) as refused:
        CrossOrigin(LIST).preflight(b"x" * 10_000, "GET")
    assert len(str(refused.value)) < 300


EVERY_PATH = [
    "/v1/nearby?lat=1&lng=2", "/v1/nearby?lat=91&lng=2", "/v1/nothing", "/v1/programs", "/healthz/",
    "/metrics", "/",
]  # fmt: skip


@pytest.mark.parametrize("path", EVERY_PATH)
@pytest.mark.parametrize("setting", [(), LIST, ("*",), ("*", APP)])
def test_answers_say_who_may_read_them(tmp_path: Path, path: str, setting: tuple[str, ...]) -> None:
    publish_fake(tmp_path / "index")
    with running(tmp_path / "index", cors_origins=setting) as client:
        for origin in (APP, "https://evil.com", None):
            for method in ("GET", "HEAD", "DELETE"):
                asked = {} if origin is None else {"origin": origin}
                answer = client.request(method, path, headers=asked, follow_redirects=False)
                permission = answer.headers.get("access-control-allow-origin")
                assert len(answer.headers.get_list("vary")) <= 1
                varies = "origin" in answer.headers.get("vary", "").split(", ")
                if "*" in setting:
                    assert (permission, varies) == ("*", False)
                else:
                    allowed = origin if origin in setting else None
                    assert (permission, varies) == (allowed, bool(setting))
                exposed = answer.headers.get("access-control-expose-headers", "")
                assert ("x-request-id" in exposed) == (permission is not None)
                assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/nearby", "GET, HEAD, POST"),
        ("/v1/nearby:batch", "POST"),
        ("/v1/programs", "GET, HEAD"),
        ("/v1/merchants/m1", "GET, HEAD"),
        ("/v1/nothing", "GET, HEAD, POST"),  # so that the page can read the 404
    ],
)
def test_a_preflight(tmp_path: Path, path: str, methods: str) -> None:
    publish_fake(tmp_path / "index")
    asked = {"origin": APP, "access-control-request-method": "POST",
             "access-control-request-headers": "content-type"}  # fmt: skip
    with running(tmp_path / "index", cors_origins=LIST) as client:
        answer = client.options(path, headers=asked)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == APP
        assert answer.headers["access-control-allow-methods"] == methods
        assert "content-type" in answer.headers["access-control-allow-headers"]
        assert answer.headers["access-control-max-age"] == "7200"
        assert not {"content-length", "content-type", "content-encoding"} & set(answer.headers)
        refused = client.options(path, headers=asked | {"origin": "https://evil.com"})
        assert (refused.status_code, refused.json()["code"]) == (403, "origin_not_allowed")
        assert "access-control-allow-origin" not in refused.headers
        del asked["access-control-request-method"]
        plain = client.options(path, headers=asked)
        assert plain.status_code == (404 if path == "/v1/nothing" else 405)
        assert plain.headers["access-control-allow-origin"] == APP


def test_a_preflight_where_no_origin_is_named(tmp_path: Path) -> None:
    publish_fake(tmp_path / "index")
    asked = {"origin": APP, "access-control-request-method": "POST"}
    with running(tmp_path / "index") as client:
        answer = client.options("/v1/nearby", headers=asked)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert not any(name.startswith("access-control") for name in answer.headers)
