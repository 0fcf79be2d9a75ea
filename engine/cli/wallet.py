"""``tollbook wallet``: what customers have prepaid, and what is done to it outside of bill runs."""

from __future__ import annotations

from datetime import UTC, date, datetime
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
    show_findings,
    table,
)
from engine.cli.run import show as show_run

WalletArgument = Annotated[str, typer.Argument(help="Key of the wallet.")]
EntityOption = Annotated[str, typer.Option("--entity", help="The legal entity, where several have such a wallet.")]
OnOption = Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="The day; default: today.")]


AmountArgument = Annotated[
    Decimal, typer.Argument(parser=exact, metavar="AMOUNT", help="Money in the wallet's currency.")
]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Look into wallets; grant, draw and void prepaid credit.", no_args_is_help=True)
    app.add_typer(group, name="wallet")
    _register_looking(group)
    _register_grant(group)
    _register_taking(group)
    _register_expiry(group)


def _register_looking(group: typer.Typer) -> None:
    @group.command("list")
    def listing(
        context: typer.Context,
        account: Annotated[str, typer.Option("--account", help="Those of this account only.")] = "",
        entity: EntityOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """List wallets with what is in them."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            views = tollbook.wallets.listed(_today(), entity, account)
        columns = ("entity", "wallet", "account", "balance", "available", "floor", "", "units", "")
        rows = [
            (
                v.entity,
                v.wallet,
                v.account,
                *(coins(amount, v.currency) for amount in (v.balance, v.available, v.floor)),
                v.currency,
                _plain(v.units, v.unit),
                v.unit,
            )
            for v in views
        ]
        emit(views, as_json, lambda: table("", columns, rows, right=(3, 4, 5, 7)))

    @group.command("show")
    def show(
        context: typer.Context,
        wallet: WalletArgument,
        entity: EntityOption = "",
        after: Annotated[int, typer.Option("--after", min=0, help="List movements after this number.")] = 0,
        limit: Annotated[int, typer.Option("--limit", min=0, help="List at most this many movements.")] = 100,
        as_json: JsonOption = False,
    ) -> None:
        """Show a wallet, its lots and its movements."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            view = tollbook.wallets.shown(wallet, _today(), entity, after, limit)

        def render() -> None:
            out.print(f"wallet {view.wallet} of {view.account} ({view.entity})", markup=False)
            held, above, floor = (coins(one, view.currency) for one in (view.balance, view.available, view.floor))
            out.print(f"{held} {view.currency} in it, {above} above the floor of {floor}", markup=False)
            names = ("key", "kind", "granted_on", "expires_on", "amount", "cost", "left")
            lots = [_row(lot, names, view.currency) for lot in view.lots]
            table("lots", ("lot", "kind", "from", "expires", "amount", "cost", "left"), lots, right=(4, 5, 6))
            names = ("number", "day", "kind", "lot", "amount", "balance", "key")
            table("movements", names, [_row(one, names, view.currency) for one in view.movements], right=(0, 4, 5))

        emit(view, as_json, render)


def _register_grant(group: typer.Typer) -> None:
    @group.command("grant")
    def grant(
        context: typer.Context,
        wallet: WalletArgument,
        amount: AmountArgument,
        key: Annotated[str, typer.Option("--key", help="Key of the lot; the same key is the same grant.")],
        units: Annotated[bool, typer.Option("--units", help="The amount is in the unit of the wallet.")] = False,
        promotional: Annotated[bool, typer.Option("--promotional", help="Nothing was paid for it.")] = False,
        voucher: Annotated[bool, typer.Option("--voucher", help="It is a multi-purpose voucher.")] = False,
        cost: Annotated[
            Decimal | None, typer.Option("--cost", parser=exact, metavar="AMOUNT", help="What was paid for it.")
        ] = None,
        expires: Annotated[
            datetime | None, typer.Option("--expires", formats=["%Y-%m-%d"], help="First day it is worth nothing.")
        ] = None,
        priority: Annotated[int, typer.Option("--priority", min=0, max=1000, help="The lowest is used first.")] = 1,
        on: OnOption = None,
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Grant credit, or propose it where that needs two persons."""
        from engine.app import Asked, Moved

        if promotional and voucher:
            raise typer.BadParameter("--promotional and --voucher contradict each other: a voucher was paid for")
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            kind = "promotional" if promotional else "voucher" if voucher else "paid"
            money, counted = (None, amount) if units else (amount, None)
            asked = Asked(key, money, counted, kind, cost, _day(on), _day(expires), priority)
            made = tollbook.wallets.grant(wallet, asked, change, entity)
        if isinstance(made, Moved):
            _show_moved(made, as_json)
        else:
            show_outcome(made, as_json, {"wallet": wallet, "key": key}, lambda: out.print("granted"))


def _register_taking(group: typer.Typer) -> None:
    @group.command("draw")
    def draw(
        context: typer.Context,
        wallet: WalletArgument,
        amount: AmountArgument,
        key: Annotated[str, typer.Option("--key", help="Key of the draw; the same key is the same draw.")],
        on: OnOption = None,
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Draw an amount without an invoice, all of it or nothing."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.wallets.draw(wallet, key, amount, change, entity, _day(on))
        _show_moved(made, as_json)

    @group.command("void")
    def void(
        context: typer.Context,
        wallet: WalletArgument,
        lot: Annotated[str, typer.Argument(help="Key of the lot.")],
        on: OnOption = None,
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Take back what is left of a lot that should not have been granted."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.wallets.void(wallet, lot, change, entity, _day(on))
        _show_moved(made, as_json)


def _register_expiry(group: typer.Typer) -> None:
    @group.command("expire")
    def expire(
        context: typer.Context,
        on: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The day; entries are dated it.")],
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Take out of all wallets what has expired by a day.  The same again changes nothing."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            report = tollbook.wallets.expire(on.date(), tollbook.change(person, "run", reason))
        show_findings(report.findings)
        emit(report, as_json, lambda: show_run(report))


def _show_moved(made: Any, as_json: bool) -> None:
    show_findings(made.findings)
    before = " (it was done before; nothing changed)" if made.known else ""
    amount, held = coins(made.amount, made.currency), coins(made.balance, made.currency)
    words = f"{made.kind} {made.key}: {amount} {made.currency}{before}; {held} in wallet {made.wallet}"
    emit(made, as_json, lambda: out.print(words, markup=False))


def _row(values: dict[str, Any], names: tuple[str, ...], currency: str) -> list[Any]:
    shown = {name: coins(one, currency) for name, one in values.items() if isinstance(one, Decimal)}
    return ["" if values[name] == date.max else shown.get(name, values[name]) for name in names]


def _plain(units: Decimal, unit: str) -> str:
    return f"{units.normalize():f}" if unit else ""


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _today() -> date:
    return datetime.now(UTC).date()
