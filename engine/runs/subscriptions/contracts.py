"""Contracts: what was agreed and who wrote it down, and amendments by the version that their author has seen.

The version of a contract is how many versions there are of it and of its lines, so it grows with whatever is agreed anew.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, TollbookError, refuse
from engine.base.money import minor_digits
from engine.billing.rating import plan_of
from engine.model.contract import ContractLine
from engine.model.journal import Change
from engine.runs.run import Parts
from engine.store.contracts import Versions, audit_of, versions_of
from engine.store.reader import Reader

NO_CONTRACT = Code("contract.unknown", "A contract that the books do not have, or of several entities.")
NO_AMENDMENT = Code("contract.no-amendment", "An amendment of a contract that changes nothing, or cannot be meant.")
VERSION_CONFLICT = Code(
    "contract.version-conflict", "A change of a contract that somebody else has changed since it was looked at."
)

AUDITED = 10_000
"""Newest audit rows of a kind that are looked through for who wrote a version."""


class Agreed(msgspec.Struct, frozen=True):
    """What was agreed at a version of a contract, in words, and who wrote it down, when and why."""

    what: str
    who: str
    at: datetime
    reason: str


class ShownContract(msgspec.Struct, frozen=True):
    """A contract as it stands, with what was agreed before; what is too long ago to be looked up is not in ``history``."""

    entity: str
    key: str
    account: str
    version: int
    signed_on: date
    payment_days: int
    purchase_order: str | None
    lines: tuple[ContractLine, ...]
    history: tuple[Agreed, ...]


class AmendedContract(msgspec.Struct, frozen=True):
    """What became of an amendment; ``repeated`` says that the contract was so before."""

    contract: str
    version: int
    repeated: bool = False


class Price(msgspec.Struct, frozen=True):
    """A price of one unit and cycle that is agreed for a charge of a plan, from a day on."""

    plan: str
    charge: str
    unit_price: Decimal
    currency: str
    valid_from: date = date.min
    valid_to: date = date.max


class ContractAmendment(msgspec.Struct, frozen=True):
    """What somebody wants of a contract: other terms, or another price; ``if_version`` is what its author has seen."""

    contract: str
    entity: str = ""
    payment_days: int | None = None
    purchase_order: str | None = None
    price: Price | None = None
    if_version: int | None = None


def _found(parts: Parts, reader: Reader, key: str, entity: str, *, lock: bool = False) -> Versions:
    names = [entity] if entity else sorted(reader.entities(parts.tenant))
    there = [found for name in names if (found := versions_of(reader, parts.tenant, name, key, lock=lock)).heads]
    if len(there) != 1:
        what = f"{len(there)} legal entities have a contract {key!r}" if there else f"there is no contract {key!r}"
        raise refuse(NO_CONTRACT, what, mend="name the entity" if there else "look at its key")
    return there[0]


def shown(parts: Parts, key: str, entity: str = "") -> ShownContract:
    """A contract as it stands, and how it came to be so.

    Raises:
        TollbookError: ``contract.unknown``.
    """
    with parts.books.reader() as reader:
        found = _found(parts, reader, key, entity)
        history = tuple(agreed(reader, parts.tenant, found))
    head = found.heads[-1]
    lines = sorted(
        (line for line in found.lines if line["current"]), key=lambda x: (x["plan"], x["charge"], x["valid_from"])
    )
    fields = ContractLine.__struct_fields__
    return ShownContract(
        head["entity"],
        key,
        head["account"],
        found.number,
        head["signed_on"],
        head["payment_days"],
        head["purchase_order"],
        tuple(ContractLine(*(line[name] for name in fields)) for line in lines),
        history,
    )


def agreed(reader: Reader, tenant: str, found: Versions) -> list[Agreed]:
    """What was agreed, one entry a version, in the order in which it was written down."""
    return [
        Agreed(_told(table, row), made.who, made.at, made.reason)
        for made, table, row in audit_of(reader, tenant, found, AUDITED)
    ]


def _told(table: str, row: dict[str, Any]) -> str:
    if table == "contract":
        order = f", purchase order {row['purchase_order']}" if row["purchase_order"] else ""
        return f"signed on {row['signed_on']}, {row['payment_days']} days to pay{order}"
    since = "" if row["valid_from"] == date.min else f" from {row['valid_from']}"
    until = "" if row["valid_to"] == date.max else f" until {row['valid_to']}"
    return f"{row['plan']}/{row['charge']} at {row['unit_price'].normalize():f} {row['currency']}{since}{until}"


def conflict(reader: Reader, tenant: str, found: Versions, key: str, version: int) -> TollbookError:
    """The refusal of a change of a contract that is at another version than its author has seen."""
    newer = agreed(reader, tenant, found)[version - found.number :] if version < found.number else []
    changes = [f"{one.what} by {one.who} at {one.at:%Y-%m-%d %H:%M:%S %Z}" for one in newer]
    return refuse(
        VERSION_CONFLICT,
        f"contract {key} is at version {found.number}, not {version}",
        why=f"since then: {'; '.join(changes) or 'the books know fewer versions than that'}",
        mend=f"look at it again with `tollbook contract show {key}`, and decide anew",
        subject=f"contract/{key}",
    )


def amend(parts: Parts, wanted: ContractAmendment, change: Change) -> AmendedContract:
    """Write an amendment, unless somebody else has amended the contract meanwhile; the same amendment twice is one.

    Raises:
        TollbookError: ``contract.unknown``, ``contract.version-conflict``, ``contract.no-amendment``,
            ``subscription.unknown-plan``.
    """
    tenant = parts.tenant
    with parts.books.writer(change, tenant=tenant) as writer:
        reader = writer.reader
        found = _found(parts, reader, wanted.contract, wanted.entity, lock=True)
        head = found.heads[-1]
        heads, lines = _wanted(parts, reader, wanted, head)
        there = [row for row in (*found.heads, *found.lines) if row["current"]]
        if all(any(row.items() <= known.items() for known in there) for row in (*heads, *lines)):
            return AmendedContract(wanted.contract, found.number, repeated=True)
        if wanted.if_version not in (None, found.number):
            raise conflict(reader, tenant, found, wanted.contract, wanted.if_version or 0)
        writer.put("contracts", heads, tenant=tenant)
        writer.put("contract_lines", lines, tenant=tenant)
        return AmendedContract(wanted.contract, versions_of(reader, tenant, head["entity"], wanted.contract).number)


def _wanted(
    parts: Parts, reader: Reader, wanted: ContractAmendment, head: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The head and the line that an amendment makes, as the books take them."""
    given = {"payment_days": wanted.payment_days, "purchase_order": wanted.purchase_order}
    terms = {name: value for name, value in given.items() if value is not None}
    kept = {name: value for name, value in head.items() if name not in ("id", "tenant", "current")}
    heads = [{**kept, **terms}] if terms else []
    price = wanted.price
    if price is None and not terms:
        raise refuse(NO_AMENDMENT, "the amendment says nothing", mend="say a price, or other terms")
    if price is None:
        return heads, []
    plan = plan_of(price.plan, reader.catalogue(parts.tenant), f"contract/{wanted.contract}")
    minor_digits(price.currency)
    if all(charge.key != price.charge for charge in plan.charges):
        known = ", ".join(charge.key for charge in plan.charges)
        raise refuse(NO_AMENDMENT, f"plan {plan.key} has no charge {price.charge!r}", mend=f"name one of {known}")
    if price.unit_price < 0 or price.valid_to <= price.valid_from:
        what = f"{price.unit_price} {price.currency} from {price.valid_from} until {price.valid_to}"
        raise refuse(NO_AMENDMENT, what, mend="a price is not negative, and ends after it begins")
    return heads, [{**msgspec.structs.asdict(price), "entity": head["entity"], "contract": wanted.contract}]
