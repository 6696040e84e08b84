"""The page of `/docs` shows the whole document, and nothing in it can do anything."""

from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

from geosearch.service.docs_page import docs_page
from geosearch.service.openapi import openapi_document
from geosearch.service.settings import Settings
from tests.geosearch.fakes import publish_fake, running

VOID = {"meta", "link", "br"}
ENDS_ITSELF = {"tr", "td", "th"}


class Page(HTMLParser):
    """What a page has: tags, ids, links, the style, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.style = self.words = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes.update(name for name, _ in attrs)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in VOID | ENDS_ITSELF:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.style += data
        else:
            self.words += data


def test_the_page_says_what_the_document_says() -> None:
    document = openapi_document(Settings())
    page = Page(docs_page(document).decode())
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    words = page.words
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in words
            assert operation["operationId"] in page.ids
            for parameter in operation.get("parameters", ()):
                assert parameter["description"].replace("`", "") in words
            for response in operation["responses"].values():
                assert response["description"].replace("`", "") in words
    members = 0
    for name, schema in document["components"]["schemas"].items():
        assert name in page.ids
        for member, described in schema.get("properties", {}).items():
            assert member in words
            assert described["description"].replace("`", "") in words
            members += 1
    assert members > 150
    inside = [link[1:] for link in page.links if link.startswith("#")]
    assert len(inside) > 50
    assert set(inside) <= set(page.ids)
    assert {link for link in page.links if link[0] != "#"} == {"./openapi.json"}


def test_null_is_told_once_and_in_the_words_of_json() -> None:
    words = Page(docs_page(openapi_document(Settings())).decode()).words
    assert "WGS84, GCJ02, BD09 or null" in words
    assert "date-time or null" in words
    assert "date-time or date-time" not in words
    assert ", None" not in words


def test_the_page_does_nothing(tmp_path: Path) -> None:
    publish_fake(tmp_path / "index")
    with running(tmp_path / "index") as client:
        answer = client.get("/docs")
        assert client.get("/").json()["links"]["docs"] == "/docs"
        assert 'href="./docs"' in client.get("/", headers={"accept": "text/html"}).text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(
        each.strip().split(" ", 1) for each in answer.headers["content-security-policy"].split(";")
    )
    page = Page(answer.text)
    assert policy.pop("style-src") == (
        f"'sha256-{b64encode(sha256(page.style.encode()).digest()).decode()}'"
    )
    assert policy == dict.fromkeys(
        ("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'"
    )
    assert set(page.tags) <= {
        "html", "meta", "title", "style", "h1", "h2", "h3", "small", "p", "a", "code", "details",
        "summary", "table", "tr", "th", "td",
    }  # fmt: skip
    assert set(page.attributes) == {"lang", "charset", "name", "content", "id", "href"}
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_no_text_of_the_document_is_markup() -> None:
    attack = "<script>alert(1)</script>\"'><img src=x onerror=y>`<b>`"
    described = {"type": "string", "description": attack, "enum": [attack], "default": attack}
    response = {"description": attack, "content": {attack: {"schema": described}}}
    document = {
        "info": {"title": attack, "version": attack, "description": attack},
        "paths": {
            attack: {
                "get": {
                    "operationId": attack,
                    "summary": attack,
                    "parameters": [
                        {"name": attack, "in": "query", "description": attack, "schema": described}
                    ],
                    "requestBody": response,
                    "responses": {attack: response},
                }
            }
        },
        "components": {
            "schemas": {attack: {"description": attack, "properties": {attack: described}}}
        },
    }
    page = Page(docs_page(document).decode())
    assert not {"script", "img", "b"} & set(page.tags)
    assert "onerror" not in page.attributes
    assert page.words.count("<script>alert(1)</script>") > 10
