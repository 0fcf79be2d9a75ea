"""``tollbook ledger``: trial balance, journal, export, accounting periods, revaluation."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from engine.base.files import whole
from engine.cli.acting import show_outcome
from engine.cli.common import JsonOption, PersonOption, ReasonOption, coins, emit, err, open_app, out, table
from engine.cli.ledger_books import BookOption, register_books, show_compared
from engine.cli.ledger_reports import register_reports
from engine.cli.revalue import register_revalue

DateOption = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Up to and with this day.")]
EntityOption = Annotated[str | None, typer.Option("--entity", help="One legal entity only.")]
MonthArgument = Annotated[datetime, typer.Argument(formats=["%Y-%m"], help="The month, such as 2024-01.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Read the general ledger; open and close its periods.", no_args_is_help=True)
    app.add_typer(group, name="ledger")
    _register_balances(group)
    _register_journal(group)
    _register_export(group)
    _register_periods(group)
    register_revalue(group)
    register_reports(group)
    register_books(group)


def _register_balances(group: typer.Typer) -> None:
    @group.command("trial-balance")
    def trial_balance(
        context: typer.Context,
        entity: EntityOption = None,
        to: DateOption = None,
        book: BookOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Sum the postings of each GL account; debits are positive, credits negative, and all of them add up to zero.

        A further book is shown beside the leading one, up to the day that it is adjusted through where no day is given.
        """
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            if book:
                show_compared(tollbook, book, entity, _day(to), as_json)
                return
            result = tollbook.ledger.trial_balance(entity, _day(to))

        def render() -> None:
            for key, rows in result.items():
                columns = ("account", "name", "currency", "amount", "functional", "")
                shown = [
                    (
                        r["account"],
                        r["name"],
                        r["currency"],
                        coins(r["amount"], r["currency"]),
                        coins(r["functional_amount"], r["functional_currency"]),
                        r["functional_currency"],
                    )
                    for r in rows
                ]
                table(f"trial balance of {key}", columns, shown, right=(3, 4))
                total = sum((r["functional_amount"] for r in rows), Decimal(0))
                out.print(
                    f"sum in functional currency: {coins(total, rows[0]['functional_currency']) if rows else 0}\n"
                )

        emit(result, as_json, render)


def _register_journal(group: typer.Typer) -> None:
    @group.command("journal")
    def journal(
        context: typer.Context,
        entity: EntityOption = None,
        to: DateOption = None,
        book: BookOption = "",
        limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many entries.")] = 20,
        as_json: JsonOption = False,
    ) -> None:
        """Show entries in order of posting date."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            desk = tollbook.further_books
            entries = desk.journal(book, entity, _day(to)) if book else tollbook.ledger.journal(entity, _day(to))
            listed = list(islice(entries, limit))

        def render() -> None:
            for item in listed:
                entry = item.entry
                out.print(f"{entry.posting_date}  {item.reference}  {entry.text}  (entry {item.id})", markup=False)
                for p in entry.postings:
                    out.print(f"    {p.account:<8} {coins(p.amount, p.currency):>16} {p.currency}", markup=False)

        emit(listed, as_json, render)


def _register_export(group: typer.Typer) -> None:
    @group.command("export")
    def export(
        context: typer.Context,
        form: Annotated[str, typer.Option("--format", help="beancount or hledger.")] = "beancount",
        output: Annotated[Path | None, typer.Option("--output", help="Write to this file instead of stdout.")] = None,
        entity: EntityOption = None,
        to: DateOption = None,
        book: BookOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Write the journal for beancount or hledger."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            desk, day = tollbook.further_books, _day(to)
            lines = desk.export(form, book, entity, day) if book else tollbook.ledger.export(form, entity, day)
            if output is not None:
                with whole(output) as part, part.open("w", encoding="utf-8") as file:
                    written = sum(1 for line in lines if file.write(line + "\n"))
                result = {"format": form, "lines": written, "file": str(output)}
                emit(result, as_json, lambda: err.print(f"{written} lines written to {output}"))
            elif as_json:
                emit({"format": form, "text": "\n".join(lines)}, as_json)
            else:
                for line in lines:
                    typer.echo(line)


def _register_periods(group: typer.Typer) -> None:
    def set_state(
        context: typer.Context, entity: str, month: datetime, state: str, given: tuple[str, str, str], as_json: bool
    ) -> None:
        book, person, reason = given
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change, first = tollbook.change(person, "close", reason), month.date().replace(day=1)
            if book:
                outcome = tollbook.further_books.set_period(book, entity, first, state, change)
            else:
                outcome = tollbook.ledger.set_period(entity, first, state, change)
        result = {"entity": entity, "month": f"{month:%Y-%m}", "state": state} | ({"book": book} if book else {})
        text = f"{entity} {result['month']} is {state}{f' in book {book}' if book else ''}"
        show_outcome(outcome, as_json, result, lambda: out.print(text))

    @group.command("close-period")
    def close_period(
        context: typer.Context,
        entity: Annotated[str, typer.Argument(help="Key of the legal entity.")],
        month: MonthArgument,
        book: BookOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Close an accounting period, or propose it: nothing can be posted into it any more.

        Of a further book all months up to it are closed; the leading book comes first.
        """
        set_state(context, entity, month, "closed", (book, person, reason), as_json)

    @group.command("open-period")
    def open_period(
        context: typer.Context,
        entity: Annotated[str, typer.Argument(help="Key of the legal entity.")],
        month: MonthArgument,
        book: BookOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Open a closed accounting period again, or propose it where that needs two persons; of a further book all later ones too."""
        set_state(context, entity, month, "open", (book, person, reason), as_json)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
