"""``tollbook account``: what customers owe and have with us, and what is done to that by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import typer

from engine.cli.acting import show_outcome
from engine.cli.common import JsonOption, PersonOption, ReasonOption, coins, emit, exact, open_app, out, table
from engine.cli.options import AccountArgument, AccountEntityOption, OnOption, day_of

AmountArgument = Annotated[Decimal, typer.Argument(parser=exact, metavar="AMOUNT", help="Money, above zero.")]
KeyOption = Annotated[str, typer.Option("--key", help="Reference of it; the same key is the same act.")]
CurrencyOption = Annotated[str, typer.Option("--currency", help="Default: that of the invoices, else of the account.")]
PaymentOption = Annotated[str, typer.Option("--payment", help="Key of the payment.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="What accounts owe and have; payments, refunds and credit by hand.", no_args_is_help=True)
    app.add_typer(group, name="account")
    _register_show(group)
    _register_pay(group)
    _register_back(group)
    _register_credit(group)
    _register_open(group)


def _register_show(group: typer.Typer) -> None:
    @group.command("show")
    def show(
        context: typer.Context, account: AccountArgument, entity: AccountEntityOption = "", as_json: JsonOption = False
    ) -> None:
        """Show what an account owes, item by item, what it has with us, and what has settled items."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            view = tollbook.accounts.shown(account, entity)

        def render() -> None:
            out.print(f"account {view.account} ({view.entity}), {view.name}", markup=False)
            names = ("owed", "given", "credit", "balance", "carried")
            rows = [(b.currency, *(coins(getattr(b, name), b.currency) for name in names)) for b in view.balances]
            columns = ("currency", "owed", "credit notes", "credit", "balance", "owed by others")
            table("balance", columns, rows, right=(1, 2, 3, 4, 5))
            items = [
                (i.number, i.kind, _told(i.on), _told(i.due), coins(i.amount, i.currency), coins(i.left, i.currency))
                for i in view.items
            ]
            table("open items", ("number", "kind", "date", "due", "amount", "left"), items, right=(4, 5))
            shown = ("day", "kind", "key", "item", "amount", "currency", "note")
            done = [
                [row[n] if n != "amount" else coins(row[n], row["currency"]) for n in shown] for row in view.settlements
            ]
            table("settlements", ("day", "kind", "key", "item", "amount", "", "note"), done, right=(4,))

        emit(view, as_json, render)


def _register_pay(group: typer.Typer) -> None:
    @group.command("pay")
    def pay(
        context: typer.Context,
        account: AccountArgument,
        amount: AmountArgument,
        key: KeyOption,
        invoices: Annotated[
            list[str] | None, typer.Option("--invoice", help="What it is for; else the rules of allocation say.")
        ] = None,
        currency: CurrencyOption = "",
        other_money: Annotated[
            bool, typer.Option("--other-money", help="It is not what a bank entry of that amount has brought.")
        ] = False,
        on: OnOption = None,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Record money that came: it pays invoices, and the rest is credit of the account."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.accounts.pay(
                account,
                key,
                amount,
                change,
                on=day_of(on),
                invoices=invoices or (),
                currency=currency,
                entity=entity,
                note=reason,
                other_money=other_money,
            )
        show_settled(made, as_json)


def _register_back(group: typer.Typer) -> None:
    @group.command("refund")
    def refund(
        context: typer.Context,
        account: AccountArgument,
        amount: AmountArgument,
        key: KeyOption,
        payment: PaymentOption = "",
        currency: CurrencyOption = "",
        on: OnOption = None,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Pay money back: of a payment, what it has paid is open again; without one, of the credit of the account."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.accounts.refund(
                account,
                key,
                amount,
                change,
                on=day_of(on),
                payment=payment,
                currency=currency,
                entity=entity,
                note=reason,
            )
        show_settled(made, as_json)

    @group.command("chargeback")
    def chargeback(
        context: typer.Context,
        account: AccountArgument,
        amount: AmountArgument,
        key: KeyOption,
        payment: PaymentOption,
        won: Annotated[bool, typer.Option("--won", help="The bank has brought it again.")] = False,
        on: OnOption = None,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Record that the payer's bank took back a payment; with --won, that it has brought it again."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.accounts.charged_back(
                account, key, amount, change, on=day_of(on), payment=payment, won=won, entity=entity, note=reason
            )
        show_settled(made, as_json)


def _register_credit(group: typer.Typer) -> None:
    @group.command("grant")
    def grant(
        context: typer.Context,
        account: AccountArgument,
        amount: AmountArgument,
        key: KeyOption,
        currency: CurrencyOption = "",
        on: OnOption = None,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Give an account credit that nobody has paid, or propose it; its next invoices use it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.accounts.grant(
                account, key, amount, change, on=day_of(on), currency=currency, entity=entity, note=reason
            )
        show_settled(made, as_json)

    @group.command("transfer")
    def transfer(
        context: typer.Context,
        account: AccountArgument,
        other: Annotated[str, typer.Argument(help="Key of the account that gets it.")],
        amount: AmountArgument,
        key: KeyOption,
        currency: CurrencyOption = "",
        on: OnOption = None,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Hand credit of an account to another one."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.accounts.hand_over(
                account, other, key, amount, change, on=day_of(on), currency=currency, entity=entity, note=reason
            )
        show_settled(made, as_json)


def _register_open(group: typer.Typer) -> None:
    @group.command("apply")
    def apply(
        context: typer.Context,
        account: AccountArgument,
        key: KeyOption,
        currency: CurrencyOption = "",
        on: OnOption = None,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Bring open credit notes, money that came over and credit to open invoices, as the rules of allocation say."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.accounts.apply(account, key, change, currency=currency, entity=entity, on=day_of(on))
        show_settled(made, as_json)

    @group.command("write-off")
    def write_off(
        context: typer.Context,
        account: AccountArgument,
        invoice: Annotated[str, typer.Argument(help="Number of the invoice.")],
        key: KeyOption,
        amount: Annotated[
            Decimal | None, typer.Option("--amount", parser=exact, metavar="AMOUNT", help="Default: all that is open.")
        ] = None,
        on: OnOption = None,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Give up what an invoice has open, or propose it; the invoice and its tax stay as they are."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.accounts.write_off(
                account, key, invoice, change, on=day_of(on), amount=amount, entity=entity, note=reason
            )
        show_settled(made, as_json)


def show_settled(made: Any, as_json: bool) -> None:
    """Print what was settled, or what was proposed."""
    from engine.app import Outcome

    if isinstance(made, Outcome):
        show_outcome(made, as_json, {"subject": made.subject}, lambda: out.print(f"done: {made.text}", markup=False))
        return

    def render() -> None:
        again = " (it was done before; nothing changed)" if made.known else ""
        out.print(f"{made.kind.replace('_', ' ')} {made.key} of {made.account}{again}", markup=False)
        table(
            "",
            ("item", "change", "left"),
            [(item, *(coins(one, made.currency) for one in sums)) for item, *sums in made.legs],
            right=(1, 2),
        )
        out.print(f"credit of the account: {coins(made.credit, made.currency)} {made.currency}", markup=False)

    emit(made, as_json, render)


def _told(day: date) -> Any:
    return "" if day == date.min else day
