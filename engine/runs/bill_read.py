"""What a bill run reads: who is to be billed, and everything about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, Where, refuse
from engine.billing.job import Job
from engine.ledger.fx import RateTable
from engine.model.due import PayerDue
from engine.model.journal import Change
from engine.model.subscription import SubscriptionEvent
from engine.runs.attributes import with_attributes
from engine.runs.bill_details import detailed_dues, index_values, turning
from engine.runs.late_step import reconciling, stopped, with_late
from engine.runs.run import Parts
from engine.store import tracing
from engine.store.attributes import newest
from engine.store.reader import Reader

UNKNOWN_ACCOUNT = Code(
    "run.unknown-account", "The account that a run is limited to has nothing to bill or does not exist."
)
ALREADY_BILLED = Code(
    "run.already-billed", "A payer that already has an invoice of this date; what is new waits for the next date."
)

ALL = "all"
VOIDING = "/void/"
"""In the group of a credit note that voids an invoice, before the number of it."""
ACCOUNT = "account:"
FOR = "/for/"
"""In the group of an invoice that something occasioned, before the occasion."""


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
        indexes=index_values(reader, tenant, turns),
        occasion=occasion,
        reconciling=reconciling(parts, seen, entity),
    )
    if stopped(job):
        return job, ()
    dues: Sequence[PayerDue] = reader.due(tenant, entity, low, high, seen["usage"], seen["events"], imagined)
    if parts.rules.attributes:
        job, dues = with_attributes(reader, parts.rules, job, dues, seen.get("attributes", 0))
    return job, detailed_dues(parts.rules, reader, job, dues)


def known_now(reader: Reader) -> dict[str, int]:
    """The highest ids of usage events, subscription events and attribute values that are known now."""
    usage, events = reader.high_marks()
    return {"usage": usage, "events": events, "attributes": newest(reader)}


def read_partition(parts: Parts, reader: Reader, pinned: Pinned, entity_key: str, low: str, high: str) -> Read:
    """Everything that the payers ``low`` to ``high`` of a legal entity need to be billed."""
    tenant, payers = parts.tenant, (entity_key, low, high)
    job, dues = gather(parts, reader, pinned.on, pinned.seen, payers, occasion=pinned.occasion)
    dues = with_late(reader, dues, pinned.seen["usage"])
    but, only = ((VOIDING,), FOR + pinned.occasion) if pinned.occasion else ((VOIDING, FOR), "")
    billed = tracing.payers_billed(reader, tenant, entity_key, low, high, pinned.on.isoformat(), but, only)
    again = [
        Finding(
            ALREADY_BILLED,
            Where(f"account/{due.payer.key}"),
            f"account {due.payer.key} already has an invoice of {pinned.on}",
            mend="what became known since is on the invoice of the next date",
            level="info",
            subject=f"account/{due.payer.key}",
        )
        for due in dues
        if due.payer.key in billed
    ]
    rates = reader.fx_rates(tenant, pinned.on, parts.fx_max_age)
    table = RateTable([rate for rate in rates if rate.source == parts.fx_source], pinned.on)
    return Read(job, tuple(due for due in dues if due.payer.key not in billed), table, tuple(again))
