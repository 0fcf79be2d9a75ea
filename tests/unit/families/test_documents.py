"""Rules of documents: the fields that they may require are fields that documents have, and others are told."""

from __future__ import annotations

import typing
from typing import Any

import msgspec
import pytest

from engine.families.documents import check
from engine.model.documenting import FIELDS, absent
from engine.ports.hookspecs.delivery import InvoiceDocument

TERMS: dict[str, Any] = {"required": [], "fields": []}


def _leads(type_: Any, path: list[str]) -> bool:
    """Whether there is a field at a path of a struct, through tuples and what may be absent."""
    inner = [one for one in typing.get_args(type_) if one not in (type(None), ...)]
    if not isinstance(type_, type) or not issubclass(type_, msgspec.Struct):
        return not path or any(_leads(one, path) for one in inner)
    hints = typing.get_type_hints(type_)
    return not path or (path[0] in hints and _leads(hints[path[0]], path[1:]))


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_one_of_documents(name: str) -> None:
    assert _leads(InvoiceDocument, name.split("."))
    assert not _leads(InvoiceDocument, [*name.split(".")[:-1], "nothing"])


@pytest.mark.parametrize(
    ("required", "flaws"),
    [
        ("buyer.city", []),
        ("buyer.reference or purchase_order", []),
        ("fields.uso_cfdi", []),
        ("fields.pec", ["'fields.pec' is required and not among the fields that are printed"]),
        ("buyer.town", ["documents have no field 'buyer.town'"]),
        ("buyer.city or buyer.twon", ["documents have no field 'buyer.twon'"]),
    ],
)
def test_what_may_be_required(required: str, flaws: list[str]) -> None:
    fields = [{"attribute": "uso_cfdi", "label": "Uso CFDI"}]
    assert [flaw.what for flaw in check({**TERMS, "required": [required], "fields": fields})] == flaws


DOCUMENT = {
    "buyer": {"city": "Ulm", "reference": "", "contact": None},
    "purchase_order": "PO-1",
    "lines": [{"tax_code": "9983"}, {"tax_code": ""}],
    "fields": [{"key": "uso_cfdi", "label": "Uso CFDI", "value": "G03"}],
}


@pytest.mark.parametrize(
    ("required", "lacks"),
    [
        ("buyer.city", False),
        ("buyer.reference", True),
        ("buyer.reference or purchase_order", False),
        ("buyer.contact.email", True),
        ("lines.tax_code", True),  # one line has none
        ("fields.uso_cfdi", False),
        ("fields.pec", True),
    ],
)
def test_what_is_absent(required: str, lacks: bool) -> None:
    assert absent(DOCUMENT, required) is lacks
