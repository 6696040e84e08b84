"""Circumstances of a benchmark result: machine, versions, commit, load, and the command."""

import os
import platform
import resource
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

_LIBRARIES = ("numpy", "numba", "llvmlite", "polars", "orjson", "msgspec", "starlette", "uvicorn")


def circumstances(command: list[str]) -> dict[str, Any]:
    """Return the circumstances of a result as JSON values."""
    return {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(command),
        "commit": _commit(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "load_before": os.getloadavg()[0],
    }


def save(folder: Path, name: str, result: dict[str, Any]) -> Path:
    """Write a result as `NAME.json`, with the load at its end; return the file."""
    result["circumstances"]["load_after"] = os.getloadavg()[0]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    return file


def module_command(module: str, arguments: list[str]) -> list[str]:
    """Return the command that repeats a benchmark, without `--out`."""
    kept = list(arguments)
    if "--out" in kept:
        at = kept.index("--out")
        del kept[at : at + 2]
    return ["python", "-m", f"benchmarks.{module}", *kept]


def peak_rss_gb() -> float:
    """Return the peak resident memory of this process, in GB."""
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e9


def _commit() -> str:
    """Return the commit of the sources, with `+` if they have uncommitted changes."""
    root = Path(__file__).resolve().parent.parent
    try:
        commit = _git(root, "rev-parse", "--short", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", "geosearch", "indexes", "benchmarks")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
