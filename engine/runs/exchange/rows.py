"""What a message says, as rows of the import files that say the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from engine.model.exchange import AccountData, ActivationData, OrderData, SuspensionData

Rows = dict[str, list[tuple[str, dict[str, Any]]]]
"""Kind of import file -> (place in the message, row)."""

ACTIONS: Final = {"suspend": "pause", "resume": "resume", "cancel": "cancel", "uncancel": "uncancel"}
"""What messages call an event of a subscription -> its kind in the books."""


def _account(data: AccountData) -> Rows:
    return {"accounts": [("data", _plain(data))]}


def _order(data: OrderData) -> Rows:
    head, named = _plain(data, "items", "prices", "payer"), {"payer": data.payer} if data.payer else {}
    rows: Rows = {"contracts": [("data", head)], "contract_lines": [], "subscriptions": [], "subscription_events": []}
    for place, price in enumerate(data.prices):
        row = {"entity": data.entity, "contract": data.key, **_plain(price)}
        rows["contract_lines"].append((f"data.prices[{place}]", row))
    for place, item in enumerate(data.items):
        where, mine = f"data.items[{place}]", {"entity": data.entity}
        taken = {"account": data.account, "contract": data.key, "anchor_day": item.anchor_day}
        event = {"key": item.event, "kind": "start", "on": item.starts_on.isoformat(), "plan": item.plan}
        rows["subscriptions"].append((where, {**mine, "key": item.subscription, **taken}))
        rows["subscription_events"].append(
            (where, {**mine, "subscription": item.subscription, **event, "quantity": f"{item.quantity:f}", **named})
        )
    return {kind: made for kind, made in rows.items() if made}


def _activation(data: ActivationData) -> Rows:
    return {"acceptances": [("data", {**_plain(data, "what"), "kind": data.what})]}


def _suspension(data: SuspensionData) -> Rows:
    return {"subscription_events": [("data", {**_plain(data, "action"), "kind": ACTIONS[data.action]})]}


def _plain(data: msgspec.Struct, *without: str) -> dict[str, Any]:
    """Fields that say something, as JSON has them."""
    values = msgspec.to_builtins(data)
    return {name: value for name, value in values.items() if name not in without and value is not None}


ROWS: Final[Mapping[str, Callable[[Any], Rows]]] = {
    "account": _account,
    "order": _order,
    "activation": _activation,
    "suspension": _suspension,
}
"""Kinds of messages that are imported."""
