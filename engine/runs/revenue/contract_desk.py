"""The desk of revenue contracts: added, changed, told of, and looked at as they were known on any day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.model.journal import Change
from engine.model.revenue_contract import Bill, Cover, Occurrence, PromiseTerms, RevenueContract
from engine.revenue.promised import Signed
from engine.runs.booking import keep
from engine.runs.revenue.contract_files import added_promises, files_of, occurrence, read
from engine.runs.revenue.contract_reading import AT_ALL, Group, combined, group_of, groups
from engine.runs.revenue.contract_views import AccountShown, ContractShown, shown
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.writer import Writer

UNKNOWN = Code("revenue.no-contract", "A revenue contract that the books do not have.")
UNKNOWN_PARTY = Code(
    "revenue.unknown-party", "A revenue contract of a legal entity, account or subscription that is not known."
)
BILLED_BEFORE = Code("revenue.billed-before", "Lines of a revenue contract that were billed before it was known.")
OUT_OF_RANGE = Code("revenue.residual-out-of-range", "A residual that is no price at which the promise could be sold.")


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
            findings = list(self._judged(parts, writer.reader, {one[1].entity for one in found}))
        return [msgspec.structs.replace(one, findings=(*one.findings, *_about(one, findings))) for one in made]

    def _add(
        self, parts: Parts, writer: Writer, path: Path, contract: RevenueContract, events: Sequence[Occurrence]
    ) -> ContractAdded:
        try:
            _parties(writer.reader, parts.tenant, contract)
            covers = covers_of(parts, contract)
            kept, new = writer.put_revenue_contract(parts.tenant, contract, covers)
            told = [self._keep(parts, writer, kept, one) for one in events]
        except TollbookError as error:
            where = Where(str(path))
            raise TollbookError(
                one if one.where.file else msgspec.structs.replace(one, where=where) for one in error.findings
            ) from None
        before = _billed_before(writer.reader, parts.tenant, contract, covers) if new else ()
        return ContractAdded(str(path), contract.entity, contract.key, new, sum(told), tuple(before))

    def _keep(self, parts: Parts, writer: Writer, contract: RevenueContract, one: Occurrence) -> bool:
        covers = _covers(contract.key, one.adds)
        return writer.put_revenue_occurrence(parts.tenant, contract, one, covers)

    def _judged(self, parts: Parts, reader: Reader, entities: set[str]) -> Sequence[Finding]:
        """What is wrong or doubtful with contracts of legal entities as they are now; what is wrong is raised."""
        found = []
        for entity in sorted(entities):
            for group in groups(reader, parts.rules.decide, parts.tenant, entity):
                if not group.assembled.opened.allocation.in_range:
                    rest = group.assembled.opened.allocation.residual
                    what = (
                        f"what is left for a promise of {group.head.key}, {rest:f}, is outside of its range of prices"
                    )
                    mend = "give it another estimate with ssp in the rules of revrec"
                    found.append(_warning(OUT_OF_RANGE, group.head, what, mend))
        return found

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
            new = self._keep(parts, writer, contract, occurrence(values, change.at.date()))
            self._group(parts, writer.reader, contract, AT_ALL)
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
            group = self._group(parts, reader, contract, known or AT_ALL)
        return shown(group, through, known)

    def _group(self, parts: Parts, reader: Reader, contract: RevenueContract, known: date) -> Group:
        some = groups(reader, parts.rules.decide, parts.tenant, contract.entity, known=known, account=contract.account)
        return next(one for one in some if contract.key in {each.contract.key for each in one.signed})


def named(reader: Reader, tenant: str, key: str, entity: str = "") -> RevenueContract:
    """The contract of a key.

    Raises:
        TollbookError: ``revenue.no-contract``.
    """
    found = reader.revenue_contracts(tenant, entity, key=key)
    if not found:
        known = [one.key for one in reader.revenue_contracts(tenant, entity)]
        mend = did_you_mean(key, known) or "`tollbook revenue contract list` shows those that there are"
        raise refuse(UNKNOWN, f"there is no revenue contract {key!r}", mend=mend)
    if len(found) > 1:
        names = ", ".join(one.entity for one in found)
        raise refuse(UNKNOWN, f"{key} is a contract of {names}", mend="say which with --entity")
    return found[0]


def covers_of(parts: Parts, contract: RevenueContract) -> list[Cover]:
    """What bills for a contract; what rules let be earned as it is invoiced bills for itself."""
    group = combined([Signed(contract)], parts.rules.decide)[0]
    alone = set(group_of(group, parts.rules.decide, {}).assembled.by_invoice)
    kept = [one for one in contract.agreed.promises if one.promise not in alone]
    return _covers(contract.key, kept) + [_cover(contract.key, "", bill) for bill in contract.agreed.bills]


def _covers(contract: str, promises: Sequence[PromiseTerms]) -> list[Cover]:
    return [_cover(contract, one.promise, bill) for one in promises for bill in one.bills]


def _cover(contract: str, obligation: str, bill: Bill) -> Cover:
    return Cover(contract, obligation, bill.subscription, bill.contract, bill.charge)


def _place(cover: Cover) -> str:
    head = f"subscription {cover.subscription}" if cover.subscription else f"contract {cover.agreement}"
    what = f", charge {cover.charge}" if cover.charge else ""
    return f"{head}{what}" + (f" (for {cover.obligation})" if cover.obligation else "")


def _parties(reader: Reader, tenant: str, contract: RevenueContract) -> None:
    entities = reader.entities(tenant)
    if contract.entity not in entities:
        mend = did_you_mean(contract.entity, entities) or "import it first"
        raise refuse(UNKNOWN_PARTY, f"there is no legal entity {contract.entity!r}", mend=mend)
    if contract.account not in reader.accounts(tenant, contract.entity, [contract.account]):
        near = did_you_mean(contract.account, reader.accounts(tenant, contract.entity))
        what = f"{contract.entity} has no account {contract.account!r}"
        raise refuse(UNKNOWN_PARTY, what, mend=near or "import it first")
    bills = [*contract.agreed.bills, *(bill for one in contract.agreed.promises for bill in one.bills)]
    for name in sorted({one.subscription for one in bills if one.subscription}):
        if reader.subscription_named(tenant, contract.entity, name) is None:
            what = f"{contract.entity} has no subscription {name!r}"
            raise refuse(UNKNOWN_PARTY, what, mend="import it first, or name the one that bills")


def _billed_before(
    reader: Reader, tenant: str, contract: RevenueContract, covers: Sequence[Cover]
) -> Sequence[Finding]:
    names = sorted({one.subscription for one in covers if one.subscription})
    count = reader.lines_billed(tenant, contract.entity, names) if names else 0
    if not count:
        return ()
    what = f"{count} lines of {', '.join(names)} were billed before {contract.key} was known: they stay as they were earned"
    mend = "void and bill them again if they are the contract's"
    return [_warning(BILLED_BEFORE, contract, what, mend)]


def _warning(code: Code, contract: RevenueContract, what: str, mend: str) -> Finding:
    place = f"revenue-contract/{contract.entity}/{contract.key}"
    return Finding(code, Where(place), what, mend=mend, level="warning", subject=place)


def _about(added: ContractAdded, findings: Sequence[Finding]) -> Sequence[Finding]:
    return [one for one in findings if one.subject == f"revenue-contract/{added.entity}/{added.contract}"]
