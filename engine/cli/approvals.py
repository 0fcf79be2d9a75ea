"""``tollbook approvals``: what waits for a second person, and the second person's word."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from engine.cli.acting import opened
from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, table

NumberArgument = Annotated[int, typer.Argument(help="Number of the approval.")]


class State(StrEnum):
    """What has become of an approval."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    LAPSED = "lapsed"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Decide on what another person has proposed.", no_args_is_help=True)
    app.add_typer(group, name="approvals")
    _register_looking(group)
    _register_deciding(group)


def _register_looking(group: typer.Typer) -> None:
    @group.command("list")
    def listing(
        context: typer.Context,
        state: Annotated[State | None, typer.Option("--state", help="Those of this state only.")] = None,
        as_json: JsonOption = False,
    ) -> None:
        """List approvals, the newest first."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            listed = tollbook.approvals.listed(state or "")
        columns = ("approval", "act", "subject", "state", "by", "reason", "decided by", "why")
        rows = [(a.id, a.act, a.subject, a.state, a.maker, a.reason, a.checker, a.check_reason) for a in listed]
        emit([opened(one) for one in listed], as_json, lambda: table("", columns, rows))

    @group.command("show")
    def show(context: typer.Context, number: NumberArgument, as_json: JsonOption = False) -> None:
        """Show what was proposed, what it relies on, and who may decide."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            approval = tollbook.approvals.one(number)
            able = tollbook.approvals.approvers(approval) if approval.state == "pending" else []
        shown = opened(approval)

        def render() -> None:
            for name, value in shown.items():
                for key, inner in value.items() if isinstance(value, dict) else ((name, value),):
                    out.print(f"{key:<12} {'' if inner is None else inner}", markup=False)
            if able:
                out.print(f"{'may decide':<12} {', '.join(able)}", markup=False)

        emit({**shown, "approvers": able}, as_json, render)


def _register_deciding(group: typer.Typer) -> None:
    @group.command("approve")
    def approve(
        context: typer.Context,
        number: NumberArgument,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Approve what somebody else has proposed, and do it.  It lapses where it cannot be done as it was proposed."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            outcome = tollbook.approvals.approve(number, tollbook.change(person, "approve", reason))
        shown = {"done": outcome.done, "act": outcome.act, "subject": outcome.subject}
        text = f"approval {number} is approved, and it is done: to {outcome.text}"
        emit({**shown, "approval": opened(outcome.approval)}, as_json, lambda: out.print(text, markup=False))

    @group.command("reject")
    def reject(
        context: typer.Context,
        number: NumberArgument,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Reject what somebody else has proposed."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            approval = tollbook.approvals.reject(number, tollbook.change(person, "approve", reason))
        emit(opened(approval), as_json, lambda: out.print(f"approval {number} is rejected"))
