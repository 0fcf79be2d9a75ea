"""``make simulate-kills``: many seeded deaths on both databases; in the end the books are those of an undisturbed command.

Exit code 0 when all books are the same, else 1; the last line says why.  A progress line comes every 20 trials.
``--seed`` makes other deaths, ``--points`` more or fewer on each database, ``--databases`` leaves one out.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from engine.base.money import exact_arithmetic
from tests.conftest import _embedded_server
from tests.faults.grounds import Ground, SqliteGround, in_memory, postgres_ground
from tests.faults.nursery import nursery
from tests.faults.trials import SCENARIOS, Scenario, Yard

WEIGHTS = {"bill": 11, "bill with 2 workers": 4, "import": 3, "deliver": 2}
"""Of 20 trials; most of what can go wrong is in a bill run."""


@contextmanager
def _ground(kind: str, folder: Path) -> Iterator[Ground]:
    with ExitStack() as stack:
        if kind == "sqlite":
            memory = stack.enter_context(in_memory("tollbook-kills-"))
            yield SqliteGround(memory or folder / "books")
        else:
            given = os.environ.get("DATABASE_URL", "")
            address = given if given.startswith("postgres") else stack.enter_context(_embedded_server())
            yield stack.enter_context(postgres_ground(address, f"kills_{os.getpid()}"))


def _scenarios(points: int) -> list[Scenario]:
    """The scenario of each trial, mixed evenly."""
    deck = [scenario for scenario in SCENARIOS for _ in range(WEIGHTS[scenario.name])]
    random.Random(0).shuffle(deck)
    return [deck[n % len(deck)] for n in range(points)]


def simulate(yard: Yard, seed: int, points: int) -> str:
    """Hold the trials of one database; the reason of the first that fails, empty if none does."""
    struck: Counter[str] = Counter()
    begin = time.monotonic()
    for number, scenario in enumerate(_scenarios(points), 1):
        name = f"{yard.ground.name}: trial {number} of seed {seed}, {scenario.name}"
        try:
            trial = yard.trial(scenario, random.Random(f"{seed} {yard.ground.name} {number}"))
        except AssertionError as error:
            return f"{name}: {error}"
        struck[scenario.name] += trial.struck
        if trial.differences:
            print(name, "killed at", "; ".join(trial.deaths), *trial.differences[:50], sep="\n  ")
            return f"{name}: {len(trial.differences)} differences, such as {trial.differences[0]}"
        if not number % 20 or number == points:
            print(f"{yard.ground.name}: {number} of {points} trials, {time.monotonic() - begin:.0f} s", flush=True)
    deaths = ", ".join(f"{count} of {name}" for name, count in sorted(struck.items()))
    print(
        f"{yard.ground.name}: {points} trials, {sum(struck.values())} deaths ({deaths}), all books the same", flush=True
    )
    return ""


def main() -> int:
    """Run the simulation; its exit code."""
    parser = argparse.ArgumentParser(prog="simulate-kills", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, default=200, help="trials on each database")
    parser.add_argument("--databases", default="sqlite,postgresql")
    options = parser.parse_args()
    exact_arithmetic()
    with tempfile.TemporaryDirectory() as name, nursery(Path(name) / "out") as children:
        for kind in options.databases.split(","):
            folder = Path(name) / kind
            with _ground(kind, folder) as ground:
                reason = simulate(Yard(folder / "company", ground, children), options.seed, options.points)
            if reason:
                print(" ".join(reason.split()))
                return 1
    print(f"good: {options.points} trials on each of {options.databases}, seed {options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
