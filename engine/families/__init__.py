"""One file a family of rules: its facts, its outcome schema, its named methods.

The listing of this folder is the answer to "what can be configured?".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engine.families import invoicing, numbering, posting, pricing, proration, revrec, routing, tax
from engine.model.decision import Family

ALL: Mapping[str, Family] = MappingProxyType(
    {
        module.FAMILY.name: module.FAMILY
        for module in (pricing, proration, invoicing, numbering, tax, routing, posting, revrec)
    }
)
"""Every family by name, in the order in which a bill run asks them."""
