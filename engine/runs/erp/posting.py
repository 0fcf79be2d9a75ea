"""Journal entries become documents by rule, go into the outbox with a note of what is in them, and are told to their adapters.

Entries of a month make documents in one transaction; what stops in between has made whole documents or none, and what was told
without an answer is asked about before it is told again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding
from engine.ledger.erp import Decided, Made, documents
from engine.model.entity import LegalEntity
from engine.model.erp import PORT, ErpDocument, ErpFacts
from engine.model.journal import Change, JournalEntry
from engine.runs.booking import keep
from engine.runs.delivering.telling import Teller, Telling, ToTell
from engine.runs.run import Clock, Parts, Progress, Report, attempt, silent
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.writing.erp import NewDocument

REJECTED = Code(
    "erp.rejected", "A document that the other system has refused; somebody has to mend it and post it again."
)
FAILED = Code("erp.failed", "An adapter of the port erp that failed on a batch of documents; they are tried again.")

POSTING: Final = Telling(
    PORT,
    REJECTED,
    FAILED,
    "mend what the other system names, then `tollbook erp resend KEY`",
    "the documents stay in the outbox; post again",
)
BATCH: Final = 200
LEASE: Final = timedelta(minutes=10)
"""How long a batch is held back from other processes beyond the time that its calls may take."""


def run_post(
    parts: Parts, until: date, change: Change, *, dry_run: bool = False, progress: Progress = silent
) -> Report:
    """Post what was entered up to and with a day and is in no document yet; then tell all that waits in the outbox.

    A dry run shows the documents that would be made, and tells nothing.
    """
    clock, findings = Clock(), list[Finding]()
    counts = {"documents": 0, "entries": 0, "accepted": 0, "retry": 0, "rejected": 0}
    details: list[dict[str, Any]] = []
    for made in _by_month(parts, until, clock, findings):
        counts["documents"] += sum(one.document is not None for one in made)
        counts["entries"] += len({part.of.id for one in made for part in one.parts})
        if dry_run:
            details += [plain_document(one) for one in made if one.document is not None]
            continue
        keep(parts, _now(change))
        with clock.step("make"), parts.books.writer(_now(change), tenant=parts.tenant) as writer:
            writer.put_erp_documents(parts.tenant, [_new(one) for one in made])
    if not dry_run:
        findings += tell(parts, change, clock, counts, progress)
    state = "done" if not findings else "findings"
    return Report(
        0, "erp-post", f"{until}", parts.rules.release, state, counts, clock.seconds, tuple(findings), tuple(details)
    )


def _by_month(parts: Parts, until: date, clock: Clock, findings: list[Finding]) -> Iterator[list[Made]]:
    """Documents of the entries of each month that are in none yet."""
    with parts.books.reader() as reader:
        entities = reader.entities(parts.tenant)
        unposted = reader.unposted(parts.tenant, until)
        for _, group in groupby(unposted, lambda row: (row[2].posting_date.year, row[2].posting_date.month)):
            with clock.step("decide"):
                rows = list(group)
                decided = _decided(parts, reader, entities, rows, findings)
                made, unfit = documents(decided)
            findings += unfit
            if made:
                yield made


def _decided(
    parts: Parts,
    reader: Reader,
    entities: Mapping[str, LegalEntity],
    rows: list[tuple[int, int, JournalEntry]],
    findings: list[Finding],
) -> list[Decided]:
    numbers = tracing.numbers(reader, sorted({document for _, document, _ in rows}))
    decided = []
    for ident, document, entry in rows:
        facts = ErpFacts(entities[entry.entity], entry.kind, entry.postings[0].currency, entry.posting_date)

        def decide(facts: ErpFacts = facts) -> Any:
            return parts.rules.decide("erp", facts, facts.day)

        decision = attempt(decide, f"entry/{ident}", findings)
        if decision is not None:
            reference = numbers.get(document, str(document))
            decided.append(Decided(ident, reference, entry, decision.terms, decision.id))
    return decided


def _new(made: Made) -> NewDocument:
    first, (debit, functional) = made.parts[0], made.debits
    last = max(part.of.entry.posting_date for part in made.parts)
    return NewDocument(
        entity=first.of.entry.entity,
        key=made.key,
        adapter=made.adapter,
        posting_date=last,
        currency=first.currency,
        functional_currency=first.postings[0].functional_currency,
        debit=debit,
        functional_debit=functional,
        payload=None if made.document is None else payload(made.document),
        parts=[(part.of.id, part.number, part.currency, part.of.decision) for part in made.parts],
    )


def payload(document: ErpDocument) -> dict[str, Any]:
    """A document as plain data: amounts and days are texts."""
    made: dict[str, Any] = msgspec.to_builtins(document)
    return made


def plain_document(made: Made) -> dict[str, Any]:
    """What a dry run shows of a document."""
    assert made.document is not None
    return {"key": made.key, "adapter": made.adapter, **payload(made.document)}


def tell(
    parts: Parts, change: Change, clock: Clock, counts: dict[str, int], progress: Progress = silent
) -> list[Finding]:
    """Tell the documents that are due to their adapters; ``counts`` get the answers.  Returns what went wrong."""
    teller, handled = Teller(parts.host, POSTING), 0
    lease = LEASE + timedelta(seconds=parts.host.longest(PORT, BATCH))
    while True:
        with clock.step("claim"), parts.books.writer(_now(change), tenant=parts.tenant) as writer:
            pending = writer.claim(parts.tenant, PORT, BATCH, lease, without=teller.resting())
        if not pending:
            return teller.findings()
        handled += len(pending)
        with clock.step("tell"):
            answers = teller.tell(pending, ToTell({effect.key: effect.payload for effect in pending}))
        with clock.step("write"), parts.books.writer(_now(change), tenant=parts.tenant) as writer:
            again = {
                effect.key: teller.again(effect, writer.change.at)
                for effect in pending
                if answers[effect.key].state == "retry"
            }
            writer.answer(parts.tenant, PORT, answers.values(), again)
        for answer in answers.values():
            counts[answer.state] += 1
        progress("tell", handled, handled)


def _now(change: Change) -> Change:
    return msgspec.structs.replace(change, at=datetime.now(UTC))
