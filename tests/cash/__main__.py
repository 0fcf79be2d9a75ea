"""``python -m tests.cash --seed 7 --payments 50000``: make a problem, match it, score it."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from engine.app import match_desk, write_matches
from tests.cash.making import make
from tests.cash.scoring import score


def main() -> int:
    """Run one problem; 1 where the goals are missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.cash", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--payments", type=int, default=50_000)
    parser.add_argument("--keep", type=Path, help="keep the files in this folder")
    parser.add_argument("--scenarios", action="store_true", help="show each scenario, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        world = make(options.seed, options.payments)
        world.write(folder)
        start = time.process_time()
        found = match_desk(()).match(folder)
        print(f"{len(found.matches):,} payments in {time.process_time() - start:.1f} s of processor time")
        write_matches(found.matches, folder / "result.json")
        marks = score(world.truth, json.loads((folder / "result.json").read_text(encoding="utf-8")))
    shown = {key: value for key, value in marks.items() if key != "scenarios" or options.scenarios}
    print(json.dumps(shown, indent=1))
    good = marks["precision"] >= 0.999 and not marks["dangerous"] and marks["auto_of_eligible"] >= 0.90
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
