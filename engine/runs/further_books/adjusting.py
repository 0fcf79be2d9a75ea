"""A further book is brought to what the rules want, for all that the leading book has posted in months that are open in it.

What is wanted is set against what is booked, entry by entry: so the same again books nothing, a rule that was corrected books the
difference, and a run that was broken off is simply run again.  Each legal entity is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Literal

import msgspec

from engine.base.errors import TollbookError, did_you_mean, refuse
from engine.ledger.export import UNKNOWN_GL_ACCOUNT
from engine.ledger.further_books import KEEP, differences, wanted
from engine.model.decision import Decision
from engine.model.further_books import ADJUSTMENT, BookEntry, BookMark, BooksFacts
from engine.model.journal import Change, GLAccount, JournalEntry, Posting
from engine.runs.accruals.repeating import again
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.records import Run
from engine.store.writer import Writer
from engine.store.writing.further_books import book_closed

PAGE = 500


class Adjusted(msgspec.Struct, frozen=True):
    """What a run books in a book of one legal entity; ``run_id`` is 0 where nothing was left to book."""

    book: str
    entity: str
    through: date
    run_id: int
    entries: tuple[BookEntry, ...]
    dry: bool = False


def adjust(
    parts: Parts, book: str, entities: Sequence[str], through: date, change: Change, *, dry_run: bool = False
) -> list[Adjusted]:
    """Adjust a book of some legal entities for all that was posted up to and with a day; a dry run writes nothing.

    Raises:
        TollbookError: ``ledger.period-closed``, ``ledger.unknown-account``, ``books.left-off-balance``, ``rule.no-answer``.
    """
    if dry_run:
        with parts.books.reader() as reader:
            return [
                Adjusted(book, one, through, 0, tuple(pending(parts, reader, book, one, through)), dry=True)
                for one in entities
            ]
    made = []
    for entity in entities:
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            mark = writer.lock_book(parts.tenant, book, entity)
            found = tuple(pending(parts, writer.reader, book, entity, through))
            run = _begun(parts, writer, book, entity, through).id if found else 0
            if found:
                keyed = [msgspec.structs.replace(one, key=f"{one.key}/{run}") for one in found]
                writer.store_decisions(parts.rules.decisions())
                writer.add_book_entries(parts.tenant, book, entity, keyed, run)
                writer.finish_run(run, {"counts": {"adjustments": len(found)}})
            after = BookMark(max(mark.adjusted or through, through), mark.closed)
            writer.mark_book(parts.tenant, book, entity, mark, after)
            made.append(Adjusted(book, entity, through, run, found))
    return made


def pending(parts: Parts, reader: Reader, book: str, entity: str, through: date) -> Iterator[BookEntry]:
    """What is not booked yet of what the rules want of a book of a legal entity up to and with a day.

    Raises:
        TollbookError: as :func:`adjust`.
    """
    tenant = parts.tenant
    closed = reader.book_mark(tenant, book, entity).closed
    if closed is not None and through <= closed:
        raise TollbookError(book_closed(book, entity, through, closed))
    first = closed + timedelta(days=1) if closed else date.min
    booked = reader.book_adjusted(tenant, book, entity, first, through)
    chart = reader.gl_accounts(tenant)
    entries = iter(reader.journal(tenant, entity, None if closed is None else first, through))
    while page := list(islice(entries, PAGE)):
        behind = reader.behind_postings([ident for ident, _, _ in page])
        for ident, _, entry in page:
            decisions = _decided(parts, book, entry, behind[ident])
            if ident not in booked and all(one.terms["way"] == KEEP for one in decisions):
                continue
            _in_chart(decisions, chart)
            yield from _entries(ident, entry, differences(wanted(entry, decisions), booked.get(ident, {})), decisions)


def _decided(
    parts: Parts, book: str, entry: JournalEntry, behind: Sequence[tuple[str, str, str, str]]
) -> list[Decision]:
    """A decision for each posting of an entry."""
    return [parts.rules.decide("books", facts, entry.posting_date) for facts in facts_of(book, entry, behind)]


def facts_of(book: str, entry: JournalEntry, behind: Sequence[tuple[str, str, str, str]]) -> Iterator[BooksFacts]:
    """What rules see of each posting of an entry; ``behind`` is what each is about: (customer, product, plan, charge)."""
    head, day = (book, entry.entity, entry.kind), entry.posting_date
    for posting, known in zip(entry.postings, behind, strict=True):
        own = posting.functional_amount
        side: Literal["debit", "credit"] = "credit" if (own or posting.amount) < 0 else "debit"
        yield BooksFacts(*head, posting.account, side, posting.currency, abs(own), *known, day)


def _in_chart(decisions: Sequence[Decision], chart: Mapping[str, GLAccount]) -> None:
    for one in decisions:
        account = one.terms["account"]
        if account and account not in chart:
            what = f"rule {one.rule} names GL account {account}, which is not in the chart of accounts"
            mend = did_you_mean(account, chart) or "import gl_accounts, or name another one"
            raise refuse(UNKNOWN_GL_ACCOUNT, what, mend=mend, where=one.where)


def _entries(
    ident: int, of: JournalEntry, found: Mapping[date, Sequence[Posting]], decisions: Sequence[Decision]
) -> Iterator[BookEntry]:
    """The entries of what is left to book of one of the leading book."""
    names = {one.id: f"{one.ruleset} {one.rule}" for one in decisions}
    for day, postings in found.items():
        rules = dict.fromkeys(names[p.decision] for p in postings if p.decision in names)
        text = f"{', '.join(rules) or 'no rule any more'}: {of.text}"
        entry = JournalEntry(of.tenant, of.entity, ADJUSTMENT, day, text, tuple(postings))
        yield BookEntry(f"{ident}/{day}", ident, of.posting_date, entry)


def _begun(parts: Parts, writer: Writer, book: str, entity: str, through: date) -> Run:
    rules, period, scope = parts.rules, through.isoformat(), f"{entity}/{book}"
    writer.store_release(parts.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
    run = writer.start_run(parts.tenant, ADJUSTMENT, period, scope, rules.release)
    return run if run.new else again(parts, writer, ADJUSTMENT, period, scope)
