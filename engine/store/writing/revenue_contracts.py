"""Writes of revenue contracts: a contract is written once, and what happens to it is only ever added."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.base.errors import Code, refuse
from engine.model.revenue_contract import Cover, NewSchedule, Occurrence, RevenueContract, plain_document
from engine.store.tables import REVENUE_CONTRACT, REVENUE_COVER, REVENUE_OCCURRENCE, REVENUE_SCHEDULE
from engine.store.writing.base import WriterBase

CONTRACT_DIFFERS = Code("revenue.contract-differs", "A revenue contract that the books have with another content.")
OCCURRENCE_DIFFERS = Code(
    "revenue.occurrence-differs", "An occurrence of a revenue contract that the books have otherwise."
)
COVERED = Code("revenue.covered", "A charge that bills for one revenue contract already and is named by another one.")


class RevenueContractsWriter(WriterBase):
    """Writes revenue contracts."""

    def put_revenue_contract(
        self, tenant: str, new: RevenueContract, covers: Sequence[Cover]
    ) -> tuple[RevenueContract, bool]:
        """Keep a contract with what bills for it; it has its id afterwards, and whether it was not known.

        Raises:
            TollbookError: ``revenue.contract-differs``, ``revenue.covered``.
        """
        there = self.reader.revenue_contracts(tenant, new.entity, key=new.key)
        if there:
            self._same(there[0], new)
            return there[0], False
        rows = self._covering(tenant, new.entity, covers)
        made = msgspec.structs.replace(new, id=self.take_ids(REVENUE_CONTRACT.name, 1))
        head = (made.id, tenant, made.entity, made.key, made.account, made.currency, made.signed, made.known)
        with self._spoiling():
            self._insert(REVENUE_CONTRACT, [(*head, plain_document(made.agreed))])
            self._insert(REVENUE_COVER, rows)
        told = {"account": made.account, "signed": made.signed.isoformat(), "promises": len(made.agreed.promises)}
        self.audit("add revenue contract", f"revenue-contract/{made.entity}/{made.key}", None, told, tenant=tenant)
        return made, True

    def _same(self, there: RevenueContract, new: RevenueContract) -> None:
        names = ("account", "currency", "signed", "agreed")
        off = [name for name in names if getattr(there, name) != getattr(new, name)]
        if off:
            raise refuse(
                CONTRACT_DIFFERS,
                f"{new.key} of {new.entity} is in the books with another {' and another '.join(off)}",
                why="what was signed stays as it was; what changes it is kept with its day",
                mend="`tollbook revenue contract change` changes a contract from a day on",
                subject=f"revenue-contract/{new.entity}/{new.key}",
            )

    def _covering(self, tenant: str, entity: str, covers: Sequence[Cover]) -> list[tuple[object, ...]]:
        """Rows of what bills, where nothing of it bills for something else."""
        if not covers:
            return []
        taken = self.reader.revenue_covers(tenant, entity)
        for one in covers:
            self._free(taken, one)
            taken.append(one)
        first = self.take_ids(REVENUE_COVER.name, len(covers))
        return [(first + n, tenant, entity, *msgspec.structs.astuple(one)) for n, one in enumerate(covers)]

    def _free(self, taken: Sequence[Cover], one: Cover) -> None:
        """Refuse what bills for something else already; a charge may be named beside all of its subscription in one contract."""
        for other in taken:
            same = (other.subscription, other.agreement) == (one.subscription, one.agreement)
            if not same or (
                other.charge != one.charge and ((other.charge and one.charge) or other.contract == one.contract)
            ):
                continue
            place = "/".join(part for part in (one.subscription or one.agreement, one.charge) if part)
            raise refuse(
                COVERED,
                f"{place} bills for {other.obligation or other.contract} of {other.contract} already",
                why="what is billed belongs to one promise of one contract",
                mend=f"leave it out of {one.contract}",
                subject=f"revenue-contract/{one.contract}",
            )

    def add_contract_schedules(self, tenant: str, entity: str, new: Sequence[NewSchedule], run_id: int) -> list[int]:
        """Keep schedules of contracts, and changes of such; their ids.  A change is a row of its own that names what it changes."""
        if not new:
            return []
        first = self._ids_here(REVENUE_SCHEDULE.name, len(new))
        rows = []
        for ident, one in enumerate(new, first):
            key, rate = one.key, one.rate
            obligation = f"{key.obligation}~{ident}" if one.takes else key.obligation
            named = (key.contract, obligation, one.account, one.product, one.country, one.role, one.liability)
            worth = (rate.base, one.amount, rate.quote, one.functional, rate.rate, rate.source, rate.on)
            days = (one.service_from, one.service_to, one.waits, one.decision, run_id)
            rows.append((ident, tenant, entity, key.source, 0, one.takes, *named, *worth, *days))
        with self._spoiling():
            self._insert(REVENUE_SCHEDULE, rows)
        told = {"rows": len(new), "from": first}
        self.audit("add schedules", REVENUE_SCHEDULE.name, None, told, tenant=tenant)
        return list(range(first, first + len(new)))

    def put_revenue_occurrence(
        self, tenant: str, contract: RevenueContract, new: Occurrence, covers: Sequence[Cover] = ()
    ) -> bool:
        """Keep something that happened to a contract, with what bills for what it adds; whether it was not known.

        Raises:
            TollbookError: ``revenue.occurrence-differs``, ``revenue.covered``.
        """
        for one in self.reader.revenue_occurrences([contract.id]).get(contract.id, []):
            if one.key == new.key:
                if msgspec.structs.replace(one, known=new.known) != new:
                    raise refuse(
                        OCCURRENCE_DIFFERS,
                        f"{new.key} of {contract.key} is in the books as {one.kind} of {one.on} with other values",
                        why="what was told is never changed",
                        mend="tell it under a key of its own, or tell what puts the first one right",
                        subject=f"revenue-contract/{contract.entity}/{contract.key}",
                    )
                return False
        rows = self._covering(tenant, contract.entity, covers)
        row = (self.take_ids(REVENUE_OCCURRENCE.name, 1), tenant, contract.id, new.key, new.kind, new.on, new.known)
        with self._spoiling():
            self._insert(REVENUE_OCCURRENCE, [(*row, plain_document(new), self.change.at)])
            self._insert(REVENUE_COVER, rows)
        told = {"key": new.key, "kind": new.kind, "on": new.on.isoformat()}
        place = f"revenue-contract/{contract.entity}/{contract.key}"
        self.audit("tell of revenue contract", place, None, told, tenant=tenant)
        return True
