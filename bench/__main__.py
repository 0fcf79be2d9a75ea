"""``python -m bench [NAME ...] [--accounts N]``: run the measurements and print them as Markdown."""

from __future__ import annotations

import argparse
import platform
import sys

from bench import (
    bill,
    cases,
    certificates,
    check,
    decide,
    documents,
    ingest,
    large,
    matching,
    memory,
    months,
    preview,
    rating,
    revenue,
    simulate,
    usage,
)

MEASUREMENTS = {
    "decide": decide.measure,
    "rating": rating.measure,
    "check": check.measure,
    "cases": cases.measure,
    "bill": bill.measure,
    "months": months.measure,
    "large": large.measure,
    "preview": preview.measure,
    "simulate": simulate.measure,
    "memory": memory.measure,
    "ingest": ingest.measure,
    "usage": usage.measure,
    "documents": documents.measure,
    "matching": matching.measure,
    "revenue": revenue.measure,
    "certificates": certificates.measure,
}


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Run the named measurements, or all."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure Tollbook against the limit of the machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}; all by default")
    parser.add_argument("--accounts", type=int, default=10_000, help="accounts in the bill run")
    parser.add_argument("--workers", type=int, default=2, help="processes of the bill run on PostgreSQL")
    parser.add_argument("--months", type=int, default=120, help="monthly runs, one after the other")
    parser.add_argument("--accounts-of-months", type=int, default=500, help="accounts in them")
    parser.add_argument(
        "--sizes",
        type=_sizes,
        default=[10_000, 100_000],
        help="accounts whose memory is compared: 10000,100000,1000000",
    )
    parser.add_argument("--events", type=int, default=1_000_000, help="usage events that are made quantities")
    parser.add_argument(
        "--payments", type=int, default=100_000, help="payments matched from files, with as many documents"
    )
    parser.add_argument("--schedules", type=int, default=100_000, help="schedules that are recognised")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}")
    print(f"Python {platform.python_version()}, {platform.machine()}", file=sys.stderr)
    for name in options.names or MEASUREMENTS:
        for line in MEASUREMENTS[name](options):
            print(line)


if __name__ == "__main__":
    main()
