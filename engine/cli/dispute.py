"""``tollbook dispute``: payments and invoices that customers contest."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

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
    table,
)
from engine.cli.dispute_tables import print_disputes, print_freezes, print_ran, print_shown, print_told

KeyArgument = Annotated[str, typer.Argument(help="Key of the dispute; `tollbook dispute list` shows it.")]
AtOption = Annotated[
    datetime | None,
    typer.Option("--at", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="When it happened, in UTC; default: now."),
]
MoneyOption = Annotated[Decimal | None, typer.Option("--amount", parser=exact, metavar="AMOUNT", help="Tax included.")]
FeeOption = Annotated[
    Decimal | None,
    typer.Option("--fee", parser=exact, metavar="AMOUNT", help="All that the bank has taken for itself."),
]
DueOption = Annotated[
    datetime | None,
    typer.Option("--due", formats=["%Y-%m-%d"], help="Until when evidence is taken; default: the rules."),
]
AccountOption = Annotated[str, typer.Option("--account", help="Only of this account.")]
TakenOption = Annotated[
    bool | None, typer.Option("--taken/--not-taken", help="Whether the bank has the money; default: not in an inquiry.")
]


class StageWord(StrEnum):
    """How a dispute begins."""

    INQUIRY = "inquiry"
    CHARGEBACK = "chargeback"
    PRE_ARBITRATION = "pre_arbitration"


class EventWord(StrEnum):
    """What may happen to a dispute."""

    INQUIRY = "inquiry"
    CHARGEBACK = "chargeback"
    WITHDRAWN = "withdrawn"
    REVIEW = "review"
    EVIDENCE = "evidence"
    LOST = "lost"
    WON = "won"
    REINSTATED = "reinstated"
    PRE_ARBITRATION = "pre_arbitration"
    ARBITRATION = "arbitration"
    CORRECTED = "corrected"
    FEE = "fee"


class Verdict(StrEnum):
    """What can be decided."""

    ACCEPT = "accept"
    REJECT = "reject"


class Way(StrEnum):
    """How an accepted billing dispute is put right."""

    CREDIT = "credit"
    USAGE = "usage"


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(
        help="Work disputes: chargebacks of payments, and invoices that are contested.", no_args_is_help=True
    )
    app.add_typer(group, name="dispute")
    _register_looking(group)
    _register_show(group)
    _register_open(group)
    _register_event(group)
    _register_evidence(group)
    _register_decide(group)
    _register_runs(group)


def _register_looking(group: typer.Typer) -> None:
    @group.command("list")
    def listing(
        context: typer.Context,
        state: Annotated[
            list[str] | None,
            typer.Option(
                "--state", help="Only notice, under_review, evidence_submitted, won, lost, expired, accepted."
            ),
        ] = None,
        owner: Annotated[str, typer.Option("--owner", help="Only of whom is in charge.")] = "",
        account: AccountOption = "",
        limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many.")] = 1000,
        as_json: JsonOption = False,
    ) -> None:
        """List disputes: those with something left to do first, what is due soonest at the top."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.disputes.listed(state or (), owner, account, limit)
        emit([plain(one) for one in found], as_json, lambda: print_disputes(found))

    @group.command("freezes")
    def freezes(context: typer.Context, account: AccountOption = "", as_json: JsonOption = False) -> None:
        """List the parts of documents that disputes keep from being asked for, with their days."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.disputes.freezes(account)
        emit([plain(one) for one in found], as_json, lambda: print_freezes(found))


def _register_show(group: typer.Typer) -> None:
    @group.command("show")
    def show(context: typer.Context, key: KeyArgument, as_json: JsonOption = False) -> None:
        """Show a dispute: how it stands, what happened, its evidence, and where its money is."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            shown = tollbook.disputes.shown(key)
        emit(shown, as_json, lambda: print_shown(shown))

    @group.command("explain")
    def explain(context: typer.Context, key: KeyArgument, as_json: JsonOption = False) -> None:
        """Say why a dispute is worked and booked as it is: the rule that was asked when it began, and what that says."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            shown = tollbook.disputes.shown(key)
        terms = plain(shown.dispute.terms)

        def render() -> None:
            out.print(f"{key} began on {shown.dispute.at:%Y-%m-%d}; {shown.rule}", markup=False)
            rows = [
                (name, ", ".join(value) if isinstance(value, list) else str(value)) for name, value in terms.items()
            ]
            table("", ("what the rule says", ""), rows)
            for number, event in enumerate(shown.events, 1):
                out.print(f"{number}. {event['at']:%Y-%m-%d %H:%M} {event['kind']} ({event['event']})", markup=False)
            out.print(f"so it stands as {shown.standing.state}, round {shown.standing.round}", markup=False)

        emit({"rule": shown.rule, "terms": terms, "standing": shown.standing, "events": shown.events}, as_json, render)


def _register_open(group: typer.Typer) -> None:
    @group.command("open")
    def open_(
        context: typer.Context,
        key: Annotated[str, typer.Argument(help="What it is called, such as the bank's reference.")],
        payment: Annotated[
            str, typer.Option("--payment", help="Key of the payment; without one invoices are contested.")
        ] = "",
        invoices: Annotated[
            list[str] | None, typer.Option("--invoice", help="NUMBER or NUMBER=AMOUNT, tax included; may be repeated.")
        ] = None,
        stage: Annotated[StageWord, typer.Option("--stage", help="How far it has got.")] = StageWord.CHARGEBACK,
        amount: MoneyOption = None,
        why: Annotated[str, typer.Option("--code", help="Reason code of the bank, or a word of the rules.")] = "",
        fee: FeeOption = None,
        due: DueOption = None,
        taken: TakenOption = None,
        at: AtOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Begin a dispute by hand: of a payment (--payment and --amount), or of what was invoiced (--invoice NUMBER=AMOUNT)."""
        named = [word.partition("=") for word in invoices or ()]
        told = {
            "amount": amount,
            "reason": why,
            "fee": fee,
            "due": due.date().isoformat() if due else None,
            "withdrawn": taken,
        }
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            made = tollbook.disputes.open(
                key,
                _moment(at),
                change,
                stage=stage.value,
                payment=payment,
                invoices=[(number, exact(money) if money else Decimal(0)) for number, _, money in named],
                **told,
            )
        emit(made, as_json, lambda: print_told(made))


def _register_event(group: typer.Typer) -> None:
    @group.command("event")
    def event(
        context: typer.Context,
        key: KeyArgument,
        kind: Annotated[EventWord, typer.Argument(help="What happened.")],
        ident: Annotated[
            str, typer.Option("--id", help="Reference; the same one is the same event.  Default: once a round.")
        ] = "",
        amount: MoneyOption = None,
        fee: FeeOption = None,
        due: DueOption = None,
        at: AtOption = None,
        note: Annotated[str, typer.Option("--note", help="Words to keep with it.")] = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Tell what happened to a dispute; its money, its ticket and what it has cost follow."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            values = {"id": ident, "amount": amount, "fee": fee, "due": due.date() if due else None, "note": note}
            made = tollbook.disputes.event(key, kind.value, change, at=_moment(at), **values)
        emit(made, as_json, lambda: print_told(made))


def _register_evidence(group: typer.Typer) -> None:
    @group.command("evidence")
    def evidence(
        context: typer.Context,
        key: KeyArgument,
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file; it stays where it is.")],
        kind: Annotated[str, typer.Option("--kind", help="What it shows, such as contract or usage_log.")],
        note: Annotated[str, typer.Option("--note", help="Words to keep with it.")] = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Keep that a file is evidence, with its SHA-256; that it was sent is told with `tollbook dispute event KEY evidence`."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            digest, new = tollbook.disputes.evidence(key, file, kind, tollbook.change(person, "credit", reason), note)
        words = f"{file.name} is evidence of {key}, SHA-256 {digest}{'' if new else ' (was known)'}"
        emit({"sha256": digest, "known": not new}, as_json, lambda: out.print(words, markup=False))


def _register_decide(group: typer.Typer) -> None:
    @group.command("decide")
    def decide(
        context: typer.Context,
        key: KeyArgument,
        verdict: Annotated[Verdict, typer.Argument(help="accept what the customer says, or reject it.")],
        by: Annotated[
            Way | None,
            typer.Option("--by", help="Put right by a credit note, or by usage that is corrected and billed anew."),
        ] = None,
        amount: MoneyOption = None,
        at: AtOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Decide a billing dispute, all of it or an --amount; or accept that the money of a chargeback is gone."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "credit", reason)
            accept = verdict is Verdict.ACCEPT
            made = tollbook.disputes.decide(
                key, change, accept=accept, by=by.value if by else "", amount=amount, at=_moment(at)
            )
        emit(made, as_json, lambda: print_told(made))


def _register_runs(group: typer.Typer) -> None:
    @group.command("import")
    def import_(
        context: typer.Context,
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON: a notice a line, or a list.")],
        provider: Annotated[str, typer.Option("--provider", help="Who tells; adapter of the port psp.")] = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Take in notices of disputes, in any order and however often; exit 1 where one could not be taken."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            made, findings = tollbook.disputes.load(file, provider, tollbook.change(person, "credit", reason))
        show_findings(findings)
        known = sum(one.known for one in made)

        def render() -> None:
            for one in made:
                print_told(one)
            out.print(f"{len(made) - known} new, {known} known, {len(findings)} refused", markup=False)

        emit({"told": made, "findings": findings}, as_json, render)
        if findings:
            raise typer.Exit(1)

    @group.command("run")
    def run(
        context: typer.Context,
        on: Annotated[
            datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day; default: today.")
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is due; change nothing.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Let disputes expire, put others in charge by the rules of escalation, and go on with what was approved meanwhile."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            day = (on or datetime.now(UTC)).date()
            made = tollbook.disputes.run(day, tollbook.change(person, "credit", reason), dry_run=dry_run)
        show_findings(made.findings)
        emit(made, as_json, lambda: print_ran(made))
        if made.findings:
            raise typer.Exit(1)


def _moment(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None
