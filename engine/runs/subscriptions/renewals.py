"""Renewals: what follows the terms of subscriptions that end, done as new terms, new agreed prices and dated events.

Everything has a natural key of its own (the first day of a term, of a price, of an event), so doing it again is harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.billing.attributed import Attributed
from engine.billing.renewing import Asked, RenewalFacts, following, months_left, uplifted
from engine.billing.timeline import counted, stints
from engine.model.account import Account
from engine.model.contract import Contract, ContractLine
from engine.model.decision import Decision
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.model.subscription import SubscriptionEvent
from engine.model.terms import Term
from engine.runs.attributes import attributes_of
from engine.runs.run import Parts, attempt
from engine.store import lookups
from engine.store.attributes import newest
from engine.store.reader import Reader
from engine.store.terms import ending, terms_of
from engine.store.writer import Writer
from engine.store.writing.events import event_row

NOTICE_AHEAD = Code("renewal.notice-ahead", "A term whose last day for notice comes soon.")
NO_UPLIFT = Code("renewal.nothing-to-lift", "A renewal that raises agreed prices of a plan for which none are agreed.")

HORIZON: Final = timedelta(days=400)
"""How far ahead terms are looked at."""
CHUNK: Final = 500
"""Subscriptions that are written at a time."""


class Bound(msgspec.Struct, frozen=True):
    """A subscription with its terms, and what is known of it."""

    entity: LegalEntity
    account: Account
    id: int
    key: str
    contract: Contract | None
    events: tuple[SubscriptionEvent, ...]
    terms: tuple[Term, ...]
    attributes: Attributed | None = None

    def cancelled_by(self, day: date) -> bool:
        """Whether the service has ended on a day, for good."""
        known = [e for e in counted(self.events) if e.kind in ("start", "cancel", "uncancel") and e.on <= day]
        return bool(known) and max(known, key=lambda e: (e.on, e.id)).kind == "cancel"

    def facts(self, term: Term, asked: Asked, day: date, in_time: bool = True) -> RenewalFacts:
        """What a rule is asked about a term; ``day`` is the day after it, or that of a cancellation."""
        served = [stint for stint in stints(self.events) if stint.days.start < term.ends]
        stint = served[-1] if served else None
        plan = stint.plan if stint else next((e.plan for e in self.events if e.plan), "") or ""
        facts = RenewalFacts(
            self.entity,
            self.account,
            plan,
            stint.quantity if stint else Decimal(1),
            asked,
            sum(1 for one in self.terms if one.starts < term.starts) + 1,
            term.starts,
            term.ends,
            term.renews,
            in_time,
            months_left(day, term.ends),
            self.contract.key if self.contract else None,
            day,
        )
        seen = self.attributes.of(self.account.key, self.key) if self.attributes else None
        return seen.by(facts, day) if seen else facts


class Renewal(msgspec.Struct, frozen=True):
    """What follows a term: ``next_to`` is the end of the next one, None where the service ends; ``prices`` are agreed prices
    that change, as (plan/charge, before, after, currency)."""

    entity: str
    account: str
    subscription: str
    term_from: date
    term_to: date
    notice_by: date
    action: str
    next_to: date | None
    uplift: Decimal
    rule: str
    prices: tuple[tuple[str, Decimal, Decimal, str], ...] = ()


class Renewals(msgspec.Struct, frozen=True):
    """What renews or ends by a day, and the terms whose last day for notice comes soon."""

    on: date
    due: tuple[Renewal, ...]
    ahead: tuple[Renewal, ...]
    findings: tuple[Finding, ...]
    done: bool = False


class _Made(msgspec.Struct, frozen=True):
    """What is to be written for one subscription."""

    bound: Bound
    renewals: tuple[Renewal, ...]
    terms: tuple[Term, ...]
    lines: tuple[ContractLine, ...]
    ends: date | None


def bound_of(parts: Parts, reader: Reader, entity: str, keys: Sequence[str]) -> list[Bound]:
    """Subscriptions of a legal entity with what is known of them; those that do not exist are left out."""
    tenant = parts.tenant
    found = lookups.find(reader, "subscriptions", tenant, [(entity, key) for key in keys])
    events = lookups.events_of(reader, [row["id"] for row in found.values()])
    owners = sorted({row["account"] for row in found.values()})
    accounts = reader.accounts(tenant, entity, owners)
    contracts = {contract.key: contract for contract in reader.contracts(tenant, entity, owners)}
    terms = terms_of(reader, tenant, entity, [key for _, key in found])
    seller, high = reader.entities(tenant)[entity], newest(reader)
    declared = parts.rules.attributes

    def seen(row: Mapping[str, Any]) -> Attributed | None:
        if not declared:
            return None
        return attributes_of(
            reader, declared, tenant, entity, {"account": row["account"], "subscription": row["key"]}, high
        )

    return [
        Bound(
            seller,
            accounts[row["account"]],
            row["id"],
            key,
            contracts.get(row["contract"] or ""),
            tuple(events[row["id"]]),
            tuple(terms.get(key, ())),
            seen(row),
        )
        for (_, key), row in sorted(found.items())
    ]


def renewals(parts: Parts, on: date) -> Renewals:
    """What :func:`renew` would do on a day, with nothing written."""
    made, ahead, findings = _planned(parts, on)
    return Renewals(on, tuple(one for each in made for one in each.renewals), ahead, findings)


def renew(parts: Parts, on: date, change: Change) -> Renewals:
    """Let terms that end on or before a day renew or end, as the rules say.

    Of several terms that have ended since, each is followed by the next.  Subscriptions that were cancelled are left alone.
    """
    made, ahead, findings = _planned(parts, on)
    for start in range(0, len(made), CHUNK):
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            _write(writer, parts.tenant, made[start : start + CHUNK])
    return Renewals(on, tuple(one for each in made for one in each.renewals), ahead, findings, done=True)


def _planned(parts: Parts, on: date) -> tuple[list[_Made], tuple[Renewal, ...], tuple[Finding, ...]]:
    findings: list[Finding] = []
    made: list[_Made] = []
    ahead: list[Renewal] = []
    with parts.books.reader() as reader:
        for entity, keys in ending(reader, parts.tenant, on + HORIZON).items():
            for bound in bound_of(parts, reader, entity, keys):
                subject = f"subscription/{bound.key}"
                one = attempt(lambda b=bound: _follow(parts, b, on, findings), subject, findings)  # type: ignore[misc]
                if one is not None and one.renewals:
                    made.append(one)
                last = one.terms[-1] if one is not None and one.terms else bound.terms[-1]
                if one is not None and one.ends is None and last.ends > on:
                    ahead.extend(_ahead(parts, bound, last, on, findings))
    return made, tuple(ahead), tuple(findings)


def _follow(parts: Parts, bound: Bound, on: date, findings: list[Finding]) -> _Made:
    """What follows the last term of a subscription up to a day, one term after the other."""
    term, anchor = bound.terms[-1], bound.terms[0].starts
    lines = list(bound.contract.lines) if bound.contract else []
    done: list[Renewal] = []
    terms: list[Term] = []
    fresh: list[ContractLine] = []
    while term.ends <= on:
        if bound.cancelled_by(term.ends):
            return _Made(bound, tuple(done), tuple(terms), tuple(fresh), term.ends)
        facts = bound.facts(term, "renewal", term.ends)
        decision = parts.rules.decide("renewal", facts, term.ends)
        after = following(term, decision.terms, anchor, _rule(decision))
        lifted = uplifted(lines, facts.plan, decision.terms["uplift"], term.ends) if after else []
        if after and decision.terms["uplift"] and not lifted:
            findings.append(_no_uplift(bound, facts, decision))
        done.append(_told(bound, term, decision, after, lifted, lines))
        if after is None:
            return _Made(bound, tuple(done), tuple(terms), tuple(fresh), term.ends)
        terms.append(after)
        fresh += lifted
        lines += lifted
        term = after
    return _Made(bound, tuple(done), tuple(terms), tuple(fresh), None)


def _rule(decision: Decision) -> str:
    return f"{decision.ruleset}/{decision.rule}"


def _told(
    bound: Bound,
    term: Term,
    decision: Decision,
    after: Term | None,
    lifted: Sequence[ContractLine],
    lines: Sequence[ContractLine],
) -> Renewal:
    before = {line.charge: line.unit_price for line in sorted(lines, key=lambda line: line.valid_from)}
    return Renewal(
        bound.entity.key,
        bound.account.key,
        bound.key,
        term.starts,
        term.ends,
        term.notice_by,
        decision.terms["action"],
        after.ends if after else None,
        decision.terms["uplift"],
        _rule(decision),
        tuple((f"{one.plan}/{one.charge}", before[one.charge], one.unit_price, one.currency) for one in lifted),
    )


def _ahead(parts: Parts, bound: Bound, term: Term, on: date, findings: list[Finding]) -> Iterator[Renewal]:
    """A term whose last day for notice is near enough, as its rule says, and not past."""
    if bound.cancelled_by(term.ends) or on > term.notice_by:
        return
    decision = parts.rules.decide("renewal", bound.facts(term, "renewal", term.ends), term.ends)
    if on < term.notice_by - timedelta(days=decision.terms["ahead"]):
        return
    after = following(term, decision.terms, bound.terms[0].starts, _rule(decision))
    yield _told(bound, term, decision, after, (), ())
    what = f"the term of subscription {bound.key} ends with {term.ends}, notice is possible until {term.notice_by}"
    subject = f"subscription/{bound.key}"
    why = f"rule {decision.rule} of {decision.ruleset}: {decision.terms['action']}"
    mend = "cancel it until then, or let it go on as the rule says"
    findings.append(Finding(NOTICE_AHEAD, Where(subject), what, why, mend, "info", subject))


def _no_uplift(bound: Bound, facts: RenewalFacts, decision: Decision) -> Finding:
    subject = f"subscription/{bound.key}"
    what = f"rule {decision.rule} raises the agreed prices of {facts.plan} with {facts.day}, and none are agreed"
    mend = "agree prices in contract_lines, or raise the price in the pricing rules"
    return Finding(NO_UPLIFT, Where(subject), what, "a rule's price is no agreed price", mend, "warning", subject)


def _write(writer: Writer, tenant: str, made: Sequence[_Made]) -> None:
    for one in made:
        entity = one.bound.entity.key
        writer.put("subscription_terms", one.terms, tenant=tenant, entity=entity)
        writer.put("contract_lines", one.lines, tenant=tenant, entity=entity)
    rows = [
        event_row(
            tenant, one.bound.entity.key, one.bound.id, SubscriptionEvent(0, f"term/{one.ends}", "cancel", one.ends)
        )
        for one in made
        if one.ends is not None and not one.bound.cancelled_by(one.ends)
    ]
    writer.put_subscription_events(rows)
