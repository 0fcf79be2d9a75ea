"""``tollbook ledger``: ageing, balances by dimension, ties, expected losses, shares of other legal entities."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.cli.common import (
    JsonOption,
    PersonOption,
    ReasonOption,
    coins,
    emit,
    err,
    open_app,
    out,
    plain,
    show_findings,
    table,
)
from engine.cli.ledger_books import BookOption

if TYPE_CHECKING:
    from engine.app import Ageing, Impairment, Shares, Tie

Form = Literal["table", "csv"]
OnOption = Annotated[datetime, typer.Option("--on", formats=["%Y-%m-%d"], help="As of the end of this day.")]
LastOption = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="As of the end of this day; today by default.")
]
EntityOption = Annotated[str, typer.Option("--entity", help="One legal entity only.")]
FormOption = Annotated[Form, typer.Option("--format", help="A table, or CSV.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Show what it would book; write nothing.")]


def register_reports(group: typer.Typer) -> None:
    """Add the verbs to those of the ledger."""
    _register_ageing(group)
    _register_balances(group)
    _register_ties(group)
    _register_impairment(group)
    _register_intercompany(group)


def _day(on: datetime | None) -> date:
    return on.date() if on else datetime.now(UTC).date()


def _printed(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str, right: Sequence[int], form: Form
) -> None:
    """A table, or its rows as CSV."""
    if form == "table":
        table(title, columns, rows, right=right)
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([columns, *rows])
    typer.echo(text.getvalue(), nl=False)


def _register_ageing(group: typer.Typer) -> None:
    @group.command("ageing")
    def ageing(
        context: typer.Context,
        on: LastOption = None,
        by: Annotated[
            Literal["account", "segment", "currency"], typer.Option("--by", help="One row for each of these.")
        ] = "account",
        buckets: Annotated[str, typer.Option("--buckets", help="Last day of each bucket.")] = "30,60,90",
        entity: EntityOption = "",
        form: FormOption = "table",
        as_json: JsonOption = False,
    ) -> None:
        """Show what customers owed on a day by how long it was overdue, and whether the ledger says the same."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            told = tollbook.reports.ageing(_day(on), by=by, buckets=buckets, entity=entity)
        result = plain(told) | {"ties": [plain(one) | {"difference": str(one.difference)} for one in told.ties]}
        emit(result, as_json, lambda: _show_ageing(told, by, form))


def _show_ageing(told: Ageing, by: str, form: Form) -> None:
    columns = ("entity", by, *(() if by == "currency" else ("currency",)), *told.buckets, "total", "kept at", "")
    rows = [
        (
            *(one.entity, one.key, *(() if by == "currency" else (one.currency,))),
            *(coins(amount, one.currency) for amount in (*one.amounts, one.total)),
            *(coins(one.functional, one.functional_currency), one.functional_currency),
        )
        for one in told.rows
    ]
    numbers = range(len(columns) - len(told.buckets) - 3, len(columns) - 1)
    _printed(columns, rows, f"owed on {told.on} by days overdue", list(numbers), form)
    for tie in told.ties:
        if tie.difference:
            what = f"the ledger has {coins(tie.ledger, tie.currency)} {tie.currency}, open items come to"
            err.print(f"{tie.entity}: {what} {coins(tie.items, tie.currency)}; see `tollbook ledger ties`")


def _register_balances(group: typer.Typer) -> None:
    @group.command("balances")
    def balances(
        context: typer.Context,
        by: Annotated[
            str,
            typer.Option(
                "--by",
                help="Any of entity, account, month, kind, customer, country, product, plan, charge, subscription.",
            ),
        ] = "account",
        since: Annotated[
            datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Postings from this day on.")
        ] = None,
        on: LastOption = None,
        entity: EntityOption = "",
        book: BookOption = "",
        form: FormOption = "table",
        as_json: JsonOption = False,
    ) -> None:
        """Add up postings by what is behind them: GL account, customer, product, subscription, country, month.

        A further book is added up to the day that it is adjusted through where no day is given.
        """
        first = since.date() if since else None
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            if book:
                found = tollbook.further_books.balances(by, first, on.date() if on else None, book, entity)
            else:
                found = tollbook.reports.balances(by, first, _day(on), entity)
        names = [part.strip() for part in by.split(",") if part.strip()]
        columns = (*names, "currency", "amount", "functional currency", "functional amount")
        rows = [
            (
                *one.key,
                *(one.currency, coins(one.amount, one.currency)),
                *(one.functional_currency, coins(one.functional, one.functional_currency)),
            )
            for one in found
        ]
        right = (len(names) + 1, len(names) + 3)
        result = [dict(zip((name.replace(" ", "_") for name in columns), row, strict=True)) for row in rows]
        emit(result, as_json, lambda: _printed(columns, rows, "balances", right, form))


def _register_ties(group: typer.Typer) -> None:
    @group.command("ties")
    def ties(
        context: typer.Context, on: LastOption = None, entity: EntityOption = "", as_json: JsonOption = False
    ) -> None:
        """Compare each subledger with its GL accounts on a day, and say where a difference comes from."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.reports.ties(_day(on), entity)
        emit(found, as_json, lambda: _show_ties(found))


def _show_ties(found: list[Tie]) -> None:
    rows = [
        (
            *(one.entity, one.name, ", ".join(one.accounts), one.currency),
            *(coins(amount, one.currency) for amount in (one.subledger, one.ledger, one.difference)),
        )
        for one in found
    ]
    columns = ("entity", "subledger", "accounts", "currency", "subledger", "ledger", "difference")
    table("ties", columns, rows, right=(4, 5, 6))
    for one in (each for each in found if each.difference):
        kinds = ", ".join(f"{kind} {coins(amount, one.currency)}" for kind, amount in one.by_kind.items())
        err.print(f"{one.entity} {one.name} {one.currency}: posted by kind of entry: {kinds}")
        show_findings(one.findings, limit=5)


def _register_impairment(group: typer.Typer) -> None:
    @group.command("impairment")
    def impairment(
        context: typer.Context,
        on: OnOption,
        entity: Annotated[str, typer.Option("--entity", help="One legal entity only.")] = "",
        dry_run: DryOption = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Bring the allowance for expected credit losses to what the rules want for what is owed on a day."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "run", reason)
            told = tollbook.reports.impair(on.date(), change, entity=entity, dry_run=dry_run)
        result = plain(told) | {"items": [plain(one) | {"amount": str(one.amount)} for one in told.items]}
        emit(result, as_json, lambda: _show_impairment(told))


def _show_impairment(told: Impairment) -> None:
    rows = [
        (
            *(one.entity, one.account, one.segment),
            *(coins(a, one.currency) for a in (one.exposure, one.wanted, one.before, one.amount)),
            *(one.currency, "specific" if one.specific else ""),
        )
        for one in told.items
    ]
    columns = ("entity", "account", "segment", "owed", "allowance", "before", "change", "currency", "")
    table(f"expected losses on {told.on}", columns, rows, right=(3, 4, 5, 6)) if rows else out.print("nothing is owed")
    _said(told.dry, told.repeated, told.run_id, f"{len(told.moved)} allowances changed")


def _said(dry: bool, repeated: bool, run: int, what: str) -> None:
    """What a run has done, on stderr."""
    if dry:
        err.print("dry run: nothing is written")
    elif repeated:
        err.print(f"run {run} had booked this before; nothing is left to book")
    else:
        err.print(f"run {run}: {what}")


def _register_intercompany(group: typer.Typer) -> None:
    @group.command("intercompany")
    def intercompany(context: typer.Context, on: LastOption = None, as_json: JsonOption = False) -> None:
        """List what legal entities owe one another for shares, by the books of both."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.reports.intercompany(_day(on))

        def render() -> None:
            rows = [
                (
                    *(one.entity, one.partner, one.currency),
                    *(coins(a, one.currency) for a in (one.shares, one.payable, one.receivable, one.difference)),
                )
                for one in found
            ]
            columns = ("owes", "is owed", "currency", "shares", "payable", "receivable", "difference")
            table("between legal entities", columns, rows, right=(3, 4, 5, 6)) if rows else out.print(
                "nothing is shared"
            )

        emit(found, as_json, render)

    @group.command("share")
    def share(
        context: typer.Context,
        on: OnOption,
        dry_run: DryOption = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Book the shares of other legal entities in what was billed up to a day, in the books of both."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "run", reason)
            told = tollbook.reports.share_out(on.date(), change, dry_run=dry_run)
        emit(told, as_json, lambda: _show_shares(told))


def _show_shares(told: Shares) -> None:
    rows = [
        (
            *(one.entity, one.partner, one.line, one.product, one.country),
            *(coins(one.base, one.currency), f"{one.share * 100:f} %".replace(".00 ", " ")),
            *(coins(one.amount, one.currency), one.currency),
        )
        for one in told.items[:50]
    ]
    columns = ("owes", "is owed", "line", "product", "country", "billed", "share", "amount", "currency")
    if rows:
        table(f"shares up to {told.through}", columns, rows, right=(2, 5, 6, 7))
    if len(told.items) > len(rows):
        out.print(f"... and {len(told.items) - len(rows)} more")
    _said(told.dry, told.repeated, told.run_id, f"{len(told.items)} shares booked in both legal entities")
