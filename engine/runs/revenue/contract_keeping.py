"""Keeping revenue contracts and what happens to them: by file, from the command line and by import, all are judged here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from engine.base.errors import Code, Finding, Where, did_you_mean, refuse
from engine.model.decision import Decide
from engine.model.revenue_contract import Bill, Cover, Occurrence, PromiseTerms, RevenueContract
from engine.revenue.promised import Signed, offer_of
from engine.runs.revenue.contract_reading import AT_ALL, Group, group_of, groups
from engine.runs.revenue.contract_usage import measurable
from engine.store.reader import Reader
from engine.store.writer import Writer

UNKNOWN = Code("revenue.no-contract", "A revenue contract that the books do not have.")
UNKNOWN_PARTY = Code(
    "revenue.unknown-party", "A revenue contract of a legal entity, account or subscription that is not known."
)
BILLED_BEFORE = Code("revenue.billed-before", "Lines of a revenue contract that were billed before it was known.")
OUT_OF_RANGE = Code("revenue.residual-out-of-range", "A residual that is no price at which the promise could be sold.")


def put_contract(
    writer: Writer, decide: Decide, tenant: str, contract: RevenueContract, events: Sequence[Occurrence]
) -> tuple[bool, int, Sequence[Finding]]:
    """Keep a contract with what happened to it: whether it was not known, how many of its events were not, and warnings.

    Raises:
        TollbookError: ``revenue.unknown-party``, ``revenue.contract-differs``, ``revenue.covered``, ``revenue.occurrence-differs``.
    """
    _parties(writer.reader, tenant, contract)
    group = group_of([Signed(contract)], decide, {})
    covers = covers_of(group, contract)
    kept, new = writer.put_revenue_contract(tenant, contract, covers)
    if new:
        methods = {key: each.method for key, each in group.assembled.decided.items()}
        measurable(writer.reader, tenant, kept, contract.agreed.promises, methods)
    told = sum(put_event(writer, decide, tenant, kept, one) for one in events)
    return new, told, _billed_before(writer.reader, tenant, contract, covers) if new else ()


def put_event(writer: Writer, decide: Decide, tenant: str, contract: RevenueContract, one: Occurrence) -> bool:
    """Keep something that happened to a contract; whether it was not known.

    Raises:
        TollbookError: ``revenue.occurrence-differs``, ``revenue.covered``, ``revenue.not-measurable``, ``revenue.measured-twice``.
    """
    new = writer.put_revenue_occurrence(tenant, contract, one, _covers(contract.key, one.adds))
    if new and any(promise.measures for promise in one.adds):
        facts = [offer_of(Signed(contract), promise, one.on).facts for promise in one.adds]
        methods = {each.element: decide("revrec", each, each.service_from).method for each in facts}
        measurable(writer.reader, tenant, contract, one.adds, methods, one.on)
    return new


def judged(reader: Reader, decide: Decide, tenant: str, entity: str, account: str = "") -> list[Finding]:
    """What is doubtful with contracts of a legal entity, or of an account of it, as they are now.

    Raises:
        TollbookError: what keeps one of them from being accounted for.
    """
    found = []
    for group in groups(reader, decide, tenant, entity, account=account):
        if not group.assembled.opened.allocation.in_range:
            rest = group.assembled.opened.allocation.residual
            what = f"what is left for a promise of {group.head.key}, {rest:f}, is outside of its range of prices"
            mend = "give it another estimate with ssp in the rules of revrec"
            found.append(warning(OUT_OF_RANGE, group.head, what, mend))
    return found


def group_with(reader: Reader, decide: Decide, tenant: str, contract: RevenueContract, known: date = AT_ALL) -> Group:
    """The contracts that are one with a contract, accounted for as they were known on a day.

    Raises:
        TollbookError: what keeps them from being accounted for.
    """
    some = groups(reader, decide, tenant, contract.entity, known=known, account=contract.account)
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


def covers_of(group: Group, contract: RevenueContract) -> list[Cover]:
    """What bills for a contract; what rules let be earned as it is invoiced bills for itself."""
    alone = set(group.assembled.by_invoice)
    kept = [one for one in contract.agreed.promises if one.promise not in alone]
    return _covers(contract.key, kept) + [_cover(contract.key, "", bill) for bill in contract.agreed.bills]


def _covers(contract: str, promises: Sequence[PromiseTerms]) -> list[Cover]:
    return [_cover(contract, one.promise, bill) for one in promises for bill in one.bills]


def _cover(contract: str, obligation: str, bill: Bill) -> Cover:
    return Cover(contract, obligation, bill.subscription, bill.contract, bill.charge)


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
    return [warning(BILLED_BEFORE, contract, what, mend)]


def warning(code: Code, contract: RevenueContract, what: str, mend: str) -> Finding:
    """A warning about a contract."""
    place = f"revenue-contract/{contract.entity}/{contract.key}"
    return Finding(code, Where(place), what, mend=mend, level="warning", subject=place)
