"""Say which peers are here, and install what this machine can.

Useful for: `python -m benchmarks.peers.install`, before `benchmarks.suite`.
Not useful for: machines without apt; there it prints what is missing.

One line for each step and each peer. A step that cannot be done spoils no other.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.peers import PEERS, Missing, lucene, peer_class
from benchmarks.peers.commands import run
from benchmarks.peers.postgis import PACKAGES as POSTGIS_PACKAGES
from benchmarks.table import PeerTable

PACKAGES = ("redis-server", POSTGIS_PACKAGES)
"""Debian packages."""


def install() -> list[str]:
    """What was done, a line for each step."""
    packages = (install_package(package) for package in PACKAGES)
    return [install_python(), *packages, lucene.install()]


def install_python(root: Path | None = None) -> str:
    """Install the extra `bench` of the checkout `root`, which is this one unless given."""
    checkout = root if root is not None else Path(__file__).resolve().parents[2]
    wanted = ["-c", str(checkout / "constraints.txt"), "-e", f"{checkout}[bench]"]
    failure = run([sys.executable, "-m", "pip", "install", "--quiet", *wanted])
    return f"pip: {failure or 'the extra bench is installed'}"


def install_package(package: str) -> str:
    """Install a Debian package, where that needs no password."""
    if is_installed(package):
        return f"{package}: installed before"
    command = ["apt-get", "install", "--yes", "--no-install-recommends", package]
    if shutil.which("apt-get") is None:
        return f"{package}: cannot be installed here, no apt-get"
    if os.geteuid() != 0:
        if run(["sudo", "-n", "true"]):
            return f"{package}: run  sudo apt-get install {package}"
        command = ["sudo", "-n", *command]
    return f"{package}: {run(command) or 'installed'}"


def is_installed(package: str) -> bool:
    """Whether dpkg has it installed."""
    asked = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}", package]
    try:
        found = subprocess.run(asked, capture_output=True, text=True)
    except FileNotFoundError:
        return False
    return found.returncode == 0 and found.stdout.startswith("ii")


def state(name: str) -> str:
    """Version of a peer, or what it lacks: it is built over three shops."""
    kind = None
    try:
        kind = peer_class(name)
        with tempfile.TemporaryDirectory(prefix="geosearch-peer-") as folder:
            peer = kind(_three_shops(), Path(folder))
            try:
                return f"{kind.label}: {peer.version}"
            finally:
                peer.close()
    except Missing as error:
        return f"{kind.label if kind else name}: missing, {error}"
    except Exception as error:
        return f"{kind.label if kind else name}: failed, {type(error).__name__}: {error}"


def _three_shops() -> PeerTable:
    return PeerTable(
        lat=np.array([31.23, 31.24, 31.25]),
        lng=np.array([121.47, 121.48, 121.49]),
        open_now=np.array([True, False, True]),
        open_later=np.array([False, False, True]),
        programs=np.array([2, 0, 2], np.int64),
        saving=np.array([100, 200, 300], np.int64),
        worth=np.array([80.0, 160.0, 240.0]),
        category_set=np.array([0, 1, 0], np.int64),
        text=("咖啡", "火锅", ""),
        program_bits={"red": 1},
        wallet="red",
        walk_cost_per_m=0.75,
        schedule=np.zeros(3, np.int64),
    )


def main() -> None:
    """Install, then say what is here."""
    for line in install():
        print(line, flush=True)
    for name in PEERS:
        print(state(name), flush=True)


if __name__ == "__main__":
    main()
