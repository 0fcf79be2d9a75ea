"""Delivery: what the outbox holds is told to the adapters of its ports, and their answers are kept: documents that customers
get, and documents that tax providers record.

An adapter that rests after failures is not told: its documents wait for a later delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.model.delivering import INBOX
from engine.model.direct_debit import PRENOTICE
from engine.model.journal import Change
from engine.runs.clearing import note_delivered, submit
from engine.runs.debits.asking import Requests
from engine.runs.debits.prenotices import Prenotices
from engine.runs.delivering.inbox import Inbox
from engine.runs.delivering.receipts import put_on_worklist, run_hear
from engine.runs.delivering.telling import Teller, Telling, ToTell
from engine.runs.delivering.ways import Ways
from engine.runs.documents.document import Documents
from engine.runs.dunning.notices import KINDS as LETTERS
from engine.runs.dunning.notices import Notices
from engine.runs.dunning.rerouting import reroute
from engine.runs.exchange.publishing import PORT as EXCHANGE
from engine.runs.exchange.publishing import publish
from engine.runs.run import Clock, Parts, Progress, Report, silent
from engine.runs.tax.documents import TaxDocuments
from engine.store.reader import Reader
from engine.store.records import OutboxEffect

REJECTED = Code("delivery.rejected", "An adapter that will never deliver a document; somebody has to look at it.")
FAILED = Code("delivery.failed", "An adapter that failed on a batch of documents; they are tried again.")
WAITING = Code("delivery.waiting", "Documents that are not told, because their adapter rests after failures.")

PORT: Final = "delivery"
PORTS: Final = (PORT, "tax", EXCHANGE)
"""Ports whose effects are told, in this order."""

MENDS: Final = (
    "correct what the adapter names, then issue the document again",
    "the documents stay in the outbox; deliver again",
)
"""What is to be done about documents that were rejected, and about an adapter that failed."""

BATCH = 200
LEASE = timedelta(minutes=10)
"""How long a batch is held back from other processes beyond the time that its calls may take."""


def run_deliver(
    parts: Parts,
    change: Change,
    *,
    limit: int = 1_000_000,
    progress: Progress = silent,
    run_id: int = 0,
    ports: Sequence[str] = PORTS,
) -> Report:
    """Deliver up to ``limit`` documents that are due: those of one run, or all; of some ports, or all.  What an authority has to
    clear is submitted first, and delivered once it is cleared; then adapters are asked what became of documents.

    Each batch is told, and its answers are written, before the next: what stops in between is in doubt, and taken up by the
    next delivery.
    """
    clock = Clock()
    counts = {"accepted": 0, "retry": 0, "rejected": 0}
    findings: list[Finding] = []
    if PORT in ports:
        submitted = submit(parts, change, clock, limit=limit, progress=progress, run_id=run_id)
        findings += (*submitted.findings, *reroute(parts, change))
    if EXCHANGE in ports:
        with clock.step("publish"):
            publish(parts, change)
    left = limit
    for port in ports:
        inbox = Inbox(parts.tenant)
        teller = Teller(parts.host, Telling(port, REJECTED, FAILED, *MENDS), {INBOX: inbox} if port == PORT else {})
        left -= _deliver(parts, change, teller, left, counts, clock, progress, run_id, inbox)
        findings += (*teller.findings(), *_waiting(parts, teller))
        counts |= {"held": teller.held()} if teller.held() else {}
    if PORT in ports:
        with clock.step("hear"):
            receipts, heard = run_hear(parts, change)
        findings += heard
        counts |= {**submitted.counts, **({"receipts": receipts} if receipts else {})}
    findings += parts.host.noticed()
    return Report(0, "deliver", change.at.date().isoformat(), "", "done", counts, clock.seconds, tuple(findings))


def to_tell(parts: Parts, reader: Reader, port: str, pending: Sequence[OutboxEffect]) -> ToTell:
    """What effects of a port are told."""
    if port == PORT:
        letters = [effect for effect in pending if effect.kind in LETTERS]
        debits = [effect for effect in pending if effect.kind == PRENOTICE]
        others = [effect for effect in pending if effect.kind not in (*LETTERS, PRENOTICE)]
        made = Documents(reader, parts.tenant, parts.rules).to_tell(others)
        if debits:
            today = datetime.now(UTC).date()
            made = made.beside(Prenotices(reader, parts.tenant, parts.rules, today).to_tell(debits))
        return made.beside(Notices(reader, parts.tenant, parts.rules).to_tell(letters)) if letters else made
    if port == EXCHANGE:
        return ToTell({effect.key: effect.payload for effect in pending})
    if port == "psp":
        return ToTell(Requests(reader, parts.tenant).payloads(pending))
    return ToTell(TaxDocuments(reader, parts.tenant).payloads(pending))


def _deliver(
    parts: Parts,
    change: Change,
    teller: Teller,
    limit: int,
    counts: dict[str, int],
    clock: Clock,
    progress: Progress,
    run_id: int,
    inbox: Inbox,
) -> int:
    """Tell the effects of one port; how many were taken up."""
    port = teller.port
    ways = Ways(parts) if port == PORT else None
    lease = LEASE + timedelta(seconds=parts.host.longest(port, BATCH))
    handled = 0
    while handled < limit:
        now = msgspec.structs.replace(change, at=datetime.now(UTC))
        with clock.step("claim"), parts.books.writer(now) as writer:
            size = min(BATCH, limit - handled)
            pending = writer.claim(parts.tenant, port, size, lease, without=teller.resting(), run_id=run_id)
            if not pending:
                break
            handled += len(pending)
            undecided = ToTell({})
            if ways is not None:
                pending, undecided = ways.planned(writer, pending)
        with clock.step("read"), parts.books.reader() as reader:
            made = to_tell(parts, reader, port, pending).beside(undecided)
        with clock.step("tell"):
            answers = teller.tell(pending, made)
        told = msgspec.structs.replace(
            change, at=datetime.now(UTC)
        )  # telling may have taken longer than the first wait
        with clock.step("write"), parts.books.writer(told) as writer:
            settled: dict[str, Finding] = {}
            if ways is not None:
                answers, settled = ways.after(writer, pending, answers)
            retry_at = {e.key: teller.again(e, told.at) for e in pending if answers[e.key].state == "retry"}
            writer.answer(parts.tenant, port, answers.values(), retry_at)
            if ways is not None:
                inbox.put(writer)
                put_on_worklist(writer, parts.tenant, [e for e in pending if e.key not in settled], answers)
                note_delivered(parts, writer, ways.required(writer, pending), answers)
        for key, finding in settled.items():
            teller.instead(key, finding)
        for answer in answers.values():
            counts[answer.state] += 1
        progress("deliver", handled, handled)
    return handled


def _waiting(parts: Parts, teller: Teller) -> list[Finding]:
    """A finding for each adapter that rests and has documents to deliver."""
    resting = teller.resting()
    if not resting:
        return []
    with parts.books.reader() as reader:
        waiting = reader.waiting_by_adapter(parts.tenant, teller.port)
    findings = []
    for adapter in resting:
        rest = parts.host.resting(adapter)
        if rest is not None and waiting.get(adapter):
            until = rest.until.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            findings.append(
                Finding(
                    WAITING,
                    Where(f"adapter/{adapter}"),
                    f"{waiting[adapter]} documents wait for {adapter}, which rests after failures until {until}",
                    mend="deliver again later; `tollbook requests list --failed` shows the failures",
                    level="warning",
                    subject=f"adapter/{adapter}",
                )
            )
    return findings
