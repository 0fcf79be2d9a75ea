"""``python -m tests.payments_simulation --seed N``: simulate a month of payments, with faults, under an independent auditor."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.payments_simulation.drive import Size, simulate
from tests.simulation.__main__ import databases


def main() -> int:
    """Simulate one seed, or several; 0 if the auditor agrees with all."""
    parser = argparse.ArgumentParser(prog="simulate-payments", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="what everything is drawn from")
    parser.add_argument("--seeds", metavar="A..B", help="several seeds")
    parser.add_argument("--customers", type=int, default=Size.customers)
    parser.add_argument(
        "--faults", type=float, default=Size.faults, help="share of commands that something goes wrong with"
    )
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave everything here; with sqlite the books too")
    parser.add_argument("--quiet", action="store_true", help="do not tell what happens")
    options = parser.parse_args()
    first, _, last = (options.seeds or str(options.seed)).partition("..")
    failed = []
    with databases(options.database) as addresses:
        for seed in range(int(first), int(last or first) + 1):
            begin = time.perf_counter()
            keep = options.keep / str(seed) if options.keep else None
            say = (lambda _: None) if options.quiet or options.seeds else (lambda text: print(text, flush=True))
            outcome = simulate(seed, Size(options.customers, options.faults), next(addresses), keep, say)
            if not options.quiet:
                for what, count in sorted(outcome.counts.items()):
                    print(f"{count:5} {what}")
            verdict = "the auditor disagrees" if outcome.reason else "the auditor agrees"
            print(f"seed {seed}: {time.perf_counter() - begin:.1f} s, {verdict}", flush=True)
            failed += [outcome] if outcome.reason else []
    for outcome in failed:
        print(f"seed {outcome.seed}: {outcome.reason}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
