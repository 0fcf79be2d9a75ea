"""Revenue contracts as files: one YAML document says what was signed, and may say what happened since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol, get_args

import msgspec

from engine.base.complaints import Complaint
from engine.base.document import Shape, parse, validate
from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.base.money import minor_digits
from engine.model.revenue_contract import Agreed, Financed, Kind, Occurrence, RevenueContract

WRONG = Code("revenue.contract-wrong", "A file of a revenue contract whose values cannot be meant.")
NO_FILE = Code("revenue.no-contract-file", "A path at which there is no file of a revenue contract.")

Rules = dict[str, Any]


def _of(kind: str, says: str, **more: Any) -> Rules:
    return {"type": kind, "meta": {"description": says}, **more}


def _many(schema: Rules, says: str, **more: Any) -> Rules:
    return _of("list", says, schema={"type": "dict", "schema": schema}, **more)


def _key(says: str) -> Rules:
    return _of("string", says, required=True, empty=False, maxlength=100)


BILL: Final[Rules] = {
    "subscription": _of("string", "key of the subscription that bills"),
    "contract": _of("string", "key of the agreement on prices whose subscriptions bill"),
    "charge": _of("string", "the charge alone; all where it is left out"),
}
MEASURE: Final[Rules] = {
    "subscription": _key("key of the subscription whose usage counts"),
    "meter": _key("the meter, whose events are added up or counted"),
}
PROMISE: Final[Rules] = {
    "promise": _key("identifies it in the contract"),
    "product": _key("product; rules and GL accounts go by it"),
    "kind": _of("string", "what it is", allowed=["one_time", "recurring", "usage"]),
    "price": _of("decimal", "stated price without tax"),
    "from": _of("date", "first day of service; the day of signature where it is left out"),
    "to": _of("date", "day after the last day of service"),
    "quantity": _of("decimal", "units promised", min=0),
    "ssp": _of("decimal", "price in separate sales", min=0),
    "market": _of("decimal", "what others ask for the like", min=0),
    "cost": _of("decimal", "what it is expected to cost", min=0),
    "low": _of("decimal", "low end of separate prices", min=0),
    "high": _of("decimal", "high end of separate prices", min=0),
    "material": _of("decimal", "part of the cost that is uninstalled material", min=0),
    "saves": _of("decimal", "of a material right: what it saves of a later purchase, as a share", min=0, max=1),
    "used": _of("decimal", "how likely the right is used", min=0, max=1),
    "purchase": _of("decimal", "what would be bought with it", min=0),
    "back": _of("decimal", "units that are expected to come back", min=0),
    "carried": _of("decimal", "what a unit that may come back was carried at", min=0),
    "recovery": _of("decimal", "what it costs to have such a unit back, lost value included", min=0),
    "call": _of("decimal", "what the seller may buy it back for up to the end of its service", min=0),
    "commission": _of("decimal", "of an agent: his share", min=0, max=1),
    "bills": _many(BILL, "what bills for it"),
    "measures": _many(MEASURE, "usage in the books that earns it; no usage of it is told by hand"),
}
LIKELY: Final[Rules] = {
    "amount": _of("decimal", "what it may come to", required=True),
    "likely": _of("decimal", "how likely that is", required=True, min=0, max=1),
}
OCCURRENCE: Final[Rules] = {
    "key": _key("identifies it in the contract; told twice it counts once"),
    "kind": _of("string", "what happened", required=True, allowed=list(get_args(Kind))),
    "on": _of("date", "the day that it belongs to", required=True),
    "known": _of("date", "the day on which it became known"),
    "promise": _of("string", "the promise that it is about; all where it is left out"),
    "quantity": _of("decimal", "units, cost, sales, or units added by a modification"),
    "expected": _of("decimal", "all that is now expected, in the same measure"),
    "material": _of("decimal", "part of a cost that is uninstalled material", min=0),
    "price": _of("decimal", "what it adds to the price; of a credit what it takes away"),
    "adds": _many(PROMISE, "promises that come with a modification"),
    "at_ssp": _of("boolean", "what is added costs what it costs alone"),
    "rest": _of("decimal", "what the service still owed costs from now on"),
    "ends": _of("date", "day after the last day of service, or of a pause"),
    "cost": _of("decimal", "what is added to the expected cost"),
    "past": _of("decimal", "credit for what was delivered before", min=0),
    "refund": _of("decimal", "of a termination: what the customer need not pay, or has back", min=0),
    "extend": _of("boolean", "service ends as much later as a pause lasts"),
    "variable": _of("string", "the variable amount that is estimated anew, or of which something was given back"),
    "outcomes": _many(LIKELY, "all that it may come to now"),
    "certain": _of("decimal", "what of it is highly probable to stay; the worst outcome where it is left out"),
    "criterion": _of("string", "the criterion that is met"),
    "met": _of("boolean", "false if it is no longer met"),
    "note": _of("string", "anything to be kept with it", maxlength=500),
}
CONTRACT: Final[Rules] = {
    "contract": _key("identifies it in the legal entity"),
    "entity": _key("the legal entity that sells"),
    "account": _key("the customer"),
    "currency": _of("string", "ISO 4217 currency of all amounts", required=True),
    "signed": _of("date", "the day on which it was signed", required=True),
    "known": _of("date", "the day on which it became known"),
    "purpose": _of("string", "contracts of one customer and purpose may be one, by rule"),
    "combined_with": _of("list", "contracts with which it is accounted for as one", schema={"type": "string"}),
    "criteria": _of(
        "dict", "the day on which each criterion of a contract was met", valuesrules={"type": "date", "nullable": True}
    ),
    "term": _of(
        "dict",
        "how long it binds",
        schema={
            "ends": _of("date", "day after its last day", required=True),
            "cancellable_from": _of("date", "from when on the customer may end it"),
            "penalty": _of("decimal", "what that costs him", min=0),
        },
    ),
    "promises": _many(PROMISE, "what is promised", required=True, minlength=1),
    "bundles": _many(
        {
            "promises": _of(
                "list", "promises that are regularly sold together", schema={"type": "string"}, required=True
            ),
            "price": _of("decimal", "what they cost together", required=True, min=0),
        },
        "bundles that are regularly sold for less",
    ),
    "variable": _many(
        {
            "variable": _key("identifies it in the contract"),
            "outcomes": _many(LIKELY, "all that it may come to", required=True, minlength=1),
            "certain": _of("decimal", "what of it is highly probable to stay; the worst outcome where it is left out"),
            "promise": _of("string", "the promise that it may belong to alone"),
        },
        "amounts that depend on what happens",
    ),
    "payable": _of("decimal", "what the customer is paid for nothing distinct", min=0),
    "in_kind": _of("decimal", "worth of consideration that is no money", min=0),
    "financing": _of(
        "dict",
        "money and performance far apart",
        schema={
            "way": _of("string", "what lies between them", required=True, allowed=list(get_args(Financed))),
            "rate": _of("decimal", "rate of a year, such as 0.06", required=True, min=0),
            "months": _of("integer", "how many months", required=True, min=1, max=600),
            "begins": _of("date", "the first day; that of the signature where it is left out"),
        },
    ),
    "costs": _many(
        {
            "cost": _key("identifies it in the contract; rules see it as the element"),
            "amount": _of("decimal", "what it was", required=True, min=0),
            "on": _of("date", "the day on which it came", required=True),
            "months": _of("integer", "months of the contract", required=True, min=1),
            "customer_months": _of("integer", "months that the customer is expected to stay", min=0),
            "product": _of("string", "product that rules look at"),
        },
        "costs to obtain or to fulfil it",
    ),
    "bills": _many(BILL, "what bills for it as a whole"),
    "events": _many(OCCURRENCE, "what happened since"),
}
SHAPE: Final = Shape(CONTRACT)
_EVENT: Final = Shape(OCCURRENCE)
_ADDS: Final = Shape({"promises": _many(PROMISE, "what is added", required=True, minlength=1)})
_DAYS: Final = {"from": "service_from", "to": "service_to"}

NOT_CALLED: Final = frozenset(("back", "commission", "saves"))
"""What a promise that may be bought back cannot have."""

Read = tuple[RevenueContract, list[Occurrence]]


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The files named, and those of folders that are named.

    Raises:
        TollbookError: ``revenue.no-contract-file``.
    """
    found: list[Path] = []
    for path in paths:
        some = sorted((*path.glob("*.yaml"), *path.glob("*.yml"))) if path.is_dir() else [path]
        if not some or not some[0].is_file():
            what = f"{path} has no YAML file" if path.is_dir() else f"{path} is no file"
            raise refuse(NO_FILE, what, mend="name a file of a contract, or a folder of such")
        found += some
    return found


def read(content: bytes, file: str, known: date) -> Read:
    """A contract and what happened to it, of a file; what does not say when it became known did so on the day ``known``.

    Raises:
        TollbookError: ``revenue.contract-wrong`` and those of :mod:`engine.base.document`: all that is wrong, at its place.
    """
    document = parse(content, file)
    data, findings = validate(document, SHAPE)
    findings = findings or list(_doubts(document, data))
    if findings:
        raise TollbookError(findings)
    return _made(data, known)


def of_values(values: Mapping[str, Any], where: Where, known: date) -> Read:
    """A contract of values that stand in one place, such as a row; they mean what they mean in a file.

    Raises:
        TollbookError: all that is wrong, at that place.
    """
    data, wrong = SHAPE.read(dict(values), "the contract")
    findings = [_in_row(one, where) for one in wrong] or list(_doubts(_Row(where), data))
    if findings:
        raise TollbookError(findings)
    return _made(data, known)


def event_of_values(values: Mapping[str, Any], where: Where, known: date) -> Occurrence:
    """Something that happened to a contract, of values that stand in one place.

    Raises:
        TollbookError: all that is wrong, at that place.
    """
    data, wrong = _EVENT.read(dict(values), "the event")
    findings = [_in_row(one, where) for one in wrong] or list(_added(_Row(where), ("adds",), data.get("adds", ())))
    if findings:
        raise TollbookError(findings)
    return occurrence(data, known)


def _in_row(one: Complaint, where: Where) -> Finding:
    inner = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in one.path[:-1]).lstrip(".")
    return Finding(one.code, where, f"{inner}: {one.what}" if inner else one.what, one.why, one.mend)


class _Places(Protocol):
    """Says where a value stands."""

    def where(self, path: Iterable[str | int] = ()) -> Where: ...


class _Row:
    """A row, in which all values stand in one place."""

    def __init__(self, where: Where) -> None:
        self._where = where

    def where(self, path: Iterable[str | int] = ()) -> Where:
        """The place of the row."""
        return self._where


def _made(data: dict[str, Any], known: date) -> Read:
    events = [occurrence(one, known) for one in data.pop("events", ())]
    head = {name: data.pop(name) for name in ("contract", "entity", "account", "currency", "signed")}
    told = data.pop("known", known)
    agreed = msgspec.convert(_renamed(data), Agreed)
    key, entity, account, currency, signed = head.values()
    return RevenueContract(0, entity, key, account, currency, signed, told, agreed), events


def added_promises(content: bytes, file: str) -> list[dict[str, Any]]:
    """The promises of a file that lists nothing else.

    Raises:
        TollbookError: what is wrong with it.
    """
    document = parse(content, file)
    data, findings = validate(document, _ADDS, data={"promises": document.data})
    findings = findings or list(_added(document, ("promises",), data["promises"]))
    if findings:
        raise TollbookError(findings)
    return list(data["promises"])


def occurrence(data: Mapping[str, Any], known: date) -> Occurrence:
    """An occurrence of its values."""
    return msgspec.convert(_renamed({"known": known, **data}), Occurrence)


def _renamed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_DAYS.get(name, name): _renamed(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_renamed(one) for one in value)
    return value


def _doubts(document: _Places, data: Mapping[str, Any]) -> Iterable[Finding]:
    """What is wrong though each value is of its kind."""
    try:
        minor_digits(data["currency"])
    except TollbookError as error:
        yield msgspec.structs.replace(error.findings[0], where=document.where(("currency",)))
    promises = [one["promise"] for one in data["promises"]]
    adds = [add["promise"] for event in data.get("events", ()) for add in event.get("adds", ())]
    for at, one in enumerate(data["promises"]):
        path = ("promises", at)
        if one["promise"] in promises[:at]:
            yield _wrong(
                document, (*path, "promise"), f"there are two promises {one['promise']!r}", "give each a key of its own"
            )
        first = one.get("from", data["signed"])
        if "to" in one and one["to"] <= first:
            yield _wrong(
                document,
                (*path, "to"),
                f"service ends on {one['to']}, before its first day {first}",
                "write the day after its last day",
            )
        if ("saves" in one) != ("purchase" in one):
            yield _wrong(
                document, path, "a material right needs both saves and purchase", "say what it saves of which purchase"
            )
        yield from _called(document, path, one)
        yield from _nothing(document, path, one)
        yield from _unbilled(document, (*path, "bills"), one.get("bills", ()))
    yield from _unbilled(document, ("bills",), data.get("bills", ()))
    for at, bundle in enumerate(data.get("bundles", ())):
        yield from _unknown(document, ("bundles", at, "promises"), bundle["promises"], promises)
    for at, one in enumerate(data.get("variable", ())):
        yield from _unknown(
            document, ("variable", at, "promise"), [one["promise"]] if "promise" in one else [], promises
        )
        if sum((each["likely"] for each in one["outcomes"]), Decimal(0)) != 1:
            yield _wrong(
                document, ("variable", at, "outcomes"), "their likelihoods do not add up to 1", "give every outcome"
            )
    keys = [one["key"] for one in data.get("events", ())]
    for at, one in enumerate(data.get("events", ())):
        yield from _unknown(
            document, ("events", at, "promise"), [one["promise"]] if "promise" in one else [], promises + adds
        )
        yield from _added(document, ("events", at, "adds"), one.get("adds", ()))
        if one["key"] in keys[:at]:
            yield _wrong(
                document, ("events", at, "key"), f"there are two events {one['key']!r}", "give each a key of its own"
            )


def _nothing(document: _Places, path: tuple[str | int, ...], promise: Mapping[str, Any]) -> Iterable[Finding]:
    """A promise of no units: nothing is a share of them, and they have no price each."""
    if not promise.get("quantity", 1):
        what = f"{promise['promise']!r} promises no units, so that its price is of nothing"
        mend = "say how many are expected, or leave quantity out: it is one then"
        yield _wrong(document, (*path, "quantity"), what, mend)


def _called(document: _Places, path: tuple[str | int, ...], promise: Mapping[str, Any]) -> Iterable[Finding]:
    """A promise that may be bought back, without what it was sold for and until when, or with what else changes its price."""
    if "call" not in promise:
        return
    lacks = [f"no {name}" for name in ("price", "to") if not promise.get(name)]
    if lacks or promise["price"] < 0 or NOT_CALLED & promise.keys():
        with_ = lacks or sorted(NOT_CALLED & promise.keys()) or ["a price below nothing"]
        what = f"{promise['promise']!r} may be bought back, and has {' and '.join(with_)}"
        mend = "write what it is sold for and the day after the last on which it may be; back, commission and saves have no place beside"
        yield _wrong(document, (*path, "call"), what, mend)


def _added(document: _Places, path: tuple[str | int, ...], promises: Iterable[Mapping[str, Any]]) -> Iterable[Finding]:
    """What is wrong with promises that come with a modification."""
    for at, one in enumerate(promises):
        yield from _nothing(document, (*path, at), one)
        if "call" in one:
            what = f"{one['promise']!r} may be bought back, and comes with a modification"
            yield _wrong(document, (*path, at, "call"), what, "sign it as a contract of its own")


def _unknown(
    document: _Places, path: tuple[str | int, ...], named: Iterable[str], known: list[str]
) -> Iterable[Finding]:
    for name in named:
        if name not in known:
            yield _wrong(
                document,
                path,
                f"there is no promise {name!r}",
                did_you_mean(name, known) or f"there are {', '.join(known)}",
            )


def _unbilled(document: _Places, path: tuple[str | int, ...], bills: Iterable[Mapping[str, Any]]) -> Iterable[Finding]:
    for at, one in enumerate(bills):
        if ("subscription" in one) == ("contract" in one):
            yield _wrong(
                document,
                (*path, at),
                "it names neither or both of subscription and contract",
                "name the one that bills",
            )


def _wrong(document: _Places, path: tuple[str | int, ...], what: str, mend: str) -> Finding:
    return Finding(WRONG, document.where(path), what, mend=mend)
