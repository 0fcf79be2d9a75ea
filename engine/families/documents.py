"""Documents: which template and language, which fields must be there, and which files are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.base.errors import did_you_mean
from engine.model.decision import Family, Flaw
from engine.model.documenting import ATTRIBUTES, EITHER, FIELDS, DocumentFacts

KIND_OF_FILE: Final = "kind of file"
SHIPPED: Final = (
    *("html", "pdf", "facturx", "ubl", "cii", "peppol", "xrechnung", "fatturapa"),
    *("pdf_signed", "facturx_signed"),
)
"""Kinds of files of the plug-ins that come with Tollbook: rules of places name them, whether an adapter writes them or not."""


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """Required fields are fields that documents have; what they take from attributes is printed as well."""
    printed = {one["attribute"] for one in terms["fields"]}
    for place, required in enumerate(terms["required"]):
        for name in required.split(EITHER):
            if name.startswith(ATTRIBUTES):
                if name.removeprefix(ATTRIBUTES) not in printed:
                    what = f"{name!r} is required and not among the fields that are printed"
                    yield Flaw(("required", place), what, "name the attribute under fields, with a label")
            elif name not in FIELDS:
                mend = did_you_mean(name, FIELDS) or f"or {ATTRIBUTES}KEY for an attribute of the account"
                yield Flaw(("required", place), f"documents have no field {name!r}", mend)


_FIELD = {
    "attribute": {
        "type": "string",
        "required": True,
        "regex": "[a-z][a-z0-9_]{0,39}",
        "meta": {"description": "key of an attribute of the account"},
    },
    "label": {"type": "string", "required": True, "empty": False, "meta": {"description": "what the page calls it"}},
}

FAMILY = Family(
    name="documents",
    doc="How a document looks, in which language, what must be on it, and which files are made of it.",
    facts=DocumentFacts,
    selected_by="invoice date",
    names={"formats": KIND_OF_FILE},
    outcome={
        "template": {
            "type": "string",
            "default": "invoice",
            "regex": "[a-z0-9][a-z0-9_-]{0,59}",
            "meta": {"description": "name of a template, without its ending"},
        },
        "language": {
            "type": "string",
            "default": "",
            "regex": "([a-z]{2})?",
            "meta": {"description": "ISO 639-1 language of the document; empty: that of the account"},
        },
        "accent": {
            "type": "string",
            "default": "",
            "regex": "(#[0-9a-fA-F]{6})?",
            "meta": {"description": "colour of headings as #rrggbb; empty: that of the template"},
        },
        "logo": {
            "type": "string",
            "default": "",
            "regex": "([A-Za-z0-9][A-Za-z0-9._-]{0,99})?",
            "meta": {"description": "picture in the folder of templates; empty: none"},
        },
        "footer": {"type": "string", "default": "", "meta": {"description": "a sentence at the end of the document"}},
        "codes": {
            "type": "list",
            "default": ["authority"],
            "schema": {"type": "string", "allowed": ["authority", "zatca", "epc", "portugal"]},
            "meta": {
                "description": "QR codes on the page, where the document has what they say: authority (what the authority that cleared "
                "it answered), zatca (seller, VAT number, time, total and VAT, for Saudi Arabia), epc (a transfer in euros), "
                "portugal (the fields of Portaria 195/2020)"
            },
        },
        "certificate": {
            "type": "string",
            "default": "",
            "regex": "[0-9]*",
            "meta": {
                "description": "number of the certificate of the program, where the law wants it printed: Portugal"
            },
        },
        "formats": {
            "type": "list",
            "default": ["html"],
            "schema": {"type": "string", "empty": False},
            "meta": {"description": "kinds of files to make; `tollbook document formats` lists them"},
        },
        "fields": {
            "type": "list",
            "default": [],
            "schema": {"type": "dict", "schema": _FIELD},
            "meta": {"description": "attributes of the account that are printed, where it has them"},
        },
        "required": {
            "type": "list",
            "default": [],
            "schema": {"type": "string", "empty": False},
            "meta": {
                "description": "fields without which the document is held: buyer.postcode, lines.tax_code, fields.uso_cfdi; "
                "'buyer.reference or purchase_order' where one is enough"
            },
        },
        "advances": {
            "type": "string",
            "allowed": ["lines", "prepaid"],
            "default": "lines",
            "meta": {
                "description": "how an invoice shows advances: as lines that take them off with their tax, or as paid (BT-113), the "
                "supply and its tax being whole; in the currency of the books only"
            },
        },
        "tax_id": {
            "type": "string",
            "allowed": ["off", "warn", "hold"],
            "default": "warn",
            "meta": {
                "description": "what becomes of a document whose buyer has a tax id with wrong check digits: nothing, a warning, "
                "or it is held"
            },
        },
    },
    check=check,
)
