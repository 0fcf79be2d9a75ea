"""The whole plug-in contract: one file a port, and what all plug-ins share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.ports.hookspecs import (
    bank,
    clearance,
    compute,
    consent,
    delivery,
    einvoice,
    erp,
    exchange,
    fx,
    methods,
    psp,
    signing,
    tax,
    tax_id,
    usage,
)
from engine.ports.hookspecs.plugin import (
    Context,
    Deprecated,
    Permanent,
    Port,
    PortFailure,
    Secrets,
    Transient,
    Unknown,
    hookimpl,
)

__all__ = [
    "PORTS",
    "Context",
    "Deprecated",
    "Permanent",
    "Port",
    "PortFailure",
    "Secrets",
    "Transient",
    "Unknown",
    "hookimpl",
]

_MODULES: Final = (
    bank,
    clearance,
    compute,
    consent,
    delivery,
    einvoice,
    erp,
    exchange,
    fx,
    methods,
    psp,
    signing,
    tax,
    tax_id,
    usage,
)

PORTS: Final[Mapping[str, Port]] = {module.PORT.name: module.PORT for module in _MODULES}
"""Every port by name."""
