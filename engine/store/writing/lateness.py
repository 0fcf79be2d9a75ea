"""Writes of late usage, of usage as it arrived by source, and of the worklist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.base.errors import Code, refuse
from engine.model.lateness import Ended, LateRecord
from engine.model.worklist import ASSIGNED, OPEN, RESOLVED, Difference, WorkItem
from engine.store import types
from engine.store.tables import (
    LATE_USAGE,
    USAGE_ARRIVED,
    USAGE_EVENT,
    USAGE_REVERSAL,
    USAGE_SETTLED,
    WATERMARK,
    WORK_ITEM,
)
from engine.store.tables.lateness import ARRIVED
from engine.store.writing.events import EventsWriter

UNKNOWN_ITEM = Code("worklist.unknown-item", "An item that the worklist does not have.")
ITEM_RESOLVED = Code("worklist.resolved", "An item of the worklist that is resolved already; that is done once.")


class LatenessWriter(EventsWriter):
    """Writes what came late, and what has to be looked at."""

    def end_late_usage(self, tenant: str, entity: str, ended: Sequence[Ended]) -> int:
        """Keep what became of late events, each once; those that are dropped do not count from the next run on."""
        first = self.take_ids(LATE_USAGE.name, len(ended)) if ended else 0
        rows = [
            msgspec.structs.astuple(_record(number, tenant, entity, one, self.run_id))
            for number, one in enumerate(ended, first)
        ]
        self.append(LATE_USAGE, rows)
        gone = [one for one in ended if one.disposition == "drop"]
        self.put_reversals(
            [
                (tenant, entity, late.source, late.key, late.event_id, one.subscription_id, late.meter, late.day)
                for one in gone
                for late in (one.usage,)
            ]
        )
        return len(rows)

    def note_arrived(self, tenant: str, high: int) -> None:
        """Add usage that became known up to an id to what arrived by source, and take out what sources took back."""
        insert = (sqlite if self.dialect == types.SQLITE else postgresql).insert
        mark = insert(WATERMARK).values(tenant=tenant, name=ARRIVED, value=0)
        with self._spoiling():
            self.connection.execute(mark.on_conflict_do_nothing())
            mine = (WATERMARK.c.tenant == tenant) & (WATERMARK.c.name == ARRIVED)
            low: int = self.connection.execute(sa.select(WATERMARK.c.value).where(mine).with_for_update()).scalar_one()
            if high <= low:
                return
            self._arrive(_came(tenant, low, high))
            self._arrive(_went(tenant, low, high))
            self.connection.execute(sa.update(WATERMARK).where(mine).values(value=high))
        self.audit("note arrived usage", ARRIVED, {"to": low}, {"to": high}, tenant=tenant)

    def _arrive(self, added: sa.Select[Any]) -> None:
        insert = (sqlite if self.dialect == types.SQLITE else postgresql).insert(USAGE_ARRIVED)
        there, keys = USAGE_ARRIVED.c, [column.name for column in USAGE_ARRIVED.primary_key]
        insert = insert.from_select([column.name for column in USAGE_ARRIVED.columns], added)
        new = insert.excluded
        sums = {"events": there.events + new.events, "quantity": there.quantity + new.quantity}
        self.connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=sums))

    def reach(self, tenant: str, name: str, value: int) -> None:
        """Say how far a stream of a tenant has been worked off."""
        insert = (sqlite if self.dialect == types.SQLITE else postgresql).insert(WATERMARK)
        statement = insert.values(tenant=tenant, name=name, value=value)
        with self._spoiling():
            self.connection.execute(
                statement.on_conflict_do_update(index_elements=["tenant", "name"], set_={"value": value})
            )
        self.audit("reach", name, None, {"to": value}, tenant=tenant)

    def settle_totals(self, tenant: str, totals: Sequence[int], how: str) -> int:
        """Say that control totals need no second look (``agreed``, ``tolerated`` or ``accepted``); how many are new."""
        rows = [{"total_id": ident, "tenant": tenant, "how": how, "run_id": self.run_id} for ident in totals]
        with self._spoiling():
            new = self._insert_or_ignore(USAGE_SETTLED, rows)
        if new:
            self.audit("settle totals", USAGE_SETTLED.name, None, {"totals": sorted(totals), "how": how}, tenant=tenant)
        return new

    def open_item(self, tenant: str, found: Difference) -> WorkItem:
        """An item of the worklist for a difference: a new one, or the one that is there, brought up to date."""
        column = WORK_ITEM.c
        mine = (column.tenant == tenant, column.kind == found.kind, column.subject == found.subject)
        there = sa.select(WORK_ITEM).where(*mine, column.state != RESOLVED).with_for_update()
        row = self.connection.execute(there).one_or_none()
        if row is None:
            return self._new_item(tenant, found)
        item = WorkItem(*row)
        if item.difference != found.difference:
            self._change_item(item, "update", difference=found.difference, detail=dict(found.detail))
        return item

    def _new_item(self, tenant: str, found: Difference) -> WorkItem:
        item = WorkItem(
            self.take_ids(WORK_ITEM.name, 1),
            tenant,
            found.entity,
            found.kind,
            found.subject,
            found.difference,
            dict(found.detail),
            found.owner,
            ASSIGNED if found.owner else OPEN,
            "",
            "",
            self.change.at,
            self.run_id,
            found.decision,
            None,
            "",
            0,
        )
        with self._spoiling():
            self.connection.execute(sa.insert(WORK_ITEM), msgspec.structs.asdict(item))
        after = {"kind": item.kind, "subject": item.subject, "difference": item.difference, "owner": item.owner}
        self.audit("open work item", f"work-item/{item.id}", None, after, tenant=tenant)
        return item

    def assign_item(self, tenant: str, number: int, owner: str) -> WorkItem:
        """Give an item to somebody.

        Raises:
            TollbookError: ``worklist.unknown-item``, ``worklist.resolved``.
        """
        return self._change_item(self._unresolved(tenant, number), "assign", owner=owner, state=ASSIGNED)

    def resolve_item(self, tenant: str, number: int, resolution: str, reason: str = "") -> WorkItem:
        """Say what became of an item; the reason is that of the change by default.

        Raises:
            TollbookError: ``worklist.unknown-item``, ``worklist.resolved``.
        """
        item = self._unresolved(tenant, number)
        return self._change_item(
            item,
            "resolve",
            state=RESOLVED,
            resolution=resolution,
            reason=reason or self.change.reason,
            resolved_at=self.change.at,
            resolved_by=self.change.who,
            resolved_run=self.run_id,
        )

    def _unresolved(self, tenant: str, number: int) -> WorkItem:
        column = WORK_ITEM.c
        mine = sa.select(WORK_ITEM).where(column.tenant == tenant, column.id == number).with_for_update()
        row = self.connection.execute(mine).one_or_none()
        if row is None:
            mend = "`tollbook worklist list` shows them"
            raise refuse(UNKNOWN_ITEM, f"the worklist has no item {number}", mend=mend)
        item = WorkItem(*row)
        if item.state == RESOLVED:
            raise refuse(
                ITEM_RESOLVED,
                f"item {number} was resolved by {item.resolved_by}: {item.resolution}, {item.reason}",
                why="what was found out stays as it was written down",
                mend="a run opens another item where the difference is there again",
            )
        return item

    def _change_item(self, item: WorkItem, verb: str, **values: Any) -> WorkItem:
        with self._spoiling():
            self.connection.execute(sa.update(WORK_ITEM).where(WORK_ITEM.c.id == item.id).values(values))
        told = {name: types.from_json(msgspec.json.encode(value, enc_hook=str)) for name, value in values.items()}
        before = {name: types.from_json(msgspec.json.encode(getattr(item, name), enc_hook=str)) for name in values}
        self.audit(f"{verb} work item", f"work-item/{item.id}", before, told, tenant=item.tenant)
        return msgspec.structs.replace(item, **values)


def _record(number: int, tenant: str, entity: str, one: Ended, run_id: int) -> LateRecord:
    late = one.usage
    return LateRecord(
        id=number,
        tenant=tenant,
        entity=entity,
        subscription_id=one.subscription_id,
        usage_id=late.id,
        event_id=late.event_id,
        source=late.source,
        key=late.key,
        meter=late.meter,
        day=late.day,
        quantity=late.quantity,
        plan=one.plan,
        charge=one.charge,
        service_from=one.service_from,
        service_to=one.service_to,
        days_late=one.days_late,
        disposition=one.disposition,
        amount=one.amount,
        currency=one.currency,
        decision=one.decision,
        run_id=run_id,
    )


def _came(tenant: str, low: int, high: int) -> sa.Select[Any]:
    event = USAGE_EVENT.c
    keys = (event.tenant, event.entity, event.source, event.meter, event.day)
    sums = (sa.func.count(), sa.func.sum(event.quantity, type_=event.quantity.type))
    return sa.select(*keys, *sums).where(event.tenant == tenant, event.id > low, event.id <= high).group_by(*keys)


def _went(tenant: str, low: int, high: int) -> sa.Select[Any]:
    """What sources took back; what a rule dropped has arrived all the same."""
    event, back, late = USAGE_EVENT.c, USAGE_REVERSAL.c, LATE_USAGE.c
    keys = (event.tenant, event.entity, event.source, event.meter, event.day)
    sums = (-sa.func.count(), -sa.func.sum(event.quantity, type_=event.quantity.type))
    dropped = sa.exists().where(late.event_id == event.id, late.disposition == "drop")
    return (
        sa.select(*keys, *sums)
        .join_from(USAGE_REVERSAL, USAGE_EVENT, event.id == back.event_id)
        .where(back.tenant == tenant, back.id > low, back.id <= high, ~dropped)
        .group_by(*keys)
    )
