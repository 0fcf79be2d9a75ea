"""``tollbook bank``: what stands in files of banks and payment providers."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import (
    WRONG_INPUT,
    JsonOption,
    PersonOption,
    ReasonOption,
    Session,
    coins,
    emit,
    open_app,
    out,
    show_findings,
    table,
)

if TYPE_CHECKING:
    from engine.app import BankDesk

NO_CONFIG = Path("config.yaml")
"""The config file that need not exist: without one, the plug-in that comes with Tollbook reads."""


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Files of banks and payment providers: looked at without books, and booked.")
    app.add_typer(group, name="bank")

    @group.command("formats")
    def formats(context: typer.Context, as_json: JsonOption = False) -> None:
        """The kinds of files that can be read."""
        found = [(name, kind.role, kind.text) for name, kind in _desk(context.obj).kinds().items()]
        rows = [dict(zip(("name", "role", "text"), row, strict=True)) for row in found]
        emit(rows, as_json, lambda: table("Kinds of files", ("name", "what for", "what it is"), found))

    @group.command("read")
    def read(
        context: typer.Context,
        file: Annotated[Path, typer.Argument(help="The file; its kind is seen from what is in it.")],
        as_json: JsonOption = False,
    ) -> None:
        """Show what stands in a file.  Nothing is booked; what is odd is said on standard error."""
        found = _desk(context.obj).read(file)
        show_findings(found.flaws, limit=200)
        emit({"statements": [_plain(one) for one in found.statements]}, as_json, lambda: _show(found))

    @group.command("load")
    def load(
        context: typer.Context,
        file: Annotated[Path, typer.Argument(help="The file; its kind is seen from what is in it.")],
        accept: Annotated[
            list[str] | None, typer.Option("--accept", metavar="CODE", help="Book in spite of what is odd in this way.")
        ] = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Show what would be booked; nothing is written.")
        ] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Book the statements of a file, each once; what is odd about one is said, and it is not booked.

        Exit 1: something was not booked that should be looked at.
        """
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = None if dry_run else tollbook.change(person, "import", reason)
            loaded = tollbook.cash.load(file, change, accept=accept or ())
        show_findings(loaded.findings, limit=200)
        emit(loaded, as_json, lambda: _show_loaded(loaded))
        if loaded.refused:
            raise typer.Exit(WRONG_INPUT)


def _desk(session: Session) -> BankDesk:
    from engine.app import BankDesk
    from engine.config import load

    if session.config == NO_CONFIG and not session.config.exists():
        return BankDesk((), Path.cwd())
    config = load(session.config, session.overrides)
    return BankDesk(config.adapters, config.folder)


def _plain(statement: Any) -> Mapping[str, Any]:
    """A statement as JSON shows it: amounts are texts without exponents, days are ISO texts."""
    return {
        "account": statement.account,
        "currency": statement.currency,
        "opening": _amount(statement.opening),
        "closing": _amount(statement.closing),
        "ties": statement.ties(),
        "entries": [
            {
                "sign": entry.sign,
                "amount": _amount(entry.amount),
                "currency": entry.currency,
                "booking_date": entry.booking_date,
                "value_date": entry.value_date,
                "references": entry.references,
                "counterparty": entry.counterparty,
                "reversal": entry.reversal,
            }
            for entry in statement.entries
        ],
    }


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _show(found: Any) -> None:
    """A table of the statements, and one of each statement's entries."""
    ties = {True: "yes", False: "NO", None: "-"}
    rows = [
        (
            number,
            one.account or "-",
            one.currency or "-",
            _amount(one.opening) or "-",
            *(_sum(one, sign) for sign in "CD"),
            _amount(one.closing) or "-",
            ties[one.ties()],
            len(one.entries),
        )
        for number, one in enumerate(found.statements, 1)
    ]
    columns = ("#", "account", "currency", "opening", "credits", "debits", "closing", "ties", "entries")
    table(f"Statements ({found.kind})", columns, rows, right=(0, 3, 4, 5, 6, 8))
    for number, one in enumerate(found.statements, 1):
        if one.entries:
            entries = [
                (
                    entry.booking_date or entry.value_date or "-",
                    f"{'-' if entry.sign == 'D' else ''}{entry.amount:f}",
                    entry.currency or "-",
                    "reversal" if entry.reversal else "" if entry.status == "booked" else entry.status,
                    entry.counterparty or "",
                    " ".join(reference.value for reference in entry.references)[:60],
                )
                for entry in one.entries
            ]
            typer.echo()
            table(f"Statement {number}", ("day", "amount", "currency", "", "counterparty", "references"), entries, (1,))


def _sum(statement: Any, sign: str) -> str:
    return f"{sum((one.amount for one in statement.entries if one.sign == sign), Decimal(0)):f}"


def _show_loaded(loaded: Any) -> None:
    """What became of each statement."""
    columns = ("#", "entity", "account", "currency", "entries", "credits", "debits", "payments", "")
    rows = [
        (
            *(one.number, one.entity or "-", one.account or "-", one.currency or "-", one.entries),
            *(coins(amount, one.currency) if one.currency else "-" for amount in (one.credits, one.debits)),
            *(one.payments, one.state),
        )
        for one in loaded.statements
    ]
    table(f"Statements ({loaded.kind})", columns, rows, right=(0, 4, 5, 6, 7))
    done = (
        "a dry run: nothing is booked" if loaded.dry else f"run {loaded.run_id}" if loaded.run_id else "nothing is new"
    )
    out.print(done, markup=False)
