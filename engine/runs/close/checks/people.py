"""Checks of what waits for people: approvals, and items of the worklist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import TollbookError
from engine.base.money import ZERO
from engine.model.approval import Approval
from engine.model.close import CloseTerms, Found
from engine.runs.acts import ACTS
from engine.runs.close.look import Check, Look

_OF_THE_CLOSE: Final = ("soft-close-period", "close-period", "open-period", "waive-finding")
"""Acts that no close waits for: they are its own."""


def approvals(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """What waits for a second person."""
    for one in look.reader.pending_approvals(look.parts.tenant, _OF_THE_CLOSE):
        what = f"{one.act} of {one.subject} waits for a second person: {one.reason}"
        mend = f"`tollbook approvals show {one.id}`"
        about: Mapping[str, Decimal | None] = _amounts(look, one) or {"": None}
        for currency, amount in about.items():
            yield Found(f"approval/{one.key}", what, amount, currency, one.made_at.date(), mend)


def _amounts(look: Look, one: Approval) -> dict[str, Decimal | None]:
    """The money that an act is about; none where it cannot be done any more."""
    if one.act not in ACTS:
        return {}
    try:
        return dict(ACTS[one.act].amounts(look.reader, look.parts.tenant, msgspec.json.decode(one.content)["do"]))
    except TollbookError:
        return {}


def worklist(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Items of the worklist that nobody has resolved."""
    reader, tenant, entity = look.of
    for item in reader.work_items(tenant, state="unresolved", limit=1_000_000):
        if item.entity not in ("", entity):
            continue
        amount, currency = _money(item.detail)
        what = f"{item.kind}: {item.difference}{f' ({item.owner} has it)' if item.owner else ''}"
        mend = f"`tollbook worklist show {item.id}`"
        yield Found(f"work-item/{item.kind}/{item.subject}", what, amount, currency, item.opened_at.date(), mend)


def _money(detail: Mapping[str, Any]) -> tuple[Decimal | None, str]:
    """The amount of an item, where its detail says one with its currency."""
    if "amount" in detail and "currency" in detail:
        return Decimal(detail["amount"]) or ZERO, detail["currency"]
    return None, ""


CHECKS: Final = (
    Check(
        *("approvals-pending", "Acts that wait for a second person", "blocker", "controller", "people"),
        mend="`tollbook approvals list`",
        find=approvals,
    ),
    Check(
        *("worklist-open", "Items of the worklist that are not resolved", "warning", "billing", "books"),
        mend="`tollbook worklist list`",
        find=worklist,
    ),
)
