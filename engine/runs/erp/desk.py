"""The desk of the other system's ledger: what is posted there, what it has, and what has to be posted again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, refuse
from engine.model.effect import Answer, Effect
from engine.model.erp import MENDS, PORT, Compared, Shown, Stands, ToldDocument
from engine.model.journal import Change, JournalEntry
from engine.ports.failure import AdapterFailed
from engine.ports.hookspecs.erp import Posted
from engine.runs.erp.posting import run_post
from engine.runs.run import Parts, Progress, Report, silent
from engine.store.reader import Reader

UNKNOWN = Code("erp.unknown-document", "A document of the port erp that the books do not have.")
NOT_WRONG = Code("erp.not-wrong", "A document to be posted again that is posted, or on its way.")

BATCH: Final = 200


class ErpDesk:
    """What people ask about the other system's ledger, and do there."""

    def __init__(self, parts: Callable[[], Parts]) -> None:
        """``parts`` are made when they are needed."""
        self._parts = parts

    def post(self, until: date, change: Change, *, dry_run: bool = False, progress: Progress = silent) -> Report:
        """Post entries up to and with a day; see :func:`engine.runs.erp.posting.run_post`."""
        return run_post(self._parts(), until, change, dry_run=dry_run, progress=progress)

    def listed(
        self, state: str = "", since: date | None = None, until: date | None = None, limit: int = 1000
    ) -> list[Stands]:
        """Documents as the books know them, by posting date; of a state of their effect and of some days, both included."""
        parts = self._parts()
        with parts.books.reader() as reader:
            found = reader.erp_documents(parts.tenant, state=state, first=since, last=until, limit=limit)
        return [_known(one) for one in found]

    def shown(self, key: str) -> Shown:
        """A document with its entries.

        Raises:
            TollbookError: ``erp.unknown-document``.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            document = _named(reader, parts.tenant, key)
            effects = reader.effects(parts.tenant, [document.effect])
            entries = [_entry(ident, entry) for ident, entry, *_ in reader.erp_entries(document.id)]
        return Shown(document, effects[0].payload if effects else None, tuple(entries))

    def compare(self, since: date, until: date) -> Compared:
        """Compare what was posted of some days, both included, with what the other system has.  Nothing is changed."""
        parts = self._parts()
        with parts.books.reader() as reader:
            found = reader.erp_documents(parts.tenant, first=since, last=until)
            left: dict[str, list[Decimal]] = {}
            for _, _, entry in reader.unposted(parts.tenant, until):
                if entry.posting_date >= since:
                    left.setdefault(entry.entity, []).append(_debit(entry))
        findings: list[Finding] = []
        stands = [*_asked(parts, [_known(one) for one in found], findings)]
        counts: dict[str, int] = {}
        for one in stands:
            counts[one.state] = counts.get(one.state, 0) + 1
        unposted = tuple((entity, len(sums), sum(sums, Decimal(0))) for entity, sums in sorted(left.items()))
        return Compared(since, until, counts, tuple(stands), unposted, tuple(findings))

    def resend(self, key: str, change: Change) -> str:
        """Put a document that was refused, or that the other system does not have, into the outbox again; its new key.

        Raises:
            TollbookError: ``erp.unknown-document``, ``erp.not-wrong``, and what the adapter raises when it is asked.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            document = _named(reader, parts.tenant, key)
            effects = reader.effects(parts.tenant, [document.effect])
        findings: list[Finding] = []
        (stands,) = _asked(parts, [_known(document)], findings)
        if stands.state not in ("rejected", "missing"):
            raise refuse(
                NOT_WRONG,
                f"{document.key} is {stands.state}",
                why="a document that the other system has, or may have, is not posted a second time",
                mend=MENDS.get(stands.state, "") or "`tollbook erp show KEY` says what is in it",
                subject=f"erp/{document.key}",
            )
        now = msgspec.structs.replace(change, at=datetime.now(UTC))
        with parts.books.writer(now, tenant=parts.tenant) as writer:
            return writer.post_again(document, parts.tenant, dict(effects[0].payload))


def _named(reader: Reader, tenant: str, key: str) -> ToldDocument:
    document = reader.erp_document(tenant, key.partition("#")[0])
    if document is None:
        raise refuse(UNKNOWN, f"the books have no document {key!r}", mend="`tollbook erp list` shows those they have")
    return document


def _entry(ident: int, entry: JournalEntry) -> tuple[int, str, date, str]:
    return ident, entry.kind, entry.posting_date, entry.text


def _debit(entry: JournalEntry) -> Decimal:
    return sum((p.functional_amount for p in entry.postings if p.functional_amount > 0), Decimal(0))


def _known(document: ToldDocument) -> Stands:
    """How a document stands as far as the books know."""
    if not document.state:
        return Stands(document, "nothing")
    answer = document.answer or {}
    evidence, reason = answer.get("evidence") or {}, answer.get("reason", "")
    if document.state == "accepted":
        return Stands(document, "posted", evidence["document"], evidence.get("fiscal_year", ""))
    return Stands(document, "rejected" if document.state == "rejected" else "waiting", reason=reason)


def _asked(parts: Parts, known: Sequence[Stands], findings: list[Finding]) -> Iterator[Stands]:
    """How documents stand by what their adapters say: those that were accepted are asked about."""
    answers: dict[str, Answer] = {}
    accepted = [one.document for one in known if one.state == "posted"]
    for adapter in sorted({document.adapter for document in accepted}):
        mine = [document for document in accepted if document.adapter == adapter]
        for some in (mine[n : n + BATCH] for n in range(0, len(mine), BATCH)):
            answers |= _status(parts, adapter, [document.effect for document in some], findings)
    for one in known:
        yield _judged(one, answers.get(one.document.effect)) if one.state == "posted" else one


def _status(parts: Parts, adapter: str, keys: Sequence[str], findings: list[Finding]) -> dict[str, Answer]:
    if adapter not in parts.host.adapters(PORT) or not parts.host.answers_for(adapter):
        return {}
    with parts.books.reader() as reader:
        told = reader.effects(parts.tenant, list(keys))
    effects = [Effect(one.key, one.port, one.kind, one.payload) for one in told if one.port == PORT]
    try:
        return {answer.key: answer for answer in parts.host.status(adapter, effects)}
    except TollbookError as error:
        findings += error.findings
        return {a.key: a for a in error.answered} if isinstance(error, AdapterFailed) else {}


def _judged(one: Stands, answer: Answer | None) -> Stands:
    if answer is None:
        return msgspec.structs.replace(one, state="not asked", reason=f"adapter {one.document.adapter} gave no answer")
    if answer.state != "accepted":
        return msgspec.structs.replace(one, state="missing", reason=answer.reason)
    posted = msgspec.convert(answer.evidence, Posted)
    there = Decimal(posted.debit)
    if there == one.document.debit and posted.document == one.number:
        return msgspec.structs.replace(one, there=there)
    reason = "" if posted.document == one.number else f"it has the number {posted.document} there"
    return msgspec.structs.replace(one, state="differs", there=there, reason=reason)
