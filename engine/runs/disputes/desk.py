"""The desk of disputes: what is told of them, who works them, what is decided, and what stands against asking for money."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from engine.base.errors import Finding, TollbookError, did_you_mean, refuse
from engine.base.money import ZERO
from engine.model.dispute import ENDED, TICKET, DisputeRecord, Event, Standing
from engine.model.dispute_views import Climbed, DisputeRun, Frozen, Shown, Told
from engine.model.journal import Change
from engine.receivables.dispute import overdue, standing
from engine.runs.accounts.desk import AccountDesk
from engine.runs.disputes import climbing
from engine.runs.disputes.freezes import frozen
from engine.runs.disputes.hearing import UNFIT, UNKNOWN, Heard, booking_day, hear, tell
from engine.runs.disputes.losing import assess
from engine.runs.disputes.moves import legs_of
from engine.runs.disputes.notices import Contested, Notice, Part, event_of, kind_of, read
from engine.runs.explaining.words import rule_of
from engine.runs.run import Parts, attempt
from engine.store import tracing
from engine.store.reader import Reader


class DisputeDesk:
    """What people and providers do with disputes."""

    def __init__(self, parts: Callable[[], Parts], accounts: AccountDesk) -> None:
        self._parts, self._accounts = parts, accounts

    def open(
        self, key: str, on: datetime | None, change: Change, *, stage: str = "", payment: str = "",
        invoices: Sequence[tuple[str, Decimal]] = (), **told: Any,
    ) -> Told:  # fmt: skip
        """Begin a dispute by hand: of a ``payment`` at a stage, or of what was invoiced; ``told`` is more of what
        :class:`~engine.runs.disputes.notices.Contested` has.

        Raises:
            TollbookError: the codes of :mod:`engine.runs.disputes.hearing`.
        """
        parts = tuple(Part(number, amount) for number, amount in invoices)
        kind = stage if payment else "claim"
        contested = Contested(key, payment, invoices=parts, **told)
        return self.hear(Notice(f"open/{key}/{kind}", kind, on or change.at, contested), "", change)

    def hear(self, notice: Notice, provider: str, change: Change) -> Told:
        """Take in something that is told of a dispute; what is known changes nothing.

        Raises:
            TollbookError: ``dispute.unreadable``, the codes of :mod:`engine.runs.disputes.hearing`.
        """
        parts, told = self._parts(), notice.dispute
        with parts.books.reader() as reader:
            there = reader.dispute(parts.tenant, told.id, told.entity)
            zone = _zone(parts, reader, there[0].entity if there else told.entity)
        kind = there[0].kind if there else "billing" if kind_of(notice) == "claim" else "chargeback"
        event = event_of(notice, zone)
        if kind == "billing" and event.kind == "claim":
            event = msgspec.structs.replace(event, amount=sum((one.amount for one in told.invoices), ZERO))
        return self._followed(parts, hear(parts, told, event, kind, provider, change), change)

    def event(self, key: str, kind: Any, change: Change, **values: Any) -> Told:
        """Tell by hand what happened to a dispute that is there.  Without an ``id`` the same kind is told once a round.

        Raises:
            TollbookError: ``dispute.unknown``, the codes of :mod:`engine.runs.disputes.hearing`.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            dispute = named(reader, parts.tenant, key)
            zone = reader.entities(parts.tenant)[dispute.entity].zone
        at = values.pop("at", None) or change.at
        ident = values.pop("id", "") or f"{kind}/{dispute.round}"
        event = Event(ident, kind, at, at.astimezone(ZoneInfo(zone)).date(), **values)
        told = Contested(dispute.key, entity=dispute.entity)
        return self._followed(parts, hear(parts, told, event, dispute.kind, "", change), change)

    def decide(
        self,
        key: str,
        change: Change,
        *,
        accept: bool,
        by: Any = "",
        amount: Decimal | None = None,
        at: datetime | None = None,
    ) -> Told:
        """Decide a dispute: accept what the customer says, all or an ``amount`` of it; or, of a billing dispute, reject it.

        An accepted billing dispute is put right ``by`` credit (a credit note) or usage (what is corrected is billed by the next
        run; the disputed part stays frozen until ``corrected`` is told).

        Raises:
            TollbookError: ``dispute.unknown``, ``dispute.unfit``.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            dispute = named(reader, parts.tenant, key)
        if dispute.kind != "billing" and (by or not accept or amount is not None):
            what = f"{key} is a chargeback"
            why = "the bank decides who gets the money: the seller may only accept that it is gone"
            raise refuse(UNFIT, what, why=why, mend="tell what the bank says with `tollbook dispute event`")
        if dispute.state in ENDED:
            mend = f"`tollbook dispute show {key}` says how"
            raise refuse(UNFIT, f"{key} is decided: {dispute.state}", mend=mend)
        by = by or ("credit" if accept and dispute.kind == "billing" else "")
        return self.event(key, "accepted" if accept else "won", change, by=by, amount=amount, at=at)

    def evidence(self, key: str, path: Path, kind: str, change: Change, note: str = "") -> tuple[str, bool]:
        """Keep that a file is evidence: its SHA-256, and whether that was not known.

        Raises:
            TollbookError: ``dispute.unknown``.
        """
        parts = self._parts()
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            there = named(writer.reader, parts.tenant, key)
            dispute = writer.lock_dispute(parts.tenant, there.entity, there.key)
            assert dispute is not None
            new = writer.keep_evidence(parts.tenant, dispute, kind, path.name, len(content), digest, note)
        return digest, new

    def load(self, path: Path, provider: str, change: Change) -> tuple[list[Told], list[Finding]]:
        """Take in the notices of a file; one that cannot be taken is a finding, and the others go on."""
        made, findings = [], list[Finding]()
        for where, one in read(path):
            if isinstance(one, TollbookError):
                findings += one.findings
                continue
            told = attempt(lambda n=one: self.hear(n, provider, change), f"{where}", findings)  # type: ignore[misc]
            made += [told] if told else []
        return made, findings

    def run(self, on: date, change: Change, *, dry_run: bool = False) -> DisputeRun:
        """Let disputes expire whose evidence is no longer taken, take the steps of ladders that are due, and go on with what waits."""
        parts, findings = self._parts(), list[Finding]()
        with parts.books.reader() as reader:
            open_ = reader.disputes(parts.tenant, undone=True)
            events = reader.dispute_events([one.id for one in open_])
        expired, climbed, told = list[str](), list[Climbed](), list[Told]()
        for dispute in open_:
            now = standing(events[dispute.id])
            over = overdue(now, on) and dispute.terms.on_expiry == "expired"
            if over:
                expired.append(dispute.key)
            if dry_run:
                climbed += [] if over else climbing.due(parts, dispute, now, events[dispute.id], on)
                continue
            subject = f"dispute/{dispute.key}"
            done = attempt(lambda d=dispute, n=now, o=over: self._worked(d, n, on, change, over=o), subject, findings)  # type: ignore[misc]
            if done is not None:
                climbed += done[0]
                told += done[1]
        return DisputeRun(tuple(expired), tuple(climbed), tuple(told), tuple(findings))

    def _worked(
        self, dispute: DisputeRecord, now: Standing, on: date, change: Change, *, over: bool
    ) -> tuple[list[Climbed], list[Told]]:
        parts = self._parts()
        if over:
            assert now.due is not None
            at = datetime.combine(on, time(12), change.at.tzinfo)
            return [], [self.event(dispute.key, "expired", change, at=at)]
        if now.state in ENDED:
            told = self._followed(parts, Heard(dispute, now, now.ended or on, known=True), change)
            return [], [told] if told.losses else []
        return climbing.climb(parts, dispute, on, change), []

    def listed(
        self, states: Sequence[str] = (), owner: str = "", account: str = "", limit: int = 1000
    ) -> list[DisputeRecord]:
        """Disputes, what is due soonest first."""
        parts = self._parts()
        with parts.books.reader() as reader:
            return reader.disputes(parts.tenant, states=states, owner=owner, account=account, limit=limit)

    def shown(self, key: str) -> Shown:
        """A dispute with everything about it.

        Raises:
            TollbookError: ``dispute.unknown``.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            dispute = named(reader, parts.tenant, key)
            events = reader.dispute_events([dispute.id])[dispute.id]
            evidence = reader.dispute_evidence(dispute.id)
            legs = legs_of(reader, parts.tenant, dispute) if dispute.payment else []
            numbers = tracing.numbers(reader, sorted({row["item"] for row in legs}))
            decision = reader.decisions([dispute.decision]).get(dispute.decision)
            subject = f"{TICKET}/{dispute.entity}/{dispute.key}"
            tickets = reader.work_items(parts.tenant, kinds=(TICKET,), subjects=(subject,))
            return Shown(
                dispute,
                standing(events),
                reader.dispute_position(dispute.id),
                rule_of(decision) if decision else "",
                tuple(_without(row) for row in reader.dispute_heard(dispute.id)),
                tuple(_without(row) for row in evidence),
                tuple(kind for kind in dispute.terms.evidence if kind not in {row["kind"] for row in evidence}),
                tuple(
                    {name: row[name] for name in ("day", "key", "amount", "currency", "functional")}
                    | {"item": numbers.get(row["item"], row["item"] or "credit")}
                    for row in legs
                ),
                tuple(_without(row) for row in reader.dispute_bookings(dispute.id)),
                tuple(frozen(reader, parts.tenant, dispute)),
                tickets[-1].id if tickets else 0,
            )

    def freezes(self, account: str = "") -> list[Frozen]:
        """What disputes freeze of documents now and have frozen."""
        parts, made = self._parts(), list[Frozen]()
        with parts.books.reader() as reader:
            for dispute in reader.disputes(parts.tenant, account=account):
                found = list(frozen(reader, parts.tenant, dispute))
                numbers = tracing.numbers(reader, sorted({one.item for one in found}))
                head = (dispute.entity, dispute.account)
                made += [Frozen(*head, numbers.get(one.item, ""), dispute.currency, one) for one in found]
        return made

    def _followed(self, parts: Parts, heard: Heard, change: Change) -> Told:
        """Go on with what a dispute has cost until nothing is left to do, or somebody has to approve it."""
        dispute, now = heard.dispute, heard.standing
        if now.state not in ENDED or dispute.closed_on is not None or now.waits:
            return Told(dispute, now, heard.known)
        with parts.books.reader() as reader:
            entity = reader.entities(parts.tenant)[dispute.entity]
            day = booking_day(reader, parts.tenant, entity, now.ended or heard.day, change.at)
        losses = assess(parts, self._accounts, dispute, now, day, change)
        waiting = [loss for loss in losses if not loss.done]
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            there = writer.lock_dispute(parts.tenant, dispute.entity, dispute.key)
            assert there is not None
            if there.version == dispute.version:
                there = writer.stand_dispute(parts.tenant, there, closed_on=None if waiting else day)
                more = ", ".join(f"{loss.what} of {loss.number} waits for approval {loss.approval}" for loss in waiting)
                tell(writer, parts.tenant, there, f"; {more}" if more else "")
        return Told(there, now, heard.known, tuple(losses))


def named(reader: Reader, tenant: str, key: str) -> DisputeRecord:
    """The dispute of a key.

    Raises:
        TollbookError: ``dispute.unknown``.
    """
    found = reader.dispute(tenant, key)
    if not found:
        mend = did_you_mean(key, reader.dispute_keys(tenant)) or "`tollbook dispute list` shows them"
        raise refuse(UNKNOWN, f"the books have no dispute {key!r}", mend=mend)
    return found[0]


def _zone(parts: Parts, reader: Reader, entity: str) -> str:
    entities = reader.entities(parts.tenant)
    return entities[entity].zone if entity in entities else next(iter(entities.values())).zone if entities else "UTC"


def _without(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("id", "tenant", "dispute")}
