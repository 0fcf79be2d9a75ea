"""``tollbook preview``: what a change of a subscription would be billed as."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import JsonOption, emit, open_app, out, show_findings, table

if TYPE_CHECKING:
    from engine.app import ChangePreview

KINDS = ("change", "pause", "resume", "cancel", "payer")
FIELDS = ("plan", "quantity", "payer")


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("preview")
    def preview(
        context: typer.Context,
        account: Annotated[str, typer.Argument(help="The account.")],
        on: Annotated[
            datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day of the change.")
        ] = None,
        at: Annotated[
            str, typer.Option("--at", help="Its instant, such as 2026-04-16T09:00:00+02:00, instead of its day.")
        ] = "",
        given: Annotated[
            list[str] | None,
            typer.Option("--set", help="What changes: plan=KEY, quantity=NUMBER or payer=KEY; may be repeated."),
        ] = None,
        kind: Annotated[str, typer.Option("--kind", help=f"What happens: {', '.join(KINDS)}.")] = "change",
        subscription: Annotated[
            str, typer.Option("--subscription", help="The subscription, where the account has several.")
        ] = "",
        as_json: JsonOption = False,
    ) -> None:
        """Show what a change of a subscription would give back and charge, and what the next cycle would cost.

        Amounts are before tax.  Last comes the whole next bill with the change: with tax, what wallets pay, what becomes of
        usage that came late.  Nothing is written but the daily sums of usage.
        """
        values = _values(given or [])
        if kind not in KINDS:
            raise typer.BadParameter(f"{kind!r} is not one of {', '.join(KINDS)}")
        if set(values) - {"payer"} if kind == "payer" else "payer" in values:
            raise typer.BadParameter("payer=KEY goes with --kind payer, and nothing else does")
        if bool(on) == bool(at):
            raise typer.BadParameter("give either --on or --at")
        instant = _instant(at) if at else None
        day = instant.date() if instant else on.date() if on else date.min
        change = {"kind": kind, "on": day, "at": instant, **values}
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.preview_change(account, change, subscription)
        emit(found, as_json, lambda: show(found))


def _values(given: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in FIELDS or not value:
            raise typer.BadParameter(f"--set {text!r}: write plan=KEY, quantity=NUMBER or payer=KEY")
        values[name] = value
    if "quantity" in values:
        try:
            values["quantity"] = Decimal(values["quantity"])
        except InvalidOperation:
            raise typer.BadParameter(f"quantity {values['quantity']!r} is not a number") from None
    return values


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--at {text!r} is not an instant, such as 2026-04-16T09:00:00+02:00") from None
    if instant.tzinfo is None:
        raise typer.BadParameter(f"--at {text!r} has no offset; add Z, or one such as +02:00")
    return instant.astimezone(UTC)


def show(found: ChangePreview) -> None:
    """A preview for people."""
    out.print(
        f"subscription {found.subscription} of account {found.account}, change on {found.on}, {found.currency} before tax"
    )
    out.print(f"version {found.version}; amend it with --if-version {found.version} to be sure that nobody else has")
    if found.anyway:
        _lines("billed on that day anyway", found.anyway)
    _lines("the change", found.now)
    out.print(
        f"net of the change: {found.net:,} {found.currency}" + ("" if found.now else " (nothing is billed for it)")
    )
    if found.later_on is not None:
        _lines(f"next, on {found.later_on}", found.later)
        out.print(f"net then: {found.later_net:,} {found.currency}")
    _bill(found)


def _bill(found: ChangePreview) -> None:
    """The whole next bill of the payer: its documents, who pays, and late usage."""
    bill = found.bill
    for one in bill.documents:
        total = f"{one['net']} + tax {one['tax']} = {one['total']} {one['currency']}"
        out.print(f"the bill of {bill.on}, with all else that {one['payer']} owes: {one['kind']} {total}")
        for move in one.get("wallets", ()):
            paid = Decimal(move["amount"])
            word = "gets back" if paid > 0 else "pays"
            out.print(f"  wallet {move['wallet']} {word} {_plain(f'{abs(paid):f}')} of {move['lot']}")
        if "due" in one:
            out.print(f"  left to pay: {_plain(one['due'])} {one['currency']}")
    if bill.late:
        names = ("subscription", "source", "key", "meter", "day", "quantity", "charge", "disposition", "amount")
        rows = [
            [_plain(str(one[name] or "")) if name == "quantity" else str(one[name] or "") for name in names]
            for one in bill.late
        ]
        table(f"late usage on the bill of {bill.on}", names, rows, right=(5, 8))
    show_findings([finding for finding in bill.findings if finding.level != "info"])


def _lines(title: str, lines: Sequence[dict[str, Any]]) -> None:
    several = any("payer" in line for line in lines)
    rows = [
        (
            *([line.get("payer", "")] if several else []),
            line["text"],
            line["plan"],
            f"{line['from']}..{line['to']}",
            _plain(line["quantity"]),
            line["share"],
            line["amount"],
        )
        for line in lines
    ]
    names = (*(["payer"] if several else []), "text", "plan", "service", "quantity", "share", "amount")
    table(title, names, rows, right=tuple(len(names) - place for place in (3, 2, 1)))


def _plain(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number
