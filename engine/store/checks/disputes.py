"""A check of disputes: their money is where their bookings and the ledger say."""

from __future__ import annotations

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.store.reader import Reader
from engine.store.tables import DISPUTE_BOOKING, ENTRY

DIFFERS = Code("dispute.differs", "A dispute that its events, its bookings or the ledger do not agree with.")


def disputes_tie(reader: Reader, tenant: str) -> list[Finding]:
    """Every dispute has an event, no more of it is opened, held and lost than is contested, nothing is held of one that is done, and
    every booking has its entry."""
    found = []
    disputes = reader.disputes(tenant)
    events = reader.dispute_events([one.id for one in disputes])
    for one in disputes:
        if not events.get(one.id):
            found.append(_finding(one.key, "has no event"))
        there = reader.dispute_position(one.id)
        total = there.opened + there.held + there.lost
        if not 0 <= total <= one.amount or min(there.opened, there.held, there.lost) < 0:
            sums = f"{there.opened:f} opened, {there.held:f} held and {there.lost:f} lost"
            found.append(_finding(one.key, f"of {one.amount:f} {one.currency} that are contested there are {sums}"))
        if (one.closed_on is not None or not there.held) and (there.held or there.worth):
            found.append(_finding(one.key, f"{there.held:f} ({there.worth:f}) is held, of which nothing should be"))
    booking, entry = DISPUTE_BOOKING.c, ENTRY.c
    mine = (entry.document == booking.id) & entry.kind.in_(("dispute", "settlement"))
    alone = sa.select(booking.id).where(booking.tenant == tenant, ~sa.exists().where(mine)).order_by(booking.id)
    found += [_finding(f"booking {row[0]}", "has no entry") for row in reader.rows(alone)]
    booked = sa.exists().where(booking.id == entry.document)
    lone = sa.select(entry.id).where(entry.tenant == tenant, entry.kind == "dispute", ~booked).order_by(entry.id)
    return found + [_finding(f"entry {row[0]}", "belongs to no dispute") for row in reader.rows(lone)]


def _finding(key: str, what: str) -> Finding:
    return Finding(
        DIFFERS,
        Where(f"dispute/{key}"),
        f"{key}: {what}",
        why="what happened is only ever added, and the rest follows from it",
        mend="find what changed it, and restore the books",
        subject=f"dispute/{key}",
    )
