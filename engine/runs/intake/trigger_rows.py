"""What rows about milestones and acceptances must not say.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.base.errors import Code

BAD_MILESTONE = Code("intake.bad-milestone", "A milestone whose worth cannot be told.")
BAD_ACCEPTANCE = Code("intake.bad-acceptance", "An acceptance that does not say what is accepted.")

Flaws = Iterator[tuple[Code, str, str, str]]


def starts_on(values: dict[str, Any]) -> tuple[str, str, str] | None:
    """What is wrong with what a charge waits for, why, and how to mend it."""
    waits, kind = values["starts_on"], values["kind"]
    if kind == "usage" and waits != "subscription":
        mend = "leave starts_on empty, and send usage from the go-live on"
        return f"a usage charge that waits for its {waits}", "what was used was used", mend
    if waits == "milestone" and kind != "one_time":
        mend = "write go_live, or make its kind one_time"
        return f"a {kind} charge that is billed by milestones", "milestones are parts of a fixed price", mend
    return None


def milestone(values: dict[str, Any]) -> Flaws:
    """A milestone has one worth; one that only expects a go-live has none."""
    if values["amount"] is not None and values["share"] is not None:
        why, mend = "nobody knows which one counts", "keep one of them"
        yield BAD_MILESTONE, f"milestone {values['key']!r} has an amount and a share", why, mend


def acceptance(values: dict[str, Any]) -> Flaws:
    """What is accepted or revoked has to be named."""
    if values["kind"] != "go_live" and not values["about"]:
        wanted = "milestone" if values["kind"] == "accept" else "acceptance or go-live"
        yield BAD_ACCEPTANCE, f"{values['kind']} of nothing", f"it is about one {wanted}", "name it in the column about"
