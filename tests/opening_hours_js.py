"""Peer of opening hours: opening_hours.js, the reference checker of the OSM specification.

Useful for: asking it about thousands of values in one process of Node.
Not useful for: the product, which never runs it. `make node` installs it, and so does `.ci/run`.
"""

import json
import os
import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "node"
BERLIN = {"lat": "52.52", "lon": "13.405", "address": {"country_code": "de", "state": "Berlin"}}

Stretch = tuple[int, int, bool]
"""Minutes [begin, end) since midnight of the first day, and whether it is unknown, not open."""


def missing() -> str | None:
    """Why the peer cannot be asked; None where it can."""
    if shutil.which("node") is None:
        return "Node is not installed"
    if not (FOLDER / "node_modules" / "opening_hours").is_dir():
        return "the peers of tests/node are not installed: make node"
    return None


def answers(
    values: list[str], first: date, days: int, *, place: Any = BERLIN, zone: str = "Europe/Berlin"
) -> list[list[Stretch] | None]:
    """What it says of each value over some days; None where it refuses the value."""
    asked = {"values": values, "first": first.isoformat(), "days": days, "place": place}
    told = subprocess.run(
        ["node", "opening_hours.js"],
        cwd=FOLDER,
        env={**os.environ, "TZ": zone},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[list[Stretch] | None] = json.loads(told.stdout)
    return found
