"""The revaluation run: what is owed in foreign currency, at the closing rate, and its reversal on the next day.

It is one transaction, so that a run which was broken off has left nothing.  A day that is revalued again posts the difference to
what stands, with a reversal of its own: the same again posts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, Where, refuse
from engine.base.money import ZERO
from engine.ledger.fx import RateTable
from engine.ledger.posting import Determine, PostingFacts, determine
from engine.ledger.revaluation import Valued, changed, revaluation_entries, revalued, valued_accounts
from engine.model.journal import Change, FxRate, JournalEntry
from engine.model.revaluation import Exposure, Revalued
from engine.model.wallet import Purse, WalletFacts
from engine.runs.accruals.repeating import again, begin
from engine.runs.billing import rows as bill_rows
from engine.runs.run import Parts
from engine.store import revaluing
from engine.store import tables as t
from engine.store.reader import Reader
from engine.store.records import Run
from engine.store.writer import Writer
from engine.store.writing.ledger import PERIOD_CLOSED

LEFT_OVER = Code("fx.left-over", "A balance that is settled in its currency and is kept at something in another one.")

KIND = "revalue"
BLOCK = "invoice"
"""Name of the block of ids of documents: an id never means two of them."""

GROUP = attrgetter("exposure.entity", "exposure.account", "exposure.currency")
KEY = attrgetter("exposure.entity", "exposure.account", "exposure.currency", "exposure.customer")

Booked = tuple[list[Revalued], tuple[JournalEntry, ...]]
"""What one document revalues, and its entries: two, or none where nothing was gained or lost."""


class Revaluation(msgspec.Struct, frozen=True):
    """What a revaluation found and booked; ``entries`` is how many entries, reversals included.

    Where the day was revalued before, ``items`` are those that have changed since; ``repeated`` says that there are none, and that
    asking for it again changed nothing: ``items`` are then all that stand, and ``entries`` those of all rounds.
    """

    on: date
    run_id: int
    items: tuple[Revalued, ...]
    entries: int
    dry: bool = False
    repeated: bool = False
    findings: tuple[Finding, ...] = ()


def revalue(parts: Parts, on: date, change: Change, *, entity: str = "", dry_run: bool = False) -> Revaluation:
    """Revalue what is owed in money and foreign currency at the end of a day, in the books of one legal entity or of all; a dry run
    writes nothing.

    Raises:
        TollbookError: ``fx.mixed-account``, ``fx.no-rate``, ``ledger.period-closed`` (of the day or of the next one),
            ``rule.no-answer``.
    """
    if dry_run:
        with parts.books.reader() as reader:
            found, findings = pending(parts, reader, on, entity)
            booked = _booked(parts, on, found)
        return Revaluation(on, 0, tuple(found), _count(booked), dry=True, findings=tuple(findings))
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        run = begin(parts, writer, KIND, on, on.isoformat(), entity)
        found, findings = pending(parts, writer.reader, on, entity)
        before = _before(writer.reader, parts.tenant, run, on, entity)
        if run.state == "done":
            if not found:
                return before
            run = again(parts, writer, KIND, on.isoformat(), entity)
        booked = _booked(parts, on, found)
        _turned_in_open(writer.reader, parts.tenant, on, booked)
        writer.store_decisions(parts.rules.decisions())
        _write(writer, parts.tenant, on, booked, run.id)
        writer.add_findings(parts.tenant, findings, run.id)
        writer.finish_run(run.id, {"counts": {"items": len(found), "entries": _count(booked)}})
    if before.items and not found:  # a run of another scope has booked it
        return before
    return Revaluation(on, run.id, tuple(found), _count(booked), findings=tuple(findings))


def _count(booked: Sequence[Booked]) -> int:
    return sum(len(both) for _, both in booked)


def pending(parts: Parts, reader: Reader, on: date, entity: str = "") -> tuple[list[Revalued], list[Finding]]:
    """What a revaluation of a day has to book, in order of key: balances that it has not seen, or seen otherwise.

    Raises:
        TollbookError: ``fx.mixed-account``, ``fx.no-rate``, ``rule.no-answer``.
    """
    ways = valued_accounts(rule.terms for one in parts.rules.in_force("posting", on) for rule in one.rules)
    closing = sorted(account for account, way in ways.items() if way == "closing")
    owed = revaluing.exposures(reader, parts.tenant, on, closing, entity)
    findings = [_left_over(one) for one in owed if not one.amount and one.functional]
    if any(way != "historical" for way in ways.values()):
        owed += _wallets(parts, reader, on, ways, entity)
    rates = reader.fx_rates(parts.tenant, on, parts.fx_max_age)
    table = RateTable([rate for rate in rates if rate.source == parts.fx_source], on)
    return changed(revalued(owed, table.rate), _standing(reader, parts.tenant, on, entity)), findings


def _standing(reader: Reader, tenant: str, on: date, entity: str) -> list[Revalued]:
    """What stands of a day: the newest round of each balance, in order of key."""
    rows = revaluing.revaluations(reader, tenant, on=on, entity=entity)
    return sorted({KEY(one): one for one in map(_item, rows)}.values(), key=KEY)


def _wallets(parts: Parts, reader: Reader, on: date, ways: Mapping[str, Valued], only: str) -> list[Exposure]:
    """What wallets owe in money, wallet by wallet: those whose account is `refundable`, where rules give the money back."""
    entities = reader.entities(parts.tenant)
    made = []
    for entity, key, currency, cost, worth in revaluing.wallet_liabilities(reader, parts.tenant, on, only):
        own = entities[entity].functional_currency
        found = reader.purse(parts.tenant, entity, key) if cost and currency != own else None
        if found is None:
            continue
        purse = found[0]
        account = _account(parts, purse, on)
        if ways.get(account) == "refundable" and _given_back(parts, purse, on):
            made.append(Exposure(entity, account, purse.account.key, purse.wallet.currency, own, -cost, -worth))
    return _by_customer(made)


def _account(parts: Parts, purse: Purse, on: date) -> str:
    wallet, buyer = purse.wallet, purse.account
    facts = PostingFacts("wallet", wallet.entity, buyer.country, "", wallet.currency, on)
    return str(parts.rules.decide("posting", facts, on).terms["account"])


def _given_back(parts: Parts, purse: Purse, on: date) -> bool:
    facts = WalletFacts(purse.wallet.entity, purse.account, purse.wallet, on)
    return bool(parts.rules.decide("wallets", facts, on).terms["expired"] == "refundable")


def _by_customer(items: Iterable[Exposure]) -> list[Exposure]:
    """Exposures of one customer, account and currency as one."""
    sums: dict[tuple[str, ...], Exposure] = {}
    for one in items:
        key = (one.entity, one.account, one.customer, one.currency)
        before = sums.get(key)
        amount, kept = (before.amount, before.functional) if before else (ZERO, ZERO)
        sums[key] = msgspec.structs.replace(one, amount=amount + one.amount, functional=kept + one.functional)
    return list(sums.values())


def _booked(parts: Parts, on: date, found: Sequence[Revalued]) -> list[Booked]:
    """What was found, by legal entity, GL account and currency, each with its two entries."""
    known: dict[tuple[str, str], Determine] = {}
    made: list[Booked] = []
    for (entity, _, currency), group in groupby(found, GROUP):
        if (entity, currency) not in known:
            known[entity, currency] = determine(parts.rules.decide, entity, currency, on)
        items = list(group)
        made.append((items, revaluation_entries(parts.tenant, on, items, known[entity, currency]) or ()))
    return made


def _turned_in_open(reader: Reader, tenant: str, on: date, booked: Sequence[Booked]) -> None:
    """Refuse what would be turned round in a closed month: what that month has revalued itself would be counted twice."""
    day = on + timedelta(days=1)
    for entity in sorted({entry.entity for _, both in booked for entry in both}):
        if reader.period_state(tenant, entity, day) == "closed":
            raise refuse(
                PERIOD_CLOSED,
                f"{day:%Y-%m} is closed in the books of {entity}, and a revaluation of {on} is turned round on {day}",
                why="left as it is, the later month would hold both revaluations",
                mend=f"`tollbook close reopen --entity {entity} --month {day:%Y-%m}`, and close both months in their order",
                subject=f"period/{entity}/{day:%Y-%m}",
            )


def _write(writer: Writer, tenant: str, on: date, booked: Sequence[Booked], run_id: int) -> None:
    """Write revaluations, their entries and postings."""
    count = sum(len(items) for items, _ in booked)
    if not count:
        return
    first, document = writer.take_ids(t.REVALUATION.name, count), writer.take_ids(BLOCK, len(booked))
    entries = [(document + n, entry) for n, (_, both) in enumerate(booked) for entry in both]
    rows = [_row(tenant, on, item, document + n, run_id) for n, (items, _) in enumerate(booked) for item in items]
    writer.append(t.REVALUATION, [(first + n, *row) for n, row in enumerate(rows)])
    if entries:
        ident = writer.take_ids("entry", len(entries))
        heads = [bill_rows.entry_row(ident + n, one, behind, run_id) for n, (behind, one) in enumerate(entries)]
        writer.append(t.ENTRY, heads)
        sides = [row for n, (_, one) in enumerate(entries) for row in bill_rows.posting_rows(ident + n, one, 0)]
        writer.append(t.POSTING, sides)


def _row(tenant: str, on: date, item: Revalued, document: int, run_id: int) -> tuple[Any, ...]:
    one, rate = item.exposure, item.rate
    head = (tenant, one.entity, on, one.account, one.customer, one.currency)
    worth = (one.amount, one.functional_currency, one.functional, item.worth)
    return (*head, *worth, rate.rate, rate.source, rate.on, document, run_id)


def _before(reader: Reader, tenant: str, run: Run, on: date, entity: str) -> Revaluation:
    """What the runs of that day have booked."""
    entries = revaluing.entries_of(reader, tenant, on, entity)
    return Revaluation(on, run.id, tuple(_standing(reader, tenant, on, entity)), entries, repeated=True)


def _item(row: Mapping[str, Any]) -> Revalued:
    kept, worth = row["functional_amount"], row["worth"]
    names = ("entity", "account", "customer", "currency", "functional_currency", "amount")
    one = Exposure(**{name: row[name] for name in names}, functional=kept)
    rate = FxRate(one.currency, one.functional_currency, row["rate"], row["rate_source"], row["rate_on"])
    return Revalued(one, rate, worth, worth - kept)


def _left_over(one: Exposure) -> Finding:
    place = f"gl-account/{one.account}/{one.entity}/{one.customer}"
    what = f"{one.customer or 'nobody'} has 0 {one.currency} on {one.account}, kept at {one.functional:f} {one.functional_currency}"
    why = "what was settled at another rate has left a difference, which is realised and not revalued"
    mend = "book it as a realised gain or loss"
    return Finding(LEFT_OVER, Where(place), what, why, mend, level="warning", subject=place)
