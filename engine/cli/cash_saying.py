"""Verbs of ``tollbook cash`` by which somebody says what a bank entry is, or takes back what was done with it."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.cash_tables import show_one, show_used
from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, plain, table
from engine.cli.options import EntityOption, EntryArgument, OnOption, day_of


def register(group: typer.Typer) -> None:
    """Add the verbs."""
    _register_saying(group)
    _register_back(group)


def _register_saying(group: typer.Typer) -> None:
    @group.command("clear")
    def clear(
        context: typer.Context,
        entry: EntryArgument,
        payment: Annotated[str, typer.Option("--payment", help="Key of the payment, refund or chargeback by hand.")],
        on: OnOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Clear a bank entry against money that was booked by hand before: it is the same."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.cash.clear(entry, payment, change, on=day_of(on))
        show_used(made, as_json)

    @group.command("returned")
    def returned(
        context: typer.Context,
        entry: EntryArgument,
        of: Annotated[int, typer.Option("--of", metavar="ENTRY", help="The bank entry that it takes back.")],
        invoices: Annotated[
            list[str] | None, typer.Option("--invoice", help="What is open again first, where it is a part only.")
        ] = None,
        on: OnOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Say which bank entry another one takes back, whole or in part; what that has paid is open again."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.cash.returned(entry, of, change, invoices=invoices or (), on=day_of(on))
        show_used(made, as_json)


def _register_back(group: typer.Typer) -> None:
    @group.command("unapply")
    def unapply(
        context: typer.Context,
        entry: EntryArgument,
        on: OnOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Take back all that a bank entry was used for: what it has paid, with what was given up, cleared, or transferred by --gl."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.cash.unapply(entry, change, on=day_of(on))

        def render() -> None:
            for one in made:
                show_one(one)

        emit([plain(one) for one in made], as_json, render)

    @group.command("undo")
    def undo(
        context: typer.Context,
        key: Annotated[str, typer.Argument(help="Key of the write-off, as `account show` lists it.")],
        entity: EntityOption,
        on: OnOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Take back a write-off, such as when a bad debt is paid after all: the document is open again, with its tax."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            legs = tollbook.cash.undo(key, entity, change, on=day_of(on))
        rows = [(number, f"{amount:f}", f"{left:f}") for number, amount, left in legs]
        shown = [dict(zip(("number", "amount", "left"), row, strict=True)) for row in rows]
        emit(shown, as_json, lambda: table("", ("document", "change", "left"), rows, right=(1, 2)))
