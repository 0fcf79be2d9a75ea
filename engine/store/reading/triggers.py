"""Reads of planned milestones, of triggers, and of what is new since somebody looked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from engine.model.milestone import Milestone
from engine.model.request import QUEUED, WAITING
from engine.model.subscription import TRIGGERS
from engine.store import query, types
from engine.store import tables as t
from engine.store.session import Session

_MILESTONE = [column for column in t.MILESTONE.columns if column.name != "current"]


class Came(NamedTuple):
    """A trigger that became known, with the account of its subscription; ``noted_at`` is None where nobody noted it."""

    id: int
    entity: str
    account: str
    subscription: str
    contract: str | None
    key: str
    kind: str
    about: str
    noted_at: datetime | None


class TriggersReader(Session):
    """Reads what charges wait for."""

    def has_milestones(self, tenant: str) -> bool:
        """Whether a tenant has planned any milestone."""
        one = sa.select(t.MILESTONE.c.id).where(t.MILESTONE.c.tenant == tenant).limit(1)
        return self.connection.execute(one).first() is not None

    def milestones(self, tenant: str, entity: str, subscriptions: Sequence[str]) -> Mapping[str, tuple[Milestone, ...]]:
        """Planned milestones by subscription."""
        column = t.MILESTONE.c
        wanted = query.among(self.dialect, column.subscription, "wanted", types.TextList)
        statement = sa.select(*_MILESTONE).where(
            column.tenant == tenant, column.entity == entity, column.current, wanted
        )
        found: dict[str, list[Milestone]] = defaultdict(list)
        for row in self.connection.execute(statement.order_by(column.id), {"wanted": list(subscriptions)}):
            found[row.subscription].append(Milestone(*row))
        return {key: tuple(mine) for key, mine in found.items()}

    def mark(self, tenant: str, name: str) -> int:
        """Up to which id a stream was looked at; 0 where nobody has looked yet."""
        column = t.WATERMARK.c
        statement = sa.select(column.value).where(column.tenant == tenant, column.name == name)
        value: int | None = self.connection.execute(statement).scalar()
        return value or 0

    def triggers_since(self, tenant: str, after: int, upto: int) -> list[Came]:
        """Triggers that became known between two ids, in order."""
        event, taken, note = t.SUBSCRIPTION_EVENT.c, t.SUBSCRIPTION.c, t.TRIGGER_NOTE.c
        noted = sa.and_(note.subscription_id == event.subscription_id, note.event == event.key)
        joined = t.SUBSCRIPTION_EVENT.join(t.SUBSCRIPTION, taken.id == event.subscription_id)
        fields = (
            event.id, event.entity, taken.account, taken.key, taken.contract, event.key, event.kind, event.charge,
            note.noted_at,
        )  # fmt: skip
        rows = self.rows(
            sa.select(*fields)
            .select_from(joined.outerjoin(t.TRIGGER_NOTE, noted))
            .where(event.tenant == tenant, event.id > after, event.id <= upto, event.kind.in_(sorted(TRIGGERS)))
            .order_by(event.id)
        )
        return [Came(*row)._replace(about=row[7] or "") for row in rows]

    def used_since(self, tenant: str, after: int, upto: int) -> list[tuple[str, str]]:
        """(legal entity, account) of the subscriptions that have usage between two ids; one statement for any number."""
        used, taken = t.USAGE_EVENT.c, t.SUBSCRIPTION.c
        mine = sa.select(used.subscription_id).where(used.tenant == tenant, used.id > after, used.id <= upto).distinct()
        rows = self.rows(sa.select(taken.entity, taken.account).where(taken.id.in_(mine)).distinct())
        return sorted((row[0], row[1]) for row in rows)

    def queued_scopes(self, tenant: str) -> set[str]:
        """What the requests that wait in the queue for something that happened are limited to, without when."""
        column = t.RUN_REQUEST.c
        rows = self.rows(
            sa.select(column.scope).where(
                column.tenant == tenant, column.state.in_([QUEUED, WAITING]), column.scope != ""
            )
        )
        return {row[0] for row in rows}

    def trigger_notes(self, tenant: str, subscriptions: Collection[int]) -> list[dict[str, Any]]:
        """Triggers of some subscriptions with what is noted of them, in order."""
        event, note = t.SUBSCRIPTION_EVENT.c, t.TRIGGER_NOTE.c
        noted = sa.and_(note.subscription_id == event.subscription_id, note.event == event.key)
        fields = (event.id, event.subscription_id, event.key, event.kind, event.on_day, event.charge)
        told = (note.accepted_by, note.evidence, note.sender, note.noted_at)
        rows = self.rows(
            sa.select(*fields, *told)
            .select_from(t.SUBSCRIPTION_EVENT.outerjoin(t.TRIGGER_NOTE, noted))
            .where(event.tenant == tenant, event.subscription_id.in_(list(subscriptions)))
            .where(event.kind.in_(sorted(TRIGGERS)))
            .order_by(event.id)
        )
        return [dict(row._mapping) for row in rows]
