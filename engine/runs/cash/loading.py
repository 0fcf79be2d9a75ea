"""Bank statements come into the books, each once: every booked entry is cash against a clearing account.

What is to be booked is planned from the file and the books alone, so that a dry run shows it without writing.  The plan is made
again under the lock of the accounts before anything of it is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from engine.base.errors import Finding
from engine.base.money import CONTEXT, ZERO, round_to
from engine.ledger.cash import bank_entry as journal_entry
from engine.ledger.fx import convert
from engine.ledger.posting import determine
from engine.model.cash import RUN_LOAD, BankEntry, BankStatement, OpenEntry, Use
from engine.model.journal import Change, FxRate, JournalEntry
from engine.runs.bank_desk import BankFile
from engine.runs.billing import rows as bill_rows
from engine.runs.booking import rate_of
from engine.runs.cash.planning import Batch, Planned, Planner
from engine.runs.cash.statements import Line, Taken
from engine.runs.run import Parts
from engine.store import tables as t
from engine.store.reader import Reader
from engine.store.writer import Writer

BLOCK = "invoice"
"""Name of the block of ids of documents: an id never means two of them."""


class LoadedStatement(msgspec.Struct, frozen=True):
    """What became of a statement: how many entries were booked, and what came in and went out with them; ``payments`` were put
    in the place of entries that gather them."""

    number: int
    entity: str
    account: str
    currency: str
    state: str
    entries: int
    credits: Decimal
    debits: Decimal
    payments: int


class Loaded(msgspec.Struct, frozen=True):
    """What became of a bank file; ``refused`` says that a part of it was not booked and should be looked at."""

    file: str
    kind: str
    run_id: int
    dry: bool
    statements: tuple[LoadedStatement, ...]
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> bool:
        """Whether anything was refused."""
        return any(finding.level == "error" for finding in self.findings)


class Loading(msgspec.Struct, frozen=True):
    """A bank file to be loaded: what is accepted of it by code, and from which kinds of files accounts are booked."""

    path: Path
    file: BankFile
    role: str
    accept: Collection[str]
    sources: Mapping[str, str]


def load(parts: Parts, wanted: Loading, change: Change | None) -> Loaded:
    """Book a bank file; the same again changes nothing.  Without a ``change`` it is a dry run, which only reads.

    Raises:
        TollbookError: ``fx.no-rate``, ``ledger.period-closed``, ``rule.no-answer``.
    """
    with parts.books.reader() as reader:
        plan = _planned(parts, reader, wanted)
        rates = _rates(parts, reader, plan)
    if change is None or not any(one.state in ("book", "explode") for one in plan):
        return _told(wanted, plan, 0, dry=change is None)
    rules = parts.rules
    name = hashlib.sha256(msgspec.json.encode([_digest(one) for one in plan])).hexdigest()[:20]
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        writer.store_release(parts.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
        writer.store_decisions(rules.decisions())
        started = writer.start_run(parts.tenant, RUN_LOAD, change.at.date().isoformat(), name, rules.release)
        run = writer.lock_run(started.id)
        if run.state == "done":
            writer.resume_run(run.id)
        writer.run_id = run.id
        for place in sorted({one.statement.place for one in plan if one.statement is not None}):
            writer.lock_bank_account(parts.tenant, *place)
        plan = _planned(parts, writer.reader, wanted)
        rates |= _rates(parts, writer.reader, plan)
        for one in plan:
            if one.state == "book":
                _book(parts, writer, wanted, one, rates)
            for batch in one.batches:
                _explode(writer, batch.gathered, batch.lines, batch.keys, run.id)
        told = _told(wanted, plan, run.id)
        writer.add_findings(parts.tenant, told.findings)
        counts = {
            "statements": sum(one.state == "book" for one in plan),
            "entries": sum(one.entries for one in told.statements),
            "payments": sum(one.payments for one in told.statements),
        }
        writer.finish_run(run.id, {"counts": counts})
    return told


def _planned(parts: Parts, reader: Reader, wanted: Loading) -> list[Planned]:
    planner = Planner(reader, parts.tenant, wanted.sources, wanted.accept, wanted.role, wanted.path)
    return planner.plan(wanted.file)


def _digest(one: Planned) -> str:
    return one.statement.digest if one.statement is not None else ""


def _rates(parts: Parts, reader: Reader, plan: Sequence[Planned]) -> dict[tuple[Any, ...], FxRate]:
    """The rates of the days of new entries, by (currency, functional currency, day)."""
    wanted = {
        (line.currency, one.statement.entity.functional_currency, line.booked)
        for one in plan
        if one.statement is not None
        for line in one.lines
    }
    return {key: rate_of(parts, reader, *key) for key in sorted(wanted)}


def _book(parts: Parts, writer: Writer, wanted: Loading, one: Planned, rates: Mapping[tuple[Any, ...], FxRate]) -> None:
    """A statement with its entries, and a journal entry of each."""
    statement = one.statement
    assert statement is not None
    entity, account = statement.place
    own = statement.entity.functional_currency
    ident = writer.take_ids(t.BANK_STATEMENT.name, 1)
    first = writer.take_ids(BLOCK, max(len(one.lines), 1))
    made: list[tuple[BankEntry, JournalEntry]] = []
    for number, (line, key) in enumerate(zip(one.lines, one.keys, strict=True)):
        rate = rates[line.currency, own, line.booked]
        worth = convert(line.amount, rate)
        entry = _entry(first + number, parts.tenant, statement.place, key, ident, 0, line, own, worth, writer.run_id)
        accounts = determine(parts.rules.decide, entity, line.currency, line.booked)
        made.append((entry, journal_entry(entry, statement.entity.country, rate, accounts)))
    _keep(writer, [entry for _, entry in made], [entry.id for entry, _ in made])
    head = (ident, parts.tenant, entity, account, wanted.file.kind, statement.account.currency)
    days = (statement.first_day, statement.last_day, len(made), statement.digest, wanted.path.name, writer.run_id)
    row = BankStatement(*head, statement.opening, statement.closing, *days)
    writer.book_statement(row, [entry for entry, _ in made])
    for (entry, _), line in zip(made, one.lines, strict=True):
        if line.gathers:
            keys = [f"{entry.key}/{n}" for n in range(1, len(line.gathers) + 1)]
            _explode(writer, OpenEntry(entry, entry.amount, entry.functional), line.gathers, keys, writer.run_id)


def _keep(writer: Writer, entries: Sequence[JournalEntry], documents: Sequence[int]) -> None:
    first = writer.take_ids("entry", max(len(entries), 1))
    heads = [
        bill_rows.entry_row(first + n, one, document, writer.run_id)
        for n, (one, document) in enumerate(zip(entries, documents, strict=True))
    ]
    writer.append(t.ENTRY, heads)
    writer.append(
        t.POSTING, [row for n, one in enumerate(entries) for row in bill_rows.posting_rows(first + n, one, 0)]
    )


def _entry(
    ident: int, tenant: str, place: tuple[str, str], key: str, statement: int, parent: int, line: Line, own: str,
    worth: Decimal, run: int,
) -> BankEntry:  # fmt: skip
    head = (ident, tenant, *place, key, statement, parent, line.amount, line.currency, own, worth)
    who = (line.payer, line.payer_account, line.end_to_end_id, line.structured, line.remittance, line.bank_ref)
    return BankEntry(*head, line.booked, line.value_day, *who, line.reversal, run)


def _explode(writer: Writer, gathered: OpenEntry, lines: Sequence[Line], keys: Sequence[str], run: int) -> None:
    """Payments in the place of the entry that gathers them: each is worth its share of what that is worth."""
    whole = gathered.entry
    first = writer.take_ids(BLOCK, len(lines))
    made: list[BankEntry] = []
    done = worth = ZERO
    place = (whole.entity, whole.account)
    for number, (line, key) in enumerate(zip(lines, keys, strict=True)):
        done += line.amount
        upto = round_to(CONTEXT.divide(whole.functional * done, whole.amount), whole.functional_currency)
        head = (first + number, whole.tenant, place, key, whole.statement_id, whole.id, line)
        made.append(_entry(*head, whole.functional_currency, upto - worth, run))
        worth = upto
    ident = writer.take_ids(t.BANK_USE.name, 1)
    used = (ident, whole.tenant, whole.entity, whole.id, "split", whole.amount, gathered.worth, whole.booked)
    writer.explode_entry(gathered, made, Use(*used, "", "", "", 0, 0, {"payments": len(made)}, 0, run))


def _told(wanted: Loading, plan: Sequence[Planned], run: int, *, dry: bool = False) -> Loaded:
    rows = tuple(_row(one) for one in plan)
    findings = tuple(finding for one in plan for finding in one.findings)
    return Loaded(str(wanted.path), wanted.file.kind, run, dry, rows, findings)


def _row(one: Planned) -> LoadedStatement:
    statement: Taken | None = one.statement
    entity, account = statement.place if statement is not None else ("", "")
    currency = statement.account.currency if statement is not None else ""
    batches: Sequence[Batch] = one.batches
    payments = sum(len(batch.lines) for batch in batches) + sum(len(line.gathers) for line in one.lines)
    credits = sum((line.amount for line in one.lines if line.amount > ZERO), ZERO)
    debits = -sum((line.amount for line in one.lines if line.amount < ZERO), ZERO)
    words = {"book": "booked", "explode": "exploded", "known": "known", "refused": "refused", "informs": "informs"}
    return LoadedStatement(
        one.number, entity, account, currency, words[one.state], len(one.lines), credits, debits, payments
    )
