"""``tollbook cash``: money that banks have booked: matched, applied, taken back, sent back; and what waits for somebody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

from engine.cli import cash_saying
from engine.cli.cash_tables import show_used
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
from engine.cli.options import AmountOption, EntityOption, EntryArgument, OnOption, day_of, day_or_today


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(
        help="Money that banks have booked: matched, applied, taken back, sent back.", no_args_is_help=True
    )
    app.add_typer(group, name="cash")
    _register_match(group)
    _register_show(group)
    _register_apply(group)
    _register_elsewhere(group)
    cash_saying.register(group)
    _register_giving_up(group)
    _register_certificate(group)


LISTED = 50
"""Applied payments that a matching run lists; all else is listed whole."""


def _register_match(group: typer.Typer) -> None:
    @group.command("match")
    def match(
        context: typer.Context,
        on: Annotated[
            datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The business date; today by default.")
        ] = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Show what would be done; nothing is written.")
        ] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Match open money with what is open: what is sure is applied, all else becomes an item of the worklist."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = None if dry_run else tollbook.change(person, "run", reason)
            matched = tollbook.cash.match(day_or_today(on), change)
        show_findings(matched.findings)

        def render() -> None:
            applied = [one for one in matched.entries if one.state == "applied"]
            left_out = {one.entry for one in applied[LISTED:]}
            rows = [
                (
                    *(one.entry, one.booked, coins(one.amount, one.currency), one.currency, one.state, one.rule),
                    "; ".join([*(f"{number} {coins(a, one.currency)}" for number, a in one.pays), one.text]).strip(
                        "; "
                    ),
                )
                for one in matched.entries
                if one.entry not in left_out
            ]
            table("", ("entry", "day", "amount", "", "", "rule", "what"), rows, right=(0, 2))
            if left_out:
                out.print(f"... and {len(left_out)} more that were applied; --json lists them", markup=False)
            told = ", ".join(f"{count} {name}" for name, count in matched.counts.items())
            head = "a dry run: nothing is written" if matched.dry else f"run {matched.run_id}"
            out.print(f"{head}: {told}", markup=False)

        emit(matched, as_json, render)


def _register_show(group: typer.Typer) -> None:
    @group.command("show")
    def show(
        context: typer.Context,
        entry: Annotated[
            int, typer.Argument(metavar="[ENTRY]", help="Number of a bank entry; all that wait by default.")
        ] = 0,
        on: Annotated[
            datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day that ages are counted to.")
        ] = None,
        entity: EntityOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Show money that is not used, the oldest first; or a bank entry with all that became of it."""
        day = day_or_today(on)
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            if entry:
                view = tollbook.cash.entry(entry, day)
                emit(view, as_json, lambda: _show_entry(view))
                return
            found = tollbook.cash.waiting(day, entity)
        columns = ("entry", "account", "day", "left", "", "payer", "age", "what", "owner", "until", "proposed")
        rows = [
            (
                *(one.entry, one.account, one.booked, coins(one.left, one.currency), one.currency, one.payer, one.age),
                *(f"{one.kind}: {one.text}" if one.text else one.kind, one.owner, one.until, ", ".join(one.suggest)),
            )
            for one in found
        ]
        emit([plain(one) for one in found], as_json, lambda: table("", columns, rows, right=(0, 3, 6)))


def _show_entry(view: Any) -> None:
    one = view.waiting
    out.print(
        f"bank entry {one.entry} of {one.booked} on {one.account} ({one.entity}), from {view.statement}", markup=False
    )
    out.print(
        f"{coins(one.amount, one.currency)} {one.currency} of {one.payer or 'nobody that is named'}; "
        f"{coins(one.left, one.currency)} is left ({one.kind})",
        markup=False,
    )
    for name, text in (("text", view.remittance), *view.references.items(), ("worklist", one.text)):
        if text:
            out.print(f"  {name:<14} {text}", markup=False)
    for proposal in one.proposals:
        parts = ", ".join(f"{d['number']} of {d['account']}: {d['amount']}" for d in proposal["documents"])
        out.print(f"  proposed       {parts}", markup=False)
    rows = [
        (
            use.day,
            use.kind,
            coins(use.amount, one.currency),
            use.customer or use.other,
            use.key,
            use.told.get("rule", ""),
        )
        for use in view.uses
    ]
    for sent in view.orders:
        words = " ".join(filter(None, (sent.kind, sent.state, sent.name, sent.reason)))
        out.print(f"  {'order':<14} {words}", markup=False)
    table("used", ("day", "for", "amount", "whose", "settlement", "rule"), rows, right=(2,))


def _register_apply(group: typer.Typer) -> None:
    @group.command("apply")
    def apply(
        context: typer.Context,
        entry: EntryArgument,
        invoices: Annotated[
            list[str] | None,
            typer.Option(
                "--invoice", metavar="NUMBER[=AMOUNT]", help="What it pays; else the rules of allocation say."
            ),
        ] = None,
        account: Annotated[str, typer.Option("--account", help="Who has paid; its documents are paid by rule.")] = "",
        keep_rest: Annotated[bool, typer.Option("--keep-rest", help="The rest becomes credit of the account.")] = False,
        close: Annotated[
            str,
            typer.Option("--close", metavar="REASON", help="Give up what stays open of them, such as small_balance."),
        ] = "",
        on: OnOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Pay documents with the money of a bank entry; what stays open of them can be given up where a rule lets it be."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.cash.apply(
                entry,
                change,
                invoices=_named(invoices or ()),
                account=account,
                keep_rest=keep_rest,
                close=close,
                on=day_of(on),
            )
        show_used(made, as_json)

    @group.command("keep")
    def keep(
        context: typer.Context,
        entry: EntryArgument,
        account: Annotated[str, typer.Option("--account", help="Whose credit it becomes.")],
        on: OnOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Keep what is left of a bank entry as credit of an account; its next invoices use it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.cash.keep(entry, account, change, on=day_of(on))
        show_used(made, as_json)


def _register_elsewhere(group: typer.Typer) -> None:
    @group.command("transfer")
    def transfer(
        context: typer.Context,
        entry: EntryArgument,
        account: Annotated[
            str, typer.Option("--account", help="The customer whose it is; taken back first if applied.")
        ] = "",
        gl: Annotated[str, typer.Option("--gl", help="The GL account where it belongs, if it is no customer's.")] = "",
        amount: AmountOption = None,
        on: OnOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Book money to where it belongs: to another customer, or to an account of the ledger."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.cash.transfer(entry, change, account=account, gl=gl, amount=amount, on=day_of(on))
        show_used(made, as_json)

    @group.command("send")
    def send(
        context: typer.Context, person: PersonOption = "", reason: ReasonOption = "", as_json: JsonOption = False
    ) -> None:
        """Tell the bank what money it is to send back, as a file of credit transfers; nothing is sent twice."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            counts, findings = tollbook.cash.send(tollbook.change(person, "credit", reason))
        show_findings(findings)
        words = ", ".join(f"{count} {name}" for name, count in counts.items())
        emit({"counts": counts, "findings": [plain(one) for one in findings]}, as_json, lambda: out.print(words))

    for name, text in (
        (
            "refund",
            "Send what is left of a bank entry back to the customer; it is owed until the bank has booked that.",
        ),
        (
            "return",
            "Send money of an unknown payer back to where it came from; it is owed until the bank has booked that.",
        ),
    ):
        _register_sending(group, name, text)


def _register_sending(group: typer.Typer, name: str, text: str) -> None:
    @group.command(name, help=text)
    def send_back(
        context: typer.Context,
        entry: EntryArgument,
        amount: AmountOption = None,
        on: OnOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.cash.send_back(entry, name, change, amount=amount, on=day_of(on))
        show_used(made, as_json)


def _register_giving_up(group: typer.Typer) -> None:
    @group.command("write-off")
    def write_off(
        context: typer.Context,
        invoice: Annotated[str, typer.Argument(help="Number of the invoice.")],
        code: Annotated[str, typer.Option("--code", help="Why, such as small_balance or bad_debt.")],
        amount: AmountOption = None,
        key: Annotated[str, typer.Option("--key", help="Reference of it; the same key is the same act.")] = "",
        entity: EntityOption = "",
        on: OnOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Give up what an invoice has open, or propose it, as the rules of write-offs say."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.cash.write_off(invoice, code, change, amount=amount, key=key, entity=entity, on=day_of(on))
        show_used(made, as_json)


def _register_certificate(group: typer.Typer) -> None:
    @group.command("certificate")
    def certificate(
        context: typer.Context,
        invoice: Annotated[str, typer.Argument(help="Number of the invoice of which tax was withheld.")],
        number: Annotated[str, typer.Option("--number", help="Number of the certificate.")],
        amount: AmountOption = None,
        on: OnOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Book the certificate for tax that a customer has withheld: from then on the authority owes it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.cash.certificate(invoice, number, change, amount=amount, on=day_of(on))
        show_used(made, as_json)


def _named(invoices: Sequence[str]) -> list[tuple[str, Decimal | None]]:
    """Numbers of invoices, each with the amount behind its ``=`` if there is one."""
    found: list[tuple[str, Decimal | None]] = []
    for text in invoices:
        number, sign, amount = text.partition("=")
        found.append((number, exact(amount) if sign else None))
    return found
