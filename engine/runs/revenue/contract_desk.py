"""The desk of revenue contracts: added, changed, told of, and looked at as they were known on any day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from engine.base.errors import Finding, TollbookError, Where, refuse
from engine.model.journal import Change
from engine.model.revenue_contract import Cover, Occurrence, RevenueContract
from engine.runs.booking import keep
from engine.runs.revenue.contract_files import added_promises, files_of, occurrence, read
from engine.runs.revenue.contract_keeping import UNKNOWN, group_with, judged, named, put_contract, put_event
from engine.runs.revenue.contract_reading import AT_ALL
from engine.runs.revenue.contract_views import AccountShown, ContractShown, shown
from engine.runs.run import Parts
from engine.store.writer import Writer


class ContractAdded(msgspec.Struct, frozen=True):
    """A contract that was read: whether it was not known, and which of what happened was not."""

    file: str
    entity: str
    contract: str
    new: bool
    events: int
    findings: tuple[Finding, ...] = ()


class ContractDesk:
    """What people do with revenue contracts."""

    def __init__(self, parts: Callable[[], Parts]) -> None:
        """``parts`` are made when they are needed."""
        self._parts = parts

    def add(self, paths: Sequence[Path], change: Change) -> list[ContractAdded]:
        """Take in contracts of files, all or none; what is known changes nothing.

        Raises:
            TollbookError: everything that is wrong with any of the files, at its place.
        """
        parts, wrong, found = self._parts(), list[Finding](), []
        for path in files_of(paths):
            try:
                found.append((path, *read(path.read_bytes(), str(path), change.at.date())))
            except TollbookError as error:
                wrong += error.findings
        if wrong:
            raise TollbookError(wrong)
        keep(parts, change)
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            made = [self._add(parts, writer, path, contract, events) for path, contract, events in found]
            entities, decide = sorted({one[1].entity for one in found}), parts.rules.decide
            findings = [one for entity in entities for one in judged(writer.reader, decide, parts.tenant, entity)]
        return [msgspec.structs.replace(one, findings=(*one.findings, *_about(one, findings))) for one in made]

    def _add(
        self, parts: Parts, writer: Writer, path: Path, contract: RevenueContract, events: Sequence[Occurrence]
    ) -> ContractAdded:
        try:
            new, told, before = put_contract(writer, parts.rules.decide, parts.tenant, contract, events)
        except TollbookError as error:
            where = Where(str(path))
            raise TollbookError(
                one if one.where.file else msgspec.structs.replace(one, where=where) for one in error.findings
            ) from None
        return ContractAdded(str(path), contract.entity, contract.key, new, told, tuple(before))

    def tell(self, key: str, values: Mapping[str, Any], change: Change, entity: str = "") -> bool:
        """Keep something that happened to a contract; whether it was not known.

        Raises:
            TollbookError: ``revenue.no-contract``, ``revenue.occurrence-differs``, and what keeps the contract from being accounted for
                with it: then nothing is kept.
        """
        parts = self._parts()
        keep(parts, change)
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            contract = named(writer.reader, parts.tenant, key, entity)
            new = put_event(writer, parts.rules.decide, parts.tenant, contract, occurrence(values, change.at.date()))
            group_with(writer.reader, parts.rules.decide, parts.tenant, contract)
        return new

    def promises(self, path: Path) -> list[dict[str, Any]]:
        """The promises of a YAML list, for what a modification adds.

        Raises:
            TollbookError: ``revenue.no-contract-file``, ``revenue.contract-wrong``.
        """
        (file,) = files_of([path])
        return added_promises(file.read_bytes(), str(file))

    def listed(self, account: str = "", entity: str = "") -> list[RevenueContract]:
        """Contracts, in the order in which they were signed."""
        parts = self._parts()
        with parts.books.reader() as reader:
            return reader.revenue_contracts(parts.tenant, entity, account=account)

    def shown(self, key: str, entity: str = "", known: date | None = None) -> ContractShown:
        """A contract as it was signed, what happened to it, what bills for it, and what was billed.

        Raises:
            TollbookError: ``revenue.no-contract``.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            contract = named(reader, parts.tenant, key, entity)
            told = reader.revenue_occurrences([contract.id]).get(contract.id, [])
            covers = reader.revenue_covers(parts.tenant, contract.entity, contract.key)
            lines = reader.revenue_billed(parts.tenant, contract.entity, [contract.key])
        events = [one for one in told if known is None or one.known <= known]
        events.sort(key=lambda one: (one.on, one.known, one.key))
        billed = tuple({"line": line[2], "on": line[3], "amount": line[4]} for line in lines)
        return ContractShown(contract, tuple(events), tuple(map(_place, covers)), billed)

    def account(self, key: str, through: date, entity: str = "", known: date | None = None) -> AccountShown:
        """How a contract is accounted for at the end of a day, as it was known on a day, or now.

        Raises:
            TollbookError: ``revenue.no-contract``.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            contract = named(reader, parts.tenant, key, entity)
            if known is not None and contract.known > known:
                what = f"{key} was not known on {known}"
                raise refuse(UNKNOWN, what, mend=f"it became known on {contract.known}")
            group = group_with(reader, parts.rules.decide, parts.tenant, contract, known or AT_ALL)
        return shown(group, through, known)


def _place(cover: Cover) -> str:
    head = f"subscription {cover.subscription}" if cover.subscription else f"contract {cover.agreement}"
    what = f", charge {cover.charge}" if cover.charge else ""
    return f"{head}{what}" + (f" (for {cover.obligation})" if cover.obligation else "")


def _about(added: ContractAdded, findings: Sequence[Finding]) -> Sequence[Finding]:
    return [one for one in findings if one.subject == f"revenue-contract/{added.entity}/{added.contract}"]
