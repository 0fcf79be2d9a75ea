"""Differences and debts that are given up: judged by the rules of write-offs, and written as acts of their own.

What was given up before counts: an amount in several small steps is not small.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT, ZERO, round_to
from engine.ledger.cash import Ground, Part
from engine.model.account import Account
from engine.model.cash import WriteOffFacts
from engine.model.decision import Decision
from engine.model.entity import LegalEntity
from engine.model.settlement import Leg, OpenItem
from engine.receivables.open_items import leg
from engine.runs.run import Parts
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.reading.cash import NOT_COUNTED

REFUSED = Code("writeoff.refused", "A write-off that a rule refuses.")

WINDOW: Final = timedelta(days=29)
"""With the day itself, the 30 days in which small write-offs count together."""

CREDITED: Final = "credited/"
"""What the keys of acts begin with that take back what was given up, as its invoice is credited."""

TAXED: Final = ("invoice", "debit_note")
"""Kinds of documents whose tax can be lowered."""


class Asker(msgspec.Struct, frozen=True):
    """Who asks for something to be given up: the matching run, or a person with roles."""

    by: Literal["run", "person"]
    roles: tuple[str, ...] = ()


class Judge:
    """Judges what is to be given up on a day; what it has allowed counts for what comes after."""

    def __init__(self, parts: Parts, reader: Reader, entity: LegalEntity, asker: Asker, on: date) -> None:
        self._parts, self._reader, self._entity, self._asker, self._on = parts, reader, entity, asker, on
        self._more: list[tuple[int, str, str, Decimal]] = []

    def decide(self, account: Account, item: OpenItem, reason: str, amount: Decimal) -> Decision:
        """What becomes of an amount of a document.

        Raises:
            TollbookError: ``rule.no-answer``.
        """
        own = -leg(item, -amount).functional
        since, month = self._on - WINDOW, self._on.replace(day=1)
        facts = WriteOffFacts(
            self._entity,
            account,
            reason,
            self._asker.by,
            self._asker.roles,
            item.currency,
            amount,
            own,
            CONTEXT.divide(amount, abs(item.amount)),
            (self._on - item.due).days,
            own + self._before(since, reason, item=item.id),
            own + self._before(since, reason, account=account.key),
            own + self._before(month, reason, account=account.key),
            self._on,
        )
        decision = self._parts.rules.decide("writeoff", facts, self._on)
        if decision.terms["decision"] != "refuse":
            self._more.append((item.id, account.key, reason, own))
        return decision

    def _before(self, since: date, reason: str, *, item: int = 0, account: str = "") -> Decimal:
        there = self._reader.written_off(
            self._parts.tenant, self._entity.key, since, reason, item=item, account=account
        )
        alike = (lambda other: other == reason) if reason in NOT_COUNTED else (lambda other: other not in NOT_COUNTED)
        more = (own for i, a, r, own in self._more if alike(r) and (i == item if item else a == account))
        return there + sum(more, ZERO)


def refused(decision: Decision, item: OpenItem, reason: str, amount: Decimal) -> Exception:
    """The error for what a rule refuses."""
    what = f"a write-off of {amount:f} {item.currency} of {item.number} as {reason}: {decision.terms['why']}"
    why = f"rule {decision.rule} of {decision.ruleset} at {decision.where}"
    return refuse(REFUSED, what, why=why, mend="leave it open, or ask who may decide it", subject=f"item/{item.number}")


def parts_of(terms: Mapping[str, Any], made: Leg, taxes: Sequence[tuple[str, Decimal]]) -> list[Part]:
    """What an amount that is given up is booked against: its role, less the ``taxes`` in it, (levying country, tax), where the terms
    say that they are lowered; of one that is taken back the opposite.

    A bad debt is set aside, and what was set aside is used: so it goes through the allowance.
    """
    amount, worth, item = -made.amount, -made.functional, made.item
    found = [
        Part(
            "tax", item.currency, tax, round_to(CONTEXT.divide(worth * tax, amount), item.functional_currency), country
        )
        for country, tax in (taxes if terms["tax"] == "adjust" else ())
    ]
    net = amount - sum((part.amount for part in found), ZERO)
    own = worth - sum((part.functional for part in found), ZERO)
    role: Any = terms["role"]
    if role != "bad_debt":
        return [Part(role, item.currency, net, own), *found]
    aside = [Part("bad_debt", item.currency, net, own), Part("allowance", item.currency, -net, -own)]
    return [*aside, Part("allowance", item.currency, net, own), *found]


def taxes_of(reader: Reader, item: OpenItem, amount: Decimal) -> list[tuple[str, Decimal]]:
    """(levying country, tax) in an amount of a document: its share of the tax that is not credited."""
    rows = standing_rows(reader, item.id) if item.kind in TAXED else ()
    lines = ((row["tax_jurisdiction"], row["amount"], row["tax_amount"]) for row in rows)
    return taxes_in(lines, amount, item.currency)


def standing_rows(reader: Reader, ident: int) -> list[dict[str, Any]]:
    """The lines of a document, and the credits on them by others, as rows."""
    own = reader.invoice_lines(ident)
    given = tracing.credits_on(reader, [row["id"] for row in own if not row["credits"]])
    return [*own, *given]


def taxes_in(
    lines: Iterable[tuple[str, Decimal, Decimal]], amount: Decimal, currency: str
) -> list[tuple[str, Decimal]]:
    """(levying country, tax) in an amount, tax included, of lines with (jurisdiction, net, tax): its share of the tax of each country."""
    sums, whole = dict[str, Decimal](), ZERO
    for place, net, tax in lines:
        sums[place[:2]] = sums.get(place[:2], ZERO) + tax
        whole += net + tax
    if not whole:
        return []
    shares = ((land, round_to(CONTEXT.divide(tax * amount, whole), currency)) for land, tax in sums.items())
    return [(land, tax) for land, tax in sorted(shares) if tax]


def taken_back(reader: Reader, tenant: str, entity: str, keys: Sequence[str]) -> Decimal:
    """What later acts have taken back of acts that gave something up, as these were undone or their document credited; less what was
    given up again."""
    later = reader.settlements(tenant, entity, source=list(keys)) if keys else []
    undone = reader.settlements(tenant, entity, source=[row["key"] for row in later]) if later else []
    return sum((row["amount"] for row in (*later, *undone)), ZERO)


def grounded(ground: Ground, reason: str, item: OpenItem) -> Ground:
    """The same for a write-off of a document."""
    return msgspec.structs.replace(ground, text=f"{reason.replace('_', ' ')} of {item.number}")


def worst(decisions: Sequence[Decision]) -> str:
    """What becomes of several that are asked for at once: ``refuse``, ``approve`` or ``allow``."""
    words = {decision.terms["decision"] for decision in decisions}
    return next((word for word in ("refuse", "approve") if word in words), "allow")
