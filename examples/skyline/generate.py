"""Make Skyline's data: ``python examples/skyline/generate.py [--out DIR] [--accounts N] [--events N] [--seed S]``.

The same arguments make the same bytes.  The result is a folder for each delivery: ``initial`` before the first month,
then a folder a month, to be imported before that month is billed.
"""

from __future__ import annotations

import argparse
import gc
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

if not __package__:  # run as a file
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.skyline.catalog import CHARGES, GL_ACCOUNTS, METERS, PLANS
from examples.skyline.customers import ordinary_customers
from examples.skyline.deliveries import CUTOVER, END, FOLDERS, INITIAL, MONTHS, Deliveries, parquet_is_there
from examples.skyline.flaws import flaws
from examples.skyline.moved import SHARE, moved_customers
from examples.skyline.rates import ecb_rates
from examples.skyline.stories import STORIES, stories, story_usage
from examples.skyline.usage import usage
from examples.skyline.world import ENTITIES

BILL_DATES = (*MONTHS[1:], END)
"""The dates of the bill runs: after ``initial`` and the first month are imported, after the second, after the third."""


class Summary(NamedTuple):
    """What was made.

    ``moved`` accounts came over from another billing system; ``events`` are different usage events, those of the stories
    included; ``wrong`` rows are meant to be refused.
    """

    accounts: int
    moved: int
    contracts: int
    subscriptions: int
    subscription_events: int
    events: int
    duplicates: int
    late: int
    rates: int
    wrong: int
    files: int

    def __str__(self) -> str:
        return "\n".join(f"{count:>9,}  {name.replace('_', ' ')}" for name, count in self._asdict().items())


def generate(out: Path, accounts: int = 2_000, events: int = 300_000, seed: int = 2024) -> Summary:
    """Write the sample company below ``out``: ``accounts`` customers, ``events`` different usage events.

    Raises:
        ValueError: fewer accounts or events than the stories have.
    """
    collecting = gc.isenabled()
    gc.disable()  # millions of texts and no cycle among them
    try:
        return _generate(out, accounts, events, seed)
    finally:
        if collecting:
            gc.enable()


def _generate(out: Path, accounts: int, events: int, seed: int) -> Summary:
    deliveries = Deliveries()
    told = stories(deliveries)
    story_rows = list(story_usage(told))
    story_events = len({row[3] for _, row in story_rows})
    if accounts < len(STORIES) or events < story_events:
        raise ValueError(f"at least {len(STORIES)} accounts and {story_events} events are needed for the stories")
    masters = {"entities": ENTITIES, "meters": METERS, "plans": PLANS, "charges": CHARGES, "gl_accounts": GL_ACCOUNTS}
    for table, rows in masters.items():
        deliveries.add(INITIAL, table, rows)
    moved = min(round(accounts * SHARE), accounts - len(STORIES))
    moved_events = moved_customers(seed, moved, deliveries)
    served = ordinary_customers(seed, accounts - len(STORIES) - moved, deliveries)
    for folder, row in story_rows:
        deliveries.add(folder, "usage", [row], "stories")
    counts = usage(seed, events - story_events - moved_events, served, deliveries)
    for folder, since, until in _rate_days():
        deliveries.add(folder, "rates", ecb_rates(since, until))
    counted = ("contracts", "subscriptions", "subscription_events", "rates")
    right = {table: deliveries.count(table) for table in counted}
    wrong = flaws(deliveries)
    written = deliveries.write(out, parquet_is_there())
    told_late = sum(
        use.times for story in told for taken in story.taken for use in taken.usage if use.folder == FOLDERS[2]
    )
    told_twice = len(story_rows) - story_events
    return Summary(
        accounts,
        moved,
        right["contracts"],
        right["subscriptions"],
        right["subscription_events"],
        counts.events + story_events + moved_events,
        counts.duplicates + told_twice,
        counts.late + told_late - told_twice // 2,
        right["rates"],
        wrong,
        len(written),
    )


def _rate_days() -> list[tuple[str, date, date]]:
    """(folder, first day, last day): each delivery has the rates up to the day of its bill run."""
    days, since = [], CUTOVER
    for folder, until in zip(FOLDERS[1:], BILL_DATES, strict=True):
        days.append((folder, since, until))
        since = until + timedelta(1)
    return days


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Make the data of the sample company Skyline.")
    parser.add_argument(
        "--out", type=Path, default=Path("var/skyline/data"), help="folder to write (default: %(default)s)"
    )
    parser.add_argument("--accounts", type=int, default=2_000, help="customers (default: %(default)s)")
    parser.add_argument("--events", type=int, default=300_000, help="different usage events (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=2024, help="another seed makes other customers (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        summary = generate(options.out, options.accounts, options.events, options.seed)
    except ValueError as error:
        parser.error(str(error))
    print(f"{options.out}\n{summary}")


if __name__ == "__main__":
    main()
