"""What contracts give up: warned of in one minor version, refused from the next one on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from engine.base.errors import Code, Finding, Where
from engine.ports.hookspecs.plugin import Deprecated, Port

DEPRECATED: Final = Code(
    "plugin.deprecated", "A hook or argument that the contract gives up; its next minor version refuses it."
)
GIVEN_UP: Final = Code("plugin.given-up", "A hook or argument that the contract has given up.")


def aging(plugin: str, port: Port, hook: str, arguments: Collection[str], where: Where) -> list[Finding]:
    """A finding for whatever of a hook, with the arguments that the plug-in's has, its contract gives up: a warning in the version
    that says so, an error from the next one on."""
    return [
        _finding(plugin, port, one, where)
        for one in port.deprecated
        if one.hook == hook and (not one.argument or one.argument in arguments)
    ]


def leaving(port: Port, hook: str) -> set[str]:
    """The arguments of a hook that a plug-in need not have, because the contract gives them up."""
    return {one.argument for one in port.deprecated if one.hook == hook and one.argument}


def _finding(plugin: str, port: Port, one: Deprecated, where: Where) -> Finding:
    thing = f"the argument {one.argument!r} of the hook {one.hook!r}" if one.argument else f"the hook {one.hook!r}"
    named = f"plug-in {plugin!r} has {thing}"
    if port.minor > one.minor:
        what = f"{named}, which version {port.version} of the port {port.name!r} does not have any more"
        why = f"it was given up in version {port.contract}.{one.minor}"
        return Finding(GIVEN_UP, where, what, why, f"use {one.instead}")
    what = f"{named}, which version {port.version} of the port {port.name!r} gives up"
    why = f"version {port.contract}.{one.minor + 1} refuses it"
    return Finding(DEPRECATED, where, what, why, f"use {one.instead}", level="warning", subject=f"plugin/{plugin}")
