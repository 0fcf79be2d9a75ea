"""``tollbook renewals``: terms that end, and what follows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, show_findings, table

if TYPE_CHECKING:
    from engine.app import Renewal, Renewals

COLUMNS = ("subscription", "account", "term", "notice by", "what follows", "until", "uplift", "rule")


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("renewals")
    def renewals(
        context: typer.Context,
        on: Annotated[
            datetime, typer.Option("--on", formats=["%Y-%m-%d"], help="Terms that end on or before this day.")
        ],
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show them.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Renew or end subscriptions whose terms end, as the rules of the family renewal say.

        Also says which last days for notice come soon.  Doing it again changes nothing.
        """
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = None if dry_run else tollbook.change(person, "run", reason)
            found = tollbook.subscriptions.renewals(on.date(), change)
        show_findings(found.findings)
        emit(found, as_json, lambda: show(found))


def show(found: Renewals) -> None:
    """Renewals for people."""
    table(f"terms that end by {found.on}", COLUMNS, map(_cells, found.due))
    prices = [(one.subscription, *price) for one in found.due for price in one.prices]
    if prices:
        table("agreed prices", ("subscription", "charge", "before", "after", ""), prices, right=(2, 3))
    if found.ahead:
        table("notice is possible until soon", COLUMNS, map(_cells, found.ahead))
    out.print(f"{len(found.due)} {'done' if found.done else 'to be done'}")


def _cells(one: Renewal) -> Sequence[object]:
    uplift = f"{(one.uplift * 100).normalize():f} %"
    term, until = f"{one.term_from}..{one.term_to}", one.next_to or ""
    return one.subscription, one.account, term, one.notice_by, one.action, until, uplift, one.rule
