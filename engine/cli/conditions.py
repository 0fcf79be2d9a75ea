"""``tollbook conditions``: what a bill run waits for, and letting it go."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from engine.cli.acting import show_outcome
from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, table
from engine.cli.run import preview

DateOption = Annotated[
    datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The business date of the bill run.")
]
AccountOption = Annotated[str | None, typer.Option("--account", help="Of the bill run of this payer only.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Look at what a bill run waits for.", no_args_is_help=True)
    app.add_typer(group, name="conditions")

    @group.command("list")
    def listing(
        context: typer.Context, on: DateOption, account: AccountOption = None, as_json: JsonOption = False
    ) -> None:
        """List the conditions of a bill run that has not begun, and since when those that do not hold are unmet."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            listed = tollbook.review.conditions.listed(on.date(), preview(""), account)
        columns = ("entity", "rule", "checks", "state", "since (UTC)", "what")
        emit(listed, as_json, lambda: table("", columns, [_row(one) for one in listed]))

    @group.command("waive")
    def waive(
        context: typer.Context,
        rule: Annotated[str, typer.Argument(help="The rule, as conditions list names it.")],
        on: DateOption,
        entity: Annotated[str, typer.Option("--entity", help="The legal entity.")],
        account: AccountOption = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Let a condition go for the bill runs of a day, as it is unmet now, or propose that where it needs two persons."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "run", reason)
            outcome = tollbook.review.conditions.waive(on.date(), entity, rule, change, account)
        result = {"entity": entity, "rule": rule, "date": on.date()}
        words = f"{rule} of {entity} is let go on {on:%Y-%m-%d}"
        show_outcome(outcome, as_json, result, lambda: out.print(words, markup=False))


def _row(one: Any) -> tuple[Any, ...]:
    since = f"{one.since:%Y-%m-%d %H:%M}" if one.since else ""
    return one.entity, one.rule, one.name, one.state, since, f"{one.what} ({one.by})" if one.by else one.what
