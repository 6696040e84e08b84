"""Fetches the libraries of the map page: `python -m geosearch.cli.vendor`, or `make web`.

They are npm packages, pinned with a checksum each in `service/page/vendor/lock.json`. `npm pack`
fetches them, from the registry that npm is configured for. What the page reads is stored in gzip
beside the text of its licence. Neither an installation nor the service needs npm or Node.
"""

import argparse
import gzip
import io
import subprocess
import sys
import tarfile
import tempfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha512
from pathlib import Path

import msgspec

from geosearch.errors import BadData
from geosearch.service.page_files import FOLDER

VENDOR = FOLDER / "vendor"
LOCK = VENDOR / "lock.json"


class Package(msgspec.Struct):
    """One pinned package.

    Attributes
    ----------
    name, version
        The release.
    licence
        Its SPDX expression.
    integrity
        `sha512-` and the checksum of the archive in base64, as npm writes it.
    files
        Paths in the archive by the names that they get in `vendor`. A licence's text that is not in
        the archive was written by hand, beside them.
    imports
        Paths of other packages by the names under which files import them: a browser has no names.
    """

    name: str
    version: str
    licence: str
    integrity: str
    files: dict[str, str]
    imports: dict[str, str] = {}


def read_lock(path: Path = LOCK) -> list[Package]:
    """Return the packages of the lock."""
    return msgspec.json.decode(path.read_bytes(), type=list[Package])


def integrity_of(archive: bytes) -> str:
    """Return the checksum of an archive.

    >>> integrity_of(b"")[:20]
    'sha512-z4PhNX7vuL3xV'
    """
    return f"sha512-{b64encode(sha512(archive).digest()).decode()}"


def contents(package: Package, archive: bytes) -> dict[str, bytes]:
    """Return what is stored of a package by the names of its files in `vendor`.

    Raises
    ------
    BadData
        The archive has another checksum than the lock, or lacks a file.
    """
    found = integrity_of(archive)
    if found != package.integrity:
        raise BadData(
            f"Expected {package.integrity}, got {found} - at `{package.name} {package.version}`"
        )
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return dict(
            _stored(name, _read(opened, path), package.imports)
            for name, path in package.files.items()
        )


def _read(opened: tarfile.TarFile, path: str) -> bytes:
    try:
        file = opened.extractfile(f"package/{path}")
    except KeyError as error:
        raise BadData(f"Expected a file, got none - at `{path}`") from error
    assert file is not None
    return file.read()


def _stored(name: str, content: bytes, imports: Mapping[str, str]) -> tuple[str, bytes]:
    if name.endswith(".txt"):
        return name, content
    # Maps for a debugger are not there, so nothing may ask for them.
    content = b"\n".join(
        line for line in content.splitlines() if not line.startswith(b"//# sourceMappingURL=")
    )
    for imported, path in imports.items():
        content = content.replace(f'from"{imported}"'.encode(), f'from"{path}"'.encode())
    return f"{name}.gz", gzip.compress(content, 9, mtime=0)


def fetched(package: Package) -> bytes:
    """Return the archive of a package, from npm.

    Raises
    ------
    BadData
        npm is missing, or cannot fetch it.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked = ["npm", "pack", "--silent", "--pack-destination", folder]
        try:
            done = subprocess.run(
                [*asked, f"{package.name}@{package.version}"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or error
            raise BadData(f"npm cannot fetch it: {said} - at `{package.name}`") from error
        return (Path(folder) / done.stdout.split()[-1]).read_bytes()


def write(files: Mapping[str, bytes], folder: Path = VENDOR) -> None:
    """Write files into a folder."""
    for name, content in files.items():
        (folder / name).write_bytes(content)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch and store every package; return the exit status."""
    parser = argparse.ArgumentParser(prog="geosearch.cli.vendor", description=__doc__)
    parser.add_argument("--trust", action="store_true", help="write the checksums that came")
    trust = parser.parse_args(arguments).trust
    packages = read_lock()
    try:
        for package in packages:
            archive = fetched(package)
            if trust:
                package.integrity = integrity_of(archive)
            write(contents(package, archive))
            print(f"{package.name} {package.version}: {', '.join(package.files)}")
    except BadData as error:
        print(error, file=sys.stderr)
        return 3
    if trust:
        LOCK.write_bytes(msgspec.json.format(msgspec.json.encode(packages), indent=2) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
