"""What a bill run reads: who is to be billed, and everything about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, Where, refuse
from engine.billing.job import Job
from engine.ledger.fx import RateTable
from engine.model.draft import OCCASION, Draft, Earlier, Reviews
from engine.model.due import PayerDue
from engine.model.journal import Change
from engine.model.subscription import SubscriptionEvent
from engine.model.tax_evidence import Evidence
from engine.runs.attributes import with_attributes
from engine.runs.billing.details import detailed_dues, index_values, priced_by_part, turning
from engine.runs.billing.late_step import reconciling, stopped, with_late
from engine.runs.billing.measuring import with_recounts
from engine.runs.billing.order_step import orders_of
from engine.runs.run import Parts
from engine.runs.stewardship.holding import billable
from engine.store import tracing
from engine.store.attributes import newest
from engine.store.late import late_usage
from engine.store.reader import Reader
from engine.store.reading.advances import advances
from engine.store.records import Run

UNKNOWN_ACCOUNT = Code(
    "run.unknown-account", "The account that a run is limited to has nothing to bill or does not exist."
)
ALREADY_BILLED = Code(
    "run.already-billed", "A payer that already has an invoice of this date; what is new waits for the next date."
)

ALL = "all"
VOIDING = "/void/"
"""In the group of a credit note that voids an invoice, before the number of it."""
TRUE_UP = "/true-up/"
"""In the group of a document that corrects the tax of an invoice, before the number of it."""
BY_HAND = "/memo/"
"""In the group of a credit or debit note that somebody made, before its key."""
ACCOUNT = "account:"
FOR = "/for/"
"""In the group of an invoice that something occasioned, before the occasion."""


_ASKED = frozenset({"first", "average", "deviation"})
"""Facts of invoicing rules that are read only where rules look at them."""


class Pinned(msgspec.Struct, frozen=True):
    """What a run fixed when it started; ``scope`` is ``all`` or ``account:KEY``, after its occasion where it has one:
    ``threshold 2026-03-01T10:00:00.000000Z account:KEY``."""

    run_id: int
    on: date
    scope: str
    release: str
    seen: dict[str, Any]
    change: Change

    @property
    def account(self) -> str | None:
        """The account that the run is limited to."""
        return scope_parts(self.scope)[1]

    @property
    def occasion(self) -> str:
        """What happened that the run is made for; empty where it is made for its date."""
        return scope_parts(self.scope)[0]


def pinned_at(run: Run, seen: Mapping[str, Any]) -> Pinned:
    """What a run of the books has fixed, with what was ``seen``."""
    change = Change(run.who, run.started_at, run.reason)
    return Pinned(run.id, date.fromisoformat(run.period), run.scope, run.release, dict(seen), change)


def scope_of(account: str | None, occasion: str = "") -> str:
    """The scope of a run of one account, or of all; the occasion is a kind and a moment, without blanks in either."""
    scope = ALL if account is None else ACCOUNT + account
    return f"{occasion} {scope}" if occasion else scope


def scope_parts(scope: str) -> tuple[str, str | None]:
    """The occasion and the account of a scope."""
    occasion = ""
    if scope != ALL and not scope.startswith(ACCOUNT):
        kind, moment, scope = scope.split(" ", 2)
        occasion = f"{kind} {moment}"
    return occasion, scope.removeprefix(ACCOUNT) if scope.startswith(ACCOUNT) else None


def ranges_of(parts: Parts, reader: Reader, account: str | None) -> list[tuple[str, str, str]]:
    """(entity, first payer, last payer) of each partition; with ``account`` one for each payer that it concerns.

    Raises:
        TollbookError: ``run.unknown-account``.
    """
    size = 1 if account else parts.partition_size
    ranges = [
        (entity, first, last)
        for entity in sorted(reader.entities(parts.tenant))
        for first, last in reader.payer_ranges(parts.tenant, entity, size, account)
    ]
    if account and not ranges:
        raise refuse(
            UNKNOWN_ACCOUNT, f"account {account} has no subscriptions, or does not exist", mend="check its key"
        )
    return ranges


def draft_scope(draft: Draft) -> str:
    """The scope of the run that issues a draft; one that was made early is issued early."""
    kind = draft.occasion.split(" ")[0] or OCCASION
    return scope_of(draft.payer, f"{kind} {OCCASION}-{draft.id}")


def reviews(parts: Parts, reader: Reader, on: date, payers: tuple[str, str, str], occasion: str) -> Reviews:
    """What a run has to know of the drafts of some payers (entity, first, last)."""
    standing = reader.standing_drafts(parts.tenant, *payers)
    asked = _ASKED.intersection(parts.rules.looked_at("invoicing"))
    past = reader.invoiced_before(parts.tenant, *payers, on) if asked else None
    _, mark, number = occasion.partition(f" {OCCASION}-")
    return Reviews(standing, past, only=int(number) if mark else 0)


def with_earlier(
    parts: Parts, reader: Reader, pinned: Pinned, entity: str, known: Reviews, dues: Sequence[PayerDue]
) -> Reviews:
    """The same with what was known when drafts were made, of payers who have used more since."""
    found: dict[str, Earlier] = {}
    for due in dues if known.standing else ():
        draft = known.standing.get(due.payer.key)
        taken = [one for account in due.accounts for one in account.subscriptions]
        new = [(t.subscription_id, t.day) for one in taken for t in one.usage if draft and t.last_id > draft.usage_seen]
        if draft is None or not new:
            continue
        seen, payer = {**pinned.seen, "usage": draft.usage_seen}, (entity, due.payer.key, due.payer.key)
        _, before = gather(parts, reader, pinned.on, seen, payer, occasion=pinned.occasion)
        late = late_usage(reader, new, {ident: draft.usage_seen for ident, _ in new}, pinned.seen["usage"])
        for one in before:
            found[due.payer.key] = Earlier(one, late)
    return msgspec.structs.replace(known, earlier=found) if found else known


class Read(msgspec.Struct, frozen=True):
    """One partition as read: the job, payers to be billed, rates of the day, and findings about payers left out."""

    job: Job
    dues: tuple[PayerDue, ...]
    table: RateTable
    findings: tuple[Finding, ...]


def gather(
    parts: Parts,
    reader: Reader,
    on: date,
    seen: Mapping[str, Any],
    payers: tuple[str, str, str],
    imagined: Mapping[int, SubscriptionEvent] = {},
    occasion: str = "",
) -> tuple[Job, Sequence[PayerDue]]:
    """The job of a date, and everything that payers (entity, first, last) need to be billed then, knowing what was ``seen``;
    ``imagined`` are events, by subscription, that are taken as if they were known.  Nothing of an entity that is held."""
    tenant, (entity, low, high) = parts.tenant, payers
    turns = turning(parts.rules)
    job = Job(
        reader.entities(tenant)[entity],
        reader.catalogue(tenant),
        reader.meters(tenant),
        parts.rules.decide,
        on,
        seen["events"],
        seen["usage"],
        parts.rules.turns("pricing"),
        turning=turns,
        buckets=priced_by_part(parts.rules),
        indexes=index_values(reader, tenant, turns),
        occasion=occasion,
        reconciling=reconciling(parts, seen, entity),
        evidence=evidence_of(parts, reader, payers),
        exemptions=reader.exemptions(tenant, entity, low, high),
        advances=advances(reader, *(tenant, entity, low, high)),
        corrections={one.line_id: one for one in reader.waiting_corrections(tenant, entity, low, high)},
    )
    if stopped(job):
        return job, ()
    dues: Sequence[PayerDue] = reader.due(tenant, entity, low, high, seen["usage"], seen["events"], imagined)
    if parts.rules.attributes:
        job, dues = with_attributes(reader, parts.rules, job, dues, seen.get("attributes", 0))
    detailed: list[PayerDue] = []
    for some in apart(dues) if reader.names_payers else (dues,):
        late = with_late(reader, detailed_dues(parts.rules, reader, job, some), seen["usage"])
        detailed += with_recounts(reader, job, late) if job.reconciling.asks else late
    detailed.sort(key=lambda due: due.payer.key)
    if seen.get("covers"):
        job = msgspec.structs.replace(job, covers=tuple(reader.covers_of(tenant, entity, _subscriptions(detailed))))
    return job, detailed


def _subscriptions(dues: Sequence[PayerDue]) -> list[str]:
    return [one.subscription.key for due in dues for owner in due.accounts for one in owner.subscriptions]


def apart(dues: Sequence[PayerDue]) -> list[Sequence[PayerDue]]:
    """Payers in groups in none of which a subscription is twice, as it is with each payer that events name for it."""
    groups: list[tuple[list[PayerDue], set[int]]] = []
    for due in dues:
        shared = {s.subscription.id for o in due.accounts for s in o.subscriptions if s.paying is not None}
        group = next((one for one in groups if not one[1] & shared), None)
        if group is None:
            groups.append(group := ([], set()))
        group[0].append(due)
        group[1].update(shared)
    return [some for some, _ in groups]


def evidence_of(
    parts: Parts, reader: Reader, payers: tuple[str, str, str]
) -> Mapping[str, tuple[Evidence, ...]] | None:
    """What proves where payers (entity, first, last) are, by account; None where no rule does anything about it."""
    terms = (one.terms for one in parts.rules.decisions() if one.family == "tax_evidence")
    if not any(found["treat"] != "as_is" or found["note"] for found in terms):
        return None
    return reader.tax_evidence(parts.tenant, *payers)


def known_now(reader: Reader) -> dict[str, int]:
    """The highest ids of usage events, subscription events, attribute values and what bills for contracts that are known now."""
    usage, events = reader.high_marks()
    return {"usage": usage, "events": events, "attributes": newest(reader), "covers": reader.newest_cover()}


def read_partition(parts: Parts, reader: Reader, pinned: Pinned, entity_key: str, low: str, high: str) -> Read:
    """Everything that the payers ``low`` to ``high`` of a legal entity need to be billed."""
    read = read_payers(parts, reader, pinned, entity_key, low, high)
    apart = (VOIDING, TRUE_UP, BY_HAND)
    but, only = (apart, FOR + pinned.occasion) if pinned.occasion else ((*apart, FOR), "")
    payers = {due.payer.key for due in read.dues}
    billed = tracing.payers_billed(reader, parts.tenant, entity_key, payers, pinned.on.isoformat(), but, only)
    again = [
        Finding(
            ALREADY_BILLED,
            Where(f"account/{due.payer.key}"),
            f"account {due.payer.key} already has an invoice of {pinned.on}",
            mend="what became known since is on the invoice of the next date",
            level="info",
            subject=f"account/{due.payer.key}",
        )
        for due in read.dues
        if due.payer.key in billed
    ]
    dues = tuple(due for due in read.dues if due.payer.key not in billed)
    return msgspec.structs.replace(read, dues=dues, findings=(*read.findings, *again))


def read_payers(parts: Parts, reader: Reader, pinned: Pinned, entity_key: str, low: str, high: str) -> Read:
    """The same of all these payers, those that have an invoice of the date among them."""
    tenant, payers = parts.tenant, (entity_key, low, high)
    job, dues = gather(parts, reader, pinned.on, pinned.seen, payers, occasion=pinned.occasion)
    dues, waiting = billable(reader, tenant, entity_key, pinned.on, pinned.seen.get("attributes", 0), dues)
    known = reviews(parts, reader, pinned.on, payers, pinned.occasion)
    job = msgspec.structs.replace(job, reviews=with_earlier(parts, reader, pinned, entity_key, known, dues))
    job = msgspec.structs.replace(job, orders=orders_of(parts, reader, payers, dues), alike=parts.alike)
    rates = reader.fx_rates(tenant, pinned.on, parts.fx_max_age)
    table = RateTable([rate for rate in rates if rate.source == parts.fx_source], pinned.on)
    return Read(job, tuple(dues), table, tuple(waiting))
