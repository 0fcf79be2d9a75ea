"""Writes of what bill runs wait for, and of what somebody lets go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from engine.model.condition import Unmet
from engine.store.tables import CONDITION_WAIVER, RUN_CONDITION
from engine.store.writing.base import WriterBase


class ConditionsWriter(WriterBase):
    """Writes conditions of bill runs."""

    def note_conditions(self, tenant: str, period: date, scope: str, unmet: Sequence[Unmet]) -> int:
        """Keep which conditions of a run do not hold, each since it was seen so first; the others are met now.

        Returns how many of them have changed.
        """
        column, at = RUN_CONDITION.c, self.change.at
        mine = (column.tenant == tenant, column.period == period, column.scope == scope)
        there = {(row.entity, row.rule): row for row in self.rows(sa.select(RUN_CONDITION).where(*mine))}
        changed = 0
        for one in unmet:
            row = there.pop((one.entity, one.rule), None)
            since = one.since or at
            if row is not None and row.met_at is None and row.what == one.what:
                continue
            changed += 1
            with self._spoiling():
                if row is None:
                    key = (self.take_ids(RUN_CONDITION.name, 1), tenant, one.entity, period, scope, one.rule)
                    values = dict(
                        zip(RUN_CONDITION.columns.keys(), (*key, one.name, one.what, since, None), strict=True)
                    )
                    self.connection.execute(sa.insert(RUN_CONDITION), values)
                else:
                    began = row.since if row.met_at is None else since
                    update = sa.update(RUN_CONDITION).where(column.id == row.id)
                    self.connection.execute(update.values(name=one.name, what=one.what, since=began, met_at=None))
            after = {"run": period.isoformat(), "scope": scope, "what": one.what}
            self.audit("wait for", f"condition/{one.entity}/{one.rule}", None, after, tenant=tenant)
        for row in there.values():
            if row.met_at is None:
                changed += 1
                with self._spoiling():
                    self.connection.execute(sa.update(RUN_CONDITION).where(column.id == row.id).values(met_at=at))
                subject = f"condition/{row.entity}/{row.rule}"
                self.audit("met", subject, {"what": row.what}, {"run": period.isoformat()}, tenant=tenant)
        return changed

    def waive_condition(self, tenant: str, period: date, unmet: Unmet) -> bool:
        """Let a condition go for the runs of a day, as it is unmet now; False where somebody has done so."""
        column = CONDITION_WAIVER.c
        key = (column.tenant == tenant, column.entity == unmet.entity, column.period == period)
        same = sa.select(column.id).where(*key, column.rule == unmet.rule, column.what == unmet.what)
        if self.connection.execute(same).first() is not None:
            return False
        who, reason = self.change.who, self.change.reason
        ident = self.take_ids(CONDITION_WAIVER.name, 1)
        row = (ident, tenant, unmet.entity, period, unmet.rule, unmet.name, unmet.what, who, reason, self.change.at)
        with self._spoiling():
            self._insert(CONDITION_WAIVER, [row])
        after = {"run": period.isoformat(), "what": unmet.what, "by": who, "why": reason}
        self.audit("waive", f"condition/{unmet.entity}/{unmet.rule}", None, after, tenant=tenant)
        return True
