"""``tollbook simulate``: what closed months would have come to by other rules, on a snapshot of the books."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.base.files import whole
from engine.cli.common import Bars, JsonOption, emit, open_app, out, show_findings, table
from engine.cli.simulate_tables import crediting, cut, decided, dunning, matching, money, parts, revenue, signed

if TYPE_CHECKING:
    from engine.app import Simulated

ROWS = 12
"""Documents that are named on the screen."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="What closed months would have come to by other rules.", invoke_without_command=True)
    app.add_typer(group, name="simulate")

    @group.callback()
    def simulate(
        context: typer.Context,
        first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m"], help="The first month, such as 2026-01.")] = None,
        last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m"], help="The last month; the first one if left out.")] = None,
        rules: Annotated[list[Path] | None, typer.Option("--rules", help="A folder of rules laid over those of each run.")] = None,
        sets: Annotated[list[str] | None, typer.Option("--set", help="PARAMETER=VALUE or RULESET.PARAMETER=VALUE.")] = None,
        only: Annotated[str, typer.Option("--families", help="Take only files of these families from --rules.")] = "",
        top: Annotated[int, typer.Option("--top", min=1, max=1000, help="How many winners and losers are named.")] = 10,
        file: Annotated[Path | None, typer.Option("--csv", help="Write every line that differs there, and the sums.")] = None,
        html: Annotated[Path | None, typer.Option("--html", help="Write the page there; it needs nothing beside it.")] = None,
        as_json: JsonOption = False,
    ) -> None:  # fmt: skip
        """Replay the bill runs dated in some months by other rules, and compare them with the same replay by their own.

        The books are only read.  Without --rules and --set the other rules are those on disk.
        """
        if context.invoked_subcommand is not None:
            return
        if first is None:
            raise typer.BadParameter("say which month with --from, such as --from 2026-01")
        from engine.app import simulation_page

        end = (last or first).date().replace(day=1)
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            desk = tollbook.simulation(rules or (), values(sets or ()), [one for one in only.split(",") if one])
            with Bars() as bars:
                found = desk.simulate(first.date().replace(day=1), end, top, bars)
        if file is not None:
            with whole(file) as part, part.open("w", newline="", encoding="utf-8") as out_file:
                csv.writer(out_file, lineterminator="\n").writerows(found.csv())
        if html is not None:
            with whole(html) as part:
                part.write_text(simulation_page(found), encoding="utf-8")
        show_findings(found.findings)
        emit(found, as_json, lambda: show(found))

    @group.command("export")
    def export(
        context: typer.Context,
        folder: Annotated[Path, typer.Argument(help="The folder that gets books.db.")],
        key: Annotated[str, typer.Option("--key", help="What hashes are keyed with; drawn and forgotten if left out.")] = "",
        as_json: JsonOption = False,
    ) -> None:  # fmt: skip
        """Write a copy of what billing looks at in which nobody can be recognised; simulate runs on it the same."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            file = tollbook.export_anonymous(folder, key.encode() or secrets.token_bytes(32))
        again = f"tollbook --set database.url=sqlite:///{file.resolve()} simulate --from MONTH"
        emit({"file": str(file), "simulate": again}, as_json, lambda: out.print(f"{file}\n{again}", markup=False))


def values(given: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` as a mapping."""
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{one!r} is not PARAMETER=VALUE")
        found[name.strip()] = value.strip()
    return found


def show(found: Simulated) -> None:
    """What a simulation comes to, for people."""
    months = found.first if found.first == found.last else f"{found.first} to {found.last}"
    runs = f"{len(found.runs)} bill run{'' if len(found.runs) == 1 else 's'}"
    out.print(f"[bold]{months} by {found.other}[/bold]: {runs}, {found.compared:,} lines; amounts are net")
    out.print(f"families that differ: {', '.join(found.changed) or 'none'}")
    out.print()
    if found.matching is not None:
        matching(found.matching)
    if found.dunning is not None:
        dunning(found.dunning)
    if found.revenue is not None:
        revenue(found.revenue)
    if found.crediting is not None:
        crediting(found.crediting)
    if not found.runs:
        return
    _totals(found)
    for name, rows in found.cuts().items():
        cut(f"by {name}", ("billed", "would be"), rows)
    if found.late:
        parts("late usage, by what becomes of it", found.late)
    _movers(found)
    _decided(found)
    _proved(found)


def _totals(found: Simulated) -> None:
    cells = [
        (
            one.currency,
            money(one.before, one.currency),
            money(one.after, one.currency),
            signed(one.difference, one.currency),
            signed(one.tax_after - one.tax_before, one.currency),
            f"{one.documents_before:,}",
            f"{one.documents_after:,}",
        )
        for one in found.totals
    ]
    columns = ("all", "billed", "would be", "difference", "tax", "documents", "would be")
    table("", columns, cells, right=(1, 2, 3, 4, 5, 6))
    out.print()


def _movers(found: Simulated) -> None:
    for one in found.movers:
        more, less = (signed(amount, one.currency) for amount in (one.more, one.less))
        line = (
            f"{one.currency}: {one.up:,} pay more ({more}), {one.down:,} pay less ({less}), {one.unchanged:,} the same"
        )
        out.print(line)
    out.print()


def _decided(found: Simulated) -> None:
    moved = f"{found.decisions_moved:,} of them with other money"
    out.print(f"[bold]{found.decisions:,} decisions come out otherwise[/bold], {moved}")
    decided(found.decided)


def _proved(found: Simulated) -> None:
    broken = [one for one in found.ties if not one.holds]
    for one in broken:
        out.print(f"does not tie {one.what}: {one.one} against {one.other} {one.currency}")
    again = f"{found.documents - len(found.drift):,} of {found.documents:,} documents come out as the books have them"
    out.print(f"{'all sums tie; ' if not broken else ''}by their own rules {again}")
    if found.by_hand:
        out.print(f"replayed with them: {found.acts_replayed}")
    if found.beside:
        out.print(f"no part of it: {found.acts_beside}")
    for drift in found.drift[:ROWS]:
        sums = (
            f"{money(one, drift.currency)} {drift.currency}" if one is not None else "none"
            for one in (drift.books, drift.replayed)
        )
        held, made = sums
        out.print(
            f"  {drift.kind} to {drift.payer}, run {drift.run}: {held} in the books, {made} replayed; {drift.because}",
            markup=False,
        )
    if len(found.drift) > ROWS:
        out.print(f"  and {len(found.drift) - ROWS} more")
