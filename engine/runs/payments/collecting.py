"""Collecting: what accounts owe and is due is asked of their providers, and what was declined is tried again on its day.

A payment is written with its effect in one transaction, under the lock of the account's items, and told afterwards.  So a run
may be broken off anywhere: the same run again makes no second payment for an invoice, and takes up what was not told.  An invoice
is collected by one payment and its attempts; what comes after that is for people to decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO, round_to
from engine.model.account import Account
from engine.model.direct_debit import PLANNED
from engine.model.effect import Effect
from engine.model.journal import Change
from engine.model.payment import CANCELED, CHARGE, CREATED, FAILED, RETURNED, Method, PaidItem, PaymentRequest
from engine.model.payment_state import PaymentRecord, PaymentStep
from engine.model.settlement import OpenItem
from engine.ports.hookspecs.psp import Description
from engine.ports.psp import described
from engine.receivables.collecting import due_items
from engine.runs.accounts.settlement_moves import sheet
from engine.runs.booking import keep
from engine.runs.payments.choosing import Chosen, Wish, choose
from engine.runs.payments.telling import run_tell
from engine.runs.run import Clock, Parts, Progress, Report, attempt, silent
from engine.store.reader import Reader
from engine.store.writer import Writer
from engine.store.writing.payments import NewPayment
from engine.store.writing.settlements import as_digest

NOT_COLLECTED = Code(
    "payment.not-collected", "An account whose invoices are due and that has no method which can pay them."
)

CHANGED: Final = "changed"
"""Code of payments that were stopped because what they were for has changed; another one is made."""
TOGETHER: Final = 200
"""Accounts that are looked at, and payments that are tried again, in one transaction."""


class Wanted(msgspec.Struct, frozen=True):
    """What is collected of an account in one currency: the documents, by which method, through which provider."""

    account: Account
    currency: str
    amount: Decimal
    items: tuple[tuple[OpenItem, PaidItem], ...]
    method: Method
    chosen: Chosen

    def row(self) -> dict[str, Any]:
        """It as a dry run shows it."""
        return {
            "entity": self.account.entity,
            "account": self.account.key,
            "amount": self.amount,
            "currency": self.currency,
            "method": self.method.key,
            "provider": self.chosen.adapter,
            "documents": [item.number for item, _ in self.items],
        }


class Collection(msgspec.Struct, frozen=True):
    """What a run was asked for."""

    on: date
    account: str = ""
    dry_run: bool = False
    reserve: bool = False


def run_collect(
    parts: Parts, change: Change, asked: Collection, *, limit: int = 1_000_000, progress: Progress = silent
) -> Report:
    """Collect what is due on a day: of one account, or of all; what was declined is tried again where its day has come.

    Raises:
        TollbookError: what the providers declare is wrong.
    """
    clock, providers = Clock(), described(parts.host)
    findings: list[Finding] = []
    counts = {"payments": 0, "retried": 0}
    rows: list[Mapping[str, Any]] = []
    if not asked.dry_run:
        keep(parts, change)
    for entity, accounts in _accounts(parts, asked.account):
        with clock.step("collect"):
            made = _collect(parts, change, asked, providers, entity, accounts, findings)
        rows += made
        counts["payments"] += len(made)
        progress("collect", counts["payments"], 0)
    with clock.step("retry"):
        again = _retries(parts, change, asked)
    counts["retried"] = len(again)
    rows += again
    if not asked.dry_run:
        told = run_tell(parts, change, clock, limit=limit, progress=progress)
        counts |= told.counts
        findings += told.findings
    return Report(
        *(0, "collect", asked.on.isoformat(), parts.rules.release, "preview" if asked.dry_run else "done"),
        *(counts, clock.seconds, tuple(findings), tuple(rows) if asked.dry_run else ()),
    )


def _accounts(parts: Parts, account: str) -> Iterator[tuple[str, list[str]]]:
    """Accounts that have a method, some at a time, by legal entity."""
    with parts.books.reader() as reader:
        found = {
            entity: sorted(reader.payment_methods(parts.tenant, entity, [account] if account else None))
            for entity in sorted(reader.entities(parts.tenant))
        }
    for entity, keys in found.items():
        for start in range(0, len(keys), TOGETHER):
            yield entity, keys[start : start + TOGETHER]


def _collect(
    parts: Parts,
    change: Change,
    asked: Collection,
    providers: Mapping[str, Description],
    entity: str,
    accounts: Sequence[str],
    findings: list[Finding],
) -> list[Mapping[str, Any]]:
    """Make the payments of some accounts, each in a transaction of its own; in a dry run only say which."""
    with parts.books.reader() as reader:
        wanted = [*_wanted(parts, reader, asked, providers, entity, accounts, findings)]
    if asked.dry_run:
        return [one.row() for one in wanted]
    made: list[Mapping[str, Any]] = []
    for one in wanted:
        subject = f"account/{entity}/{one.account.key}"

        def work(one: Wanted = one) -> PaymentRecord | None:
            with parts.books.writer(change, tenant=parts.tenant) as writer:
                return _make(parts, writer, asked, providers, one)

        payment = attempt(work, subject, findings)
        made += [{"key": payment.key}] if payment else []
    return made


def _wanted(
    parts: Parts,
    reader: Reader,
    asked: Collection,
    providers: Mapping[str, Description],
    entity: str,
    accounts: Sequence[str],
    findings: list[Finding] | None,
) -> Iterator[Wanted]:
    """What is to be collected of some accounts."""
    tenant = parts.tenant
    methods = reader.payment_methods(tenant, entity, accounts)
    before = reader.payments_of(tenant, entity, accounts)
    known = reader.accounts(tenant, entity, accounts)
    debited = {one.item for one in reader.direct_debits(tenant, entity, live=True) if one.state != PLANNED}
    for (key, currency), items in sorted(reader.open_items(tenant, entity, accounts).items()):
        paid = before.get(key, [])
        busy = debited | {row[0] for one in paid if _holds(one) for row in one.items}
        due = due_items(items, asked.on, busy)
        if not due or key not in methods:
            continue
        amount = sum((part.amount for _, part in due), ZERO)
        ids = {item.id for item, _ in due}
        vain = [one for one in paid if _in_vain(one) and ids.intersection(row[0] for row in one.items)]
        found, why = _method(parts, asked, providers, known[key], methods[key], paid, vain, currency, amount)
        if found is not None:
            yield Wanted(known[key], currency, amount, tuple(due), *found)
        elif findings is not None:
            findings.append(_nothing_fits(known[key], amount, currency, why))


def _method(
    parts: Parts,
    asked: Collection,
    providers: Mapping[str, Description],
    account: Account,
    methods: Sequence[Method],
    before: Sequence[PaymentRecord],
    vain: Sequence[PaymentRecord],
    currency: str,
    amount: Decimal,
) -> tuple[tuple[Method, Chosen] | None, list[str]]:
    """The first method of an account that can be used, and its provider; or why none can."""
    closed = {(one.method, one.token): "for good" for one in before if one.blocks}
    closed = {(one.method, one.token): "for these documents" for one in vain} | closed
    reasons: list[str] = []
    for method in methods:
        flaw = _unusable(method, closed, currency, asked.on)
        if flaw:
            reasons.append(f"{method.key}: {flaw}")
            continue
        chosen = choose(parts.rules.decide, providers, Wish(account, method, currency, amount, asked.on, asked.reserve))
        if chosen.adapter:
            return (_learnt(method, before), chosen), []
        reasons += [f"{method.key}: {why}" for why in chosen.why_not]
    return None, reasons


def _holds(payment: PaymentRecord) -> bool:
    """Whether the documents of a payment are left alone: it is under way, it came, or it is tried again."""
    return payment.kind == "charge" and payment.state != CANCELED and not _in_vain(payment)


def _in_vain(payment: PaymentRecord) -> bool:
    """Whether a payment was declined for the last time, or stopped."""
    over = payment.state in (FAILED, RETURNED) or (payment.state == CANCELED and payment.code != CHANGED)
    return payment.kind == "charge" and over and payment.retry_on is None


def _unusable(method: Method, closed: Mapping[tuple[str, str], str], currency: str, on: date) -> str:
    declined = closed.get((method.key, method.token))
    if declined:
        return f"it was declined {declined}; it needs another token, or the account another method"
    if method.currency and method.currency != currency:
        return f"it pays in {method.currency}, and {currency} is due"
    if method.expires is not None and method.expires < on:
        return f"it has expired on {method.expires}"
    if not method.token and method.kind != "sepa_debit":
        return "it has no token"
    return "" if method.token else "it is collected under its mandate, by `tollbook direct-debit run`"


def _learnt(method: Method, before: Sequence[PaymentRecord]) -> Method:
    """The method with the reference of the payment in which the customer agreed, where the network has given one since."""
    if method.network_transaction:
        return method
    said = [one.network_transaction for one in before if one.token == method.token and one.network_transaction]
    return msgspec.structs.replace(method, network_transaction=said[0]) if said else method


def _make(
    parts: Parts, writer: Writer, asked: Collection, providers: Mapping[str, Description], seen: Wanted
) -> PaymentRecord | None:
    """Make a payment, after another look under the lock of the account's items; None where nothing is due any more."""
    tenant, account = parts.tenant, seen.account
    own = seen.items[0][0].functional_currency
    sheet(writer, tenant, (account.entity, account.key, seen.currency, own))
    now = _wanted(parts, writer.reader, asked, providers, account.entity, [account.key], None)
    one = next((wanted for wanted in now if wanted.currency == seen.currency), None)
    if one is None:
        return None
    count = sum(
        p.kind == "charge" for p in writer.reader.payments_of(tenant, account.entity, [account.key])[account.key]
    )
    key = f"psp/{account.key}/{count + 1}"
    request = PaymentRequest(
        reference=key,
        entity=account.entity,
        account=account.key,
        day=asked.on,
        amount=one.amount,
        currency=one.currency,
        method=one.method,
        items=tuple(part for _, part in one.items),
        capture=not asked.reserve,
        text=", ".join(item.number for item, _ in one.items[:3]),
        first_attempt=asked.on,
    )
    new = NewPayment(
        *(account.entity, account.key, key, "charge", one.chosen.adapter, one.method.key, one.method.token),
        *(one.currency, one.amount, asked.on, [[item.id, part.number, f"{part.amount:f}"] for item, part in one.items]),
        *(plain(request), as_digest({"amount": one.amount, "items": [item.id for item, _ in one.items]})),
        *(f"{account.entity}/{key}#1", one.chosen.decision),
    )
    made = writer.put_payment(tenant, new)
    put_effect(writer, made, CHARGE, made.told)
    return made


def plain(request: msgspec.Struct) -> dict[str, Any]:
    """A request as plain data: amounts and days are texts."""
    found: dict[str, Any] = msgspec.to_builtins(request)
    return found


def put_effect(writer: Writer, payment: PaymentRecord, kind: str, payload: dict[str, Any], suffix: str = "") -> None:
    """Put what a provider is to be told of a payment into the outbox."""
    effect = Effect(f"{payment.effect}{suffix}", "psp", kind, payload)
    writer.add_effects(payment.tenant, payment.entity, [(effect, payment.provider)])


def _retries(parts: Parts, change: Change, asked: Collection) -> list[Mapping[str, Any]]:
    """Let payments be tried again whose day has come; in a dry run only say which."""
    rows: list[Mapping[str, Any]] = []
    after = 0
    while True:
        with parts.books.reader() as reader:
            due = reader.payments_to_retry(parts.tenant, asked.on, TOGETHER, after)
        if not due:
            return rows
        after = due[-1].id
        for seen in due:
            if asked.account not in ("", seen.account):
                continue
            if asked.dry_run:
                rows.append({"payment": seen.key, "amount": seen.amount, "currency": seen.currency, "retry": True})
                continue
            with parts.books.writer(change, tenant=parts.tenant) as writer:
                again = _retry(parts, writer, writer.lock_payment(seen.id), asked.on)
            rows += [{"payment": again.key}] if again else []


def _retry(parts: Parts, writer: Writer, payment: PaymentRecord, on: date) -> PaymentRecord | None:
    """The next attempt at a payment, for what is open still; None where there is nothing to collect any more."""
    if payment.retry_on is None or payment.retry_on > on:
        return None
    items = writer.reader.open_items(parts.tenant, payment.entity, [payment.account])
    left = {item.id: item for item in items.get((payment.account, payment.currency), ())}
    parts_ = [(row[0], row[1], min(Decimal(row[2]), left[row[0]].left)) for row in payment.items if row[0] in left]
    amount = sum((part for _, _, part in parts_), ZERO)
    if amount != payment.amount:
        why = "what it was for is not open any more, or not all of it: another payment is made for what is left"
        writer.step_payment(payment, PaymentStep(CANCELED, why, CHANGED))
        return None
    number = payment.attempt + 1
    effect = f"{payment.entity}/{payment.key}#{number}"
    again = writer.step_payment(payment, PaymentStep(CREATED, attempt=number, effect=effect))
    put_effect(writer, again, CHARGE, {**payment.told, "attempt": number, "day": on.isoformat()})
    return again


def _nothing_fits(account: Account, amount: Decimal, currency: str, why: Sequence[str]) -> Finding:
    return Finding(
        NOT_COLLECTED,
        Where(f"account/{account.entity}/{account.key}"),
        f"{round_to(amount, currency):f} {currency} of {account.key} cannot be collected",
        "; ".join(why),
        "give the account a method that can (payment_methods), or let a routing rule name a provider that takes it",
        "warning",
        f"account/{account.entity}/{account.key}",
    )
