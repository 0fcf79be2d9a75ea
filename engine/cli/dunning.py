"""``tollbook dunning``: asking customers to pay: the run, how they stand, and what is agreed with them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer

from engine.cli.common import (
    Bars,
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
from engine.cli.options import DAYS, AccountArgument, AccountEntityOption, OnOption, day_of

CurrencyOption = Annotated[str, typer.Option("--currency", help="The currency, where the account owes in several.")]
InvoicesOption = Annotated[
    list[str] | None, typer.Option("--invoice", help="A document that is meant; default: all that is open.")
]
KeyOption = Annotated[str, typer.Option("--key", help="Reference of it; the same key is the same thing.")]


class Kind(StrEnum):
    """What stands against dunning."""

    HOLD = "hold"
    INSOLVENCY = "insolvency"
    PENDING = "pending"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Ask customers that are late to pay; holds, promises, instalments.", no_args_is_help=True)
    app.add_typer(group, name="dunning")
    _register_run(group)
    _register_show(group)
    _register_hold(group)
    _register_agreed(group)
    _register_agency(group)


def _register_run(group: typer.Typer) -> None:
    @group.command("run")
    def run(
        context: typer.Context,
        on: Annotated[datetime, typer.Option("--on", formats=DAYS, help="The day whose steps are taken.")],
        account: Annotated[str, typer.Option("--account", help="Only this account.")] = "",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Take the steps of dunning that fall on a day; the same day again takes none twice."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook, Bars() as bars:
            change = tollbook.change(person, "run", reason)
            desk = tollbook.dunning
            report = desk.run(on.date(), change, account=account, dry_run=dry_run, progress=bars)
        show_findings(report.findings)

        def render() -> None:
            counts = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in report.counts.items())
            out.print(f"dunning of {report.period} ({report.state}): {counts}", markup=False)
            rows = [
                (d["account"], d["about"], d["step"], d["channel"] or "-", coins(d["asked"], d["currency"]),
                 coins(d["costs"], d["currency"]), d["currency"], d["rule"])
                for d in report.details
            ]  # fmt: skip
            if rows:
                columns = ("account", "about", "step", "by", "asked", "interest and fees", "", "rule")
                table("", columns, rows, right=(4, 5))

        emit(report, as_json, render)


def _register_show(group: typer.Typer) -> None:
    @group.command("show")
    def show(
        context: typer.Context,
        account: AccountArgument,
        on: OnOption = None,
        entity: AccountEntityOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Show how an account stands: its level, what stands against asking, what was done, what comes next."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.dunning.shown(account, day_of(on), entity)

        def render() -> None:
            if not found:
                out.print(f"account {account} owes nothing", markup=False)
            for one in found:
                _show_one(one)

        emit(found, as_json, render)


def _filled(title: str, columns: tuple[str, ...], rows: list[Any], right: tuple[int, ...] = ()) -> None:
    """A table, where there is something in it."""
    if rows:
        table(title, columns, rows, right=right)


def _show_one(one: Any) -> None:
    head = (
        f"account {one.account} ({one.entity}), {one.name}: {one.currency}, a level for each {one.level}, by {one.rule}"
    )
    out.print(head, markup=False)
    stands = [
        (
            s["item"], s["state"], s["step"] or "-", coins(s["overdue"], one.currency), coins(s["asked"], one.currency),
            s["since"] or "", s["next"], s["planned"] or "", s["why"],
        )
        for s in one.standings
    ]  # fmt: skip
    columns = ("about", "state", "last step", "late", "asked for", "since", "next", "planned", "because")
    _filled("standing", columns, stands, right=(3, 4))
    against = [
        (a["what"], a["about"], coins(a["amount"], one.currency) if a["amount"] else "", a["start"],
         "" if a["until"] == date.max else a["until"], "yes" if a["in_force"] else "no", a["key"], a["reason"])
        for a in one.against
    ]  # fmt: skip
    _filled(
        "against it", ("what", "about", "amount", "from", "until", "in force", "key", "reason"), against, right=(2,)
    )
    steps = [
        (s["day"], s["about"], s["step"], s["channel"] or "-", coins(s["asked"], one.currency), s["letter"])
        for s in one.steps
    ]
    _filled("steps taken", ("day", "about", "step", "by", "asked", "letter"), steps, right=(4,))
    claims = [
        (c["until"], c["document"], c["name"] or c["kind"].replace("_", " "), coins(c["amount"], one.currency),
         c["debit_note"] or "claimed", c["basis"])
        for c in one.claims
    ]  # fmt: skip
    _filled("interest and fees", ("until", "document", "what", "amount", "charged by", "basis"), claims, right=(3,))
    ahead = [(a["day"], a["about"], a["step"]) for a in one.ahead]
    _filled("ahead, if nothing else happens", ("day", "about", "step"), ahead)


def _register_hold(group: typer.Typer) -> None:
    @group.command("hold")
    def hold(
        context: typer.Context,
        account: AccountArgument,
        until: Annotated[
            datetime | None, typer.Option("--until", formats=DAYS, help="The day on which it goes on; default: never.")
        ] = None,
        invoice: Annotated[str, typer.Option("--invoice", help="Only this document.")] = "",
        amount: Annotated[
            Decimal | None,
            typer.Option(
                "--amount", parser=exact, metavar="AMOUNT", help="Only this part of the document, as disputed."
            ),
        ] = None,
        kind: Annotated[
            Kind, typer.Option("--kind", help="A hold, insolvency, or (with --amount) a part that is on its way.")
        ] = Kind.HOLD,
        key: KeyOption = "",
        on: OnOption = None,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Let dunning of an account, of a document or of a part of one stand still."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            ends, of = day_of(until), str(kind)
            made = tollbook.dunning.hold(
                account, change, reason=reason, until=ends, invoice=invoice, amount=amount, kind=of, key=key,
                on=day_of(on), entity=entity,
            )  # fmt: skip
        _show_notes([made], as_json, made)

    @group.command("resume")
    def resume(
        context: typer.Context,
        account: AccountArgument,
        key: Annotated[str, typer.Option("--key", help="What ends; default: all that stands against it.")] = "",
        on: OnOption = None,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """End what stands against dunning: a hold, a dispute, a promise, a plan, a hand-over."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.dunning.resume(account, change, key=key, on=day_of(on), entity=entity)
        _show_notes(made, as_json, made)


def _register_agreed(group: typer.Typer) -> None:
    @group.command("promise")
    def promise(
        context: typer.Context,
        account: AccountArgument,
        by: Annotated[datetime, typer.Option("--by", formats=DAYS, help="The day by which it is to be paid.")],
        amount: Annotated[
            Decimal | None, typer.Option("--amount", parser=exact, metavar="AMOUNT", help="Default: all that is open.")
        ] = None,
        invoices: InvoicesOption = None,
        currency: CurrencyOption = "",
        key: KeyOption = "",
        on: OnOption = None,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Note what a customer has promised to pay; until then nothing is asked for."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.dunning.promise(
                account, amount, by.date(), change, invoices=invoices or (), currency=currency, key=key, on=day_of(on),
                entity=entity,
            )  # fmt: skip
        _show_notes([made], as_json, made)

    @group.command("plan")
    def plan(
        context: typer.Context,
        account: AccountArgument,
        parts: Annotated[
            list[str],
            typer.Option("--part", metavar="DAY=AMOUNT", help="An instalment: 2026-03-01=50.00; one for each."),
        ],
        invoices: InvoicesOption = None,
        currency: CurrencyOption = "",
        key: KeyOption = "",
        on: OnOption = None,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Note that a customer pays in instalments, which sum to what is open."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.dunning.plan(
                account, [_part(text) for text in parts], change, invoices=invoices or (), currency=currency, key=key,
                on=day_of(on), entity=entity,
            )  # fmt: skip
        _show_notes([made], as_json, made)


def _register_agency(group: typer.Typer) -> None:
    @group.command("handover")
    def handover(
        context: typer.Context,
        account: AccountArgument,
        currency: CurrencyOption = "",
        on: OnOption = None,
        entity: AccountEntityOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Give what an account is late with to the agency of the rule; nothing more is asked for here."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.dunning.hand_over(account, change, currency=currency, on=day_of(on), entity=entity)
        said = f"{coins(made['asked'], made['currency'])} {made['currency']}"
        costs = f"{coins(made['costs'], made['currency'])} of interest and fees"
        text = f"{said} of {made['account']}, and {costs}, go to {made['agency']} with the next delivery"
        emit(made, as_json, lambda: out.print(text, markup=False))


def _show_notes(notes: list[dict[str, Any]], as_json: bool, value: Any) -> None:
    def render() -> None:
        rows = [
            (n["kind"], n["account"], coins(n["amount"], n["currency"]) if n["amount"] else "", n["currency"], n["start"],
             "" if n["until"] == date.max else n["until"], n["key"])
            for n in notes
        ]  # fmt: skip
        table("", ("what", "account", "amount", "", "from", "until", "key"), rows, right=(2,))

    emit(value, as_json, render)


def _part(text: str) -> tuple[date, Decimal]:
    day, _, amount = text.partition("=")
    try:
        return date.fromisoformat(day), exact(amount)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no instalment; write 2026-03-01=50.00") from None
