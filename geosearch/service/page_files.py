"""Files of the map page at `GET /`, which are in the folder `page` beside this module.

The page is HTML, one style sheet and ES modules, without a build step. Libraries are in
`page/vendor`, stored in gzip; `python -m geosearch.cli.vendor` puts them there. The files refer to
each other by relative paths below `page/VERSION/`, where VERSION is a checksum of all of them. So a
browser may keep each file for ever, and a new release has new addresses.
"""

import gzip
from functools import cache
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_128

from geosearch.service.conditional import entity_tag
from geosearch.service.edge import Reply

FOLDER = Path(__file__).with_name("page")

POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    b"connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'"
)
"""The Content-Security-Policy: files and routes of this service and nothing else, without
exceptions for inline scripts or styles, `eval`, `blob:` or `data:`."""

HEADERS = (
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

FOR_EVER = b"public, max-age=31536000, immutable"

_FOR_VERSION = b"{{version}}"
_MEDIA_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".mjs": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
}


class PageFile(NamedTuple):
    """One file: its text, the same in gzip, its media type and its entity tag."""

    body: bytes
    gzip: bytes
    media_type: bytes
    etag: bytes


class PageFiles(NamedTuple):
    """The files by path (`index.html`, `app.js`, `vendor/maplibre-gl.js`), and their checksum."""

    version: str
    files: dict[str, PageFile]


def read_page(folder: Path) -> PageFiles:
    """Return the page of a folder."""
    stored = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if Path(path.name.removesuffix(".gz")).suffix in _MEDIA_TYPES
    }
    checksum = xxh3_128()
    for name, content in stored.items():
        checksum.update(b"%b %d\n%b" % (name.encode(), len(content), content))
    version = checksum.hexdigest()[:16]
    return PageFiles(version, dict(_opened(name, text, version) for name, text in stored.items()))


@cache
def page() -> PageFiles:
    """Return the page of this release."""
    return read_page(FOLDER)


def _opened(name: str, content: bytes, version: str) -> tuple[str, PageFile]:
    if name.endswith(".gz"):
        name, body, packed = name.removesuffix(".gz"), gzip.decompress(content), content
    else:
        body = content.replace(_FOR_VERSION, version.encode())
        packed = gzip.compress(body, mtime=0)
    media_type = _MEDIA_TYPES[Path(name).suffix]
    return name, PageFile(body, packed, media_type, entity_tag(body))


def page_reply(file: PageFile, cache_control: bytes, varies: tuple[bytes, ...] = ()) -> Reply:
    """Return the answer with a file of the page."""
    return Reply(
        (file.body,), media_type=file.media_type, headers=HEADERS, gzip=file.gzip,
        cache_control=cache_control, etag=file.etag, varies=varies,
    )  # fmt: skip
