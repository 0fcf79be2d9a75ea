"""Whether a release would decide days again that an earlier one has decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.release import Difference

CHANGES_PAST = Code(
    "release.changes-the-past",
    "A release that changes rules for days before it is in force, which may be billed already.",
)

PAST: Final = "past"
"""What a proposal says that is meant to decide days again."""
AGAIN: Final = frozenset({"pricing", "proration", "discounts"})
"""Families whose rules a bill run asks again about days that are billed, to bill the difference."""
HARMLESS: Final = frozenset({"cases", "text", "owner", "effective"})
"""Kinds of differences that decide nothing otherwise; of an end, or a later beginning, the rules that follow say what they do."""


def backdated(found: Difference, day: date) -> Iterator[Finding]:
    """Findings about rule sets that were in force before ``day`` and decide otherwise now."""
    if not found.before:
        return
    for one in found.touched:
        kinds = {change.kind for change in found.changes if change.ruleset == one.ruleset}
        if one.family in AGAIN and kinds - HARMLESS and (one.start is None or one.start < day):
            since = f"since {one.start}" if one.start else "always"
            what = f"{one.ruleset} is {one.change} for days before {day}, too: it is in force {since}"
            why = "the next bill run asks it about the last cycles again, and bills the difference"
            mend = f"leave it as it is up to {day} and put the new rules into a rule set of their own, effective from {day}"
            yield Finding(CHANGES_PAST, Where(one.ruleset), what, why, mend, "warning", f"ruleset/{one.ruleset}")


def agreed_past(found: Sequence[Finding], changes: str, billed: date | None) -> tuple[Finding, ...]:
    """Warnings about days that are decided again, where the proposal says that it ``changes`` the past or nothing is ``billed`` yet.

    Raises:
        TollbookError: ``release.changes-the-past``.
    """
    if changes == PAST or billed is None:
        return tuple(found)
    wrong = [
        msgspec.structs.replace(
            one, level="error", mend=f"{one.mend}; or propose it with `--changes {PAST}` and the reason in --reason"
        )
        for one in found
    ]
    if wrong:
        raise TollbookError(wrong)
    return ()
