"""``tollbook ledger``: further books, which are the leading book and adjustments of their own."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.acting import show_outcome
from engine.cli.common import (
    JsonOption,
    PersonOption,
    ReasonOption,
    coins,
    emit,
    err,
    exact,
    open_app,
    out,
    table,
)

if TYPE_CHECKING:
    from engine.app import App, BookAdjusted, BookCompared

BookArgument = Annotated[str, typer.Argument(help="Name of the further book.")]
BookOption = Annotated[str, typer.Option("--book", help="A further book, in place of the leading one.")]


def register_books(group: typer.Typer) -> None:
    """Add the verbs to those of the ledger."""
    _register_adjust(group)
    _register_post(group)


def _register_adjust(group: typer.Typer) -> None:
    @group.command("adjust-book")
    def adjust_book(
        context: typer.Context,
        book: BookArgument,
        through: Annotated[
            datetime, typer.Option("--through", formats=["%Y-%m-%d"], help="For postings up to and with this day.")
        ],
        entity: Annotated[str | None, typer.Option("--entity", help="One legal entity only.")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would book; write nothing.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Adjust a further book for what was posted, by the rules of books; the same again books nothing."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "run", reason)
            told = tollbook.further_books.adjust(book, through.date(), change, entity=entity, dry_run=dry_run)
        emit(told, as_json, lambda: _show_adjusted(told))


def _show_adjusted(told: list[BookAdjusted]) -> None:
    for one in told:
        sums: dict[tuple[str, str, str], list[Decimal]] = {}
        for each in one.entries:
            later = each.entry.posting_date > one.through
            for p in each.entry.postings:
                at = sums.setdefault((p.account, p.currency, p.functional_currency), [Decimal(0)] * 3)
                at[1 if later else 0] += p.amount
                at[2] += Decimal(0) if later else p.functional_amount
        rows = [
            (account, currency, coins(now, currency), coins(later, currency), coins(functional, own), own)
            for (account, currency, own), (now, later, functional) in sorted(sums.items())
            if now or later or functional
        ]
        title = f"adjustments of {one.book} of {one.entity} through {one.through}"
        if rows:
            columns = ("account", "currency", "amount", "later", "functional", "")
            table(title, columns, rows, right=(2, 3, 4))
        count = f"{len(one.entries)} entr{'y' if len(one.entries) == 1 else 'ies'}"
        if one.dry:
            err.print(f"{one.entity}: {count} to book; dry run: nothing is written")
        else:
            err.print(
                f"run {one.run_id}: {one.entity}: {count}" if one.entries else f"{one.entity}: nothing is left to book"
            )


def _register_post(group: typer.Typer) -> None:
    @group.command("post")
    def post(
        context: typer.Context,
        book: BookArgument,
        entity: Annotated[str, typer.Argument(help="Key of the legal entity.")],
        key: Annotated[str, typer.Option("--key", help="Key of the entry, by which it is booked once only.")],
        on: Annotated[datetime, typer.Option("--on", formats=["%Y-%m-%d"], help="Posting date.")],
        text: Annotated[str, typer.Option("--text", help="What it is about.")],
        side: Annotated[
            list[str],
            typer.Option(
                "--side", help="ACCOUNT=AMOUNT in the currency of the entity's books; debits are positive. Repeat it."
            ),
        ],
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Post an entry by hand in a further book, or propose it where that needs two persons."""
        sides = [_side(one) for one in side]
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "adjust", reason)
            outcome = tollbook.further_books.post(book, entity, key, on.date(), text, sides, change)
        result = {"book": book, "entity": entity, "key": key, "on": f"{on:%Y-%m-%d}"}
        show_outcome(outcome, as_json, result, lambda: out.print(f"{key} is posted in book {book} of {entity}"))


def _side(text: str) -> tuple[str, Decimal]:
    account, sign, amount = text.partition("=")
    if not sign or not account:
        raise typer.BadParameter(f"{text!r} is no side: write ACCOUNT=AMOUNT, such as 6950=100.00")
    return account, exact(amount)


def show_compared(tollbook: App, book: str, entity: str | None, to: date | None, as_json: bool) -> None:
    """The trial balance of a further book: the leading one, adjustments, and what they come to."""
    told, marks = tollbook.further_books.trial_balance(book, entity, to), tollbook.further_books.marks(book, entity)

    def render() -> None:
        columns = ("account", "name", "currency", "leading", "adjustments", "book", "functional", "")
        for key, compared in told.items():
            mark = marks[key]
            day = to or mark.adjusted
            rows = [_row(one) for one in compared]
            table(f"book {book} of {key}{f' on {day}' if day else ''}", columns, rows, right=(3, 4, 5, 6))
            for own, ones in groupby(compared, lambda one: one.functional_currency):
                total = sum((one.functional_amount for one in ones), Decimal(0))
                out.print(f"sum in functional currency: {coins(total, own)}\n")
            if mark.adjusted is None or (day is not None and mark.adjusted < day):
                err.print(
                    f"{key}: the book is adjusted through {mark.adjusted or 'no day'}; see `tollbook ledger adjust-book`"
                )

    emit(told, as_json, render)


def _row(one: BookCompared) -> tuple[str, ...]:
    amounts = (coins(amount, one.currency) for amount in (one.leading, one.adjustments, one.amount))
    own = one.functional_currency
    return (one.account, one.name, one.currency, *amounts, coins(one.functional_amount, own), own)
