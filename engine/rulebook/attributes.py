"""``attributes.yaml`` in a folder of rules: attributes of a company's own, as typed facts of every family.

A family whose facts have an account, a subscription, a charge of the catalogue or a contract gets a facts type of the release's
own, in which ``account.attributes`` and the like have a field for each attribute.  So conditions, cases, schemas and
listings know them as they know any other fact.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from engine.base.document import Document, Shape, parse, validate
from engine.base.errors import Code, Finding, TollbookError
from engine.model.account import Account
from engine.model.attribute import (
    KINDS,
    NOTHING_DECLARED,
    AccountAttributes,
    Attribute,
    ChargeAttributes,
    ContractAttributes,
    Contracted,
    Declared,
    Subscribed,
    SubscriptionAttributes,
)
from engine.model.catalog import Charge
from engine.model.decision import Family

BAD_ATTRIBUTE = Code("attributes.bad-declaration", "An attribute whose values or default do not go with its type.")

LABEL: Final = "rules/attributes.yaml"
"""The file of a release that declares attributes."""

_ATTRIBUTE: Final[Mapping[str, Any]] = {
    "type": {
        "type": "string",
        "required": True,
        "allowed": list(KINDS),
        "meta": {"description": "what kind of value it is"},
    },
    "values": {
        "type": "list",
        "default": [],
        "schema": {"type": "string", "empty": False},
        "meta": {"description": "for a choice: the words that it may be"},
    },
    "default": {"meta": {"description": "its value where a record has none; null where absent"}},
    "meaning": {
        "type": "string",
        "required": True,
        "empty": False,
        "meta": {"description": "what it says, in one line for people"},
    },
}
_OBJECT: Final[Mapping[str, Any]] = {
    "type": "dict",
    "default": {},
    "keysrules": {"type": "string", "regex": "[a-z][a-z0-9_]{0,39}"},
    "valuesrules": {"type": "dict", "schema": _ATTRIBUTE},
}
SCHEMA: Final[Mapping[str, Any]] = {
    "account": {**_OBJECT, "meta": {"description": "attributes of customers"}},
    "subscription": {**_OBJECT, "meta": {"description": "attributes of subscriptions"}},
    "charge": {**_OBJECT, "meta": {"description": "attributes of charges of the catalogue"}},
    "contract": {**_OBJECT, "meta": {"description": "attributes of contracts"}},
}
"""cerberus schema of the file."""

_TYPES: Final[Mapping[str, Any]] = {"text": str, "decimal": Decimal, "date": date, "boolean": bool}
_BASES: Final[Mapping[str, type[msgspec.Struct]]] = {
    "account": AccountAttributes,
    "subscription": SubscriptionAttributes,
    "charge": ChargeAttributes,
    "contract": ContractAttributes,
}


def read_attributes(content: bytes | None, findings: list[Finding]) -> Declared:
    """The attributes that a file declares, none where there is no file; its mistakes go to ``findings``."""
    if content is None:
        return NOTHING_DECLARED
    try:
        document = parse(content, LABEL)
    except TollbookError as error:
        findings.extend(error.findings)
        return NOTHING_DECLARED
    data, wrong = validate(document, Shape(SCHEMA))
    findings.extend(wrong)
    if wrong:
        return NOTHING_DECLARED
    found = {
        name: {key: _attribute(document, name, key, item, findings) for key, item in data[name].items()}
        for name in _BASES
    }
    return Declared(found, {name: _type(name, attributes) for name, attributes in found.items()})


def _attribute(document: Document, name: str, key: str, item: Mapping[str, Any], findings: list[Finding]) -> Attribute:
    kind, default = item["type"], item.get("default")
    values = tuple(item["values"])

    def wrong(field: str, what: str, mend: str) -> None:
        findings.append(Finding(BAD_ATTRIBUTE, document.where((name, key, field)), f"{name}.{key}: {what}", mend=mend))

    if (kind == "choice") != bool(values):
        what = "a choice has no values" if kind == "choice" else f"a {kind} has values"
        wrong("values" if values else "type", what, "list the words that it may be; only a choice has them")
        return Attribute(name, key, "text", item["meaning"])
    if isinstance(default, int) and not isinstance(default, bool) and kind == "decimal":
        default = Decimal(default)
    fits = default in values if kind == "choice" else type(default) is _TYPES[kind]
    if default is not None and not fits:
        wrong(
            "default", f"{default!s} is no {kind}", f"write one of {', '.join(values)}" if values else f"write a {kind}"
        )
        default = None
    return Attribute(name, key, kind, item["meaning"], values, default)


def _type(name: str, attributes: Mapping[str, Attribute]) -> type[msgspec.Struct]:
    """The type of the attributes of an object: those without a default may be null."""
    fields = []
    for attribute in attributes.values():
        kind = Literal[attribute.values] if attribute.values else _TYPES[attribute.kind]
        known = kind if attribute.default is not None else kind | None
        fields.append((attribute.key, Annotated[known, Meta(description=attribute.meaning)], attribute.default))
    base = _BASES[name]
    return msgspec.defstruct(base.__name__, fields, bases=(base,), module=__name__, frozen=True, gc=False)


def with_attributes(families: Mapping[str, Family], declared: Declared) -> Mapping[str, Family]:
    """The families, whose facts have the attributes of a release."""
    if not declared:
        return families
    replaced: dict[Any, type[msgspec.Struct]] = {_BASES[name]: type_ for name, type_ in declared.types.items()}
    for outer in (Account, Subscribed, Charge, Contracted):
        replaced[outer] = _replacing(outer, replaced)
    return {
        name: msgspec.structs.replace(family, facts=_replacing(family.facts, replaced))
        for name, family in families.items()
    }


def _replacing(struct: type[msgspec.Struct], replaced: Mapping[Any, type[msgspec.Struct]]) -> type[msgspec.Struct]:
    """A struct like another one, with other types for some of its fields; itself where it has none of them."""
    fields: list[Any] = []
    hints = typing.get_type_hints(struct, include_extras=True)
    defaults = {field.name: field for field in msgspec.structs.fields(struct)}
    for name, hint in hints.items():
        core = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
        if core not in replaced:
            continue
        type_ = replaced[core]
        annotation = Annotated[(type_, *hint.__metadata__)] if core is not hint else type_
        required = defaults[name].default is msgspec.NODEFAULT
        fields.append((name, annotation) if required else (name, annotation, type_()))
    if not fields:
        return struct
    return msgspec.defstruct(
        struct.__name__, fields, bases=(struct,), module=__name__, frozen=True, gc=False, kw_only=True
    )
