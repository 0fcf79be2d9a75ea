"""Reads of mandates, of collections under them, and of what they have come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date
from typing import Any, Final

import sqlalchemy as sa

from engine.model.direct_debit import (
    PLANNED,
    REJECTED,
    RETURNED,
    SENT,
    SETTLED,
    DebitStep,
    DirectDebit,
    Pending,
    SepaMandate,
    Use,
)
from engine.model.effect import document_keys
from engine.store import query, types
from engine.store.session import Session
from engine.store.tables import AUDIT, DEBIT_STEP, DIRECT_DEBIT, EFFECT, INVOICE, MANDATE, RECEIPT

_MANDATE: Final = tuple(MANDATE.c[name] for name in SepaMandate.__struct_fields__)
_DEBIT: Final = tuple(DIRECT_DEBIT.c[name] for name in DirectDebit.__struct_fields__)
_STEP: Final = tuple(DEBIT_STEP.c[name] for name in DebitStep.__struct_fields__)
_LIVE: Final[Any] = sa.literal_column("direct_debit.state IN ('planned', 'notified', 'sent')")


class MandatesReader(Session):
    """Reads mandates and direct debits."""

    def has_mandates(self, tenant: str) -> bool:
        """Whether there ever was a mandate."""
        column = MANDATE.c
        return self.connection.execute(sa.select(column.id).where(column.tenant == tenant).limit(1)).first() is not None

    def mandates(self, tenant: str, entity: str = "", account: str = "", reference: str = "") -> list[SepaMandate]:
        """The newest versions of mandates in order of their reference: all, or those of an entity, account or reference."""
        column = MANDATE.c
        mine = [column.tenant == tenant, column.current]
        mine += [column.entity == entity] if entity else []
        mine += [column.account == account] if account else []
        mine += [column.reference == reference] if reference else []
        rows = self.connection.execute(sa.select(*_MANDATE).where(*mine).order_by(column.entity, column.reference))
        return [SepaMandate(*row) for row in rows]

    def mandate_versions(self, ids: Iterable[int]) -> dict[int, SepaMandate]:
        """Versions of mandates, by their id."""
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        among = query.among(self.dialect, MANDATE.c.id, "ids")
        rows = self.connection.execute(sa.select(*_MANDATE).where(among), {"ids": wanted})
        return {row[0]: SepaMandate(*row) for row in rows}

    def mandate_uses(self, tenant: str, entity: str, references: Sequence[str]) -> dict[str, list[Use]]:
        """What was presented under mandates, the oldest first, by their reference."""
        debit, step = DIRECT_DEBIT.c, DEBIT_STEP.c
        statement = (
            sa.select(debit.mandate, debit.id, debit.state, *_STEP)
            .join_from(DIRECT_DEBIT, DEBIT_STEP, step.debit == debit.id)
            .where(debit.tenant == tenant, debit.entity == entity)
            .where(query.among(self.dialect, debit.mandate, "wanted", types.TextList))
            .where(step.state.in_((SENT, REJECTED, RETURNED)))
            .order_by(debit.id, step.step)
        )
        uses: dict[str, dict[int, Use]] = defaultdict(dict)
        for reference, ident, state, *values in self.connection.execute(statement, {"wanted": list(references)}):
            one = DebitStep(*values)
            if one.state == SENT:
                uses[reference][ident] = Use(one.version, one.due, one.sequence, state)
            elif ident in uses[reference]:
                sent = uses[reference][ident]
                back = (one.code, one.kind, one.day)
                uses[reference][ident] = Use(sent.version, sent.due, sent.sequence, state, *back)
        return {reference: sorted(found.values(), key=lambda use: use.due) for reference, found in uses.items()}

    def direct_debits(
        self,
        tenant: str,
        entity: str = "",
        account: str = "",
        *,
        state: str = "",
        key: str = "",
        live: bool = False,
        limit: int = 1_000_000,
    ) -> list[DirectDebit]:
        """Collections, the oldest first: all, or those of an entity, an account, a state or a key; ``live`` are those that may
        still bring money."""
        column = DIRECT_DEBIT.c
        mine: list[Any] = [column.tenant == tenant, *([_LIVE] if live else [])]
        given = {"entity": entity, "account": account, "state": state, "key": key}
        mine += [column[name] == value for name, value in given.items() if value]
        rows = self.connection.execute(sa.select(*_DEBIT).where(*mine).order_by(column.id).limit(limit))
        return [DirectDebit(*row) for row in rows]

    def debits_by_id(self, tenant: str, ids: Sequence[int]) -> list[DirectDebit]:
        """Collections by their id."""
        among = query.among(self.dialect, DIRECT_DEBIT.c.id, "ids")
        statement = sa.select(*_DEBIT).where(DIRECT_DEBIT.c.tenant == tenant, among).order_by(DIRECT_DEBIT.c.id)
        return [DirectDebit(*row) for row in self.connection.execute(statement, {"ids": list(ids)})]

    def debits_around(
        self, tenant: str, entity: str, since: date, until: date, keys: Sequence[str]
    ) -> list[DirectDebit]:
        """Collections that are on their way, that settled or went back from one day to another, or that have one of some
        keys."""
        column, step = DIRECT_DEBIT.c, DEBIT_STEP.c
        mine = (column.tenant == tenant, column.entity == entity)
        moved = sa.select(step.debit).where(step.tenant == tenant, step.state.in_((SETTLED, RETURNED)))
        then: Any = column.id.in_(moved.where(step.day >= since, step.day <= until))
        called = query.among(self.dialect, column.key, "keys", types.TextList)
        sent = (column.state == SENT) & _LIVE
        statement = sa.select(*_DEBIT).where(*mine, sa.or_(then, called, sent)).order_by(column.id)
        return [DirectDebit(*row) for row in self.connection.execute(statement, {"keys": list(keys)})]

    def debits_of_items(self, tenant: str, items: Sequence[int]) -> dict[int, list[DirectDebit]]:
        """Collections of documents, the oldest first, by the id of the document."""
        found: dict[int, list[DirectDebit]] = defaultdict(list)
        if items:
            among = query.among(self.dialect, DIRECT_DEBIT.c.item, "items")
            statement = sa.select(*_DEBIT).where(DIRECT_DEBIT.c.tenant == tenant, among).order_by(DIRECT_DEBIT.c.id)
            for row in self.connection.execute(statement, {"items": sorted(set(items))}):
                found[row.item].append(DirectDebit(*row))
        return found

    def debit_steps(self, debits: Iterable[int]) -> dict[int, list[DebitStep]]:
        """Steps of collections in their order, by the id of the collection."""
        found: dict[int, list[DebitStep]] = defaultdict(list)
        wanted = sorted(set(debits))
        if wanted:
            column = DEBIT_STEP.c
            among = query.among(self.dialect, column.debit, "ids")
            statement = sa.select(*_STEP).where(among).order_by(column.debit, column.step)
            for row in self.connection.execute(statement, {"ids": wanted}):
                found[row.debit].append(DebitStep(*row))
        return found

    def debits_told(self, tenant: str, effects: Sequence[str]) -> dict[str, int]:
        """Ids of the collections that effects are about, by the key of the effect."""
        column = DEBIT_STEP.c
        among = query.among(self.dialect, column.effect, "wanted", types.TextList)
        statement = sa.select(column.effect, column.debit).where(column.tenant == tenant, among)
        return {row[0]: row[1] for row in self.connection.execute(statement, {"wanted": list(effects)})}

    def deliveries_of(self, tenant: str, documents: Sequence[int]) -> dict[int, tuple[str, str]]:
        """How documents of ours reached their payers: key and state of the effect, by id; without those that had none."""
        if not documents:
            return {}
        head = INVOICE.c
        natural = (head.tenant, head.entity, head.payer, head.invoice_date, head.kind, head.group_key)
        among = query.among(self.dialect, head.id, "ids")
        rows = self.connection.execute(sa.select(head.id, *natural).where(among), {"ids": sorted(set(documents))})
        keys = {key: ident for ident, *named in rows for key in document_keys(*named)}
        effect = EFFECT.c
        mine = (effect.tenant == tenant, effect.port == "delivery")
        told = query.among(self.dialect, effect.key, "keys", types.TextList)
        statement = sa.select(effect.key, effect.state).where(*mine, told)
        found = {row.key: row.state for row in self.connection.execute(statement, {"keys": sorted(keys)})}
        found |= dict.fromkeys(self._bounced(tenant, sorted(found)), "bounced")
        return {keys[key]: (key, state) for key, state in found.items()}

    def told_of(self, tenant: str, port: str, keys: Sequence[str]) -> dict[str, tuple[str, date | None]]:
        """State of effects, and the day (UTC) on which they were accepted, by key; what bounced later is ``bounced``."""
        effect, log = EFFECT.c, AUDIT.c
        among = query.among(self.dialect, effect.key, "keys", types.TextList)
        mine = (effect.tenant == tenant, effect.port == port)
        rows = self.connection.execute(sa.select(effect.key, effect.state).where(*mine, among), {"keys": sorted(keys)})
        found = {row.key: row.state for row in rows}
        found |= dict.fromkeys(self._bounced(tenant, sorted(found)), "bounced")
        answered = query.among(self.dialect, log.subject, "subjects", types.TextList)
        wanted = (log.tenant == tenant, log.action == "answer effect", answered)
        said = sa.select(log.subject, log.at, log.after).where(*wanted).order_by(log.id)
        subjects = {"subjects": [f"effect/{key}" for key in sorted(found)]}
        days = {
            row.subject.removeprefix("effect/"): row.at.astimezone(UTC).date()
            for row in self.connection.execute(said, subjects)
            if (row.after or {}).get("state") == "accepted"
        }
        return {key: (state, days.get(key)) for key, state in found.items()}

    def _bounced(self, tenant: str, keys: Sequence[str]) -> list[str]:
        """Which effects were heard of as bounced, after they had been accepted."""
        heard = RECEIPT.c
        back = query.among(self.dialect, heard.effect_key, "keys", types.TextList)
        bounced = sa.select(heard.effect_key).where(heard.tenant == tenant, heard.state == "bounced", back)
        return [row.effect_key for row in self.connection.execute(bounced, {"keys": list(keys)})]

    def pending_debits(self, tenant: str, entity: str, account: str = "", item: int = 0) -> list[Pending]:
        """What is being collected, of which the debtor was told: of an entity, of an account, of one document."""
        found = [one for one in self.direct_debits(tenant, entity, account, live=True) if one.state != PLANNED]
        found = [one for one in found if not item or one.item == item]
        last = {ident: steps[-1] for ident, steps in self.debit_steps(one.id for one in found).items()}
        return [
            Pending(one.account, one.item, one.number, one.key, last[one.id].amount, last[one.id].due, one.state)
            for one in found
        ]
