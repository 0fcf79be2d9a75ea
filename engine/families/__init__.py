"""One file a family of rules: its facts, its outcome schema, its named methods.

The listing of this folder is the answer to "what can be configured?".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from engine.families import (
    discounts,
    invoicing,
    lateness,
    limits,
    metering,
    numbering,
    posting,
    pricing,
    proration,
    renewal,
    revrec,
    routing,
    tax,
    triggers,
    usage_control,
    wallets,
)
from engine.model.decision import Family, Method

ALL: Mapping[str, Family] = MappingProxyType(
    {
        module.FAMILY.name: module.FAMILY
        for module in (
            usage_control,
            metering,
            lateness,
            pricing,
            discounts,
            proration,
            invoicing,
            numbering,
            tax,
            routing,
            posting,
            revrec,
            wallets,
            renewal,
            limits,
            triggers,
        )
    }
)
"""Every family by name, in the order in which a bill run asks them; the last ones are asked by renewals, the API, and between runs."""


def with_methods(provided: Mapping[str, Mapping[str, Method]]) -> dict[str, Family]:
    """Every family, with the methods that plug-ins add to it."""
    return {
        name: msgspec.structs.replace(family, methods={**family.methods, **provided[name]})
        if name in provided
        else family
        for name, family in ALL.items()
    }
