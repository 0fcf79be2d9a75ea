"""What `explain` says of revenue, both ways: from a line to its schedule and entries, from an entry to schedules and lines."""

from __future__ import annotations

from engine.base.money import ZERO, written
from engine.model.revenue import EARLY
from engine.runs.explaining.words import Step, first, number
from engine.runs.revenue.reports import months_of, told_of
from engine.store.reader import Reader
from engine.store.tracing import LineRecord

SHOWN = 10


def scheduled(reader: Reader, tenant: str, record: LineRecord) -> list[Step]:
    """The schedule of a line: what is recognised by which entries, what remains, what was done; nothing where it has none."""
    rows = reader.revenue_schedules(tenant, lines=[record.id])
    if not rows:
        return []
    row, charge = rows[0], record.charge
    credits = reader.revenue_schedules(tenant, ids=[row["id"]], credits=True)
    months = months_of(reader, [row["id"], *(one["id"] for one in credits)])
    left = row["amount"] + sum((one["amount"] for one in credits), ZERO)
    done = sum((one.recognised for one in months), ZERO)
    text = f"schedule {row['id']}: {number(done)} of {written(left, row['currency'])} is recognised, {number(left - done)} remains"
    details = [
        (
            f"{one.month:%Y-%m}",
            f"{number(one.planned)} planned, {number(one.recognised)} recognised"
            + (f" by {', '.join(f'posting:{entry}/1' for entry in one.entries)}" if one.entries else ""),
        )
        for one in months
    ]
    given = {"entity": row["entity"], "line": record.id, "subscription": charge.subscription, "charge": charge.charge}
    for _, at, event in reader.revenue_events(tenant, **given):
        word = "let go by two persons" if event.kind == EARLY else event.kind
        details.append((event.on.isoformat(), f"{word} {event.key}, known {at:%Y-%m-%d} {event.note}".rstrip()))
    if row["takes"]:
        details.append(("takes", f"from schedule {row['takes']}"))
    if row["waits"] and left != done:
        details.append(("waits", f"for what {row['waits']} goes by"))
    details.append(("balance", f"contract liability {row['liability']}"))
    return [Step("schedule", text, tuple(details))]


def recognised(reader: Reader, entry_id: int, everything: bool) -> Step:
    """The schedules of which an entry recognises something, each with its line, rule and release."""
    count, told = told_of(reader, entry_id, 1_000_000 if everything else SHOWN + 2)
    return Step("schedules", f"of {count} schedules", first(tuple(told), everything))
