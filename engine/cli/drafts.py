"""``tollbook drafts``: bills that are reviewed before they are issued."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from engine.cli.acting import show_outcome
from engine.cli.common import (
    JsonOption,
    PersonOption,
    ReasonOption,
    emit,
    open_app,
    out,
    plain,
    show_findings,
    table,
)
from engine.cli.run import show as show_run

NumberArgument = Annotated[int, typer.Argument(help="Number of the draft.")]


class State(StrEnum):
    """What has become of a draft; standing are those that keep a bill back."""

    STANDING = "standing"
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    ISSUED = "issued"
    LAPSED = "lapsed"
    ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Look at bills that are reviewed, and decide on them.", no_args_is_help=True)
    app.add_typer(group, name="drafts")
    _register_looking(group)
    _register_deciding(group)


def _register_looking(group: typer.Typer) -> None:
    @group.command("list")
    def listing(
        context: typer.Context,
        state: Annotated[State, typer.Option("--state", help="Those of this state.")] = State.STANDING,
        limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many, the oldest first.")] = 1000,
        as_json: JsonOption = False,
    ) -> None:
        """List drafts, the oldest first, with their age in days."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            drafts = tollbook.review.drafts.listed("" if state is State.ALL else state.value, limit)
        now = datetime.now(UTC)
        listed = [{**plain(one), "content": None, "net": plain(one.net), "age": _age(one, now)} for one in drafts]
        shown = ("id", "entity", "payer", "period", "net", "why", "state", "age", "decided_by", "reason")
        columns = ("draft", "entity", "payer", "date", "net", "why", "state", "days", "decided by", "reason")
        rows = [[_net(one["net"]) if name == "net" else one[name] for name in shown] for one in listed]
        emit(listed, as_json, lambda: table("", columns, rows, right=(4, 7)))

    @group.command("show")
    def show(context: typer.Context, number: NumberArgument, as_json: JsonOption = False) -> None:
        """Show a draft with its lines, the rule that wants it reviewed, and what was done with it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            draft = tollbook.review.drafts.one(number)

        def render() -> None:
            for name, value in draft.items():
                if name not in ("history", "content"):
                    out.print(f"{name:<12} {'' if value is None else value}", markup=False)
            for document in draft["content"]:
                title = f"{document['kind']}, net {document['net']} {document['currency']}"
                columns = ("subscription", "text", "service", "quantity", "share", "amount")
                table(title, columns, [_line(line) for line in document["lines"]], right=(3, 4, 5))
            rows = [
                (f"{one['at']:%Y-%m-%d %H:%M}", one["who"], one["action"], one["reason"]) for one in draft["history"]
            ]
            table("", ("at", "who", "action", "reason"), rows)

        emit(plain(draft), as_json, render)


def _register_deciding(group: typer.Typer) -> None:
    @group.command("approve")
    def approve(
        context: typer.Context,
        number: NumberArgument,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Let a draft be issued as it is, or propose that where it needs two persons; a worker issues it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            outcome = tollbook.review.drafts.approve(number, tollbook.change(person, "run", reason))
        words = f"draft {number} is approved; a worker issues it, or `tollbook drafts issue {number}`"
        show_outcome(outcome, as_json, {"draft": number}, lambda: out.print(words, markup=False))

    @group.command("reject")
    def reject(
        context: typer.Context,
        number: NumberArgument,
        owner: Annotated[str, typer.Option("--to", help="Who mends it: owner of the item of the worklist.")] = "",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Keep a draft from being issued; the worklist has an item until it is mended."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            draft = tollbook.review.drafts.reject(number, owner, tollbook.change(person, "approve", reason))
        words = f"draft {number} is rejected; item {draft.item} of the worklist"
        emit(plain(draft), as_json, lambda: out.print(words, markup=False))

    @group.command("issue")
    def issue(
        context: typer.Context,
        number: NumberArgument,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Issue a draft that was approved, now; if the bill is another one by now, it is reviewed anew."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            report = tollbook.review.drafts.issue(number, tollbook.change(person, "run", reason))
        show_findings(report.findings)
        emit(report, as_json, lambda: show_run(report))


def _age(draft: Any, now: datetime) -> int:
    days: int = (now - draft.opened_at).days
    return max(days, 0)


def _net(net: dict[str, str]) -> str:
    return ", ".join(f"{amount} {currency}" for currency, amount in sorted(net.items()))


def _line(line: dict[str, Any]) -> tuple[Any, ...]:
    service = f"{line['from']}..{line['to']}"
    return line["subscription"], line["text"], service, line["quantity"], line["share"], line["amount"]
