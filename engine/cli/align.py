"""``tollbook align``: several subscriptions of an account brought to one day of the month."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, table

if TYPE_CHECKING:
    from engine.app import Alignment


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("align")
    def align(
        context: typer.Context,
        account: Annotated[str, typer.Option("--account", help="The account.")],
        to: Annotated[int, typer.Option("--to", min=1, max=31, help="Day of the month on which cycles begin then.")],
        since: Annotated[
            datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="From the first such day on or after this one.")
        ],
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would be billed as.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Bring all subscriptions of an account to one anchor day, all of them or none.

        Amounts are before tax.
        """
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = None if dry_run else tollbook.change(person, "import", reason)
            found = tollbook.subscriptions.alignment(account, to, since.date(), change)
        emit(found, as_json, lambda: show(found))


def show(found: Alignment) -> None:
    """An alignment for people."""
    out.print(f"cycles of account {found.account} begin on day {found.anchor_day}, first on {found.on}")
    for one in found.moved:
        rows = [(line.text, f"{line.service_from}..{line.service_to}", line.share, line.amount) for line in one.lines]
        title = f"subscription {one.subscription}, on day {one.before} before: net {one.net:,} {one.currency}"
        table(title, ("text", "service", "share", "amount"), rows, right=(2, 3))
    out.print("done" if found.done else "nothing is written")
