"""What objects of Stripe mean in the words of the port.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.model.payment import DisputeNotice, PaymentAnswer, PaymentEvent, Payout, PayoutLine

from .wire import major

KEY: Final = "tollbook_key"
"""Name in the metadata of what carries our key."""

STATES: Final[Mapping[str, str]] = {
    "succeeded": "succeeded",
    "processing": "processing",
    "requires_action": "requires_action",
    "requires_capture": "authorized",
    "canceled": "canceled",
    "requires_payment_method": "failed",
    "requires_confirmation": "failed",
}
"""States of payments."""

REFUND_STATES: Final[Mapping[str, str]] = {
    "succeeded": "succeeded",
    "pending": "processing",
    "requires_action": "requires_action",
    "failed": "failed",
    "canceled": "canceled",
}
"""States of refunds."""

LINES: Final[Mapping[str, str]] = {
    "charge": "payment",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "dispute": "dispute",
    "dispute_reversal": "dispute_reversal",
    "fee": "fee",
    "network_cost": "fee",
    "tax": "fee",
}
"""Kinds of lines by reporting categories of balance transactions."""

TYPES: Final[Mapping[str, str]] = {
    "payment_intent.processing": "payment_processing",
    "payment_intent.requires_action": "payment_requires_action",
    "payment_intent.amount_capturable_updated": "payment_authorized",
    "payment_intent.succeeded": "payment_succeeded",
    "payment_intent.payment_failed": "payment_failed",
    "payment_intent.canceled": "payment_canceled",
    "charge.dispute.created": "dispute_opened",
    "charge.dispute.updated": "dispute_updated",
    "charge.dispute.funds_withdrawn": "dispute_updated",
    "charge.dispute.funds_reinstated": "dispute_updated",
    "charge.dispute.closed": "dispute_updated",
    "payout.paid": "payout_paid",
    "payout.failed": "payout_failed",
}
"""Kinds of events by their types; refunds go by their state."""

CLOSED: Final[Mapping[str, str]] = {"won": "dispute_won", "lost": "dispute_lost"}


def payment(found: Mapping[str, Any], confirm: str) -> PaymentAnswer:
    """How a payment stands.  ``confirm`` is the page on which customers confirm; empty where there is none."""
    state: Any = STATES.get(str(found["status"]), "processing")
    error = found.get("last_payment_error") or {}
    code = str(error.get("decline_code") or error.get("code") or "") if state == "failed" else ""
    link = _link(found)
    if state == "failed" and error.get("code") == "authentication_required" and confirm:
        state, link = "requires_action", confirm.replace("{payment_intent}", str(found["id"]))
    charge = found.get("latest_charge")
    currency = str(found["currency"]).upper()
    amount = {"succeeded": found.get("amount_received"), "authorized": found.get("amount_capturable")}.get(state)
    return PaymentAnswer(
        provider_id=str(found["id"]),
        state=state,
        amount=None if amount is None else major(int(amount), currency),
        currency=currency,
        code=code,
        link=link if state == "requires_action" else "",
        network_transaction=_network(charge),
        charge=str(charge.get("id", "") if isinstance(charge, Mapping) else charge or ""),
    )


def refund(found: Mapping[str, Any]) -> PaymentAnswer:
    """How a refund stands."""
    state: Any = REFUND_STATES.get(str(found["status"]), "processing")
    currency = str(found["currency"]).upper()
    code = str(found.get("failure_reason") or "") if state == "failed" else ""
    return PaymentAnswer(str(found["id"]), state, major(int(found["amount"]), currency), currency, code)


def dated(how: PaymentAnswer, found: Mapping[str, Any]) -> PaymentAnswer:
    """What was done at once, with its moment: that of the charge, else of the object."""
    charge = found.get("latest_charge")
    made = charge.get("created") if isinstance(charge, Mapping) else None
    return msgspec.structs.replace(how, at=datetime.fromtimestamp(int(made or found["created"]), UTC).isoformat())


def _link(found: Mapping[str, Any]) -> str:
    action = found.get("next_action") or {}
    redirect = action.get("redirect_to_url") or action.get("verify_with_microdeposits") or {}
    return str(redirect.get("url") or redirect.get("hosted_verification_url") or "")


def _network(charge: Any) -> str:
    if not isinstance(charge, Mapping):
        return ""
    details = charge.get("payment_method_details") or {}
    return str((details.get("card") or {}).get("network_transaction_id") or "")


def event(told: Mapping[str, Any], confirm: str) -> PaymentEvent:
    """An event that was signed."""
    kind, found = str(told["type"]), told["data"]["object"]
    at = datetime.fromtimestamp(int(told["created"]), UTC)
    head: dict[str, Any] = {"id": str(told["id"]), "at": at}
    if kind.startswith("payment_intent.") and kind in TYPES:
        return _of_payment(head, kind, found, confirm)
    if kind in ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"):
        return _of_refund(head, found)
    if kind.startswith("charge.dispute.") and kind in TYPES:
        return _of_dispute(head, kind, found)
    if kind in ("payout.paid", "payout.failed"):
        return PaymentEvent(kind=TYPES[kind], payout=payout(found, ()), **head)  # type: ignore[arg-type]
    return PaymentEvent(kind="other", reason=kind, **head)


def _of_payment(head: dict[str, Any], kind: str, found: Mapping[str, Any], confirm: str) -> PaymentEvent:
    how = payment(found, confirm)
    named: Any = TYPES[kind]
    if named == "payment_failed" and how.state == "requires_action":
        named = "payment_requires_action"
    error = found.get("last_payment_error") or {}
    failed = named == "payment_failed"
    return PaymentEvent(
        kind=named,
        provider_id=how.provider_id,
        key=str((found.get("metadata") or {}).get(KEY, "")),
        charge=how.charge,
        amount=major(int(found["amount_received"]), how.currency) if named == "payment_succeeded" else how.amount,
        currency=how.currency,
        code=str(error.get("decline_code") or error.get("code") or "") if failed else "",
        reason=str(error.get("message") or "") if failed else str(found.get("cancellation_reason") or ""),
        link=how.link,
        **head,
    )


def _of_refund(head: dict[str, Any], found: Mapping[str, Any]) -> PaymentEvent:
    how = refund(found)
    kind: Any = {"succeeded": "refund_succeeded", "failed": "refund_failed", "canceled": "refund_failed"}.get(how.state)
    key = str((found.get("metadata") or {}).get(KEY, ""))
    more = {"amount": how.amount, "currency": how.currency, "code": how.code}
    more["charge"] = str(found.get("payment_intent") or found.get("charge") or "")
    return PaymentEvent(kind=kind or "other", provider_id=how.provider_id, key=key, reason=how.code, **more, **head)  # type: ignore[arg-type]


def _of_dispute(head: dict[str, Any], kind: str, found: Mapping[str, Any]) -> PaymentEvent:
    currency = str(found["currency"]).upper()
    status = str(found["status"])
    named: Any = CLOSED.get(status, TYPES[kind]) if kind.endswith(".closed") else TYPES[kind]
    moved = found.get("balance_transactions") or []
    due = (found.get("evidence_details") or {}).get("due_by")
    notice = DisputeNotice(
        id=str(found["id"]),
        provider_id=str(found.get("payment_intent") or found.get("charge") or ""),
        amount=major(int(found["amount"]), currency),
        currency=currency,
        reason=str(
            (found.get("payment_method_details") or {}).get("card", {}).get("network_reason_code") or found["reason"]
        ),
        state=status,
        fee=sum((major(int(one["fee"]), str(one["currency"])) for one in moved), Decimal(0)),
        due=datetime.fromtimestamp(int(due), UTC) if due else None,
        withdrawn=bool(moved),
    )
    names: dict[str, Any] = {"provider_id": notice.provider_id, "charge": str(found.get("charge") or "")}
    return PaymentEvent(
        kind=named, amount=notice.amount, currency=currency, reason=notice.reason, dispute=notice, **names, **head
    )


def payout(found: Mapping[str, Any], lines: tuple[PayoutLine, ...]) -> Payout:
    """A payout with its lines."""
    currency = str(found["currency"]).upper()
    states: dict[str, Any] = {"paid": "paid", "failed": "failed", "canceled": "canceled"}
    amount, day = major(int(found["amount"]), currency), _day(found["arrival_date"])
    return Payout(str(found["id"]), amount, currency, day, states.get(str(found["status"]), "pending"), lines)


def line(found: Mapping[str, Any]) -> PayoutLine:
    """A balance transaction, with its source in it."""
    currency = str(found["currency"]).upper()
    kind: Any = LINES.get(str(found.get("reporting_category") or ""), "other")
    source = found.get("source")
    source = source if isinstance(source, Mapping) else {"id": source or ""}
    name = str(source.get("id", "") if kind in ("refund", "refund_failure") else source.get("payment_intent") or "")
    gross, fee, net = (major(int(found[part]), currency) for part in ("amount", "fee", "net"))
    charge = str(source.get("charge") or source.get("id") or "") if kind not in ("refund", "refund_failure") else ""
    key = str((source.get("metadata") or {}).get(KEY, ""))
    text = str(found.get("description") or "")
    return PayoutLine(
        str(found["id"]), kind, gross, fee, net, currency, _day(found["created"]), name, key, charge, text
    )


def _day(seconds: Any) -> date:
    return datetime.fromtimestamp(int(seconds), UTC).date()
