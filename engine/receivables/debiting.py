"""When something is collected: the day that its notice, its due date and the calendar of settlement allow."""

from __future__ import annotations

from datetime import date, timedelta

from engine.base import target_days


def earliest(due: date, on: date, told: date | None, notice_days: int, back: date | None, wait: int) -> date:
    """The first day of settlement on which something can be collected.

    Args:
        due: the day on which it is due to be paid.
        on: today.
        told: the day on which the debtor was told of it, or will be told where that is not known yet.
        notice_days: days between being told and being collected from.
        back: the day on which an earlier attempt came back; None for the first.
        wait: days after that.
    """
    days = [due, on]
    if back is not None:
        days.append(back + timedelta(days=wait))
    elif notice_days:
        days.append((told or on) + timedelta(days=notice_days))
    return target_days.on_or_after(max(days))


def goes_out(due: date, send_days: int) -> date:
    """The day on which a collection is handed to the provider: some days of settlement before it is due."""
    return target_days.shifted(due, -send_days)


def return_key(key: str, step: int, *, first: bool) -> str:
    """The key of the act by which money of a collection went back: banks may take it back in parts, each of which is a step."""
    return f"{key}/returned" if first else f"{key}/returned/{step}"
