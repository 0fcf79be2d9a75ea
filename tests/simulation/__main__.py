"""``python -m tests.simulation --seed N``: simulate a year of a company, with faults, under an independent auditor."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from bench import postgres
from tests.simulation.drive import Outcome, Size, simulate


def main() -> int:
    """Simulate one seed, or several; 0 if the auditor agrees with all."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="what everything is drawn from")
    parser.add_argument("--seeds", metavar="A..B", help="several seeds, a line each")
    parser.add_argument("--months", type=int, default=12, help="months that are billed")
    parser.add_argument("--accounts", type=int, default=14, help="customers")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave everything here; with sqlite the books too")
    parser.add_argument("--quiet", action="store_true", help="do not tell what happens")
    options = parser.parse_args()
    if options.keep and options.keep.exists() and any(options.keep.iterdir()):
        parser.error(f"{options.keep} is not empty")
    first, _, last = (options.seeds or str(options.seed)).partition("..")
    seeds = range(int(first), int(last or first) + 1)
    size = Size(options.months, options.accounts)
    quiet = options.quiet or len(seeds) > 1
    failed = []
    with databases(options.database) as addresses:
        for seed in seeds:
            begin = time.perf_counter()
            keep = options.keep / str(seed) if options.keep and len(seeds) > 1 else options.keep
            outcome = simulate(seed, size, next(addresses), keep, (lambda _: None) if quiet else print)
            tell(outcome, time.perf_counter() - begin, quiet)
            failed += [outcome] if outcome.reason else []
    for outcome in failed:
        print(f"seed {outcome.seed}: {outcome.reason}")
    return 1 if failed else 0


def tell(outcome: Outcome, seconds: float, quiet: bool) -> None:
    """A line about a seed, and what happened in it."""
    if not quiet:
        for what, count in sorted(outcome.counts.items()):
            print(f"{count:5} {what}")
    verdict = "the auditor disagrees" if outcome.reason else f"books {outcome.digest}, the auditor agrees"
    print(f"seed {outcome.seed}: {seconds:.1f} s, {verdict}", flush=True)


@contextmanager
def databases(kind: str) -> Iterator[Iterator[str | None]]:
    """Addresses of empty databases, one for each seed; None stands for a SQLite file."""
    if kind == "sqlite":
        yield iter(lambda: None, 1)
        return
    with postgres.database() as address:
        yield _made(sa.make_url(address))


def _made(address: sa.URL) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        name = f"simulation_{number}"
        admin = sa.create_engine(address.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        admin.dispose()
        yield address.set(database=name).render_as_string(hide_password=False)


if __name__ == "__main__":
    sys.exit(main())
