"""Documents for the general ledger of another system, made of journal entries.

A document has one transaction currency and balances in it and in functional currency.  The debits and the credits of an account
are added up apart from one another, so that what a month moved is seen there as it is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO
from engine.model.erp import ErpDocument, ErpLine
from engine.model.journal import JournalEntry, Posting

SPLIT = Code(
    "erp.several-currencies",
    "An entry in several currencies that do not balance one by one; no system takes it as documents of one currency.",
)

NEVER: Final = "never"
ENTRY: Final = "entry"
DAY: Final = "day"
MONTH: Final = "month"
"""How many entries make a document."""


class Decided(msgspec.Struct, frozen=True, gc=False):
    """An entry with its id, the number of the document behind it, and the terms of the rule that answers for it."""

    id: int
    reference: str
    entry: JournalEntry
    terms: Mapping[str, Any]
    decision: int


class Part(msgspec.Struct, frozen=True, gc=False):
    """The postings of an entry in one currency: the ``number``-th of its currencies."""

    of: Decided
    number: int
    currency: str
    postings: tuple[Posting, ...]


class Made(msgspec.Struct, frozen=True, gc=False):
    """A document with its idempotency key, its adapter, and the parts of entries in it.  ``document`` is None where the parts come
    to nothing, not even to a debit and a credit."""

    key: str
    adapter: str
    document: ErpDocument | None
    parts: tuple[Part, ...]

    @property
    def debits(self) -> tuple[Decimal, Decimal]:
        """What its debits come to, in transaction and in functional currency."""
        postings = [posting for part in self.parts for posting in part.postings]
        return (
            sum((p.amount for p in postings if p.amount > ZERO), ZERO),
            sum((p.functional_amount for p in postings if p.functional_amount > ZERO), ZERO),
        )


def documents(decided: Iterable[Decided]) -> tuple[list[Made], list[Finding]]:
    """Documents of the entries that are posted, in the order of the first entry of each; findings about those that cannot be."""
    groups: dict[tuple[Any, ...], list[Part]] = {}
    findings: list[Finding] = []
    for one in decided:
        if one.terms["post"] == NEVER:
            continue
        parts = _parts(one)
        if any(_sum(part.postings) for part in parts):
            findings.append(_unfit(one))
            continue
        for part in parts:
            groups.setdefault(_group(part), []).append(part)
    return [_made(parts) for parts in groups.values()], findings


def _parts(one: Decided) -> list[Part]:
    by_currency: dict[str, list[Posting]] = {}
    for posting in one.entry.postings:
        by_currency.setdefault(posting.currency, []).append(posting)
    return [Part(one, n, currency, tuple(there)) for n, (currency, there) in enumerate(by_currency.items())]


def _sum(postings: Iterable[Posting]) -> Decimal:
    return sum((posting.functional_amount for posting in postings), ZERO)


def _unfit(one: Decided) -> Finding:
    sums = ", ".join(f"{part.currency} by {_sum(part.postings)}" for part in _parts(one))
    subject = f"entry/{one.id}"
    return Finding(
        SPLIT,
        Where(subject),
        f"entry {one.id} ({one.entry.text}) is off in {sums} of functional currency",
        why="a document of another system has one transaction currency, and balances",
        mend="post it there by hand, and give it post: never by a rule of the family erp",
        subject=subject,
    )


def _group(part: Part) -> tuple[Any, ...]:
    """What parts of one document have in common."""
    entry, terms = part.of.entry, part.of.terms
    day = entry.posting_date
    period = {ENTRY: (part.of.id, part.number), DAY: day, MONTH: (day.year, day.month)}[terms["post"]]
    return entry.entity, terms["adapter"], terms["document_type"], terms["post"], period, part.currency


def _made(parts: Sequence[Part]) -> Made:
    first = parts[0].of
    days = sorted(part.of.entry.posting_date for part in parts)
    alone = first.terms["post"] == ENTRY
    postings = [posting for part in parts for posting in part.postings]
    lines = [_line(p) for p in postings if p.amount or p.functional_amount] if alone else _added(postings)
    if len(lines) > first.terms["most_lines"]:
        lines = _added(postings)
    named = [f"{part.of.reference}/{part.of.entry.kind}/{part.currency}" for part in parts]
    name = sha256("\n".join(sorted(named)).encode()).hexdigest()[:16]
    key = f"{first.entry.entity}/{days[-1]}/{name}"
    document = ErpDocument(
        entity=first.entry.entity,
        document_type=first.terms["document_type"],
        posting_date=days[-1],
        document_date=days[0],
        currency=parts[0].currency,
        functional_currency=postings[0].functional_currency,
        reference=first.reference if alone else name,
        text=first.entry.text if alone else f"{len(parts)} entries {days[0]} to {days[-1]}",
        entries=len(parts),
        lines=tuple(lines),
    )
    return Made(key, first.terms["adapter"], document if lines else None, tuple(parts))


def _line(posting: Posting) -> ErpLine:
    return ErpLine(posting.account, posting.amount, posting.functional_amount)


def _added(postings: Iterable[Posting]) -> list[ErpLine]:
    """The debits and the credits of each account, in the order of the accounts, debits first."""
    sums: dict[tuple[str, bool], tuple[Decimal, Decimal]] = {}
    for posting in postings:
        credit = (posting.amount or posting.functional_amount) < ZERO
        amount, functional = sums.get((posting.account, credit), (ZERO, ZERO))
        sums[posting.account, credit] = amount + posting.amount, functional + posting.functional_amount
    return [ErpLine(account, *both) for (account, _), both in sorted(sums.items()) if any(both)]
