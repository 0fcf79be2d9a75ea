"""Subledger ties: what each subledger comes to beside its GL accounts, and where a difference comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Finding
from engine.base.money import ZERO
from engine.base.period import Period
from engine.ledger.posting import Role
from engine.runs.reports.roles import accounts_of
from engine.runs.run import Parts
from engine.runs.tax.relief import relief
from engine.store import subledgers
from engine.store.checks import base as checks
from engine.store.reader import Reader
from engine.store.session import Session

Sums = Mapping[str, Decimal]
Told = Callable[[Session, str, str, date], Sums]
More = Callable[[Parts, Reader, str, date], Sums]


class Subledger(msgspec.Struct, frozen=True):
    """One subledger: the roles of its GL accounts, what it comes to by currency (tenant, legal entity, day), the checks of
    `verify` that say what is wrong in it, and ``more`` that belongs to it and takes the rules to be known."""

    name: str
    roles: tuple[Role, ...]
    told: Told
    checks: tuple[str, ...]
    more: More | None = None


class Tie(msgspec.Struct, frozen=True):
    """What a subledger and its GL accounts come to in a currency; ``by_kind`` is what entries of each kind have posted there."""

    name: str
    entity: str
    currency: str
    accounts: tuple[str, ...]
    subledger: Decimal
    ledger: Decimal
    difference: Decimal
    by_kind: Mapping[str, Decimal]
    findings: tuple[Finding, ...] = ()


def _receivables(session: Session, tenant: str, entity: str, on: date) -> Sums:
    made: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for item in subledgers.items_on(session, tenant, entity, on):
        made[item.currency] += item.left
    return made


def _lowered(parts: Parts, reader: Reader, entity: str, on: date) -> Sums:
    """Tax that is no longer owed because a part of its document was given up, by currency."""
    made: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for one in relief(parts, reader, Period(date.min, on + timedelta(days=1)), entity):
        made[one.currency] += one.tax
    return made


ALL: Final[tuple[Subledger, ...]] = (
    Subledger("receivables", ("receivable",), _receivables, ("ledger-ties", "settlements-tie", "openings-tie")),
    Subledger("unbilled", ("unbilled",), subledgers.unbilled_on, ("accruals-tie",)),
    Subledger(
        "contract liabilities", ("contract_liability",), subledgers.scheduled_on, ("ledger-ties", "openings-tie")
    ),
    Subledger(
        "credit of customers",
        ("unapplied_cash", "account_credit"),
        subledgers.credit_on,
        ("settlements-tie", "cash-ties", "openings-tie"),
    ),
    Subledger("wallets", ("wallet",), subledgers.wallets_on, ("wallets-tie",)),
    Subledger("tax", ("tax",), subledgers.tax_on, ("tax-ties", "tax-parts"), _lowered),
)
"""Every subledger that has GL accounts of its own."""


def ties(parts: Parts, reader: Reader, on: date, entity: str = "") -> list[Tie]:
    """Each subledger of each legal entity beside the ledger on a day, in every currency that either has."""
    made: list[Tie] = []
    told: dict[str, list[Finding]] = {}
    for key in sorted(reader.entities(parts.tenant)):
        if entity in ("", key):
            for one in ALL:
                made += _tied(parts, reader, key, on, one, told)
    return made


def _tied(
    parts: Parts, reader: Reader, entity: str, on: date, one: Subledger, told: dict[str, list[Finding]]
) -> list[Tie]:
    tenant = parts.tenant
    accounts = tuple(sorted(accounts_of(parts, reader, entity, on, one.roles)))
    posted = subledgers.ledger_on(reader, tenant, entity, on, accounts)
    owed = one.told(reader, tenant, entity, on)
    more = one.more(parts, reader, entity, on) if one.more is not None else {}
    made = []
    for currency in sorted({*owed, *more, *(key[0] for key in posted)}):
        by_kind = {kind: amount for (other, kind), amount in sorted(posted.items()) if other == currency}
        ledger, subledger = sum(by_kind.values(), ZERO), owed.get(currency, ZERO) + more.get(currency, ZERO)
        off = ledger - subledger
        findings = _wrong(reader, tenant, one.checks, told) if off else ()
        made.append(Tie(one.name, entity, currency, accounts, subledger, ledger, off, by_kind, findings))
    return made


def _wrong(reader: Reader, tenant: str, wanted: tuple[str, ...], told: dict[str, list[Finding]]) -> tuple[Finding, ...]:
    """What the checks of the books find; each is asked once."""
    for name in wanted:
        if name not in told:
            told[name] = checks.ALL[name](reader, tenant)
    return tuple(finding for name in wanted for finding in told[name])
