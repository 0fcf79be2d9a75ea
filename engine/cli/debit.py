"""``tollbook debit``: charge something by hand."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, exact, open_app
from engine.cli.credit import show_noted
from engine.cli.options import AccountArgument, AccountEntityOption, day_or_today


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("debit")
    def debit(
        context: typer.Context,
        account: AccountArgument,
        amount: Annotated[
            Decimal, typer.Argument(parser=exact, metavar="AMOUNT", help="Money before tax, above zero.")
        ],
        code: Annotated[str, typer.Option("--code", help="Reason code, which the rules of crediting look at.")],
        text: Annotated[str, typer.Option("--text", help="What is charged, as printed.")],
        tax_code: Annotated[str, typer.Option("--tax-code", help="Tax code of what is charged.")] = "standard",
        product: Annotated[str, typer.Option("--product", help="Product, for revenue and posting.")] = "",
        invoice: Annotated[str, typer.Option("--invoice", help="Number of an invoice that it corrects.")] = "",
        on: Annotated[
            datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Date of the document; default: today.")
        ] = None,
        key: Annotated[str, typer.Option("--key", help="The same key is the same document.")] = "",
        entity: AccountEntityOption = "",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, and change nothing.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Issue a debit note over something that no plan charges, or propose it where that needs two persons."""
        day = day_or_today(on)
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.accounts.memos.debit(
                account, amount, code, day, change, text=text, tax_code=tax_code, product=product, invoice=invoice,
                entity=entity, key=key, dry_run=dry_run,
            )  # fmt: skip
        show_noted(made, as_json)
