"""``tollbook clearance``: documents that an authority has to clear, and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, plain, table

NumberArgument = Annotated[str, typer.Argument(help="Legal number of the document.")]


class State(StrEnum):
    """How a document stands with the authority."""

    NUMBERED = "numbered"
    SUBMITTED = "submitted"
    CLEARED = "cleared"
    REJECTED = "rejected"
    DELIVERED = "delivered"
    VOIDED = "voided"
    ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(
        help="Look at documents that an authority clears; resubmit those it rejects.", no_args_is_help=True
    )
    app.add_typer(group, name="clearance")
    _register_looking(group)
    _register_resubmit(group)


def _register_looking(group: typer.Typer) -> None:
    @group.command("list")
    def listing(
        context: typer.Context,
        state: Annotated[State, typer.Option("--state", help="Those of this state.")] = State.ALL,
        limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many, the oldest first.")] = 1000,
        as_json: JsonOption = False,
    ) -> None:
        """List documents that an authority clears, the oldest first, as they stand there."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.clearance.listed("" if state is State.ALL else state.value, limit)
        columns = ("number", "entity", "payer", "state", "since", "adapter", "authority id", "reason")
        rows = [
            (c.number, c.entity, c.payer, c.state, f"{c.at:%Y-%m-%d %H:%M}", c.adapter, c.authority_id, c.reason)
            for c in found
        ]
        emit([plain(one) for one in found], as_json, lambda: table("", columns, rows))

    @group.command("show")
    def show(context: typer.Context, number: NumberArgument, as_json: JsonOption = False) -> None:
        """Show what became of a document at the authority, step by step, with its answers."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            steps = tollbook.clearance.steps(number)
        last = steps[-1]

        def render() -> None:
            out.print(f"{last.number} of {last.entity} to {last.payer} is {last.state}", markup=False)
            for name in ("adapter", "key", "authority_id", "qr"):
                if getattr(last, name):
                    out.print(f"{name:<14} {getattr(last, name)}", markup=False)
            rows = [(s.step, f"{s.at:%Y-%m-%d %H:%M:%S}", s.state, s.key.rpartition("#")[2], s.reason) for s in steps]
            table("", ("step", "at", "state", "submission", "reason"), rows, right=(0,))

        emit([plain(one) for one in steps], as_json, render)


def _register_resubmit(group: typer.Typer) -> None:
    @group.command("resubmit")
    def resubmit(
        context: typer.Context,
        number: NumberArgument,
        on: Annotated[
            datetime | None,
            typer.Option(
                "--date",
                formats=["%Y-%m-%d"],
                help="Day on which it is voided, where its number is spent; default: today.",
            ),
        ] = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Let a document that the authority rejected be submitted again, or void it where its rule says that its number is spent."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "run", reason)
            done = tollbook.clearance.resubmit(number, (on or datetime.now(UTC)).date(), change)
        if done.state == "voided":
            words = (
                f"{number} is voided by {done.credit_note}; the next bill run bills it anew"
                if done.credit_note
                else (f"{number} is voided already")
            )
        else:
            words = f"{number} is numbered again; `tollbook deliver` submits it"
        emit(plain(done), as_json, lambda: out.print(words, markup=False))
