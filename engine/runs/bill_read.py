"""What a bill run reads: who is to be billed, and everything about them."""

from __future__ import annotations

from datetime import date

import msgspec

from engine.base.errors import Code, Finding, Where, refuse
from engine.billing.rating import Job
from engine.ledger.fx import RateTable
from engine.model.due import PayerDue
from engine.model.journal import Change
from engine.runs.run import Parts
from engine.store import tracing
from engine.store.reader import Reader

UNKNOWN_ACCOUNT = Code(
    "run.unknown-account", "The account that a run is limited to has nothing to bill or does not exist."
)
ALREADY_BILLED = Code(
    "run.already-billed", "A payer that already has an invoice of this date; what is new waits for the next date."
)

ALL = "all"
ACCOUNT = "account:"


class Pinned(msgspec.Struct, frozen=True):
    """What a run fixed when it started; ``scope`` is ``all`` or ``account:KEY``."""

    run_id: int
    on: date
    scope: str
    release: str
    seen: dict[str, int]
    change: Change

    @property
    def account(self) -> str | None:
        """The account that the run is limited to."""
        return self.scope.removeprefix(ACCOUNT) if self.scope.startswith(ACCOUNT) else None


def scope_of(account: str | None) -> str:
    """The scope of a run of one account, or of all."""
    return ALL if account is None else ACCOUNT + account


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


def read_partition(parts: Parts, reader: Reader, pinned: Pinned, entity_key: str, low: str, high: str) -> Read:
    """Everything that the payers ``low`` to ``high`` of a legal entity need to be billed."""
    tenant, seen = parts.tenant, pinned.seen
    job = Job(
        reader.entities(tenant)[entity_key],
        reader.catalogue(tenant),
        reader.meters(tenant),
        parts.rules.decide,
        pinned.on,
        seen["events"],
        seen["usage"],
    )
    dues = reader.due(tenant, entity_key, low, high, seen["usage"], seen["events"])
    billed = tracing.payers_billed(reader, tenant, entity_key, low, high, pinned.on.isoformat())
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
