"""ERP: which journal entries are posted to which other system, one by one or as sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.ledger.erp import DAY, ENTRY, MONTH, NEVER
from engine.model.decision import Family, Flaw
from engine.model.erp import ErpFacts


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """What is posted has an adapter, and an adapter is named only for what is posted."""
    if terms["post"] != NEVER and terms["adapter"] is None:
        yield Flaw(("post",), "names nobody who is told", "add adapter: NAME, an adapter of the port erp")
    if terms["post"] == NEVER and terms["adapter"] is not None:
        yield Flaw(("adapter",), "is never told", "write post: entry, day or month, or leave adapter out")


FAMILY = Family(
    name="erp",
    doc="Which journal entries are posted to the general ledger of another system, and how many of them make one document.",
    facts=ErpFacts,
    selected_by="posting date",
    names={"adapter": "adapter"},
    outcome={
        "post": {
            "type": "string",
            "required": True,
            "allowed": [NEVER, ENTRY, DAY, MONTH],
            "meta": {
                "description": "entry: each entry is a document of its own; day, month: the entries of a legal entity, document type and "
                "currency that are new when they are posted are one document a day or month, with the debits and the credits of each "
                "account added up; never: not posted"
            },
        },
        "adapter": {
            "type": "string",
            "nullable": True,
            "default": None,
            "meta": {"description": "name of the adapter of the port erp that is told"},
        },
        "document_type": {
            "type": "string",
            "minlength": 1,
            "maxlength": 10,
            "default": "SA",
            "meta": {"description": "what the other system calls this kind of document; entries of two types make two"},
        },
        "most_lines": {
            "type": "integer",
            "min": 2,
            "default": 900,
            "meta": {
                "description": "an entry of more lines than this has the debits and the credits of each account added up"
            },
        },
    },
    check=check,
)
