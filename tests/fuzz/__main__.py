"""python -m tests.fuzz [--seed N] [--count N] [module ...]: one line a module, 1 if any failed."""

import argparse
import secrets
import sys
import time
import traceback

from tests.fuzz import Failed, modules, run


def main() -> int:
    found = modules()
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, help="first seed; a new one by default, printed")
    parser.add_argument("--count", type=int, default=200, help="cases a module (200)")
    parser.add_argument("module", nargs="*", help=f"of {', '.join(found)}; all by default")
    given = parser.parse_args()
    if unknown := set(given.module) - set(found):
        parser.error(f"expected modules of {', '.join(found)}, got {', '.join(sorted(unknown))}")
    seed = secrets.randbelow(10**9) if given.seed is None else given.seed
    failed = 0
    for name in given.module or found:
        begin = time.monotonic()
        try:
            counts = run(name, found[name], seed, given.count)
            told = ", ".join(f"{what} {number:,}" for what, number in counts.items())
        except Failed as failure:
            failed += 1
            traceback.print_exc()
            told = f"FAILED {failure}"
        seconds = time.monotonic() - begin
        print(f"{name}: seed {seed}, {seconds:.0f} s: {told}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
