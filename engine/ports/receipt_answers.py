"""Whether what a delivery adapter answers are receipts within the contract."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from engine.ports.hookspecs.delivery import Receipt, Receipts, ReceiptsRequest

LONGEST_CURSOR: Final = 1000
"""Most characters of a cursor."""


def receipts_flaws(request: ReceiptsRequest, told: Any) -> str:
    """What is wrong with an answer; empty where nothing is."""
    if not isinstance(told, Receipts):
        return f"answered {type(told).__name__} instead of Receipts"
    given: Any = told.receipts
    if not isinstance(given, (tuple, list)):
        return "answered receipts that are no list"
    for one in given:
        flaw = _flaw(one)
        if flaw:
            return flaw
    if len(given) > request.limit:
        return f"answered {len(given)} receipts where at most {request.limit} were asked"
    if not isinstance(told.cursor, str) or len(told.cursor) > LONGEST_CURSOR:
        return f"answered a cursor that is no text of at most {LONGEST_CURSOR} characters"
    if (given or told.more) and told.cursor == request.cursor:
        return "answered receipts, or that there are more, without a cursor that moves on"
    return ""


def _flaw(one: Any) -> str:
    if not isinstance(one, Receipt):
        return f"answered a receipt that is {type(one).__name__}"
    try:
        msgspec.convert(msgspec.to_builtins(one), Receipt)
    except (msgspec.ValidationError, TypeError) as error:
        return f"answered a receipt that breaks the contract: {error}"
    return "" if one.state != "bounced" or one.reason else "answered a bounce without a reason"
