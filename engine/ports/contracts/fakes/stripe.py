"""Stripe as far as payments go: PaymentIntents, refunds, disputes, the balance with its payouts, events and their signatures.

State is kept as Stripe keeps it: a balance transaction for everything that moves money, a payout that takes all of them, an
event for every change.  Idempotency keys answer again what they answered, and refuse another body.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from engine.ports.contracts.fakes.serving import Asked, Refused, Service

KEY, SECRET = "sk_test_4eC39HqLyjWDarjtT1zdp7dc", "whsec_b4ck0fth3h0us3"
DECLINES = {
    "pm_card_chargeDeclined": ("card_declined", "generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "pm_card_chargeDeclinedStolenCard": ("card_declined", "stolen_card"),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", "expired_card"),
    "pm_card_authenticationRequired": ("authentication_required", "authentication_required"),
}
"""Methods that are declined: the code of the error, and that of the decline."""

SLOW = ("us_bank_account", "sepa_debit", "bacs_debit")
"""Kinds that are decided days later."""


def refusal(status: int, message: str, kind: str = "invalid_request_error", **more: Any) -> Refused:
    """An error as Stripe words it."""
    return Refused(status, {"error": {"type": kind, "message": message, **more}})


class StripeFake(Service):
    """One account.  ``acts`` has what it did; ``fault`` may also be ``error-after``: it acts, and answers 500; or ``too-many``."""

    def __init__(self) -> None:
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.disputes: dict[str, dict[str, Any]] = {}
        self.payouts: dict[str, dict[str, Any]] = {}
        self.moves: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.keys: dict[str, tuple[str, int, Any]] = {}
        self.acts: list[str] = []
        self.declines = dict(DECLINES)
        self.count = 0
        self.now = 1_769_904_000  # 2026-02-01T00:00:00Z
        super().__init__()

    def name(self, prefix: str) -> str:
        """A new name."""
        self.count += 1
        return f"{prefix}_{self.count:06}"

    # -- the service ---------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Route a request."""
        if asked.headers.get("Authorization") != f"Bearer {KEY}":
            raise refusal(401, "Invalid API Key provided")
        if self.fault == "too-many":
            raise refusal(429, "Request rate limit exceeded.", code="rate_limit")
        if asked.method == "GET":
            return 200, self._get(asked.path, nested(asked.query))
        key, body = asked.headers.get("Idempotency-Key", ""), json.dumps(asked.body or {}, sort_keys=True)
        if key in self.keys:
            told, status, answer = self.keys[key]
            if told != asked.path + body:
                raise refusal(
                    400, "Keys for idempotent requests can only be used with the same parameters", "idempotency_error"
                )
        else:
            try:
                status, answer = 200, self._post(asked.path, nested(asked.body or {}))
            except Refused as refused:
                status, answer = refused.status, refused.body
            if key:
                self.keys[key] = (asked.path + body, status, json.loads(json.dumps(answer)))
        if self.fault == "error-after":
            raise refusal(500, "something went wrong on our end", "api_error")
        if status >= 400:
            raise Refused(status, answer)
        return status, answer

    def _get(self, path: str, query: dict[str, Any]) -> Any:
        parts = path.removeprefix("/v1/").split("/")
        kinds: dict[str, Any] = {"payment_intents": self.intents, "refunds": self.refunds, "payouts": self.payouts}
        if parts[0] == "balance_transactions":
            found = [dict(one) for one in self.moves if one["payout"] == query.get("payout", one["payout"])]
            return page(found, query, path)
        if parts[0] == "events":
            return page(list(reversed(self.events)), query, path)
        if parts[0] not in kinds:
            raise refusal(404, f"Unrecognized request URL (GET: {path})")
        if len(parts) == 2:
            if parts[1] not in kinds[parts[0]]:
                raise refusal(404, f"No such {parts[0][:-1]}: '{parts[1]}'", code="resource_missing", param="id")
            return self._shown(kinds[parts[0]][parts[1]])
        found = [self._shown(one) for one in reversed(list(kinds[parts[0]].values())) if wanted(one, query)]
        return page(found, query, path)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        parts = path.removeprefix("/v1/").split("/")
        if parts == ["payment_intents"]:
            return self._create(body)
        if parts == ["refunds"]:
            return self._refund(body)
        if parts[0] == "payment_intents" and len(parts) == 3 and parts[2] in ("capture", "cancel"):
            if parts[1] not in self.intents:
                raise refusal(404, f"No such payment_intent: '{parts[1]}'", code="resource_missing")
            return getattr(self, f"_{parts[2]}")(self.intents[parts[1]], body)
        raise refusal(404, f"Unrecognized request URL (POST: {path})")

    def _shown(self, one: dict[str, Any]) -> dict[str, Any]:
        return json.loads(json.dumps(one))  # type: ignore[no-any-return]

    # -- payments ------------------------------------------------------------------------------------------------------

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        amount, token = int(body["amount"]), body["payment_method"]
        if amount < 1:
            raise refusal(400, "This value must be greater than or equal to 1.", code="parameter_invalid_integer")
        if not token.startswith("pm_"):
            raise refusal(400, f"No such PaymentMethod: '{token}'", code="resource_missing", param="payment_method")
        (kind,) = body["payment_method_types"].values()
        ident = self.name("pi")
        one = self.intents[ident] = {
            "id": ident,
            "object": "payment_intent",
            "amount": amount,
            "amount_received": 0,
            "amount_capturable": 0,
            "currency": body["currency"],
            "customer": body.get("customer"),
            "payment_method": token,
            "capture_method": body["capture_method"],
            "metadata": body.get("metadata", {}),
            "description": body.get("description"),
            "created": self.now,
            "latest_charge": None,
            "last_payment_error": None,
            "next_action": None,
            "status": "requires_confirmation",
            "kind": kind,
        }
        self.acts.append(f"charge {ident}")
        decline = self.declines.get(token)
        if decline is not None:
            raise self._declined(one, *decline)
        if kind in SLOW:
            self._charge(one, "pending")
            self._move_on(one, "processing", "payment_intent.processing")
        elif body["capture_method"] == "manual":
            self._charge(one, "succeeded")
            one["amount_capturable"] = amount
            self._move_on(one, "requires_capture", "payment_intent.amount_capturable_updated")
        else:
            self._charge(one, "succeeded")
            self._succeed(one, amount)
        return self._shown(one)

    def _charge(self, one: dict[str, Any], status: str) -> None:
        card = {"network_transaction_id": f"ntx{self.count}"} if one["kind"] == "card" else None
        details = {"type": one["kind"], **({"card": card} if card else {})}
        charge = {
            "id": self.name("ch"),
            "object": "charge",
            "payment_intent": one["id"],
            "status": status,
            "created": self.now,
        }
        one["latest_charge"] = {**charge, "payment_method_details": details, "metadata": one["metadata"]}

    def _declined(
        self, one: dict[str, Any], code: str, decline: str, message: str = "Your card was declined."
    ) -> Refused:
        error = {"type": "card_error", "code": code, "decline_code": decline, "message": message}
        one["last_payment_error"] = error
        self._charge(one, "failed")
        self._move_on(one, "requires_payment_method", "payment_intent.payment_failed")
        return Refused(402, {"error": {**error, "payment_intent": self._shown(one)}})

    def _succeed(self, one: dict[str, Any], amount: int) -> None:
        one["amount_received"], one["amount_capturable"], one["last_payment_error"] = amount, 0, None
        self.move("charge", amount, round(amount * 0.015) + 25, one["currency"], one["latest_charge"])
        self._move_on(one, "succeeded", "payment_intent.succeeded")

    def _move_on(self, one: dict[str, Any], status: str, event: str) -> None:
        one["status"] = status
        self.tell(event, one)

    def _capture(self, one: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        amount = int(body.get("amount_to_capture", one["amount_capturable"]))
        if one["status"] != "requires_capture":
            raise refusal(400, f"This PaymentIntent is {one['status']}", code="payment_intent_unexpected_state")
        if amount > one["amount_capturable"]:
            raise refusal(400, "The amount to capture is more than the amount capturable", code="amount_too_large")
        self.acts.append(f"capture {one['id']}")
        self._succeed(one, amount)
        return self._shown(one)

    def _cancel(self, one: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        if one["status"] in ("succeeded", "canceled", "processing"):
            raise refusal(
                400,
                f"You cannot cancel this PaymentIntent: it is {one['status']}",
                code="payment_intent_unexpected_state",
            )
        self.acts.append(f"cancel {one['id']}")
        self._move_on(one, "canceled", "payment_intent.canceled")
        return self._shown(one)

    def _refund(self, body: dict[str, Any]) -> dict[str, Any]:
        one = self.intents.get(body["payment_intent"])
        if one is None:
            raise refusal(404, f"No such payment_intent: '{body['payment_intent']}'", code="resource_missing")
        given = sum(
            r["amount"] for r in self.refunds.values() if r["payment_intent"] == one["id"] and r["status"] != "failed"
        )
        amount = int(body.get("amount", one["amount_received"] - given))
        if amount > one["amount_received"] - given:
            raise refusal(
                400, "Refund amount is greater than unrefunded amount on charge", code="charge_already_refunded"
            )
        ident = self.name("re")
        made = self.refunds[ident] = {
            "id": ident,
            "object": "refund",
            "amount": amount,
            "currency": one["currency"],
            "payment_intent": one["id"],
            "charge": one["latest_charge"]["id"],
            "metadata": body.get("metadata", {}),
            "created": self.now,
            "status": "succeeded",
            "failure_reason": None,
        }
        self.acts.append(f"refund {ident}")
        self.move("refund", -amount, 0, one["currency"], made)
        self.tell("refund.created", made)
        return self._shown(made)

    # -- what happens by itself ------------------------------------------------------------------------------------------

    def move(self, category: str, amount: int, fee: int, currency: str, source: Any) -> dict[str, Any]:
        """A balance transaction."""
        made = {
            "id": self.name("txn"),
            "object": "balance_transaction",
            "type": category if category not in ("dispute", "dispute_reversal") else "adjustment",
            "reporting_category": category,
            "amount": amount,
            "fee": fee,
            "net": amount - fee,
            "currency": currency,
            "created": self.now,
            "source": source,
            "description": None,
            "payout": None,
        }
        self.moves.append(made)
        return made

    def tell(self, kind: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """An event, as it is told to webhooks: objects in it are not expanded."""
        plain = json.loads(json.dumps(found))
        if isinstance(plain.get("latest_charge"), dict):
            plain["latest_charge"] = plain["latest_charge"]["id"]
        told = {"id": self.name("evt"), "object": "event", "type": kind, "created": self.now, "data": {"object": plain}}
        self.events.append(told)
        return told

    def decide(self, ident: str, decline: str = "") -> None:
        """A debit is decided after days; or a customer confirms a payment."""
        one = self.intents[ident]
        if decline:
            self._declined(one, "payment_intent_payment_attempt_failed", decline, "The bank has declined.")
        else:
            self._charge(one, "succeeded")
            self._succeed(one, one["amount"])

    def give_back(self, intent: str, amount: int) -> dict[str, Any]:
        """Somebody gives a part back in the dashboard."""
        return self._refund({"payment_intent": intent, "amount": amount})

    def fail_refund(self, ident: str) -> None:
        """The customer's bank sends a refund back."""
        made = self.refunds[ident]
        made["status"], made["failure_reason"] = "failed", "lost_or_stolen_card"
        self.move("refund_failure", made["amount"], 0, made["currency"], made)
        self.tell("refund.failed", made)

    def dispute(self, intent: str, fee: int = 1500, **more: Any) -> dict[str, Any]:
        """A customer disputes a payment: money and a fee are taken, unless the bank only asks (``status`` ``warning_…``)."""
        one, ident = self.intents[intent], self.name("dp")
        made = self.disputes[ident] = {
            "id": ident,
            "object": "dispute",
            "amount": one["amount_received"],
            "currency": one["currency"],
            "payment_intent": intent,
            "charge": one["latest_charge"]["id"],
            "reason": "fraudulent",
            "status": "needs_response",
            "evidence_details": {"due_by": self.now + 7 * 86_400},
            "balance_transactions": [],
            **more,
        }
        if not made["status"].startswith("warning"):
            self.withdraw(made, fee)
        self.tell("charge.dispute.created", made)
        return made

    def withdraw(self, dispute: dict[str, Any], fee: int) -> None:
        """The money of a dispute and a fee are taken."""
        move = self.move("dispute", -dispute["amount"], fee, dispute["currency"], {**dispute})
        dispute["balance_transactions"] += [{"fee": move["fee"], "currency": move["currency"], "net": move["net"]}]

    def pay_out(self, currency: str, arrives: int | None = None) -> dict[str, Any]:
        """All that is on the balance in a currency goes to the bank."""
        mine = [one for one in self.moves if one["payout"] is None and one["currency"] == currency]
        ident = self.name("po")
        made = self.payouts[ident] = {
            "id": ident,
            "object": "payout",
            "amount": sum(one["net"] for one in mine),
            "currency": currency,
            "arrival_date": self.now if arrives is None else arrives,
            "status": "paid",
            "created": self.now,
        }
        for one in mine:
            one["payout"] = ident
        out = self.move("payout", -made["amount"], 0, currency, {"id": ident})
        out["payout"] = ident
        self.tell("payout.paid", made)
        return made

    def signed(
        self, event: Mapping[str, Any], secret: str = SECRET, at: int | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """A webhook: its body, and its headers."""
        body, moment = json.dumps(event, indent=2).encode(), int(time.time()) if at is None else at
        digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return body, {"Stripe-Signature": f"t={moment},v1={digest}", "Content-Type": "application/json"}

    def report(self, payout: str) -> str:
        """The itemized payout reconciliation report of a payout, as CSV."""
        head = "balance_transaction_id,created_utc,automatic_payout_id,automatic_payout_effective_at_utc,currency,gross,fee,net,"
        head += "reporting_category,source_id,payment_intent_id,charge_id"
        day = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.payouts[payout]["arrival_date"]))
        rows = [head]
        for one in self.moves:
            if one["payout"] == payout and one["type"] != "payout":
                source = one["source"]
                money = ",".join(f"{one[part] / 100:.2f}" for part in ("amount", "fee", "net"))
                refs = f"{source['id']},{source.get('payment_intent', '')},{source.get('charge', source['id'])}"
                rows.append(
                    f"{one['id']},{day},{payout},{day},{one['currency']},{money},{one['reporting_category']},{refs}"
                )
        return "\n".join(rows) + "\n"


def nested(flat: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a form with their brackets opened: metadata[a] becomes {"metadata": {"a": ...}}."""
    made: dict[str, Any] = {}
    for name, value in flat.items():
        head, *rest = name.replace("]", "").split("[")
        place = made
        for part in rest:
            place = place.setdefault(head, {})
            head = part
        place[head] = value
    return made


def wanted(one: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Whether an object is among those that are asked for."""
    for name in ("customer", "payment_intent"):
        if name in query and one.get(name) != query[name]:
            return False
    for name in ("created", "arrival_date"):
        bounds = query.get(name, {})
        if "gte" in bounds and one[name] < int(bounds["gte"]):
            return False
        if "lt" in bounds and one[name] >= int(bounds["lt"]):
            return False
    return True


def page(found: list[dict[str, Any]], query: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A page of a list."""
    after, limit = query.get("starting_after"), int(query.get("limit", 10))
    start = next((place + 1 for place, one in enumerate(found) if one["id"] == after), 0) if after else 0
    data = found[start : start + limit]
    return {"object": "list", "url": path, "has_more": start + limit < len(found), "data": data}
