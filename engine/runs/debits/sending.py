"""The run of direct debits: collections are planned, their notices seen, and those that are near go to the provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.base.money import ZERO
from engine.model.direct_debit import DROPPED, NOTIFIED, PLANNED, REJECTED, SENT, DirectDebit, SepaMandate, Use
from engine.model.effect import Answer, Effect
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.model.payment import CHARGE
from engine.model.settlement import CREDIT
from engine.receivables.debiting import earliest, goes_out
from engine.runs.booking import keep
from engine.runs.cash import orders
from engine.runs.debits.asking import Requests, class_of, provider_of, providers
from engine.runs.debits.planning import CURRENCY, Given, Plan, given, no_notice, plan
from engine.runs.debits.prenotices import letters_of, put_letters, why_not
from engine.runs.delivering.telling import Teller, Telling, ToTell
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.records import OutboxEffect
from engine.store.writer import Writer
from engine.store.writing.mandates import Taken

PORT: Final = "psp"
DECLINED = Code("direct-debit.declined", "A collection that its provider will not take; nothing was collected.")
FAILED = Code("direct-debit.failed", "A provider that failed on a batch of collections; they are tried again.")
DROPPED_NOW = Code("direct-debit.dropped", "A collection that is not made after all, and why.")

TELLING: Final = Telling(
    PORT,
    DECLINED,
    FAILED,
    "correct the mandate as the provider says, then run direct debits again",
    "the collections stay in the outbox; run direct debits again",
)
BATCH: Final = 5000
"""Most collections of one file, where the adapter takes as many."""
LEASE: Final = timedelta(minutes=10)


class Row(msgspec.Struct, frozen=True):
    """A collection as a report shows it."""

    key: str
    account: str
    mandate: str
    number: str
    amount: Decimal
    due: date
    state: str
    sequence: str = ""


class DebitReport(msgspec.Struct, frozen=True):
    """What a run did, or would do: collections ``planned`` and ``sent``, how the provider answered, what there is to say."""

    on: date
    planned: tuple[Row, ...]
    sent: tuple[Row, ...]
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]


def run_debits(parts: Parts, change: Change, on: date, *, entity: str = "") -> DebitReport:
    """Plan what is to be collected, and hand over what is near.

    The same day again does nothing new.  What stops in between is taken up by the next run.
    """
    planned: list[Row] = []
    sent: list[Row] = []
    findings: list[Finding] = []
    with parts.books.reader() as reader:
        entities = _entities(reader, parts.tenant, entity)
        for one in entities:
            plan(parts, reader, given(reader, parts.tenant, one), on)  # so that the decisions are there to be kept
    if not entities:
        return DebitReport(on, (), (), {}, ())
    keep(parts, change)
    for one in entities:
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            writer.hold_mandates(parts.tenant, one.key)
            there = given(writer.reader, parts.tenant, one)
            made = plan(parts, writer.reader, there, on)
            writer.plan_debits(parts.tenant, made.debits)
            put_letters(parts, writer, writer.reader.direct_debits(parts.tenant, one.key, state=PLANNED), on)
            findings += (*made.findings, *_notified(writer, parts.tenant, one.key, made, on))
            planned += [_row(debit) for debit in made.debits]
            steps, said, effects = _due(parts, writer.reader, there, on)
            writer.step_debits(parts.tenant, steps)
            writer.add_effects(parts.tenant, one.key, effects)
            sent += [_row(step.debit, step) for step in steps if step.state == SENT]
            findings += said
    counts, told = tell(parts, change)
    return DebitReport(on, tuple(planned), tuple(sent), counts, (*findings, *told))


def preview_debits(parts: Parts, on: date, *, entity: str = "") -> DebitReport:
    """What a run would plan, and hand over of what is told by now; nothing is written."""
    planned: list[Row] = []
    sent: list[Row] = []
    findings: list[Finding] = []
    with parts.books.reader() as reader:
        for one in _entities(reader, parts.tenant, entity):
            there = given(reader, parts.tenant, one)
            made = plan(parts, reader, there, on)
            steps, said, _ = _due(parts, reader, there, on)
            planned += [_row(debit) for debit in made.debits]
            sent += [_row(step.debit, step) for step in steps if step.state == SENT]
            findings += (*made.findings, *_waiting(reader, parts.tenant, one.key, made), *said)
    return DebitReport(on, tuple(planned), tuple(sent), {}, tuple(findings))


def _entities(reader: Reader, tenant: str, entity: str) -> list[LegalEntity]:
    """The legal entities that may have mandates."""
    if not reader.has_mandates(tenant):
        return []
    return [one for key, one in sorted(reader.entities(tenant).items()) if entity in ("", key)]


def _row(debit: DirectDebit, step: Taken | None = None) -> Row:
    head = (debit.key, debit.account, debit.mandate, debit.number)
    if step is None:
        return Row(*head, debit.amount, debit.due, debit.state)
    return Row(*head, step.amount, step.due, step.state, step.sequence)


def _waiting(reader: Reader, tenant: str, entity: str, made: Plan) -> list[Finding]:
    """Findings about collections, planned before or now, whose notice nothing shows."""
    known = reader.direct_debits(tenant, entity, state=PLANNED)
    waiting = [one for one in (*known, *made.debits) if one.key not in made.told]
    shown = reader.deliveries_of(tenant, [one.item for one in waiting])
    letters = letters_of(reader, tenant, known)
    return [no_notice(one, shown.get(one.item, ("", ""))[1], why_not(one, letters)) for one in waiting]


def _notified(writer: Writer, tenant: str, entity: str, made: Plan, on: date) -> list[Finding]:
    """Write down which debtors were told, and what shows it; findings about the others."""
    waiting = writer.reader.direct_debits(tenant, entity, state=PLANNED)
    shown = writer.reader.deliveries_of(tenant, [one.item for one in waiting])
    letters = letters_of(writer.reader, tenant, waiting)
    steps, findings = [], []
    for one in waiting:
        key, state = shown.get(one.item, ("", ""))
        told = made.told.get(one.key)
        if told is None and one.notice == "invoice" and state == "accepted":
            told = (on, f"effect/{key}")
        told = told or letters.told(one)
        if told is None:
            findings.append(no_notice(one, state, why_not(one, letters)))
            continue
        steps.append(notified(writer.reader, one, *told))
    writer.step_debits(tenant, steps)
    return findings


def notified(reader: Reader, debit: DirectDebit, day: date, evidence: str) -> Taken:
    """The step of a debtor who was told on a day: the collection is due when the term of the notice has passed."""
    due = debit.due
    if debit.attempt == 1:
        due = max(due, earliest(debit.due, day, day, _terms(reader, [debit])[debit.decision]["notice_days"], None, 0))
    return Taken(debit, NOTIFIED, day, debit.amount, due, evidence=evidence)


def _terms(reader: Reader, debits: Sequence[DirectDebit]) -> dict[int, Mapping[str, Any]]:
    """What rules say of collections, by id of the decision."""
    kept = reader.decisions(sorted({debit.decision for debit in debits}))
    return {ident: one["terms"] for ident, one in kept.items()}


def _due(
    parts: Parts, reader: Reader, there: Given, on: date
) -> tuple[list[Taken], list[Finding], list[tuple[Effect, str]]]:
    """The steps of collections that are near, or are not made after all; and the effects that the provider is told of."""
    debits = reader.direct_debits(parts.tenant, there.entity.key, state=NOTIFIED)
    last = {ident: some[-1] for ident, some in reader.debit_steps(one.id for one in debits).items()}
    accounts = reader.accounts(parts.tenant, there.entity.key, sorted({one.account for one in debits}))
    open_ = _left(reader, parts.tenant, there.entity.key, debits)
    by_reference = {one.reference: one for some in there.mandates.values() for one in some}
    decided = _terms(reader, debits) if debits else {}
    elsewhere = _elsewhere(reader, parts.tenant, there.entity.key) if debits else set()
    steps: list[Taken] = []
    findings: list[Finding] = []
    effects: list[tuple[Effect, str]] = []
    for debit in debits:
        terms, planned = decided[debit.decision], last[debit.id]
        due = max(planned.due, on)
        left, mandate = min(open_.get(debit.item, ZERO), debit.amount), by_reference[debit.mandate]
        if left <= ZERO:
            steps.append(Taken(debit, DROPPED, on, ZERO, due, evidence="nothing is open any more"))
            continue
        if goes_out(planned.due, terms["send_days"]) > on or debit.item in elsewhere:
            continue
        stands = there.stands(mandate, due, terms["first"])
        if stands.fault:
            steps.append(Taken(debit, DROPPED, on, ZERO, due, evidence=stands.fault))
            what = f"{debit.key} of {debit.account} is not collected: mandate {mandate.reference}: {stands.fault}"
            findings.append(Finding(DROPPED_NOW, Where(""), what, level="warning", subject=f"account/{debit.account}"))
            continue
        try:
            adapter = provider_of(parts, there.entity.key, accounts[debit.account].country, on)
        except TollbookError as error:
            findings += [finding for finding in error.findings if finding not in findings]
            continue
        key = f"{parts.tenant}/{debit.entity}/{debit.key}"
        evidence = _amends(there, mandate) if stands.amended else ""
        steps.append(Taken(debit, SENT, on, left, due, mandate.id, stands.sequence, key, adapter, evidence=evidence))
        effects.append((Effect(key, PORT, CHARGE, {"debit": debit.id}), adapter))
        use = Use(mandate.id, due, stands.sequence, SENT)
        there.uses.setdefault(mandate.reference, []).append(use)
        there.versions[mandate.id] = mandate
    return steps, findings, effects


def _elsewhere(reader: Reader, tenant: str, entity: str) -> set[int]:
    """Documents that another provider is told to take: the collection waits until that is decided."""
    waiting = [one for one in reader.payments_undecided(tenant) if one.entity == entity and one.kind == "charge"]
    return {row[0] for one in waiting for row in one.items}


def _amends(there: Given, mandate: SepaMandate) -> str:
    """Which version of the mandate the debtor's bank knows."""
    counted = [use for use in there.uses.get(mandate.reference, ()) if use.state != REJECTED]
    return f"mandate#{counted[-1].version}" if counted else f"mandate {mandate.replaces}"


def _left(reader: Reader, tenant: str, entity: str, debits: Sequence[DirectDebit]) -> dict[int, Decimal]:
    """What of documents is open, by id."""
    accounts = sorted({one.account for one in debits})
    found = reader.open_items(tenant, entity, accounts) if accounts else {}
    items = [item for (_, currency), some in found.items() if currency == CURRENCY for item in some]
    return {item.id: item.left for item in items if item.id != CREDIT}


def tell(parts: Parts, change: Change) -> tuple[dict[str, int], list[Finding]]:
    """Hand over what the outbox has for providers that collect by files; how they answered, and what went wrong."""
    mine = set(providers(parts))
    others = [name for name in parts.host.adapters(PORT) if name not in mine]
    teller, counts = Teller(parts.host, TELLING), dict.fromkeys(("accepted", "retry", "rejected"), 0)
    lease = LEASE + timedelta(seconds=parts.host.longest(PORT, BATCH))
    refused: list[Finding] = []
    while mine:
        now = msgspec.structs.replace(change, at=datetime.now(UTC))
        with parts.books.writer(now) as writer:
            pending = writer.claim(parts.tenant, PORT, BATCH, lease, without=[*teller.resting(), *others])
        if not pending:
            break
        with parts.books.reader() as reader:
            told_of = Requests(reader, parts.tenant).payloads(pending)
            made = ToTell({**told_of, **orders.payloads(reader, parts.tenant, pending)})
        answers = teller.tell(pending, made)
        told = msgspec.structs.replace(change, at=datetime.now(UTC))
        with parts.books.writer(told) as writer:
            retry_at = {e.key: teller.again(e, told.at) for e in pending if answers[e.key].state == "retry"}
            writer.answer(parts.tenant, PORT, answers.values(), retry_at)
            _declined(writer, parts.tenant, pending, answers)
            refused += orders.declined(parts, writer, pending, answers)
        for answer in answers.values():
            counts[answer.state] += 1
    return counts, [*teller.findings(), *refused]


def _declined(writer: Writer, tenant: str, pending: Sequence[OutboxEffect], answers: Mapping[str, Answer]) -> None:
    """Write down which collections the provider will never take."""
    keys = [effect.key for effect in pending if answers[effect.key].state == "rejected"]
    known = writer.reader.debits_told(tenant, keys)
    locked = writer.lock_debits(tenant, list(known.values())) if known else {}
    steps = []
    for key, ident in sorted(known.items()):
        debit, answer = locked[ident], answers[key]
        if debit.state == SENT:
            last = writer.reader.debit_steps([ident])[ident][-1]
            code = str(answer.evidence.get("code", ""))
            day = writer.change.at.date()
            step = Taken(debit, REJECTED, day, last.amount, last.due, provider=last.provider, code=code)
            steps.append(msgspec.structs.replace(step, kind=class_of(answer.reason), evidence=answer.reason))
    writer.step_debits(tenant, steps)
