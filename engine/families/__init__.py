"""One file a family of rules: its facts, its outcome schema, its named methods.

The listing of this folder is the answer to "what can be configured?".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from engine.families import (
    invoicing,
    limits,
    metering,
    numbering,
    posting,
    pricing,
    proration,
    revrec,
    routing,
    tax,
)
from engine.model.decision import Family, Method

ALL: Mapping[str, Family] = MappingProxyType(
    {
        module.FAMILY.name: module.FAMILY
        for module in (metering, pricing, proration, invoicing, numbering, tax, routing, posting, revrec, limits)
    }
)
"""Every family by name, in the order in which a bill run asks them; the last is the API's."""


def with_methods(provided: Mapping[str, Mapping[str, Method]]) -> dict[str, Family]:
    """Every family, with the methods that plug-ins add to it."""
    return {
        name: msgspec.structs.replace(family, methods={**family.methods, **provided[name]})
        if name in provided
        else family
        for name, family in ALL.items()
    }
