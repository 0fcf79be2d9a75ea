"""Shares of other legal entities in what one has billed: booked in both, in one transaction, line by line.

A line is judged once, by the rule of the date of its document; the next run looks at documents from the day of the last one on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, did_you_mean, refuse
from engine.base.money import round_to
from engine.ledger.fx import RateTable
from engine.ledger.intercompany import Book, mirrored
from engine.ledger.posting import Determine, determine
from engine.model.accrual import INTERCOMPANY as KIND
from engine.model.entity import LegalEntity
from engine.model.impairment import IntercompanyFacts
from engine.model.journal import Change
from engine.runs.accruals.repeating import again, begin
from engine.runs.billing import rows as bill_rows
from engine.runs.run import Parts
from engine.store import impairing
from engine.store import tables as t
from engine.store.reader import Reader
from engine.store.writer import Writer

UNKNOWN_PARTNER = Code(
    "intercompany.unknown-entity", "A rule gives a share to a legal entity that the books do not have."
)


class Share(msgspec.Struct, frozen=True):
    """The share of a partner in one line."""

    entity: str
    partner: str
    line: int
    product: str
    country: str
    currency: str
    base: Decimal
    share: Decimal
    amount: Decimal
    decision: int


class Pair(msgspec.Struct, frozen=True):
    """What one legal entity owes a partner in a currency: by the shares, by its own books, by those of the partner."""

    entity: str
    partner: str
    currency: str
    shares: Decimal
    payable: Decimal
    receivable: Decimal
    difference: Decimal


class Shares(msgspec.Struct, frozen=True):
    """What a run books; ``repeated`` says that nothing was left to book."""

    through: date
    run_id: int
    items: tuple[Share, ...]
    dry: bool = False
    repeated: bool = False


def share_out(parts: Parts, through: date, change: Change, *, dry_run: bool = False) -> Shares:
    """Book the shares in lines of documents up to a day, dated that day; a dry run writes nothing.

    Raises:
        TollbookError: ``intercompany.unknown-entity``, ``fx.no-rate``, ``ledger.period-closed``, ``rule.no-answer``.
    """
    if dry_run:
        with parts.books.reader() as reader:
            return Shares(through, 0, tuple(_found(parts, reader, through)), dry=True)
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        run = begin(parts, writer, KIND, through, through.isoformat())
        made = Shares(through, run.id, tuple(_found(parts, writer.reader, through)))
        if run.state == "done":
            if not made.items:
                return msgspec.structs.replace(made, repeated=True)
            run = again(parts, writer, KIND, through.isoformat())
            made = msgspec.structs.replace(made, run_id=run.id)
        writer.store_decisions(parts.rules.decisions())
        _write(parts, writer, made)
        writer.finish_run(run.id, {"counts": {"shares": len(made.items)}})
    return made


def pairs(parts: Parts, reader: Reader, through: date) -> list[Pair]:
    """Who owes whom up to a day."""
    return [
        Pair(entity, partner, currency, shares, payable, receivable, receivable - payable)
        for entity, partner, currency, shares, payable, receivable in impairing.pairs(reader, parts.tenant, through)
    ]


def _found(parts: Parts, reader: Reader, through: date) -> Iterator[Share]:
    if not any(True for one in parts.rules.decisions() if one.family == KIND and one.terms["partners"]):
        return
    entities = reader.entities(parts.tenant)
    for row in impairing.shared_lines(reader, parts.tenant, _since(reader, parts.tenant), through):
        line, *facts = row
        decision = parts.rules.decide(KIND, IntercompanyFacts(*facts), facts[-1])
        entity, product, country, currency, base = facts[0], facts[1], facts[6], facts[7], facts[8]
        for partner in decision.terms["partners"]:
            key, share = partner["entity"], partner["share"]
            if key not in entities:
                what = f"rule {decision.rule} gives {key!r} a share, which is no legal entity of the books"
                raise refuse(UNKNOWN_PARTNER, what, mend=did_you_mean(key, entities), where=decision.where)
            amount = round_to(base * share, currency)
            if key != entity and amount:
                yield Share(entity, key, line, product, country, currency, base, share, amount, decision.id)


def _since(reader: Reader, tenant: str) -> date:
    """The day of the last run: documents before it were judged."""
    done = [run.period for run in reader.runs(tenant, limit=1000) if run.kind == KIND and run.state == "done"]
    return date.fromisoformat(max(done)) if done else date.min


class _Books:
    """The books of legal entities on a day; rates and accounts are found once."""

    def __init__(self, parts: Parts, reader: Reader, on: date) -> None:
        self._parts, self._on = parts, on
        self._entities: Mapping[str, LegalEntity] = reader.entities(parts.tenant)
        rates = reader.fx_rates(parts.tenant, on, parts.fx_max_age)
        self._table = RateTable([rate for rate in rates if rate.source == parts.fx_source], on)
        self._known: dict[tuple[str, str], Determine] = {}

    def of(self, entity: str, currency: str) -> Book:
        """The books of one for a currency."""
        if (entity, currency) not in self._known:
            self._known[entity, currency] = determine(self._parts.rules.decide, entity, currency, self._on)
        rate = self._table.rate(currency, self._entities[entity].functional_currency)
        return Book(entity, rate, self._known[entity, currency])


def _write(parts: Parts, writer: Writer, made: Shares) -> None:
    """Write shares and their entries."""
    if not made.items:
        return
    count, books = len(made.items), _Books(parts, writer.reader, made.through)
    first, ident = writer.take_ids("invoice", count), writer.take_ids("entry", 2 * count)
    rows: list[tuple[Any, ...]] = []
    heads: list[tuple[Any, ...]] = []
    sides: list[tuple[Any, ...]] = []
    for number, one in enumerate(made.items):
        document = first + number
        place, text = (one.country, one.product), f"line {one.line}"
        both = (books.of(one.entity, one.currency), books.of(one.partner, one.currency))
        for which, entry in enumerate(mirrored(parts.tenant, made.through, text, place, one.amount, *both)):
            heads.append(bill_rows.entry_row(ident + 2 * number + which, entry, document, made.run_id))
            sides.extend(bill_rows.posting_rows(ident + 2 * number + which, entry, 0))
        head = (document, parts.tenant, one.entity, one.partner, one.line, made.through, one.product, one.country)
        rows.append((*head, one.currency, one.base, one.share, one.amount, one.decision, made.run_id))
    writer.append(t.INTERCOMPANY, rows)
    writer.append(t.ENTRY, heads)
    writer.append(t.POSTING, sides)
