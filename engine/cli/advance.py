"""``tollbook advance``: invoice money that came before its supply."""

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

    @app.command("advance")
    def advance(
        context: typer.Context,
        account: AccountArgument,
        amount: Annotated[
            Decimal, typer.Argument(parser=exact, metavar="AMOUNT", help="What came, tax and all, above zero.")
        ],
        text: Annotated[str, typer.Option("--text", help="What it is for, as printed.")],
        received: Annotated[
            datetime | None,
            typer.Option(
                "--received", formats=["%Y-%m-%d"], help="Day of the money, its tax point; default: the date."
            ),
        ] = None,
        contract: Annotated[str, typer.Option("--contract", help="Only invoices of this contract take it off.")] = "",
        tax_code: Annotated[str, typer.Option("--tax-code", help="Tax code of what will be supplied.")] = "standard",
        product: Annotated[str, typer.Option("--product", help="Product, for posting.")] = "",
        on: Annotated[
            datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Date of the invoice; default: today.")
        ] = None,
        key: Annotated[str, typer.Option("--key", help="The same key is the same document.")] = "",
        entity: AccountEntityOption = "",
        expires: Annotated[
            datetime | None,
            typer.Option(
                "--voucher-until",
                formats=["%Y-%m-%d"],
                help="Sell a single-purpose voucher, worth nothing from that day on.",
            ),
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, and change nothing.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Invoice an advance over money that an account has with us, or a voucher; later invoices take it off with its tax."""
        day = day_or_today(on)
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.advances.invoice(
                account, amount, day, change, text=text, received=received.date() if received else None,
                contract=contract, tax_code=tax_code, product=product, entity=entity, key=key, dry_run=dry_run,
                expires=expires.date() if expires else None,
            )  # fmt: skip
        show_noted(made, as_json)
