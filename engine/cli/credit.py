"""``tollbook credit``: give back a part of an invoice by a credit note."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

from engine.cli.acting import show_outcome
from engine.cli.common import (
    JsonOption,
    PersonOption,
    ReasonOption,
    coins,
    emit,
    exact,
    open_app,
    out,
    plain,
    show_findings,
    table,
)
from engine.cli.options import day_or_today


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("credit")
    def credit(
        context: typer.Context,
        number: Annotated[str, typer.Argument(help="The number of the invoice.")],
        code: Annotated[str, typer.Option("--code", help="Reason code, which the rules of crediting look at.")],
        line: Annotated[int, typer.Option("--line", min=0, help="Of this line only, by its number.")] = 0,
        amount: Annotated[
            Decimal | None, typer.Option("--amount", parser=exact, metavar="AMOUNT", help="So much, before tax.")
        ] = None,
        percent: Annotated[
            Decimal | None,
            typer.Option("--percent", parser=exact, metavar="PERCENT", help="So much of what was billed."),
        ] = None,
        everything: Annotated[bool, typer.Option("--all", help="All that is left.")] = False,
        on: Annotated[
            datetime | None,
            typer.Option("--date", formats=["%Y-%m-%d"], help="Date of the credit note; default: today."),
        ] = None,
        key: Annotated[str, typer.Option("--key", help="The same key is the same credit note.")] = "",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, and change nothing.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Issue a credit note over a part of an invoice, or propose it where that needs two persons.

        It has the tax and the exchange rate of what it gives back, and names the invoice.  What was given back is not billed
        again, unless the rule of its code says so.
        """
        if sum((amount is not None, percent is not None, everything)) != 1:
            raise typer.BadParameter("say one of --amount, --percent and --all")
        day = day_or_today(on)
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.accounts.memos.credit(
                number, code, day, change, line=line, amount=amount, percent=percent, key=key, dry_run=dry_run
            )
        show_noted(made, as_json)


def show_noted(made: Any, as_json: bool) -> None:
    """Print a credit or debit note, or what was proposed."""
    show_findings(made.findings)
    said = {name: value for name, value in plain(made).items() if name not in ("outcome", "findings")}

    def render() -> None:
        again = " (it was made before; nothing changed)" if made.repeated else ""
        about = f" on {made.original}" if made.original else ""
        words = f"{made.kind.replace('_', ' ')} {made.number or '(no number yet)'}{about} to {made.account}{again}"
        out.print(words, markup=False)
        lines = [*made.lines, ("total", made.net, made.tax)]
        rows = [(text, coins(net, made.currency), coins(tax, made.currency)) for text, net, tax in lines]
        table("", ("line", "net", "tax"), rows, right=(1, 2))
        by = f" by {made.rule}" if made.rule else ""
        words = f"{coins(made.total, made.currency)} {made.currency} with tax, {made.state}{by}"
        kept = (
            f"; {coins(made.given_up, made.currency)} of it was given up before and is not paid back"
            if made.given_up
            else ""
        )
        out.print(words + kept + ("; it is billed anew" if made.rebill else ""), markup=False)

    if made.state == "proposed":
        if not as_json:
            render()
        show_outcome(made.outcome, as_json, said, render)
    else:
        emit(said, as_json, render)
