"""What may go wrong between the host and a plug-in, and at the vendor's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

from engine.ports.hookspecs import hookimpl
from engine.ports.host import Host

Fault = Literal["refused", "busy", "denied", "malformed", "broken-off", "slow"]
"""How a vendor's system fails.

``refused``: nobody listens.  ``busy``: it answers that it cannot now (HTTP 429, 503).  ``denied``: it answers that it never
will (HTTP 401, 403).  ``malformed``: it answers what cannot be read.  ``broken-off``: it takes the request and closes the
connection.  ``slow``: it takes the request and answers after the time-out of the host.
"""

KINDS: Final[dict[Fault, tuple[str, ...]]] = {
    "refused": ("transient",),
    "busy": ("transient",),
    "denied": ("permanent",),
    "malformed": ("permanent", "unknown", "transient"),
    "broken-off": ("unknown", "transient"),
    "slow": ("unknown",),
}
"""The retry classes that an adapter which asks may give to each."""

TELLING: Final[dict[Fault, tuple[str, ...]]] = {
    **KINDS,
    "malformed": ("unknown",),
    "broken-off": ("unknown",),
}
"""The retry classes that an adapter which tells may give: where it may have been done, that is not known."""

Answers = Any
Tamper = Callable[[Callable[[], Answers], Sequence[Any]], Answers]
"""(what asks the plug-in, what is sent) -> what the host gets instead."""


@contextmanager
def tampered(host: Host, adapter: str, hook: str, tamper: Tamper) -> Iterator[None]:
    """A while in which ``tamper`` stands between the host and a hook of the plug-in."""
    plugins = host.line(adapter).adapter.plugins
    plugin = plugins.get_plugin(adapter)
    hooks = {name: getattr(plugin, name) for name in _HOOKS if hasattr(plugin, name)}
    members = {name: hookimpl(_HOOKS[name](original, _as_is)) for name, original in hooks.items()}
    members[hook] = hookimpl(_HOOKS[hook](hooks[hook], tamper))
    between = type("Between", (), members)()
    plugins.unregister(name=adapter)
    plugins.register(between, adapter)
    try:
        yield
    finally:
        plugins.unregister(name=adapter)
        plugins.register(plugin, adapter)


def _of_requests(original: Any, tamper: Tamper) -> Any:
    def hook(self: Any, requests: Sequence[Any]) -> Any:
        return tamper(lambda: original(requests=requests), requests)

    return hook


def _of_effects(original: Any, tamper: Tamper) -> Any:
    def hook(self: Any, effects: Sequence[Any]) -> Any:
        return tamper(lambda: original(effects=effects), effects)

    return hook


def _as_is(ask: Callable[[], Answers], sent: Sequence[Any]) -> Answers:
    return ask()


_HOOKS: Final = {
    "tax_quote": _of_requests,
    "tax_commit": _of_effects,
    "tax_refund": _of_effects,
    "tax_void": _of_effects,
    "tax_status": _of_effects,
    "tax_documents": _of_requests,
    "tax_addresses": _of_requests,
    "clearance_submit": _of_effects,
    "clearance_status": _of_effects,
    "delivery_send": _of_effects,
    "delivery_status": _of_effects,
    "erp_post": _of_effects,
    "erp_status": _of_effects,
    "exchange_send": _of_effects,
    "exchange_status": _of_effects,
    "usage_since": _of_requests,
    "psp_charge": _of_effects,
    "psp_refund": _of_effects,
    "psp_capture": _of_effects,
    "psp_cancel": _of_effects,
    "psp_status": _of_effects,
    "psp_events": _of_requests,
    "psp_payouts": _of_requests,
    "psp_files": _of_requests,
    "fx_rates": _of_requests,
    "registration_check": _of_requests,
    "consent_ask": _of_requests,
}
"""Hooks with their own names of arguments, as pluggy reads them from functions."""
