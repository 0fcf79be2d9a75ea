"""``tollbook run bill``: bill what is owed on a date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import Bars, JsonOption, PersonOption, ReasonOption, emit, open_app, out, show_findings, table
from engine.model.journal import Change

if TYPE_CHECKING:
    from engine.app import Report


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Run a batch job.", no_args_is_help=True)
    app.add_typer(group, name="run")

    @group.command("bill")
    def bill(
        context: typer.Context,
        on: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The business date.")],
        account: Annotated[str | None, typer.Option("--account", help="Bill this payer only.")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Compute everything, write nothing.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Bill everything that is owed on a date.  The same run twice changes nothing."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook, Bars() as bars:
            change = preview(person) if dry_run else tollbook.change(person, "run", reason)
            report = tollbook.bill(on.date(), change, account=account, dry_run=dry_run, progress=bars)
        show_findings(report.findings)
        emit(report, as_json, lambda: show(report))


def preview(person: str) -> Change:
    """The change of a dry run, which anybody may make: it touches nothing but the daily sums of usage."""
    return Change(person or "preview", datetime.now(UTC), "dry run")


def show(report: Report) -> None:
    """A run for people: what it did, how long each step took, and in a dry run each invoice."""
    name = f"run {report.run_id}" if report.run_id else "dry run"
    before = " (it was done before; nothing changed)" if report.repeated else ""
    out.print(
        f"{name}: {report.kind} {report.period}, {report.state}{before}, {rules_of(report.release, report.rules)}"
    )
    table("", ("what", "count"), sorted(report.counts.items()), right=(1,))
    if report.seconds:
        table("", ("step", "seconds"), [(k, f"{v:.2f}") for k, v in report.seconds.items()], right=(1,))
    if report.details:
        table("invoices", ("payer", "kind", "net", "tax", "total", ""), _invoice_rows(report), right=(2, 3, 4))
        if len(report.details) == 1:
            lines = report.details[0]["lines"]
            table(
                "lines",
                ("text", "service", "quantity", "share", "amount"),
                [_line_row(line) for line in lines],
                right=(2, 3, 4),
            )
        totals: dict[str, Decimal] = {}
        for one in report.details:
            totals[one["currency"]] = totals.get(one["currency"], Decimal(0)) + Decimal(one["total"])
        table("totals", ("currency", "total"), [(k, f"{v:,}") for k, v in sorted(totals.items())], right=(1,))
    if report.following:
        out.print(f"something to bill again on {report.following}, if nothing else becomes known")


def rules_of(release: str, rules: str) -> str:
    """The release of a run, and whether anybody has approved it."""
    return f"release {release}{' (development rules)' if rules == 'development' else ''}"


def _invoice_rows(report: Report, limit: int = 20) -> list[Sequence[Any]]:
    listed: list[Sequence[Any]] = [
        (d["payer"], d["kind"], d["net"], d["tax"], d["total"], d["currency"]) for d in report.details[:limit]
    ]
    more = len(report.details) - limit
    if more > 0:
        listed.append((f"... {more} more", "", "", "", "", ""))
    return listed


def _line_row(line: dict[str, Any]) -> Sequence[Any]:
    last = date.fromisoformat(line["to"])
    return (
        line["text"],
        f"{line['from']}..{last}",
        line["quantity"].rstrip("0").rstrip("."),
        line["share"],
        line["amount"],
    )
