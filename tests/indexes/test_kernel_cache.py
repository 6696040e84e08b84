"""Folders of kernels go when nobody needs them, and no sooner."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from indexes.kernel_cache import (
    UNUSED_AFTER_S,
    WRITTEN_WITHIN_S,
    is_whole,
    mark_used,
    mark_whole,
    remove_unused,
)

NOW = 2_000_000_000.0
HOUR, MONTH = WRITTEN_WITHIN_S, UNUSED_AFTER_S


def me(sources: int) -> str:
    """Folder of one's own installation."""
    return f"kernels-{'a' * 12}-{sources:016x}"


def it(sources: int) -> str:
    """Folder of another installation."""
    return f"kernels-{'b' * 12}-{sources:016x}"


def filled(base: Path, name: str, unused_s: float, *, noted: bool = True) -> Path:
    """A folder with a kernel, used so long ago; by a process that notes it, or by its times."""
    folder = base / name
    (folder / "indexes_1").mkdir(parents=True)
    (folder / "indexes_1" / "sphere.nbc").write_bytes(b"code")
    (folder / "indexes_1" / "sphere.nbi").write_bytes(b"index")
    if noted:
        mark_used(folder)
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (NOW - unused_s, NOW - unused_s))
    return folder


@pytest.mark.parametrize(
    ("others", "removed"),
    [
        # Of one's own installation the newest stays, and what a compiler may still write.
        ({me(1): 10 * HOUR}, []),
        ({me(1): 10 * HOUR, me(2): 5 * HOUR}, [me(1)]),
        ({me(1): 10 * HOUR, me(2): 0.0, me(3): 2 * HOUR},
         [me(1), me(3)]),
        ({me(1): HOUR - 1, me(2): 0.0}, []),
        ({me(1): MONTH + 1}, [me(1)]),
        # Another one's stay as long as somebody uses them.
        ({it(1): 10 * HOUR, it(2): 5 * HOUR}, []),
        ({it(1): MONTH - 1}, []),
        ({it(1): MONTH + 1, it(2): 0.0}, [it(1)]),
        # As versions before named them.
        ({"kernels-0123456789abcdef": MONTH - 1}, []),
        ({"kernels-0123456789abcdef": MONTH + 1}, ["kernels-0123456789abcdef"]),
        # Nothing of ours.
        ({"elsewhere": 2 * MONTH, "kernels-of-my-thesis": 2 * MONTH}, []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("noted", [True, False])
def test_what_is_removed(
    tmp_path: Path, others: dict[str, float], removed: list[str], noted: bool
) -> None:
    own = filled(tmp_path, me(0), 2 * MONTH)
    for name, unused_s in others.items():
        filled(tmp_path, name, unused_s, noted=noted)
    assert sorted(remove_unused(own, NOW)) == removed
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {own.name, *others} - set(removed)
    assert (own / "indexes_1" / "sphere.nbc").read_bytes() == b"code"
    assert remove_unused(own, NOW) == []


def test_a_folder_without_kernels_stays(tmp_path: Path) -> None:
    own = filled(tmp_path, me(0), 0.0)
    other = tmp_path / it(1)
    other.mkdir()
    (other / "data.csv").write_text("mine")
    os.utime(other / "data.csv", (0.0, 0.0))
    os.utime(other, (0.0, 0.0))
    assert remove_unused(own, NOW) == []


def test_a_use_keeps_a_folder(tmp_path: Path) -> None:
    own = filled(tmp_path, me(0), 0.0)
    other = filled(tmp_path, it(1), 2 * MONTH)
    mark_used(other)
    os.utime(other / "used", (NOW, NOW))
    assert remove_unused(own, NOW) == []


def test_what_a_process_left_half_removed_goes(tmp_path: Path) -> None:
    own = filled(tmp_path, me(0), 0.0)
    filled(tmp_path, f".removed-1-{me(1)}", 0.0)
    assert remove_unused(own, NOW) == []
    assert [path.name for path in tmp_path.iterdir()] == [own.name]


def test_a_folder_is_removed_by_one_process_only(tmp_path: Path) -> None:
    """Four at once: none fails, and each folder is counted once."""
    own = filled(tmp_path, me(0), 0.0)
    for number in range(40):
        filled(tmp_path, it(number), 2 * MONTH)
    program = (
        "import sys; from pathlib import Path; from indexes.kernel_cache import remove_unused;"
        f"sys.stdin.read(); print(len(remove_unused(Path(sys.argv[1]), {NOW})))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(own)],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    counts = [int(process.communicate()[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert sum(counts) == 40
    assert [path.name for path in tmp_path.iterdir()] == [own.name]


def test_a_cache_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    folder = tmp_path / "file" / me(0)
    mark_used(folder)
    mark_whole(folder, "z80")
    assert not is_whole(folder, "z80")
    assert remove_unused(folder, NOW) == []


def test_a_folder_is_whole_for_the_processor_it_was_compiled_for(tmp_path: Path) -> None:
    mark_used(tmp_path)
    mark_whole(tmp_path, "z80")
    assert is_whole(tmp_path, "z80")
    assert not is_whole(tmp_path, "6502")
