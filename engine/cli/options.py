"""Options that verbs of money share, and the days that they mean."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Final

import typer

from engine.cli.common import exact

DAYS: Final = ["%Y-%m-%d"]
"""How days are written."""

AccountArgument = Annotated[str, typer.Argument(help="Key of the account.")]
AccountEntityOption = Annotated[
    str, typer.Option("--entity", help="The legal entity, where several have such an account.")
]
AmountOption = Annotated[
    Decimal | None, typer.Option("--amount", parser=exact, metavar="AMOUNT", help="Default: all that is left.")
]
EntityOption = Annotated[str, typer.Option("--entity", help="The legal entity.")]
EntryArgument = Annotated[
    int, typer.Argument(metavar="ENTRY", help="Number of the bank entry, as `cash show` lists it.")
]
OnOption = Annotated[datetime | None, typer.Option("--date", "--on", formats=DAYS, help="The day; default: today.")]


def day_of(moment: datetime | None) -> date | None:
    """The day that was written; None where none was."""
    return moment.date() if moment else None


def day_or_today(moment: datetime | None) -> date:
    """The day that was written, else today in UTC."""
    return moment.date() if moment else datetime.now(UTC).date()
