"""The whole plug-in contract: one file a port, and what all plug-ins share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.ports.hookspecs import (
    bank,
    clearance,
    consent,
    delivery,
    einvoice,
    erp,
    fx,
    methods,
    psp,
    signing,
    tax,
    tax_id,
    usage,
)
from engine.ports.hookspecs.plugin import Context, Permanent, Port, PortFailure, Secrets, Transient, Unknown, hookimpl

__all__ = [
    "PORTS",
    "Context",
    "Permanent",
    "Port",
    "PortFailure",
    "Secrets",
    "Transient",
    "Unknown",
    "hookimpl",
]

PORTS: Final[Mapping[str, Port]] = {
    module.PORT.name: module.PORT
    for module in (bank, clearance, consent, delivery, einvoice, erp, fx, methods, psp, signing, tax, tax_id, usage)
}
"""Every port by name."""
