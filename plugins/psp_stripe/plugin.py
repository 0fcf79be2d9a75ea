"""Payments, refunds, webhooks and payouts of Stripe; README.md says how to set it up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from engine.model.effect import Answer, Effect
from engine.model.payment import CHARGE, REFUND, PaymentAnswer, PaymentChange, PaymentRequest, RefundRequest
from engine.ports.hookspecs import Context, hookimpl
from engine.ports.hookspecs.psp import Capability, Description, EventRequest, Events, PayoutRequest, Payouts
from engine.ports.hookspecs.telling import one_by_one

from . import reading
from .reading import KEY
from .wire import Refused, Wire, minor, verify

T = TypeVar("T")

METHODS: Final[Mapping[str, str]] = {
    "card": "card",
    "wallet": "card",
    "sepa_debit": "sepa_debit",
    "ach_debit": "us_bank_account",
    "bacs_debit": "bacs_debit",
}
"""What Stripe calls our kinds of methods: a wallet is a card there."""

AT_ONCE: Final = ("card", "wallet")
"""Kinds of methods that are decided when they are told, not days later."""

UNSIGNED: Final = "no signing secret is set for this adapter"


class Stripe:
    """One account of Stripe."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self._wire = Wire(settings["url"], context.secrets["api_key"], settings["wait"])
        self._secret, self._tolerance = context.secrets["signing_secret"], settings["tolerance"]
        self._confirm, self._page = settings["confirmation_url"], settings["page"]
        self._capabilities = tuple(_capability(one) for one in settings["capabilities"])

    @hookimpl
    def psp_describe(self) -> Description:
        """What the settings say."""
        return Description(self._capabilities)

    @hookimpl
    def psp_charge(self, effects: Sequence[Effect]) -> list[Answer]:
        """A PaymentIntent each, created and confirmed at once."""
        return one_by_one(effects, lambda effect: self._told(effect, PaymentRequest, self._charge))

    @hookimpl
    def psp_refund(self, effects: Sequence[Effect]) -> list[Answer]:
        """A refund of the PaymentIntent each."""
        return one_by_one(effects, lambda effect: self._told(effect, RefundRequest, self._refund))

    @hookimpl
    def psp_capture(self, effects: Sequence[Effect]) -> list[Answer]:
        """The PaymentIntent captured."""
        return one_by_one(effects, lambda effect: self._told(effect, PaymentChange, self._capture))

    @hookimpl
    def psp_cancel(self, effects: Sequence[Effect]) -> list[Answer]:
        """The PaymentIntent canceled."""
        return one_by_one(effects, lambda effect: self._told(effect, PaymentChange, self._cancel))

    @hookimpl
    def psp_status(self, effects: Sequence[Effect]) -> list[Answer]:
        """What is found by the key in the metadata; payments are looked for among those of the customer."""
        return [self._status(effect) for effect in effects]

    @hookimpl
    def psp_events(self, requests: Sequence[EventRequest]) -> list[Events]:
        """Webhooks, once their signature is good."""
        return [self._events(request) for request in requests]

    @hookimpl
    def psp_payouts(self, requests: Sequence[PayoutRequest]) -> list[Payouts]:
        """Payouts by the day on which they arrive, each with its balance transactions."""
        return [self._payouts(request) for request in requests]

    def _told(self, effect: Effect, kind: type[T], act: Callable[[Effect, T], Answer]) -> Answer:
        try:
            return act(effect, msgspec.convert(effect.payload, kind, strict=False))
        except msgspec.ValidationError as error:
            return _rejected(effect, f"the payload is not understood: {error}", "invalid_request")
        except Refused as refused:
            return self._refused(effect, refused)

    def _refused(self, effect: Effect, refused: Refused) -> Answer:
        """A decline says how its payment stands; whatever else is refused was never made."""
        found = refused.body.get("payment_intent")
        if isinstance(found, Mapping) and effect.kind == CHARGE:
            how = reading.dated(reading.payment(found, self._confirm), found)
            return self._answer(effect, how, str(refused))
        code = str(refused.body.get("decline_code") or refused.code)
        return _rejected(effect, str(refused), code)

    def _charge(self, effect: Effect, asked: PaymentRequest) -> Answer:
        method = asked.method
        params: dict[str, Any] = {
            "amount": minor(asked.amount, asked.currency),
            "currency": asked.currency.lower(),
            "payment_method": method.token,
            "payment_method_types": [METHODS.get(method.kind, method.kind)],
            "confirm": True,
            "off_session": asked.off_session,
            "capture_method": "automatic" if asked.capture else "manual",
            "description": asked.text or asked.reference,
            "metadata": {KEY: effect.key, "tollbook_payment": asked.reference, "tollbook_entity": asked.entity},
            "expand": ["latest_charge"],
        }
        if method.customer:
            params["customer"] = method.customer
        found = self._wire.act("/v1/payment_intents", mark(effect.key), **params)
        return self._answer(effect, reading.dated(reading.payment(found, self._confirm), found))

    def _refund(self, effect: Effect, asked: RefundRequest) -> Answer:
        found = self._wire.act(
            "/v1/refunds",
            mark(effect.key),
            payment_intent=asked.provider_id,
            amount=minor(asked.amount, asked.currency),
            metadata={KEY: effect.key, "tollbook_payment": asked.payment},
        )
        return self._answer(effect, reading.dated(reading.refund(found), found))

    def _capture(self, effect: Effect, asked: PaymentChange) -> Answer:
        params = {} if asked.amount is None else {"amount_to_capture": minor(asked.amount, asked.currency)}
        path = f"/v1/payment_intents/{asked.provider_id}/capture"
        found = self._wire.act(path, mark(effect.key), expand=["latest_charge"], **params)
        return self._answer(effect, reading.payment(found, self._confirm))

    def _cancel(self, effect: Effect, asked: PaymentChange) -> Answer:
        path = f"/v1/payment_intents/{asked.provider_id}"
        try:
            found = self._wire.act(f"{path}/cancel", mark(effect.key))
        except Refused:
            found = self._wire.get(path)
            if found["status"] != "canceled":
                raise
        return self._answer(effect, reading.payment(found, self._confirm))

    def _status(self, effect: Effect) -> Answer:
        try:
            found = self._found(effect)
        except Refused as refused:
            return Answer(effect.key, "retry", f"Stripe does not know it: {refused}")
        if found is None:
            return Answer(effect.key, "retry", "Stripe has nothing under this key")
        return self._answer(effect, found)

    def _found(self, effect: Effect) -> PaymentAnswer | None:
        """What is there of an effect; None where it was never done."""
        payload = effect.payload
        if effect.kind == CHARGE:
            since = str(payload.get("first_attempt") or payload["day"])
            day = datetime.combine(datetime.fromisoformat(since).date(), time(), UTC)
            params: dict[str, Any] = {"limit": self._page, "expand": ["data.latest_charge"]}
            customer = payload["method"].get("customer")
            # a day before, as the day of the seller may have begun earlier
            params |= {"customer": customer} if customer else {"created": {"gte": int(day.timestamp()) - 86_400}}
            mine = self._mine(effect, self._wire.listed("/v1/payment_intents", **params))
            if mine is None:
                return None
            how = reading.payment(mine, self._confirm)
            return reading.dated(how, mine) if payload["method"]["kind"] in AT_ONCE else how
        if effect.kind == REFUND:
            params = {"payment_intent": payload["provider_id"], "limit": self._page}
            mine = self._mine(effect, self._wire.listed("/v1/refunds", **params))
            return None if mine is None else reading.dated(reading.refund(mine), mine)
        path = f"/v1/payment_intents/{payload['provider_id']}"
        now = reading.payment(self._wire.get(path, expand=["latest_charge"]), self._confirm)
        return now if now.state in ("succeeded", "canceled") else None

    @staticmethod
    def _mine(effect: Effect, listed: Any) -> Mapping[str, Any] | None:
        return next((one for one in listed if (one.get("metadata") or {}).get(KEY) == effect.key), None)

    def _answer(self, effect: Effect, how: PaymentAnswer, reason: str = "") -> Answer:
        evidence = {name: value for name, value in msgspec.to_builtins(how).items() if value not in (None, "")}
        if how.state == "failed":
            return Answer(effect.key, "rejected", reason or how.code or "Stripe declined it", evidence)
        return Answer(effect.key, "accepted", "", evidence)

    def _events(self, request: EventRequest) -> Events:
        if not self._secret:
            return Events(request.key, refused=UNSIGNED)
        if "stripe-signature" not in request.headers:
            return Events(request.key, refused="the header Stripe-Signature is missing")
        flaw = verify(request.body, request.headers["stripe-signature"], self._secret, self._tolerance)
        if flaw:
            return Events(request.key, refused=flaw)
        try:
            return Events(request.key, (reading.event(json.loads(request.body, parse_float=Decimal), self._confirm),))
        except (ValueError, KeyError, TypeError) as error:
            return Events(
                request.key, refused=f"the message is signed and cannot be read: {type(error).__name__} {error}"
            )

    def _payouts(self, request: PayoutRequest) -> Payouts:
        days = {
            name: int(datetime.combine(day, time(), UTC).timestamp())
            for name, day in (("gte", request.since), ("lt", request.until))
        }
        after: dict[str, Any] = {"starting_after": request.cursor} if request.cursor else {}
        page = self._wire.get("/v1/payouts", arrival_date=days, limit=self._page, **after)
        found = []
        for one in page["data"]:
            params = {"payout": one["id"], "limit": self._page, "expand": ["data.source"]}
            moves = self._wire.listed("/v1/balance_transactions", **params)
            found.append(reading.payout(one, tuple(reading.line(move) for move in moves if move["type"] != "payout")))
        more = page.get("has_more") and page["data"]
        return Payouts(request.key, tuple(found), page["data"][-1]["id"] if more else "")


def mark(key: str) -> str:
    """The idempotency key that Stripe gets: as long for every key of ours."""
    return "tollbook-" + hashlib.sha256(key.encode()).hexdigest()


def _rejected(effect: Effect, reason: str, code: str) -> Answer:
    return Answer(effect.key, "rejected", reason, {"state": "failed", "code": code})


def _capability(given: Mapping[str, Any]) -> Capability:
    """A way to pay as the settings have it; what they leave out is that of the port."""
    named = {name: value for name, value in given.items() if value is not None}
    exact: dict[str, Any] = {
        name: Decimal(str(named[name])) for name in ("least", "most", "cost_rate", "cost_fixed") if name in named
    }
    lists: dict[str, Any] = {name: tuple(named[name]) for name in ("currencies", "countries") if name in named}
    manual = named["method"] in ("card", "wallet")
    return msgspec.convert({**named, **exact, **lists, "manual_capture": manual}, Capability)
