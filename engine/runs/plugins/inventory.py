"""The plug-ins that are installed, each with what it says of itself and the adapters that it serves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.base.errors import Finding, TollbookError, Where
from engine.ports.discovery import SHIPPED, find, known_names, load_class
from engine.ports.hookspecs import PORTS
from engine.ports.loading import Wanted
from engine.ports.manifest import read_manifest
from engine.ports.verify import check_hooks, manager


class SettingRow(msgspec.Struct, frozen=True):
    """A setting of a plug-in; ``default`` is empty where it is required."""

    name: str
    kind: str
    required: bool
    default: Any
    description: str


class SecretRow(msgspec.Struct, frozen=True):
    """A secret of a plug-in: the environment variable, and whether that is set.  Its value is never shown."""

    name: str
    variable: str
    optional: bool
    present: bool
    description: str


class PluginRow(msgspec.Struct, frozen=True):
    """A plug-in.

    Attributes:
        name: as in ``config.yaml``.
        version: of the plug-in.
        summary: what it does.
        folder: where its ``plugin.yaml`` is.
        ports: port -> version of the contract that it is written for.
        hooks: hooks that its class has.
        lacks: optional hooks of its ports that it has not.
        outbound: whether it calls another system.
        batch: most items of one call.
        settings: what can be set.
        secrets: what it needs to know.
        adapters: the adapters of the configuration that it serves.
        findings: what is wrong with it, or what its contract gives up.
    """

    name: str
    version: str = ""
    summary: str = ""
    folder: str = ""
    ports: Mapping[str, str] = {}
    hooks: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    outbound: bool = False
    batch: int = 0
    settings: tuple[SettingRow, ...] = ()
    secrets: tuple[SecretRow, ...] = ()
    adapters: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def installed(adapters: Sequence[Wanted], home: Path, environment: Mapping[str, str]) -> list[PluginRow]:
    """Every plug-in in ``home/plugins``, of the engine, of installed distributions, and in folders that adapters name."""
    names = dict.fromkeys([*known_names([home / "plugins", SHIPPED]), *(a.plugin for a in adapters if "/" in a.plugin)])
    return [row_of(name, adapters, home, environment) for name in names]


def row_of(name: str, adapters: Sequence[Wanted], home: Path, environment: Mapping[str, str]) -> PluginRow:
    """One plug-in; what is wrong with it is among its findings."""
    users = tuple(adapter.name for adapter in adapters if adapter.plugin == name)
    try:
        found = find(name, home, Where(f"plugin {name}"))
        manifest = read_manifest(found.folder, found.name)
    except TollbookError as error:
        return PluginRow(name, adapters=users, findings=error.findings)
    findings: list[Finding] = []
    hooks: set[str] = set()
    with _gathering(findings):
        cls = load_class(found, manifest, Where(manifest.file))
        findings += check_hooks(manager(manifest.ports), cls, manifest)
        hooks = {hook for port in manifest.ports for hook in PORTS[port].hooks if hasattr(cls, hook)}
    renamed = {secret: variable for a in adapters if a.plugin == name for secret, variable in a.secrets.items()}
    return PluginRow(
        manifest.name,
        manifest.version,
        manifest.summary,
        str(found.folder),
        {port: f"{major}.{minor}" for port, (major, minor) in manifest.ports.items()},
        tuple(sorted(hooks)),
        tuple(sorted(hook for port in manifest.ports for hook in PORTS[port].optional if hook not in hooks)),
        manifest.outbound,
        manifest.batch,
        tuple(_setting(key, rules) for key, rules in manifest.settings.items()),
        tuple(
            SecretRow(
                key,
                renamed.get(key, secret.variable),
                secret.optional,
                bool(environment.get(renamed.get(key, secret.variable))),
                secret.description,
            )
            for key, secret in manifest.secrets.items()
        ),
        users,
        tuple(findings),
    )


def _setting(name: str, rules: Mapping[str, Any]) -> SettingRow:
    kinds = rules["type"] if isinstance(rules["type"], str) else " or ".join(rules["type"])
    required = bool(rules.get("required"))
    return SettingRow(name, kinds, required, rules.get("default"), rules["meta"]["description"].strip())


@contextlib.contextmanager
def _gathering(findings: list[Finding]) -> Iterator[None]:
    """A block whose errors are findings."""
    try:
        yield
    except TollbookError as error:
        findings += error.findings
