"""``tollbook rerate``: what billed periods would cost under other rules, and the order to bill the difference."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.base.files import whole
from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, show_findings, table

if TYPE_CHECKING:
    from engine.app import Rerating, Sums


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("rerate")
    def rerate(
        context: typer.Context,
        since: Annotated[
            datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day that is rated again.")
        ],
        accounts: Annotated[
            str, typer.Option("--accounts", help="Keys of accounts with ',' between them; * and ? stand for anything.")
        ],
        rules: Annotated[
            Path | None, typer.Option("--rules", help="A folder of rules laid over those of the config.")
        ] = None,
        release: Annotated[str, typer.Option("--release", help="A release that the books have.")] = "",
        file: Annotated[Path | None, typer.Option("--csv", help="Write the lines of the difference there.")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the difference.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Rate billed periods again: the next bill run bills the difference, and what was billed stays.

        With --dry-run by any rules; the order itself is for the rules that the next bill run has.  Amounts are before tax.
        """
        from engine.cli.acting import show_outcome

        if rules is not None and release:
            raise typer.BadParameter("give either --rules or --release")
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = None if dry_run else tollbook.change(person, "run", reason)
            book = tollbook.rule_desk((*tollbook.rule_roots, rules)).check() if rules else None
            book = tollbook.stored_rulebook(release) if release else book
            other = tollbook.parts(book) if book else None
            desk = tollbook.subscriptions
            if change is None:
                found, outcome = desk.rerating(since.date(), accounts, other), None
            else:
                found, outcome = desk.rerate(since.date(), accounts, change, other)
        if file is not None:
            _write(file, found)
        show_findings(found.findings)
        if outcome is None:
            emit(found, as_json, lambda: show(found))
        else:
            show_outcome(outcome, as_json, found, lambda: _done(found))


def _write(file: Path, found: Rerating) -> None:
    with whole(file) as part, part.open("w", newline="", encoding="utf-8") as out_file:
        csv.writer(out_file, lineterminator="\n").writerows(found.rows())


def _done(found: Rerating) -> None:
    show(found)
    out.print(f"ordered for {len(found.orders)} subscriptions: the next bill run bills the difference")


def show(found: Rerating) -> None:
    """What re-rating comes to, for people."""
    out.print(f"billed up to {found.on}, rated again from {found.since} by release {found.release}, before tax")
    _sums("by account", found.accounts)
    _sums("by charge", found.charges)
    _sums("by rule", found.rules)
    if not found.lines:
        out.print("nothing comes out differently")


def _sums(title: str, rows: Sequence[Sums]) -> None:
    if rows:
        cells = [(row.key, row.currency, row.back, row.charged, row.difference) for row in rows]
        table(title, (title.removeprefix("by "), "", "given back", "charged", "difference"), cells, right=(2, 3, 4))
