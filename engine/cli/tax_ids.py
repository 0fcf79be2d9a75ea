"""``tollbook tax ids``: what is known of customers' tax ids, and asking again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from engine.cli.common import (
    WRONG_INPUT,
    JsonOption,
    PersonOption,
    ReasonOption,
    emit,
    open_app,
    out,
    show_findings,
    table,
)


def register(group: typer.Typer) -> None:
    """Add the verb."""

    @group.command("ids")
    def ids(
        context: typer.Context,
        again: Annotated[bool, typer.Option("--refresh", help="Ask about them, and keep the answers.")] = False,
        older_than: Annotated[
            int, typer.Option("--older-than", min=0, help="Only those whose answer is more than so many days old.")
        ] = 0,
        entity: Annotated[str, typer.Option("--entity", help="One legal entity only.")] = "",
        on: Annotated[
            datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="The day to count from; default: today.")
        ] = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """List tax ids of customers in other countries of the European Union that nobody asked about lately, or ask about them.

        Exit 1: an adapter failed or told nothing of some; what was answered is kept.
        """
        day = (on or datetime.now(UTC)).date()
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            if not again:
                found = tollbook.tax.ids(day, older_than, entity)
            else:
                change = tollbook.change(person, "import", reason)
                made = tollbook.tax.refresh_ids(change, day, older_than, entity)
        if again:
            show_findings(made.findings)
            told = {"asked": made.asked, "answered": made.answered, "invalid": list(made.invalid)}
            emit(told, as_json, lambda: _show(made.asked, made.answered, made.invalid))
            if made.findings:
                raise typer.Exit(WRONG_INPUT)
            return
        rows = [
            (
                one.account.entity,
                one.account.key,
                one.account.country,
                *_answer(one.answer),
                str((one.answer and one.answer.checked_on) or ""),
            )
            for one in found
        ]
        names = ("entity", "account", "country", "answer", "reference", "checked on")
        listed = [dict(zip(names, row, strict=True)) for row in rows]
        emit(listed, as_json, lambda: table("", names, rows) if rows else out.print("all were asked about"))


def _show(asked: int, answered: int, invalid: tuple[str, ...]) -> None:
    out.print(f"{asked} asked about, {answered} answered, {len(invalid)} not registered")
    for key in invalid:
        out.print(f"  {key}")


def _answer(answer: object) -> tuple[str, str]:
    if answer is None:
        return "none", ""
    return ("valid" if getattr(answer, "valid", False) else "invalid"), str(getattr(answer, "reference", ""))
