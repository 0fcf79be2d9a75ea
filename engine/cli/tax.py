"""``tollbook tax``: truing up tax, what waits for the next bill, and the report."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer

from engine.base.period import Period
from engine.cli import tax_ids, tax_providers, tax_scheme
from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, show_findings, table
from engine.cli.run import preview, show
from engine.model.entity import OSS

_PERIOD = re.compile(r"(\d{4})(?:-(\d{2}))?")


def days_of(text: str) -> Period:
    """The days of a month, ``2026-01``, of a year, ``2026``, or of the months from one to another, ``2026-01..2026-03``."""
    first, _, last = text.partition("..")
    begins, ends = _PERIOD.fullmatch(first.strip()), _PERIOD.fullmatch((last or first).strip())
    if begins and ends:
        try:
            start = date(int(begins[1]), int(begins[2] or 1), 1)
            month = date(int(ends[1]), int(ends[2] or 12), 1)
            end = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        except ValueError:
            raise typer.BadParameter(f"{text!r} has a month that there is not") from None
        if start < end:
            return Period(start, end)
    raise typer.BadParameter(f"{text!r} is no period: write a month (2026-01), a year (2026), or 2026-01..2026-03")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(
        help="Ask again for tax that fell back; report tax; compare the books with tax providers.", no_args_is_help=True
    )
    app.add_typer(group, name="tax")
    _register_true_up(group)
    _register_report(group)
    tax_providers.register(group)
    tax_ids.register(group)


def _register_true_up(group: typer.Typer) -> None:
    @group.command("true-up")
    def true_up(
        context: typer.Context,
        period: Annotated[
            Period, typer.Option("--period", parser=days_of, metavar="PERIOD", help="Months of invoices: 2026-01.")
        ],
        on: Annotated[
            datetime | None,
            typer.Option("--date", formats=["%Y-%m-%d"], help="The day of correcting documents; default: today."),
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Ask and show, and write nothing.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Ask adapters again for tax that the fallback decided, give back tax that a late certificate exempts, and post only
        the differences."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = preview(person) if dry_run else tollbook.change(person, "run", reason)
            day = (on or datetime.now(UTC)).date()
            report = tollbook.tax.true_up(period, day, change, dry_run=dry_run)
        show_findings(report.findings)

        def render() -> None:
            if report.details:
                _show_corrections("corrections of tax", report.details, ("payer",), ("way",))
            show(msgspec.structs.replace(report, details=()))

        emit(report, as_json, render)

    @group.command("waiting")
    def waiting(context: typer.Context, as_json: JsonOption = False) -> None:
        """List differences of tax that wait for the next bill of their payer."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found: list[dict[str, Any]] = tollbook.tax.waiting()

        def render() -> None:
            if not found:
                out.print("nothing waits")
                return
            _show_corrections("", found, ("entity", "payer"), ())

        emit(found, as_json, render)


def _show_corrections(
    title: str, found: Sequence[Mapping[str, Any]], first: tuple[str, ...], last: tuple[str, ...]
) -> None:
    """Corrections with the tax before and after them, and what is posted: where a price includes tax, the customer pays nothing."""
    amounts = {"before": "tax was", "after": "tax is", "net_difference": "net changes", "difference": "tax changes"}
    heads = {"invoice": "invoice", "text": "text", "reference": "why", **amounts, "payable": "to pay", "currency": ""}
    names = (*first, *heads, *last)
    columns = [heads.get(name, "by" if name == "way" else name) for name in names]
    start = len(first) + 3
    table(title, columns, [tuple(one[name] for name in names) for one in found], right=tuple(range(start, start + 5)))


def _register_report(group: typer.Typer) -> None:
    @group.command("report")
    def report(
        context: typer.Context,
        since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")] = None,
        until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")] = None,
        by: Annotated[
            str,
            typer.Option(
                "--by",
                help="Any of entity, jurisdiction, category, rate, code, tax_code, day, month, cause; default: the first five.",
            ),
        ] = "",
        entity: Annotated[str, typer.Option("--entity", help="One legal entity only.")] = "",
        scheme: Annotated[
            str, typer.Option("--scheme", help="The return of a scheme instead: oss, the one-stop shop (Union scheme).")
        ] = "",
        quarter: Annotated[str, typer.Option("--quarter", help="The quarter of a --scheme: 2026-Q1.")] = "",
        as_csv: Annotated[bool, typer.Option("--csv", help="Write the rows as CSV.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Report net and tax of documents by reporting code, or for the one-stop shop, tied to the GL accounts of tax."""
        if scheme or quarter:
            others = bool(since or until or by)
            tax_scheme.show_scheme(context, scheme or OSS, quarter, entity, others, as_csv, as_json)
            return
        if since is None or until is None:
            raise typer.BadParameter("name the days with --from and --to, or a --scheme and its --quarter")
        if until < since:
            raise typer.BadParameter(f"{until:%Y-%m-%d} is before {since:%Y-%m-%d}")
        days = Period(since.date(), until.date() + timedelta(days=1))
        names = tuple(name.strip() for name in by.split(",") if name.strip())
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.tax.report(days, names, entity)
        show_findings(found.findings)
        names = found.by
        columns = (*names, "currency", "lines", "net", "tax")
        rows = [(*one.keys.values(), one.currency, one.lines, one.net, one.tax) for one in found.rows]
        if as_csv:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerows([columns, *rows])
            return

        def render() -> None:
            table(
                f"tax from {found.since} to {until:%Y-%m-%d}",
                columns,
                rows,
                right=tuple(range(len(names) + 1, len(columns))),
            )
            heads = ("entity", "GL account", "currency", "lines", "posted", "difference", "lowered", "other entries")
            ties = [
                (one.entity, one.account, one.currency, one.lines, one.posted, one.difference, one.lowered, one.other)
                for one in found.ties
            ]
            table("GL accounts of tax", heads, ties, right=(3, 4, 5, 6, 7))

        emit(found, as_json, render)
