"""``tollbook revenue event``, ``recognise-early`` and ``overrides``: what was done, and what two persons let go."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from engine.app import AskedEvent
from engine.base.errors import Code, Finding, TollbookError, refuse
from engine.cli.acting import show_outcome
from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, exact, open_app, out, plain, table

BAD_FILE = Code("revenue.bad-file", "A file of events of revenue that cannot be read.")

LineArgument = Annotated[str, typer.Argument(help="An invoice line: INVOICE#LINE.")]
ON = ["%Y-%m-%d"]
KINDS = "deliver, accept, use, cost, sale, expire, or expect"
COLUMNS = ("key", "kind", "on", "line", "subscription", "charge", "entity", "quantity", "expected", "material", "note")


def register_in(group: typer.Typer) -> None:
    """Add the verbs."""
    _register_event(group)
    _register_early(group)


def _register_event(group: typer.Typer) -> None:
    @group.command("event")
    def event(
        context: typer.Context,
        key: Annotated[str, typer.Option("--key", help="Identifies it; sent twice, it counts once.")] = "",
        kind: Annotated[str, typer.Option("--kind", help=f"What was done: {KINDS}.")] = "",
        on: Annotated[datetime | None, typer.Option("--on", formats=ON, help="The day that it belongs to.")] = None,
        line: Annotated[str, typer.Option("--line", help="Of an invoice line: INVOICE#LINE.")] = "",
        subscription: Annotated[str, typer.Option("--subscription", help="Of a charge of this subscription.")] = "",
        charge: Annotated[str, typer.Option("--charge", help="That charge.")] = "",
        entity: Annotated[str, typer.Option("--entity", help="Legal entity of the subscription.")] = "",
        quantity: Annotated[str, typer.Option("--quantity", help="Units, or the amount of a cost.")] = "0",
        expected: Annotated[str, typer.Option("--expected", help="All that is now expected, where it changed.")] = "",
        note: Annotated[str, typer.Option("--note", help="Where it can be seen, such as a protocol.")] = "",
        file: Annotated[Path | None, typer.Option("--file", help="Many at once: CSV with these as columns.")] = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Keep what was done and lets revenue be earned. What has come too late is caught up by the next recognition."""
        row = dict(
            zip(COLUMNS, (key, kind, f"{on:%Y-%m-%d}" if on else "", line, subscription, charge, entity), strict=False)
        )
        row |= {"quantity": quantity, "expected": expected, "note": note}
        asked = _read(file) if file is not None else [_asked(row, "the event")]
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "import", reason)
            new = tollbook.revenue.events(asked, change)
        told = {"events": len(asked), "new": new}
        emit(told, as_json, lambda: out.print(f"{new} new of {len(asked)} events"))


def _read(file: Path) -> list[AskedEvent]:
    """The events of a CSV file.

    Raises:
        TollbookError: ``revenue.bad-file``, with all that is wrong.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as source:
            reader = csv.DictReader(source, strict=True)
            rows = list(reader)
            unknown = [name for name in reader.fieldnames or () if name not in COLUMNS]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise refuse(BAD_FILE, f"{file}: {error}", mend="give a CSV file in UTF-8") from None
    if unknown or not rows:
        what = f"{file} has the column {unknown[0]!r}" if unknown else f"{file} has no rows"
        raise refuse(BAD_FILE, what, mend=f"columns are {', '.join(COLUMNS)}")
    made: list[AskedEvent] = []
    findings: list[Finding] = []
    for number, row in enumerate(rows, 2):
        try:
            made.append(_asked(row, f"{file}:{number}"))
        except TollbookError as error:
            findings.extend(error.findings)
    if findings:
        raise TollbookError(findings)
    return made


def _asked(row: dict[str, str], place: str) -> AskedEvent:
    """An event of texts."""
    given = {name: (row.get(name) or "").strip() for name in COLUMNS}
    absent = [name for name in ("key", "kind", "on") if not given[name]]
    if absent:
        raise refuse(BAD_FILE, f"{place} has no {absent[0]}", mend="give key, kind and on")
    try:
        on = date.fromisoformat(given["on"])
        quantity, material = (exact(given[name] or "0") for name in ("quantity", "material"))
        expected = exact(given["expected"]) if given["expected"] else None
    except (ValueError, typer.BadParameter) as error:
        raise refuse(BAD_FILE, f"{place}: {error}", mend="write days as YYYY-MM-DD, numbers as 12.5") from None
    about = (given["line"], given["subscription"], given["charge"], given["entity"])
    return AskedEvent(given["key"], given["kind"], on, *about, quantity, expected, material, given["note"])


def _register_early(group: typer.Typer) -> None:
    @group.command("recognise-early")
    def early(
        context: typer.Context,
        line: LineArgument,
        on: Annotated[datetime, typer.Option("--on", formats=ON, help="The day on which it is to be recognised.")],
        override: Annotated[bool, typer.Option("--override", help="Let it go without its criterion.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Recognise what is left of a line on a day. Without its criterion that is refused, and with --override takes two persons."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "close", reason)
            outcome = tollbook.revenue.recognise_early(line, on.date(), change, override=override)
        words = f"{line} is recognised on {on:%Y-%m-%d} by the next run"
        show_outcome(outcome, as_json, {"line": line}, lambda: out.print(words, markup=False))

    @group.command("overrides")
    def overrides(context: typer.Context, as_json: JsonOption = False) -> None:
        """List what two persons let be recognised before its criterion."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.revenue.overrides()
        rows = [(one.entity, line, one.on, one.note) for line, one in found]
        names = ("entity", "line", "on", "reason")

        def render() -> None:
            if rows:
                table("recognised early", names, rows)
            else:
                out.print("nothing was recognised before its criterion")

        emit([plain(dict(zip(names, row, strict=True))) for row in rows], as_json, render)
