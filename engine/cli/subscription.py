"""``tollbook subscription``: a subscription as it stands, and amendments of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, table
from engine.cli.options import day_or_today

if TYPE_CHECKING:
    from engine.app import Amended, Shown

KINDS = ("change", "pause", "resume", "cancel", "uncancel", "anchor", "payer")
FIELDS = ("plan", "quantity", "anchor_day", "payer")

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="The subscription.")]
EntityOption = Annotated[str, typer.Option("--entity", help="The legal entity, where several have that subscription.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Look at a subscription, and amend it.", no_args_is_help=True)
    app.add_typer(group, name="subscription")

    @group.command("show")
    def show(
        context: typer.Context,
        key: KeyArgument,
        entity: EntityOption = "",
        on: Annotated[
            datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="As of this day; today where absent.")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show a subscription: its version, events, contract, terms, attributes, and what was billed last."""
        day = day_or_today(on)
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.subscriptions.show(key, day, entity)
        emit(found, as_json, lambda: shown(found))

    @group.command("amend")
    def amend(
        context: typer.Context,
        key: KeyArgument,
        on: Annotated[datetime, typer.Option("--on", formats=["%Y-%m-%d"], help="The first day of its effect.")],
        kind: Annotated[str, typer.Option("--kind", help=f"What happens: {', '.join(KINDS)}.")] = "change",
        given: Annotated[
            list[str] | None, typer.Option("--set", help=f"What changes: {', '.join(FIELDS)}, as plan=KEY.")
        ] = None,
        if_version: Annotated[
            int | None, typer.Option("--if-version", min=0, help="Only if the subscription is at this version.")
        ] = None,
        name: Annotated[str, typer.Option("--key", help="Key of the event; made of what happens where absent.")] = "",
        entity: EntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Amend a subscription by a dated event; the next bill run bills what `tollbook preview` shows of it.

        The same amendment twice is one.
        """
        from engine.app import Amendment

        if kind not in KINDS:
            raise typer.BadParameter(f"{kind!r} is not one of {', '.join(KINDS)}")
        fields = _values(given or [])
        if set(fields) - {"payer"} if kind == "payer" else "payer" in fields:
            raise typer.BadParameter(
                "--kind payer has --set payer=KEY and nothing else, or nothing where the payer of the account pays again"
            )
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "import", reason)
            values = {**fields, "entity": entity, "key": name, "if_version": if_version}
            wanted = Amendment(key, kind, on.date(), **values)  # type: ignore[arg-type]
            made = tollbook.subscriptions.amend(wanted, change)
        emit(made, as_json, lambda: amended(made))


def _values(given: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in FIELDS or not value:
            raise typer.BadParameter(f"--set {text!r}: write one of {', '.join(FIELDS)}, as plan=KEY")
        values[name] = value if name in ("plan", "payer") else _number(name, value)
    return values


def _number(name: str, value: str) -> Decimal | int:
    try:
        return int(value) if name == "anchor_day" else Decimal(value)
    except (ValueError, InvalidOperation):
        raise typer.BadParameter(f"{name} {value!r} is not a number") from None


def amended(made: Amended) -> None:
    """An amendment for people."""
    if made.repeated:
        out.print(f"subscription {made.subscription} has it already; version {made.version}")
        return
    event = made.event
    out.print(f"subscription {made.subscription}: {event.kind} on {event.on} as {event.key}; version {made.version}")
    if made.note:
        out.print(made.note)


def shown(found: Shown) -> None:
    """A subscription for people."""
    state = f"plan {found.plan}, quantity {found.quantity}" if found.plan else "not in service"
    payer = "" if found.payer == found.account else f", paid by {found.payer}"
    out.print(
        f"subscription {found.key} of account {found.account}{payer}, on {found.on}: {state}; version {found.version}"
    )
    rows = [
        (
            number,
            one.event.on,
            one.event.kind,
            one.event.plan or one.event.payer or "",
            "" if one.event.quantity is None else f"{one.event.quantity.normalize():f}",
            one.event.key,
            one.made.who,
            f"{one.made.at:%Y-%m-%d %H:%M}" if one.made.at else "",
        )
        for number, one in enumerate(found.events, 1)
    ]
    table("events", ("version", "on", "kind", "plan or payer", "quantity", "key", "by", "at"), rows, right=(0, 4))
    if found.contract:
        prices = [
            (
                f"{line.plan}/{line.charge}",
                f"{line.unit_price.normalize():f}",
                line.currency,
                line.valid_from,
                line.valid_to,
            )
            for line in found.contract.lines
        ]
        table(f"contract {found.contract.key}", ("charge", "price", "", "from", "to"), prices, right=(1,))
    if found.terms:
        terms = [
            (t.starts, t.ends, "yes" if t.renews else "no", t.notice_by, t.made_by or "agreed") for t in found.terms
        ]
        table("terms", ("starts", "ends", "renews", "notice by", "made by"), terms)
    if found.attributes:
        table("attributes", ("attribute", "value"), [(k, "" if v is None else v) for k, v in found.attributes.items()])
    if found.lines:
        lines = [
            (
                f"{b['invoice']}#{b['line']}",
                b["text"],
                f"{b['service_from']}..{b['service_to']}",
                b["amount"],
                b["currency"],
            )
            for b in found.lines
        ]
        table("billed last", ("line", "text", "service", "amount", ""), lines, right=(3,))
