"""``tollbook changes``: changes of master data that wait for their steward."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, table

NumberArgument = Annotated[int, typer.Argument(help="Number of the change.")]


class State(StrEnum):
    """What has become of a change."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    REPLACED = "replaced"
    ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Changes of master data that wait for their steward.", no_args_is_help=True)
    app.add_typer(group, name="changes")

    @group.command("list")
    def listing(
        context: typer.Context,
        state: Annotated[State, typer.Option("--state", help="Those of this state.")] = State.PENDING,
        record: Annotated[str, typer.Option("--record", help="Of this record only, by its key.")] = "",
        steward: Annotated[str, typer.Option("--steward", help="That this role decides only.")] = "",
        as_json: JsonOption = False,
    ) -> None:
        """List changes, the oldest first."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.stewardship.listed("" if state is State.ALL else state, record, steward)
        today = datetime.now(UTC).date()
        rows = [
            (c.id, c.words, c.source, c.steward, f"{c.due}{' overdue' if c.state == 'pending' and c.due < today else ''}",
             c.state, c.decided_by, c.why)
            for c in found
        ]  # fmt: skip
        columns = ("change", "what", "from", "steward", "until", "state", "decided by", "reason")
        emit(found, as_json, lambda: table("", columns, rows))

    @group.command("confirm")
    def confirm(
        context: typer.Context,
        number: NumberArgument,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Let a change count; bills that wait for it are made by the next run."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            done = tollbook.stewardship.confirm(number, tollbook.change(person, "resolve", reason))
        emit(done, as_json, lambda: out.print(f"confirmed: {done.words}", markup=False))

    @group.command("reject")
    def reject(
        context: typer.Context,
        number: NumberArgument,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Say no to a change; the books stay as they are, and bills go on."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            done = tollbook.stewardship.reject(number, tollbook.change(person, "resolve", reason))
        emit(done, as_json, lambda: out.print(f"rejected: {done.words}", markup=False))
