"""``python -m bench [bill ...] [--accounts N] [--months N]``: run the measurements and print them as Markdown."""

from __future__ import annotations

import argparse
import platform
import sys

from bench import bill, decide

MEASUREMENTS = {"decide": decide.measure, "bill": bill.measure}


def main() -> None:
    """Run the named measurements, or all."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure Tollbook against the limit of the machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}; all by default")
    parser.add_argument("--accounts", type=int, default=10_000, help="accounts in the bill run")
    parser.add_argument("--workers", type=int, default=2, help="processes of the bill run on PostgreSQL")
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
