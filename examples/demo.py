"""The demonstration: a sample company is imported, billed for three months, delivered, checked and explained.

``python -m examples.demo [--database sqlite|postgresql|ADDRESS]``.  Everything goes through the command line's own verbs, as an
implementer would type them; only the headings and the summary are the demonstration's.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.rule import Rule
from rich.table import Table

from engine.cli import main as tollbook
from examples.skyline import generate
from examples.skyline.deliveries import INITIAL, MONTHS
from examples.skyline.moved import FIRST_RUN, PREVIEW

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "examples" / "skyline" / "config.yaml"
FOLDER = ROOT / "var" / "skyline"
PERSON, REASON = "noor.billing", "demonstration"

console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)


class Demo:
    """One demonstration in a folder of its own."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder, self.database = folder, database
        self.steps: list[tuple[str, float]] = []
        self.runs: list[dict[str, Any]] = []

    def verb(self, *words: str, quiet: bool = False) -> str:
        """Run one verb of the command line, and return what it printed on stdout; a failure ends the demonstration."""
        settings = ["--set", f"database.url={self.database}"] if self.database else []
        if not quiet:
            console.print(f"[dim]$ tollbook {' '.join(words)}[/dim]")
        heard = io.StringIO()
        with contextlib.redirect_stdout(heard):
            code = tollbook.run(["--config", str(CONFIG), *settings, *words])
        if code:
            console.print(heard.getvalue(), markup=False)
            raise SystemExit(f"tollbook {' '.join(words)} ended with exit code {code}")
        return heard.getvalue()

    def change(self, *words: str, quiet: bool = False) -> Any:
        """Run a verb that changes something, and return its result."""
        return json.loads(self.verb(*words, "--as", PERSON, "--reason", REASON, "--json", quiet=quiet))

    @contextlib.contextmanager
    def step(self, title: str) -> Any:
        """A step with a heading and its time."""
        console.print(Rule(f"[bold]{title}", align="left"))
        start = time.perf_counter()
        yield
        self.steps.append((title, time.perf_counter() - start))


def play(demo: Demo) -> None:
    """The whole story."""
    with demo.step("A company: accounts, contracts, prices, usage"):
        console.print(str(generate.generate(demo.folder / "data")))
    with demo.step("Books"):
        demo.change("init")
    load(demo, INITIAL)
    for month, date in zip(MONTHS, generate.BILL_DATES, strict=True):
        load(demo, f"{month:%Y-%m}")
        if date == FIRST_RUN:
            with demo.step("Compare the first run with the old system"):
                console.print(
                    demo.verb(
                        "cutover", "compare", "--on", date.isoformat(), str(demo.folder / "data" / PREVIEW)
                    ).strip()
                )
        with demo.step(f"Bill {date}"):
            report = demo.change("run", "bill", "--date", date.isoformat())
            demo.runs.append(report)
            show_bill(report)
    with demo.step("Deliver"):
        counts = demo.change("deliver")["counts"]
        console.print(f"{counts['accepted']:,} invoices as HTML and JSON in {demo.folder / 'invoices'}")
    with demo.step("Verify"):
        console.print(demo.verb("verify").strip())


def load(demo: Demo, delivery: str) -> None:
    """Import one delivery folder of the sample company."""
    with demo.step(f"Import {delivery}"):
        show_import(demo.change("import", str(demo.folder / "data" / delivery)))


def show_import(report: dict[str, Any]) -> None:
    """What one import loaded."""
    shown = Table(show_edge=False, pad_edge=False)
    shown.add_column("file")
    for name in ("rows", "new", "changed", "same", "quarantined"):
        shown.add_column(name, justify="right")
    for file in report["files"]:
        shown.add_row(file["name"], *(f"{file[k]:,}" for k in ("rows", "new", "changed", "same", "quarantined")))
    console.print(shown)


def show_bill(report: dict[str, Any]) -> None:
    """What one bill run did."""
    counts, seconds = report["counts"], report["seconds"]
    spent = ", ".join(f"{step} {value:.1f} s" for step, value in seconds.items())
    console.print(
        f"{counts['invoices']:,} invoices, {counts['lines']:,} lines, {counts['postings']:,} postings, "
        f"{counts['findings']:,} findings  ({spent})"
    )


def summary(demo: Demo) -> None:
    """Money by country, plan and currency; findings; time per step."""
    console.print(Rule("[bold]Summary", align="left"))
    currencies = sorted({row[1] for run in demo.runs for row in run["money"]["currency"]})
    for dimension in ("country", "plan"):
        shown = headed(f"Net by {dimension}, all months", dimension, *currencies)
        for key, amounts in sorted(totals(demo.runs, dimension).items()):
            shown.add_row(key, *(amount_of(amounts.get(currency), currency) for currency in currencies))
        console.print(shown, "")
    shown = headed("Net by currency", "currency", *(run["period"] for run in demo.runs), "tax")
    for currency in currencies:
        rows = [totals([run], "currency")[currency][currency] for run in demo.runs]
        net = [amount_of(row, currency) for row in rows]
        shown.add_row(currency, *net, amount_of([sum((row[1] for row in rows), Decimal(0))], currency))
    console.print(shown, "")
    findings: dict[tuple[str, str], list[str]] = {}
    for run in demo.runs:
        for finding in run["findings"]:
            findings.setdefault((finding["level"], finding["code"]), []).append(finding["what"])
    shown = Table(title="Findings of the bill runs", title_justify="left", show_edge=False, pad_edge=False)
    shown.add_column("level", min_width=7)
    shown.add_column("code", min_width=28)
    shown.add_column("count", justify="right", min_width=5)
    shown.add_column("for example", overflow="ellipsis", no_wrap=True, max_width=62)
    for (level, code), texts in sorted(findings.items()):
        shown.add_row(level, code, str(len(texts)), texts[0])
    console.print(shown, "")
    shown = headed("Time", "step", "seconds")
    for title, seconds in demo.steps:
        shown.add_row(title, f"{seconds:.1f}")
    shown.add_row("[bold]all", f"[bold]{sum(s for _, s in demo.steps):.1f}")
    console.print(shown, "")


def headed(title: str, first: str, *numbers: str) -> Table:
    """An empty table with one column of names and columns of numbers."""
    made = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    made.add_column(first)
    for name in numbers:
        made.add_column(name, justify="right", no_wrap=True)
    return made


def totals(runs: list[dict[str, Any]], dimension: str) -> dict[str, dict[str, list[Decimal]]]:
    """Key -> currency -> [net, tax] of the runs."""
    found: dict[str, dict[str, list[Decimal]]] = {}
    for run in runs:
        for key, currency, _lines, net, tax in run["money"][dimension]:
            row = found.setdefault(key, {}).setdefault(currency, [Decimal(0), Decimal(0)])
            row[0] += Decimal(net)
            row[1] += Decimal(tax)
    return found


def amount_of(row: list[Decimal] | None, currency: str) -> str:
    """The net of a row for people; empty where there is none."""
    return f"{row[0]:,.{0 if currency == 'JPY' else 2}f}" if row else ""


def explain_one(demo: Demo) -> None:
    """Explain the usage line whose tiers were prorated."""
    console.print(Rule("[bold]One line explained", align="left"))
    where = demo.folder / "invoices"
    for path in sorted(where.glob("[!.]*/*/*.json")):
        document = json.loads(path.read_text())
        for line in document["lines"]:
            if line["kind"] == "usage" and line["share"] != "1":
                console.print(demo.verb("explain", f"{document['number']}#{line['number']}"), markup=False)
                return
    raise SystemExit("the sample company has no usage line with prorated tiers")


def main(arguments: list[str] | None = None) -> None:
    """Play the demonstration from an empty folder."""
    parser = argparse.ArgumentParser(description="Bill a sample company.")
    parser.add_argument(
        "--database",
        default=os.environ.get("DATABASE", "sqlite"),
        help="sqlite (default), postgresql (a server of its own), or the address of a database",
    )
    options = parser.parse_args(arguments)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with database_at(options.database) as url:
        demo = Demo(FOLDER, url)
        console.print(f"[bold]Skyline Cloud & Telecom[/bold], on {url.partition(':')[0] or 'sqlite'}")
        play(demo)
        summary(demo)
        explain_one(demo)
    console.print(f"An invoice to look at: {next(iter(sorted((FOLDER / 'invoices').glob('[!.]*/*/*.html'))))}")


@contextlib.contextmanager
def database_at(wanted: str) -> Iterator[str]:
    """The address to bill in: nothing for the one of the config, for ``postgresql`` that of a server of its own."""
    if wanted == "postgresql":
        from bench.postgres import database

        with database() as url:
            yield url
    else:
        yield "" if wanted == "sqlite" else wanted


if __name__ == "__main__":
    sys.exit(main())
