"""``tollbook contract``: a contract as it stands, and amendments of it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, table

if TYPE_CHECKING:
    from engine.app import ShownContract

FIELDS = ("payment_days", "purchase_order")

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="The contract.")]
EntityOption = Annotated[str, typer.Option("--entity", help="The legal entity, where several have that contract.")]
DAY = ["%Y-%m-%d"]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Look at a contract, and amend it.", no_args_is_help=True)
    app.add_typer(group, name="contract")

    @group.command("show")
    def show(context: typer.Context, key: KeyArgument, entity: EntityOption = "", as_json: JsonOption = False) -> None:
        """Show a contract: its version, terms, agreed prices, and who has agreed what when."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.subscriptions.contract(key, entity)
        emit(found, as_json, lambda: shown(found))

    @group.command("amend")
    def amend(
        context: typer.Context,
        key: KeyArgument,
        given: Annotated[
            list[str] | None, typer.Option("--set", help=f"Other terms: {', '.join(FIELDS)}, as payment_days=14.")
        ] = None,
        price: Annotated[
            str, typer.Option("--price", metavar="PLAN/CHARGE=AMOUNT", help="A price of one unit, as team/seats=8.50.")
        ] = "",
        currency: Annotated[str, typer.Option("--currency", help="The currency of the price.")] = "",
        since: Annotated[
            datetime | None, typer.Option("--from", formats=DAY, help="First day of the price; always where absent.")
        ] = None,
        until: Annotated[
            datetime | None, typer.Option("--until", formats=DAY, help="Day after its last day; none where absent.")
        ] = None,
        if_version: Annotated[
            int | None, typer.Option("--if-version", min=0, help="Only if the contract is at this version.")
        ] = None,
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Amend a contract: other terms, or another agreed price.  The same amendment twice is one."""
        from engine.app import ContractAmendment

        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "import", reason)
            days = (since.date() if since else date.min, until.date() if until else date.max)
            values = {**_terms(given or []), "price": _price(price, currency, *days)}
            made = tollbook.subscriptions.amend_contract(
                ContractAmendment(key, entity, if_version=if_version, **values), change
            )
        before = " has it already" if made.repeated else " is amended"
        emit(made, as_json, lambda: out.print(f"contract {made.contract}{before}; version {made.version}"))


def _terms(given: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in FIELDS or not value:
            raise typer.BadParameter(f"--set {text!r}: write one of {', '.join(FIELDS)}, as payment_days=14")
        if name == "payment_days" and not (value.isdigit() and int(value) <= 730):
            raise typer.BadParameter(f"payment_days {value!r} is no number of days up to 730")
        values[name] = int(value) if name == "payment_days" else value
    return values


def _price(text: str, currency: str, since: date, until: date) -> Any:
    from engine.app import Price

    if not text:
        return None
    named, _, number = text.partition("=")
    plan, _, charge = named.partition("/")
    try:
        amount = Decimal(number)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (plan and charge and currency and amount.is_finite()):
        raise typer.BadParameter("write --price PLAN/CHARGE=AMOUNT, as team/seats=8.50, and its --currency")
    return Price(plan, charge, amount, currency, since, until)


def shown(found: ShownContract) -> None:
    """A contract for people."""
    order = f", purchase order {found.purchase_order}" if found.purchase_order else ""
    out.print(
        f"contract {found.key} of account {found.account}, signed on {found.signed_on}, {found.payment_days} days to "
        f"pay{order}; version {found.version}"
    )
    prices = [
        (
            f"{line.plan}/{line.charge}",
            f"{line.unit_price.normalize():f}",
            line.currency,
            "" if line.valid_from == date.min else line.valid_from,
            "" if line.valid_to == date.max else line.valid_to,
        )
        for line in found.lines
    ]
    table("agreed prices", ("charge", "price", "", "from", "until"), prices, right=(1,))
    first = found.version - len(found.history) + 1
    history = [
        (number, one.what, one.who, f"{one.at:%Y-%m-%d %H:%M}", one.reason)
        for number, one in enumerate(found.history, first)
    ]
    table("versions", ("version", "agreed", "by", "at", "reason"), history, right=(0,))
