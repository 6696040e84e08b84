"""Progress reports of long commands on stderr: bars on a terminal, plain lines elsewhere.

`synth`, `build` and `import` take a `ProgressReport` as their `progress` callback. Programs should
not parse the lines; they may change.
"""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.status import Status


class ProgressReport:
    """Callable that shows one line for each stage; a new message ends the stage before it.

    Parameters
    ----------
    console
        Console to write to; by default stderr.

    Examples
    --------
    >>> with ProgressReport(Console(quiet=True)) as progress:
    ...     progress("reading merchants")
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._start = time.monotonic()
        self._stage: TaskID | None = None
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=self._console,
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __call__(self, message: str) -> None:
        """Begin the stage `message`."""
        if not self._console.is_terminal:
            seconds = time.monotonic() - self._start
            self._console.out(f"{seconds:6.1f} s  {message}", highlight=False)
            return
        self._end_stage()
        self._stage = self._bars.add_task(message, total=None)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._console.is_terminal:
            return
        if kind is None:
            self._end_stage()
        self._bars.stop()

    def _end_stage(self) -> None:
        if self._stage is not None:
            self._bars.update(self._stage, total=1, completed=1)
            self._stage = None


def waiting() -> Status:
    """Return a spinner for the time in which an index opens; the first time compiles kernels."""
    from indexes.jit import is_compiled

    doing = "Opening the index"
    if not is_compiled():
        doing += " and compiling the search kernels (once for this version, about a minute)"
    return Console(stderr=True).status(doing)
