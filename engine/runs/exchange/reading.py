"""A message that came, from text to values; what is wrong with it names the field."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean
from engine.model import exchange
from engine.model.exchange import INBOUND, Data, Inbound, Kind
from engine.runs.intake.reading import Broken, json_value
from engine.store.writing.exchange import NewMessage

BAD_MESSAGE = Code("exchange.bad-message", "A message that is not as the schema of its kind says.")
UNKNOWN_KIND = Code("exchange.unknown-kind", "A message of a kind that does not come in.")
UNKNOWN_VERSION = Code("exchange.unknown-version", "A message of a version that is not read.")

_PLACE: Final = re.compile(r" - at `(?:key in )?\$?\.?([^`]*)`$")


class Message(msgspec.Struct, frozen=True):
    """A message whose data are right by themselves."""

    head: NewMessage
    kind: Kind
    data: Any


def read(text: str, sender: str) -> Message:
    """The message of a body in JSON.

    Raises:
        TollbookError: ``intake.broken-row``, ``intake.not-utf8``, ``exchange.bad-message``, ``exchange.unknown-kind``,
            ``exchange.unknown-version``; where it is known, the field is the ``file`` of the place.
    """
    value = json_value(text, "body")
    if isinstance(value, Broken):
        raise TollbookError(Finding(value.code, Where(), value.what, value.why, value.mend))
    head: Inbound = _decoded(text, Inbound, "")
    kind = INBOUND.get(head.kind)
    if kind is None:
        what, why = f"messages of kind {head.kind!r} do not come in", f"there are {', '.join(INBOUND)}"
        raise TollbookError(Finding(UNKNOWN_KIND, Where("kind"), what, why, did_you_mean(head.kind, INBOUND)))
    _check_version(head, kind)
    data = _decoded(text, _Whole[kind.name], "").data
    _check_values(kind, data)
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    return Message(NewMessage(sender, head.id, head.kind, head.version, digest, value), kind, data)


def _whole(kind: Kind) -> type[msgspec.Struct]:
    """The message of a kind with its data, as one type: so that a place is one in the body."""
    named: list[Any] = [(f.name, f.type) for f in msgspec.structs.fields(Inbound) if f.name not in ("data", "at")]
    at = next(f.type for f in msgspec.structs.fields(Inbound) if f.name == "at")
    named += [("data", kind.data), ("at", at, None)]
    return msgspec.defstruct(f"{kind.name.title()}Message", named, frozen=True, forbid_unknown_fields=True)


_Whole: Final[Mapping[str, Any]] = {name: _whole(kind) for name, kind in INBOUND.items()}


def _decoded(text: str, shape: Any, place: str) -> Any:
    try:
        return msgspec.json.decode(text.encode("utf-8", "surrogateescape"), type=shape)
    except msgspec.ValidationError as error:
        said = str(error)
        found = _PLACE.search(said)
        field = found[1] if found else place
        what = _PLACE.sub("", said)
        if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
            field = f"{field}.{unknown[1]}".strip(".")
        elif missing := re.fullmatch(r"Object missing required field `(.*)`", what):
            field = f"{field}.{missing[1]}".strip(".")
        raise TollbookError(_bad(field, what[:1].lower() + what[1:])) from None


def _bad(field: str, what: str) -> Finding:
    mend = "the schema of the kind says what is wanted"
    return Finding(BAD_MESSAGE, Where(field), f"{field or 'the message'}: {what}", "", mend)


def _check_version(head: Inbound, kind: Kind) -> None:
    """Refuse versions that are not read, and fields that came later than the version that is named."""
    if not exchange.readable(head.version, kind):
        what = f"version {head.version} of {kind.name} is not read"
        versions = f"supported: {', '.join(exchange.supported(kind))}"
        raise TollbookError(Finding(UNKNOWN_VERSION, Where("version"), what, versions, "send one of these"))
    minor = exchange.numbers(head.version)[1]
    for name, came in exchange.since(kind.data).items():
        if name in head.data and came > minor:
            major = exchange.numbers(kind.version)[0]
            what = f"the field came with version {major}.{came}, and the message says {head.version}"
            raise TollbookError(_bad(f"data.{name}", what))


def _check_values(kind: Kind, data: Data) -> None:
    """Refuse numbers that cannot be meant."""
    for name in ("amount", "quantity"):
        for place, one in _parts(data):
            value = getattr(one, name, None)
            if isinstance(value, Decimal) and (value < 0 or (name == "amount" and not value)):
                least = "above zero" if name == "amount" else "0 or more"
                raise TollbookError(_bad(f"{place}.{name}", f"{value:f} is not {least}"))


def _parts(data: Data) -> list[tuple[str, Any]]:
    items = getattr(data, "items", ())
    return [("data", data), *((f"data.items[{place}]", one) for place, one in enumerate(items))]
