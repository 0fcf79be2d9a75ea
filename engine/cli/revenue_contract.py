"""``tollbook revenue contract``: what was promised for a price, what happened to it, and how it is accounted for."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.common import (
    JsonOption,
    PersonOption,
    ReasonOption,
    emit,
    exact,
    open_app,
    out,
    plain,
    show_findings,
)
from engine.cli.revenue_contract_tables import print_account, print_added, print_contract, print_contracts

KeyArgument = Annotated[str, typer.Argument(help="Key of the contract; `tollbook revenue contract list` shows it.")]
EntityOption = Annotated[
    str, typer.Option("--entity", help="The legal entity, where several have a contract of the key.")
]
OnOption = Annotated[datetime, typer.Option("--on", formats=["%Y-%m-%d"], help="The day that it belongs to.")]
KnownOption = Annotated[
    datetime | None,
    typer.Option("--known", formats=["%Y-%m-%d"], help="The day on which it became known; default: today."),
]
AsKnownOption = Annotated[
    datetime | None,
    typer.Option("--known", formats=["%Y-%m-%d"], help="As it was known at the end of this day; default: now."),
]
NameOption = Annotated[
    str,
    typer.Option(
        "--key", help="Identifies it in the contract: told twice it counts once. Default: kind, promise and day."
    ),
]
PromiseOption = Annotated[str, typer.Option("--promise", help="The promise that it is about; default: all.")]
ExpectedOption = Annotated[
    Decimal | None,
    typer.Option("--expected", parser=exact, metavar="NUMBER", help="All that is now expected, in the same measure."),
]
NoteOption = Annotated[str, typer.Option("--note", help="Anything to be kept with it.")]

PriceOption = Annotated[
    Decimal | None,
    typer.Option(
        "--price",
        parser=exact,
        metavar="AMOUNT",
        help="What it adds to the price; of a credit what it takes away.",
    ),
]
RestOption = Annotated[
    Decimal | None,
    typer.Option("--rest", parser=exact, metavar="AMOUNT", help="What the service still owed costs from now on."),
]
EndsOption = Annotated[
    datetime | None,
    typer.Option("--ends", formats=["%Y-%m-%d"], help="The day after the last day of service, or of a pause."),
]
AddedOption = Annotated[
    Decimal | None, typer.Option("--quantity", parser=exact, metavar="NUMBER", help="Units that are added.")
]
RefundOption = Annotated[
    Decimal | None,
    typer.Option(
        "--refund",
        parser=exact,
        metavar="AMOUNT",
        help="Of a termination: what the customer need not pay, or has back.",
    ),
]
PastOption = Annotated[
    Decimal | None,
    typer.Option("--past", parser=exact, metavar="AMOUNT", help="A credit for what was delivered before."),
]
AtSspOption = Annotated[bool, typer.Option("--at-ssp", help="What is added costs what it costs alone.")]
ExtendOption = Annotated[bool, typer.Option("--extend", help="Service ends as much later as the pause lasts.")]
VariableOption = Annotated[str, typer.Option("--variable", help="The variable amount that is estimated anew.")]
OutcomeOption = Annotated[
    list[str] | None,
    typer.Option("--outcome", metavar="AMOUNT=LIKELIHOOD", help="What it may come to; repeat for each."),
]
CertainOption = Annotated[
    Decimal | None,
    typer.Option(
        "--certain",
        parser=exact,
        metavar="AMOUNT",
        help="What of it is highly probable to stay; the worst outcome by default.",
    ),
]
AddsOption = Annotated[Path | None, typer.Option("--adds", help="A YAML list of promises that come with it.")]


class ChangeWord(StrEnum):
    """What changes a contract."""

    MODIFY = "modify"
    ESTIMATE = "estimate"
    CREDIT = "credit"
    PAUSE = "pause"
    TERMINATE = "terminate"


class EventWord(StrEnum):
    """What happens under a contract."""

    DELIVER = "deliver"
    ACCEPT = "accept"
    USE = "use"
    COST = "cost"
    SALE = "sale"
    EXPIRE = "expire"
    EXPECT = "expect"
    CRITERION = "criterion"
    RETURN = "return"
    RECEIVE = "receive"
    OUTLOOK = "outlook"


def register_in(group: typer.Typer) -> None:
    """Add the group to that of revenue."""
    mine = typer.Typer(
        help="Contracts with obligations: what was promised for a price, and how it is accounted for.",
        no_args_is_help=True,
    )
    group.add_typer(mine, name="contract")
    _register_add(mine)
    _register_change(mine)
    _register_event(mine)
    _register_looking(mine)
    _register_account(mine)


def _register_add(group: typer.Typer) -> None:
    @group.command("add")
    def add(
        context: typer.Context,
        paths: Annotated[list[Path], typer.Argument(help="YAML files, one a contract, or folders of such.")],
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Take in contracts, all or none. What is known changes nothing; events that a file adds are taken in."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "run", reason)
            added = tollbook.revenue_contracts.add(paths, change)
        show_findings(finding for one in added for finding in one.findings)
        emit([plain(one) for one in added], as_json, lambda: print_added(added))


def _register_change(group: typer.Typer) -> None:
    @group.command("change")
    def change(
        context: typer.Context,
        contract: KeyArgument,
        kind: Annotated[ChangeWord, typer.Argument(help="What changes it.")],
        on: OnOption,
        price: PriceOption = None,
        rest: RestOption = None,
        ends: EndsOption = None,
        quantity: AddedOption = None,
        refund: RefundOption = None,
        past: PastOption = None,
        at_ssp: AtSspOption = False,
        extend: ExtendOption = False,
        variable: VariableOption = "",
        outcome: OutcomeOption = None,
        certain: CertainOption = None,
        adds: AddsOption = None,
        promise: PromiseOption = "",
        expected: ExpectedOption = None,
        key: NameOption = "",
        known: KnownOption = None,
        note: NoteOption = "",
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Change a contract from a day on; how that is accounted for is said by the rules of revrec."""
        values: dict[str, Any] = {
            "price": price,
            "rest": rest,
            "ends": _day(ends),
            "quantity": quantity,
            "refund": refund,
            "past": past,
        }
        values |= {"at_ssp": at_ssp or None, "extend": extend or None, "variable": variable, "certain": certain}
        values |= {"outcomes": [_outcome(one) for one in outcome or ()], "promise": promise, "expected": expected}
        head = {"kind": kind.value, "on": on.date(), "key": key, "known": _day(known), "note": note}
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            if adds is not None:
                values["adds"] = tollbook.revenue_contracts.promises(adds)
            made = tollbook.change(person, "run", reason)
            _told(
                tollbook.revenue_contracts.tell(contract, _given(head | values), made, entity), contract, head, as_json
            )


def _register_event(group: typer.Typer) -> None:
    @group.command("event")
    def event(
        context: typer.Context,
        contract: KeyArgument,
        kind: Annotated[EventWord, typer.Argument(help="What happened.")],
        on: OnOption,
        quantity: Annotated[
            Decimal | None,
            typer.Option(
                "--quantity",
                parser=exact,
                metavar="NUMBER",
                help="Units, cost, sales, worth of what came; of an outlook what is still to be spent.",
            ),
        ] = None,
        material: Annotated[
            Decimal | None,
            typer.Option(
                "--material", parser=exact, metavar="AMOUNT", help="Part of a cost that is uninstalled material."
            ),
        ] = None,
        criterion: Annotated[str, typer.Option("--criterion", help="The criterion of a contract that is met.")] = "",
        not_met: Annotated[bool, typer.Option("--not-met", help="It is no longer met.")] = False,
        promise: PromiseOption = "",
        variable: Annotated[
            str, typer.Option("--variable", help="Of a return: the variable amount of which QUANTITY was given back.")
        ] = "",
        expected: ExpectedOption = None,
        key: NameOption = "",
        known: KnownOption = None,
        note: NoteOption = "",
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Tell what was delivered, accepted, used, spent, sold, has expired or came back, or which criterion is met."""
        if (kind is EventWord.CRITERION) != bool(criterion):
            raise typer.BadParameter("an event criterion names it with --criterion, and no other event does")
        values: dict[str, Any] = {
            "quantity": quantity,
            "material": material,
            "criterion": criterion,
            "met": False if not_met else None,
        }
        values |= {"promise": promise, "variable": variable, "expected": expected}
        head = {"kind": kind.value, "on": on.date(), "key": key, "known": _day(known), "note": note}
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            made = tollbook.change(person, "run", reason)
            _told(
                tollbook.revenue_contracts.tell(contract, _given(head | values), made, entity), contract, head, as_json
            )


def _register_looking(group: typer.Typer) -> None:
    @group.command("list")
    def listing(
        context: typer.Context,
        account: Annotated[str, typer.Option("--account", help="Only of this account.")] = "",
        entity: EntityOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """List contracts."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.revenue_contracts.listed(account, entity)
        emit([plain(one) for one in found], as_json, lambda: print_contracts(found))

    @group.command("show")
    def show(
        context: typer.Context,
        contract: KeyArgument,
        known: AsKnownOption = None,
        entity: EntityOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Show a contract as it was signed, what happened to it, what bills for it, and what was billed."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.revenue_contracts.shown(contract, entity, _day(known))
        emit(plain(found), as_json, lambda: print_contract(found))


def _register_account(group: typer.Typer) -> None:
    @group.command("account")
    def account(
        context: typer.Context,
        contract: KeyArgument,
        through: Annotated[
            datetime | None,
            typer.Option("--through", formats=["%Y-%m-%d"], help="At the end of this day; default: today."),
        ] = None,
        known: AsKnownOption = None,
        entity: EntityOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Show how a contract is accounted for: its price by obligation, what was earned, what remains, and its balances."""
        day = _day(through) or datetime.now(UTC).date()
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.revenue_contracts.account(contract, day, entity, _day(known))
        emit(plain(found), as_json, lambda: print_account(found))


def _day(value: datetime | None) -> date | None:
    return None if value is None else value.date()


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """What was said; the key is made of it where none was given."""
    named = {name: value for name, value in values.items() if value is not None and value not in ("", [])}
    what = values.get("promise") or values.get("criterion") or values.get("variable") or ""
    return {"key": "/".join(part for part in (values["kind"], what, str(values["on"])) if part), **named}


def _outcome(text: str) -> dict[str, Decimal]:
    amount, mark, likely = text.partition("=")
    if not mark:
        raise typer.BadParameter(f"{text!r} is no AMOUNT=LIKELIHOOD such as 100=0.6")
    return {"amount": exact(amount), "likely": exact(likely)}


def _told(new: bool, contract: str, head: dict[str, Any], as_json: bool) -> None:
    words = (
        f"{contract}: {head['kind']} of {head['on']} is kept"
        if new
        else f"{contract}: that was known; nothing is changed"
    )
    emit({"contract": contract, "new": new}, as_json, lambda: out.print(words, markup=False))
