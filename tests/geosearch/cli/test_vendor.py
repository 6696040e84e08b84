"""What the page has of others is what the lock says, with its licences; nothing is fetched here."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from geosearch.cli.vendor import VENDOR, Package, contents, integrity_of, read_lock
from geosearch.errors import BadData

PACKAGES = read_lock()
LICENCES = {"BSD-3-Clause", "MIT", "ISC", "CC0-1.0", "Apache-2.0"}


def archive(**files: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as opened:
        for name, text in files.items():
            about = tarfile.TarInfo(f"package/{name}")
            about.size = len(text)
            opened.addfile(about, io.BytesIO(text.encode()))
    return packed.getvalue()


def package(content: bytes, **files: str) -> Package:
    integrity = integrity_of(content)
    return Package(name="a", version="1", licence="MIT", integrity=integrity, files=files)


def test_every_vendored_file_is_in_the_lock_with_its_licence() -> None:
    listed = set()
    for one in PACKAGES:
        assert one.licence in LICENCES
        licence = f"{one.name.rpartition('/')[2]}.LICENSE.txt"
        assert (VENDOR / licence).is_file()
        listed |= {name if name.endswith(".txt") else f"{name}.gz" for name in one.files}
        listed.add(licence)
    found = {path.name for path in VENDOR.iterdir()} - {"lock.json", "natural-earth.LICENSE.txt"}
    assert found == listed
    for name in found:
        assert (VENDOR / name).stat().st_size > 100


def test_texts_are_stored_in_gzip_without_their_maps() -> None:
    content = archive(**{"a.js": "let a;\n//# sourceMappingURL=a.js.map", "LICENSE": "MIT"})
    files = {"a.js": "a.js", "a.LICENSE.txt": "LICENSE"}
    found = contents(package(content, **files), content)
    assert gzip.decompress(found["a.js.gz"]) == b"let a;"
    assert found["a.LICENSE.txt"] == b"MIT"


def test_another_archive_than_locked_is_refused() -> None:
    locked, other = archive(a="1"), archive(a="2")
    with pytest.raises(BadData, match=r"Expected sha512-.+, got sha512-.+ - at `a 1`"):
        contents(package(locked, a="a"), other)


def test_a_missing_file_is_named() -> None:
    content = archive(a="1")
    with pytest.raises(BadData, match="Expected a file, got none - at `b`"):
        contents(package(content, b="b"), content)


def test_nothing_vendored_is_out_of_the_wheel() -> None:
    """The build packs all files of the package that git knows."""
    ignored = (Path(__file__).resolve().parents[3] / ".gitignore").read_text("utf-8")
    assert "*.gz" not in ignored
    assert "page/" not in ignored
