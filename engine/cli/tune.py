"""``tollbook tune``: parameters of rules listed, tried on closed months, proposed, and watched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.base.files import whole
from engine.cli.common import (
    Bars,
    JsonOption,
    PersonOption,
    ReasonOption,
    emit,
    exact,
    open_app,
    out,
    show_findings,
    table,
)

if TYPE_CHECKING:
    from engine.app import Curve, Sheet, Watched

BAR = 24
"""Characters of the longest bar."""
POINTS = 5
"""Values that are tried unless it is said how many."""


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("tune")
    def tune(
        context: typer.Context,
        what: Annotated[str, typer.Argument(help="list, watch, or the name of a rule set.")],
        value: Annotated[str, typer.Argument(help="PARAMETER=VALUE, to see what the value would have done.")] = "",
        first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m"], help="The first month it is tried on; the last one with a run if left out.")] = None,
        last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m"], help="The last month; the first one if left out.")] = None,
        points: Annotated[int, typer.Option("--curve", min=1, max=100, help="How many values within the bounds are tried.")] = POINTS,
        html: Annotated[Path | None, typer.Option("--html", help="Write the curve there as a page.")] = None,
        propose: Annotated[bool, typer.Option("--propose", help="Propose the value; somebody else approves it.")] = False,
        margin: Annotated[str, typer.Option("--band", help="With --propose: how far the rate may go, in percent points.")] = "5",
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:  # fmt: skip
        """See what a value of a parameter would have done, as a curve; with --propose, propose it.

        ``tune list`` shows the parameters; ``tune watch`` whether rates stayed in the bands that were stored with proposals, and
        with --as and --reason puts what has left its band on the worklist.
        """
        if what == "list":
            _list(context, as_json)
        elif what == "watch":
            _watch(context, person, reason, as_json)
        else:
            months = None if first is None else (_month(first), _month(last or first))
            _curve(context, (what, value), months, points, html, (propose, margin, person, reason), as_json)


def _month(day: datetime) -> date:
    return day.date().replace(day=1)


def _list(context: typer.Context, as_json: bool) -> None:
    with open_app(context.obj.config, context.obj.overrides) as tollbook:
        found = tollbook.tuning.listed()
    emit(found, as_json, lambda: show_list(found))


def show_list(found: Sequence[Sheet]) -> None:
    """The parameters, for people."""
    rows = [
        (
            f"{one.ruleset} {one.name}",
            one.written + (" (set)" if one.overridden else ""),
            one.bounds,
            one.unit,
            one.tuned_by,
            one.why,
        )
        for one in found
    ]
    table("", ("parameter", "value", "bounds", "unit", "tuned by", "what it is for"), rows)


def _watch(context: typer.Context, person: str, reason: str, as_json: bool) -> None:
    with open_app(context.obj.config, context.obj.overrides) as tollbook:
        change = tollbook.change(person, "run", reason) if person or reason else None
        watched, findings = tollbook.tuning.watch(change)
    show_findings(findings)
    emit(watched, as_json, lambda: show_watched(watched))


def show_watched(found: list[Watched]) -> None:
    """Bands and rates, for people."""
    rows = [
        (
            f"{one.setting.ruleset} {one.setting.parameter} = {one.setting.value}",
            " ".join(one.band[name] for name in ("measure", "part", "currency") if one.band.get(name)),
            f"{one.band['low']} to {one.band['high']}",
            len(one.rates),
            f"{one.rates[-1][2]:f}" if one.rates else "",
            len(one.outside),
        )
        for one in found
    ]
    table("", ("parameter", "rate", "band", "runs since", "last rate", "runs outside"), rows, right=(3, 4, 5))


def _curve(
    context: typer.Context,
    given: tuple[str, str],
    months: tuple[date, date] | None,
    points: int,
    html: Path | None,
    proposed: tuple[bool, str, str, str],
    as_json: bool,
) -> None:
    from engine.app import curve_page
    from engine.cli.acting import show_outcome

    ruleset, (name, equals, value) = given[0], given[1].partition("=")
    if not (name and equals and value):
        raise typer.BadParameter(f"say PARAMETER=VALUE after {ruleset}, such as tolerance=0.50")
    propose, margin, person, reason = proposed
    with open_app(context.obj.config, context.obj.overrides) as tollbook:
        change = tollbook.change(person, "run", reason) if propose else None
        desk = tollbook.tuning
        with Bars() as bars:
            found = desk.curve(ruleset, name, value.strip(), months=months, count=points, progress=bars)
        outcome = None if change is None else desk.propose(found, change, exact(margin) / Decimal(100))
    if html is not None:
        with whole(html) as part:
            part.write_text(curve_page(found), encoding="utf-8")
    if outcome is None:
        emit(found, as_json, lambda: show(found))
    else:
        show_outcome(outcome, as_json, found, lambda: show(found))


def show(found: Curve) -> None:
    """A curve, for people."""
    from engine.app import curve_bars, curve_cells, curve_heads

    sheet = found.sheet
    months = found.first if found.first == found.last else f"{found.first} to {found.last}"
    out.print(f"[bold]{sheet.key}[/bold] is {sheet.written}; bounds {sheet.bounds}; tried on {months}", highlight=False)
    out.print(sheet.why, markup=False)
    lengths = curve_bars(found, BAR)
    rows = [(*curve_cells(found, one), "█" * size) for one, size in zip(found.points, lengths, strict=True)]
    columns = (*curve_heads(found), "")
    table("", columns, rows, right=range(1, len(columns) - 1))
