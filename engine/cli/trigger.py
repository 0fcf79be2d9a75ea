"""``tollbook trigger``: say what was accepted or went live, look what is to be invoiced at once, list what came."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from engine.base.errors import NOWHERE, TollbookError
from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, show_findings

if TYPE_CHECKING:
    from engine.app import App
    from engine.model.journal import Change

EntityOption = Annotated[str, typer.Option("--entity", help="The legal entity that sells.")]
SubscriptionArgument = Annotated[str, typer.Argument(help="Key of the subscription.")]
KeyOption = Annotated[
    str, typer.Option("--key", help="Identifies it within the subscription: the same key again counts once.")
]
OnOption = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The day from which it counts; default: today.")
]
ByOption = Annotated[str, typer.Option("--by", help="Who accepted it.")]
EvidenceOption = Annotated[str, typer.Option("--evidence", help="Where that can be seen.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Say what charges have waited for, and look what it occasions.", no_args_is_help=True)
    app.add_typer(group, name="trigger")
    _register_acceptances(group)
    _register_revoke(group)
    _register_scan(group)


def _register_acceptances(group: typer.Typer) -> None:
    @group.command("accept")
    def accept(
        context: typer.Context,
        subscription: SubscriptionArgument,
        milestone: Annotated[str, typer.Argument(help="Key of the milestone that is reached.")],
        entity: EntityOption,
        key: KeyOption,
        on: OnOption = None,
        by: ByOption = "",
        evidence: EvidenceOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Say that a milestone is accepted: its part of the price is billed."""
        row = _row("accept", entity, subscription, milestone, key, on, by, evidence)
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            _record(tollbook, row, tollbook.change(person, "import", reason), as_json)

    @group.command("go-live")
    def go_live(
        context: typer.Context,
        subscription: SubscriptionArgument,
        entity: EntityOption,
        key: KeyOption,
        charge: Annotated[str, typer.Option("--charge", help="The charge; default: all that wait for it.")] = "",
        on: OnOption = None,
        by: ByOption = "",
        evidence: EvidenceOption = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Say that a subscription goes live: charges that wait for it begin."""
        row = _row("go_live", entity, subscription, charge, key, on, by, evidence)
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            _record(tollbook, row, tollbook.change(person, "import", reason), as_json)


def _register_revoke(group: typer.Typer) -> None:
    @group.command("revoke")
    def revoke(
        context: typer.Context,
        subscription: SubscriptionArgument,
        taken_back: Annotated[str, typer.Argument(help="Key of the acceptance or go-live that is taken back.")],
        entity: EntityOption,
        key: KeyOption,
        on: OnOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Take an acceptance or go-live back: what it has billed is given back by the next run."""
        row = _row("revoke", entity, subscription, taken_back, key, on, "", "")
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            _record(tollbook, row, tollbook.change(person, "import", reason), as_json)


def _register_scan(group: typer.Typer) -> None:
    @group.command("scan")
    def scan(
        context: typer.Context, person: PersonOption = "", reason: ReasonOption = "", as_json: JsonOption = False
    ) -> None:
        """Look what came since the last look, and enqueue what the rules want invoiced at once; `tollbook work` bills it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.triggers.scan(tollbook.change(person, "run", reason))
        show_findings(found.findings)

        def render() -> None:
            for one in found.enqueued:
                by = f", to be out by {one.deadline:%Y-%m-%d %H:%M} UTC" if one.deadline else ""
                out.print(f"queued {one.entity}/{one.payer}: {one.reason}{by}", markup=False)
            out.print(f"{found.triggers} triggers and {found.used} accounts with usage looked at")

        emit(found, as_json, render)


def _row(
    kind: str, entity: str, subscription: str, about: str, key: str, on: datetime | None, by: str, evidence: str
) -> dict[str, str]:
    day = on.date().isoformat() if on else ""
    told = {"kind": kind, "entity": entity, "subscription": subscription, "about": about, "key": key, "on": day}
    return {**told, "accepted_by": by, "evidence": evidence}


def _record(tollbook: App, row: dict[str, str], change: Change, as_json: bool) -> None:
    recorded = tollbook.triggers.record([row], change)
    if recorded.findings:
        raise TollbookError(finding.at(NOWHERE) for finding in recorded.findings)  # there is no row that it stands in
    word = "taken" if recorded.taken else "known from before"
    emit(
        recorded,
        as_json,
        lambda: out.print(f"{row['kind']} {row['key']} of {row['subscription']}: {word}", markup=False),
    )
