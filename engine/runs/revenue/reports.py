"""What is told of revenue: a schedule, how contract liabilities moved, what remains."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.money import ZERO
from engine.model.revenue import RevenueEvent
from engine.runs.revenue.facts import criterion, missing
from engine.runs.run import Parts
from engine.store import revenue_contract_reports, revenue_reports, tracing
from engine.store.reader import Reader
from engine.store.revenue_plans import plans


class Month(msgspec.Struct, frozen=True):
    """A month of a schedule with what credits took back: planned, and recognised by entries (ids)."""

    month: date
    planned: Decimal
    recognised: Decimal
    entries: tuple[int, ...]


class Shown(msgspec.Struct, frozen=True):
    """A schedule: ``amount`` is what is left of it after credits, ``whole`` what there was; ``missing`` the criterion that is not met."""

    schedule: int
    line: str
    text: str
    product: str
    currency: str
    whole: Decimal
    amount: Decimal
    recognised: Decimal
    remaining: Decimal
    liability: str
    rule: str
    waits: str
    missing: str
    service_from: date
    service_to: date
    months: tuple[Month, ...]
    events: tuple[RevenueEvent, ...]


class Moved(msgspec.Struct, frozen=True):
    """How the contract liabilities on a GL account moved in a currency, as credits: ``difference`` is what the ledger has more.

    ``at_once`` is what of ``invoiced`` and ``credited`` was earned by its documents themselves; it is in ``recognised``, too.
    ``fx`` is what credits at the rate of their line leave; in functional currency amounts are those of the ledger.
    """

    entity: str
    account: str
    currency: str
    opening: Decimal
    brought: Decimal
    invoiced: Decimal
    credited: Decimal
    at_once: Decimal
    recognised: Decimal
    fx: Decimal
    closing: Decimal
    ledger: Decimal
    difference: Decimal
    functional_closing: Decimal
    functional_ledger: Decimal


class Remains(msgspec.Struct, frozen=True):
    """What is still to be recognised of a month, or (``month`` empty) once what it waits for has happened."""

    entity: str
    currency: str
    year: str
    month: str
    amount: Decimal


def shown(parts: Parts, reader: Reader, row: dict[str, Any], on: date | None = None) -> Shown:
    """A schedule of a line, by column name, with its credits; what is missing is as of ``on``, or of ever."""
    tenant = parts.tenant
    credits = reader.revenue_schedules(tenant, ids=[row["id"]], credits=True)
    ids = [row["id"], *(one["id"] for one in credits)]
    plan = plans(reader, [row["id"]])[row["id"]]
    months = months_of(reader, ids)
    record = tracing.line_by_id(reader, row["line_id"])
    decision = tracing.decisions(reader, [row["decision"]]).get(row["decision"])
    events = () if record is None else _events(reader, tenant, row, record)
    recognised = sum((one.recognised for one in months), ZERO)
    name = f"{record.head.get('number', '?')}#{record.number}" if record is not None else ""
    return Shown(
        row["id"],
        name,
        record.charge.text if record is not None else "",
        row["product"],
        row["currency"],
        plan.whole,
        plan.amount,
        recognised,
        plan.amount - recognised,
        row["liability"],
        f"{decision['ruleset']}/{decision['rule']} ({decision['file']}:{decision['line']})" if decision else "",
        row["waits"] and (criterion(parts, reader, row) or row["waits"]),
        missing(parts, reader, row, on or date.max),
        row["service_from"],
        row["service_to"],
        months,
        events,
    )


def months_of(reader: Reader, ids: list[int]) -> tuple[Month, ...]:
    """Schedules by month, added up."""
    planned: dict[date, Decimal] = {}
    for one in reader.revenue_rows("revenue_item", ids):
        month = one["on_day"].replace(day=1)
        planned[month] = planned.get(month, ZERO) + one["amount"]
    done: dict[date, Decimal] = {}
    entries: dict[date, set[int]] = {}
    for one in reader.revenue_rows("revenue_posted", ids):
        done[one["month"]] = done.get(one["month"], ZERO) + one["amount"]
        entries.setdefault(one["month"], set()).add(one["entry_id"])
    return tuple(
        Month(month, planned.get(month, ZERO), done.get(month, ZERO), tuple(sorted(entries.get(month, ()))))
        for month in sorted({*planned, *done})
    )


def _events(reader: Reader, tenant: str, row: dict[str, Any], record: tracing.LineRecord) -> tuple[RevenueEvent, ...]:
    charge = record.charge
    given = {"entity": row["entity"], "line": record.id, "subscription": charge.subscription, "charge": charge.charge}
    return tuple(event for _, _, event in reader.revenue_events(tenant, **given))


def roll_forward(reader: Reader, tenant: str, first: date, last: date, entity: str = "") -> list[Moved]:
    """How contract liabilities moved from a day to another, both included, tied to the ledger."""
    before = first - timedelta(days=1)
    sums: dict[tuple[str, str, str], dict[str, tuple[Decimal, Decimal]]] = {}

    def take(rows: revenue_reports.Moves, name: str = "") -> None:
        for owner, account, currency, what, amount, worth in rows:
            if not entity or owner == entity:
                of = sums.setdefault((owner, account, currency), {})
                known = of.get(name or what, (ZERO, ZERO))
                of[name or what] = (known[0] + amount, known[1] + worth)

    take(revenue_reports.invoiced(reader, tenant, before), "before")
    take([(*key, -a, -w) for *key, a, w in revenue_reports.recognised(reader, tenant, before)], "before")
    take(revenue_contract_reports.billed(reader, tenant, before), "before")
    take([(*key, -a, -w) for *key, a, w in revenue_contract_reports.taken(reader, tenant, before)], "before")
    take(revenue_contract_reports.billed(reader, tenant, last, first))
    take(revenue_contract_reports.taken(reader, tenant, last, first))
    take(revenue_reports.invoiced(reader, tenant, last, first))
    take(revenue_reports.recognised(reader, tenant, last, first))
    at_once = revenue_reports.at_once(reader, tenant, last, first)
    take(at_once)
    take(at_once, "recognised")
    take(at_once, "at once")
    take([(*key, -a, -w) for *key, a, w in revenue_reports.held(reader, tenant, last)], "ledger")
    return [_moved(key, of) for key, of in sorted(sums.items())]


def _moved(key: tuple[str, str, str], of: dict[str, tuple[Decimal, Decimal]]) -> Moved:
    def both(name: str) -> tuple[Decimal, Decimal]:
        return of.get(name, (ZERO, ZERO))

    opening, brought, invoiced, credited = (both(name) for name in ("before", "brought", "invoiced", "credited"))
    recognised = tuple(-one - other for one, other in zip(both("recognised"), both("taken back"), strict=True))
    closing = [sum(four, ZERO) for four in zip(opening, brought, invoiced, credited, recognised, strict=True)]
    ledger = both("ledger")
    return Moved(
        *key,
        opening[0],
        brought[0],
        invoiced[0],
        credited[0],
        both("at once")[0],
        recognised[0],
        ledger[1] - closing[1],
        closing[0],
        ledger[0],
        ledger[0] - closing[0],
        closing[1],
        ledger[1],
    )


def remaining(reader: Reader, tenant: str, on: date, entity: str = "") -> list[Remains]:
    """What is left to be recognised after a day, by month: remaining performance obligations that are invoiced."""
    return [
        Remains(owner, currency, f"{month:%Y}" if month else "", f"{month:%Y-%m}" if month else "", amount)
        for owner, currency, month, amount in revenue_reports.remaining(reader, tenant, on, entity)
    ]


def told_of(reader: Reader, entry_id: int, limit: int) -> tuple[int, list[tuple[str, str]]]:
    """How many schedules an entry of recognition has, and the first of them in words."""
    rows = reader.revenue_of_entry(entry_id)
    told: list[tuple[str, str]] = []
    for row in rows[:limit]:
        record = tracing.line_by_id(reader, row["line_id"]) if row["source"] == "line" else None
        name = (
            f"{record.head.get('number', '?')}#{record.number}" if record is not None else row["contract"] or "deferral"
        )
        rule = tracing.decisions(reader, [row["decision"]]).get(row["decision"], {})
        place = f"{rule.get('ruleset', '?')}/{rule.get('rule', '?')}, {rule.get('file', '?')}:{rule.get('line', '?')}"
        text = (
            f"{row['posted']:f} of {row['amount']:f} {row['currency']} for {row['month']:%Y-%m}, schedule {row['id']}"
        )
        told.append((name, f"{text}; rule {place}; release {rule.get('release', '?')}"))
    return len(rows), told
