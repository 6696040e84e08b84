"""Seeded attacks: what is fed with rubbish must refuse it by a rule, and never fall over.

A module here has `fuzz(seed, count)`, which returns how often it did what and raises where the
project fails, and may have `QUICK`, the count of a run in CI. `python -m tests.fuzz` runs them.
"""

import importlib
import pkgutil
from collections import Counter
from types import ModuleType

CHUNK = 20
"""Cases with one seed: what has to run again to see a failure again."""


class Failed(AssertionError):
    """A module failed; the message says how to repeat it."""


def modules() -> dict[str, ModuleType]:
    """Modules that attack, by name."""
    names = [info.name for info in pkgutil.iter_modules(__path__)]
    attacks = {
        name: importlib.import_module(f"{__name__}.{name}")
        for name in names
        if name != "__main__" and not name.startswith("test_")
    }
    return {name: module for name, module in attacks.items() if hasattr(module, "fuzz")}


def run(name: str, module: ModuleType, seed: int, count: int) -> dict[str, int]:
    """What `count` cases did, in chunks whose seeds follow `seed`.

    Raises
    ------
    Failed
        From the error of the first chunk that failed.
    """
    done: Counter[str] = Counter()
    for chunk, begin in enumerate(range(0, count, CHUNK)):
        size = min(CHUNK, count - begin)
        try:
            done.update(module.fuzz(seed + chunk, size))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            again = f"python -m tests.fuzz --seed {seed + chunk} --count {size} {name}"
            raise Failed(f"{type(error).__name__}: {error}\nrepeat with: {again}") from error
    return dict(done)
