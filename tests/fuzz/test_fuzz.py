"""Each attack runs for some seconds; `make fuzz` goes on for as long as one likes."""

from types import ModuleType

import pytest

from tests.fuzz import CHUNK, Failed, modules, run


@pytest.mark.parametrize(("name", "module"), modules().items(), ids=list(modules()))
def test_attack(name: str, module: ModuleType) -> None:
    counts = run(name, module, seed=1, count=getattr(module, "QUICK", 5))
    assert counts
    assert min(counts.values()) > 0


def test_failure_says_how_to_repeat_it() -> None:
    seeds = []

    def fuzz(seed: int, count: int) -> dict[str, int]:
        seeds.append((seed, count))
        if seed == 8:
            raise ValueError("broken")
        return {"cases": count}

    module = ModuleType("fake")
    module.fuzz = fuzz  # type: ignore[attr-defined]
    assert run("fake", module, 5, CHUNK + 3) == {"cases": CHUNK + 3}
    assert seeds == [(5, CHUNK), (6, 3)]
    with pytest.raises(Failed, match=f"(?s)broken.*--seed 8 --count {CHUNK} fake$"):
        run("fake", module, 7, 2 * CHUNK)
