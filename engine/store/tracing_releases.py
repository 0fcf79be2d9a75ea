"""Everything in the books that a release of rules touched: what its runs wrote, and what rows name its decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from engine.store import tables
from engine.store.session import Session
from engine.store.tables import (
    BANK_ENTRY,
    BANK_USE,
    DECISION,
    DUNNING_CLAIM,
    DUNNING_STEP,
    EFFECT,
    ENTRY,
    INVOICE,
    INVOICE_LINE,
    POSTING,
    RUN,
    SETTLEMENT,
)

DECIDED: Final = frozenset({"decision", "proration", "tax_decision", "draft_decision", "numbering_decision"})
"""Columns that name a decision."""
_OWN: Final = frozenset({"decision", "run", "partition", "audit", "finding", "release", "release_event", "chain"})
"""Tables that say what was done, and are no records that it was done to."""


class ReleaseTraces:
    """What one release of a tenant touched; every question is answered by the database, whatever there is of it."""

    def __init__(self, session: Session, tenant: str, release: str) -> None:
        self._connection, self._tenant = session.connection, tenant
        mine = (RUN.c.tenant == tenant, RUN.c.release == release)
        self._runs = sa.select(RUN.c.id).where(*mine)
        self._decisions = sa.select(DECISION.c.id).where(DECISION.c.release == release)

    def _rows(self, statement: sa.Select[Any]) -> Iterator[dict[str, Any]]:
        for row in self._connection.execute(statement).mappings():
            yield dict(row)

    def invoices(self) -> Iterator[dict[str, Any]]:
        """Documents that its runs made."""
        head = INVOICE.c
        fields = (
            head.number,
            head.kind,
            head.entity,
            head.payer,
            head.invoice_date,
            head.currency,
            head.total,
            head.run_id,
        )
        return self._rows(sa.select(*fields).where(head.run_id.in_(self._runs)).order_by(head.id))

    def lines(self) -> Iterator[dict[str, Any]]:
        """Lines by the rule that decided them, counted and added up by currency."""
        line, rule = INVOICE_LINE.c, DECISION.c
        total = sa.func.sum(line.amount, type_=line.amount.type).label("amount")
        keys = (rule.family, rule.ruleset, rule.rule, line.currency)
        statement = (
            sa.select(*keys, sa.func.count().label("count"), total)
            .select_from(INVOICE_LINE.join(DECISION, rule.id == line.decision))
            .where(line.tenant == self._tenant, rule.id.in_(self._decisions))
            .group_by(*keys)
            .order_by(*keys)
        )
        return self._rows(statement)

    def matches(self) -> Iterator[dict[str, Any]]:
        """What money of bank entries was used for; what was taken back is not among it."""
        use, entry = BANK_USE.c, BANK_ENTRY.c
        back = BANK_USE.alias("back").c
        fields = (use.entry_id, use.kind, use.entity, use.customer, use.day, entry.currency, use.amount, use.run_id)
        taken = sa.exists().where(back.source == use.id)
        mine = (use.tenant == self._tenant, use.source == 0, use.decision.in_(self._decisions), ~taken)
        joined = BANK_USE.join(BANK_ENTRY, entry.id == use.entry_id)
        return self._rows(sa.select(*fields).select_from(joined).where(*mine).order_by(use.id))

    def settlements(self) -> Iterator[dict[str, Any]]:
        """Acts on open items that its rules decided: write-offs, credit that was applied, refunds."""
        leg = SETTLEMENT.c
        fields = (leg.key, leg.kind, leg.entity, leg.account, leg.day, leg.currency, leg.amount, leg.run_id)
        mine = (leg.tenant == self._tenant, leg.item != 0, leg.decision.in_(self._decisions))
        return self._rows(sa.select(*fields).where(*mine).order_by(leg.id))

    def steps(self) -> Iterator[dict[str, Any]]:
        """Steps of dunning that were taken."""
        step = DUNNING_STEP.c
        fields = (step.step, step.action, step.entity, step.account, step.day, step.currency, step.asked, step.run_id)
        mine = (step.tenant == self._tenant, step.decision.in_(self._decisions))
        return self._rows(sa.select(*fields).where(*mine).order_by(step.id))

    def claims(self) -> Iterator[dict[str, Any]]:
        """Fees and interest that were claimed, with the document that charges them."""
        claim, head = DUNNING_CLAIM.c, INVOICE.c
        fields = (
            claim.kind,
            claim.name,
            claim.entity,
            claim.account,
            claim.until,
            claim.currency,
            claim.amount,
            claim.run_id,
        )
        mine = (claim.tenant == self._tenant, claim.decision.in_(self._decisions))
        joined = DUNNING_CLAIM.outerjoin(INVOICE, head.id == claim.document)
        return self._rows(sa.select(*fields, head.number).select_from(joined).where(*mine).order_by(claim.id))

    def postings(self) -> Iterator[dict[str, Any]]:
        """What its runs posted, by GL account and currency: how often, debit and credit."""
        posting = POSTING.c
        keys = (posting.entity, posting.account, posting.currency)
        amount = posting.amount
        debit, credit = (
            sa.func.sum(sa.case((test, amount), else_=sa.literal(0, amount.type)), type_=amount.type).label(name)
            for test, name in ((amount > 0, "debit"), (amount < 0, "credit"))
        )
        joined = POSTING.join(ENTRY, ENTRY.c.id == posting.entry_id)
        mine = ENTRY.c.run_id.in_(self._runs)
        statement = sa.select(*keys, sa.func.count().label("count"), debit, credit).select_from(joined).where(mine)
        return self._rows(statement.group_by(*keys).order_by(*keys))

    def effects(self) -> Iterator[dict[str, Any]]:
        """What the outside world was told of it, and what waits to be told."""
        one = EFFECT.c
        keys = (one.port, one.kind, one.state)
        mine = one.run_id.in_(self._runs)
        return self._rows(sa.select(*keys, sa.func.count().label("count")).where(mine).group_by(*keys).order_by(*keys))

    def records(self) -> Iterator[tuple[str, int]]:
        """Every table with rows that its runs wrote or that name its decisions, and how many."""
        for table in tables.METADATA.sorted_tables:
            tests = [table.c[name].in_(self._decisions) for name in sorted(DECIDED) if name in table.c]
            if "run_id" in table.c:
                tests.append(table.c.run_id.in_(self._runs))
            if not tests or table.name in _OWN:
                continue
            count = self._connection.execute(
                sa.select(sa.func.count()).select_from(table).where(sa.or_(*tests))
            ).scalar()
            if count:
                yield table.name, count
