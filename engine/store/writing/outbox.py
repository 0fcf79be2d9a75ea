"""Writes of the outbox: effects put in, claimed for a while, answered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.model.effect import Answer, Effect
from engine.store import query, types
from engine.store.outbox import PENDING, waiting
from engine.store.records import OutboxEffect
from engine.store.tables import EFFECT, RECEIPT
from engine.store.writing.base import WriterBase

UNKNOWN_EFFECT = Code(
    "outbox.unknown-effect", "An answer to an effect that does not exist, or that has another final answer."
)


class OutboxWriter(WriterBase):
    """Writes the outbox."""

    def add_effects(
        self, tenant: str, entity: str, effects: Iterable[tuple[Effect, str]], run_id: int | None = None
    ) -> int:
        """Put effects, each with the adapter that is to be told, into the outbox; how many.  They are those of the writer's run,
        or of the one named."""
        made = list(effects)
        if not made:
            return 0
        first, of_run = self.take_ids(EFFECT.name, len(made)), self.run_id if run_id is None else run_id
        rows = [
            (first + i, tenant, entity, e.port, e.kind, e.key, e.payload, PENDING, adapter, 0, None, None, of_run)
            for i, (e, adapter) in enumerate(made)
        ]
        with self._spoiling():
            self._insert(EFFECT, rows)
        self.audit("add effects", EFFECT.name, None, {"effects": len(made)}, tenant=tenant)
        return len(made)

    def put_receipts(self, tenant: str, adapter: str, receipts: Sequence[tuple[Any, ...]]) -> int:
        """Keep what was heard of effects; how many receipts.

        They are (effect key, state, at, reason, evidence), of effects that the outbox has.
        """
        if not receipts:
            return 0
        first = self.take_ids(RECEIPT.name, len(receipts))
        with self._spoiling():
            rows = [(first + i, tenant, adapter, *one, self.change.at) for i, one in enumerate(receipts)]
            self._insert(RECEIPT, rows)
        self.audit("hear of effects", f"adapter/{adapter}", None, {"receipts": len(receipts)}, tenant=tenant)
        return len(receipts)

    def claim(
        self, tenant: str, port: str, limit: int, lease: timedelta, without: Collection[str] = (), run_id: int = 0
    ) -> list[OutboxEffect]:
        """At most ``limit`` effects that may go out now, held back from others for the time of the ``lease``.

        Those of the adapters in ``without`` stay, and those of other runs where a ``run_id`` is given.  Their ``attempts`` are those before this one.
        """
        at = self.change.at
        with self._spoiling():
            rows = list(
                self.connection.execute(
                    waiting(tenant, port, at, without, run_id).limit(limit).with_for_update(skip_locked=True)
                )
            )
            claimed = [OutboxEffect(*row) for row in rows]
            if not claimed:
                return []
            mine = query.among(self.dialect, EFFECT.c.id, "mine")
            update = sa.update(EFFECT).where(mine).values(next_at=at + lease, attempts=EFFECT.c.attempts + 1)
            self.connection.execute(update, {"mine": [effect.id for effect in claimed]})
        self.audit("claim effects", f"port/{port}", None, {"effects": len(claimed)}, tenant=tenant)
        return claimed

    def call_off(self, tenant: str, port: str, key: str, reason: str) -> bool:
        """Let an effect never go out that nobody has taken up yet; whether that was so."""
        column = EFFECT.c
        mine = (column.tenant == tenant, column.port == port, column.key == key)
        fresh = (column.state == PENDING, column.attempts == 0)
        said = {"state": "rejected", "reason": reason, "evidence": {"called_off": True}}
        with self._spoiling():
            update = sa.update(EFFECT).where(*mine, *fresh).values(state="rejected", next_at=None, answer=said)
            if self.connection.execute(update).rowcount != 1:
                return False
        self.audit("call off effect", f"effect/{key}", {"state": PENDING}, {"state": "rejected"}, tenant=tenant)
        return True

    def answer(
        self, tenant: str, port: str, answers: Iterable[Answer], retry_at: Mapping[str, datetime] | None = None
    ) -> int:
        """Write down what plug-ins answered; how many answers were news.

        ``retry_at`` says when effects to be retried go out again (default: now).  An effect that has its final answer
        keeps it: the same answer again, or the wish to retry, is what a second telling of the same act brings.

        Raises:
            TollbookError: ``outbox.unknown-effect``: the effect has another final answer, or does not exist.
        """
        with self._spoiling():
            return sum(
                self._answer(tenant, port, given, (retry_at or {}).get(given.key, self.change.at)) for given in answers
            )

    def reopen(self, tenant: str, port: str, keys: Sequence[str]) -> int:
        """Let effects go out again whose answer turned out to be wrong; how many there were.

        They are in doubt until they are answered again: an adapter that can be asked is asked before it is told.
        """
        column = EFFECT.c
        mine = (column.tenant == tenant, column.port == port, column.state != PENDING)
        wanted = query.among(self.dialect, column.key, "wanted", types.TextList)
        with self._spoiling():
            before = sa.select(column.key, column.state).where(*mine, wanted).order_by(column.id)
            found = self.connection.execute(before, {"wanted": list(keys)}).all()
            update = sa.update(EFFECT).where(*mine, wanted).values(state=PENDING, next_at=None, answer=None)
            self.connection.execute(update, {"wanted": [row.key for row in found]})
        for row in found:
            self.audit("reopen effect", f"effect/{row.key}", {"state": row.state}, {"state": PENDING}, tenant=tenant)
        return len(found)

    def _answer(self, tenant: str, port: str, given: Answer, again: datetime) -> bool:
        column = EFFECT.c
        mine = (column.tenant == tenant, column.port == port, column.key == given.key, column.state == PENDING)
        retry = given.state == "retry"
        values = {
            "state": PENDING if retry else given.state,
            "next_at": again if retry else None,
            "answer": {"state": given.state, "reason": given.reason, "evidence": given.evidence},
        }
        if self.connection.execute(sa.update(EFFECT).where(*mine).values(values)).rowcount == 1:
            self.audit(
                "answer effect", f"effect/{given.key}", {"state": PENDING}, {"state": given.state}, tenant=tenant
            )
            return True
        final = self.connection.execute(sa.select(column.state).where(*mine[:-1])).scalar()
        if final is None or (not retry and final != given.state):
            raise refuse(
                UNKNOWN_EFFECT,
                f"effect {given.key!r} of port {port} "
                + ("does not exist" if final is None else f"is {final} already"),
                why="an effect has one final answer",
                mend="look at its answer with the key",
                subject=f"effect/{given.key}",
            )
        return False
