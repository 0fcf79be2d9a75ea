"""From an adapter's name in ``config.yaml`` to a plug-in at work: found, read, checked, and made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pluggy

from engine.base.document import Document, validate
from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.ports.discovery import BROKEN, digest, files_named, find, load_class, texts
from engine.ports.hookspecs import Context, Secrets
from engine.ports.manifest import Manifest, read_manifest
from engine.ports.verify import check_hooks, manager

WRONG_PORT = Code("plugin.wrong-port", "An adapter in config.yaml for a port that its plug-in does not serve.")
MISSING_SECRET = Code("plugin.missing-secret", "A secret of an adapter whose environment variable is not set.")
UNKNOWN_SECRET = Code("plugin.unknown-secret", "A secret in config.yaml that the plug-in does not know.")

SECRET_SHOWN = Code("plugin.secret-in-settings", "A setting of an adapter in which the value of a secret stands.")


class Wanted(Protocol):
    """An adapter as ``config.yaml`` names it; :class:`engine.config.Adapter` is one."""

    @property
    def name(self) -> str:
        """By which routing rules choose it."""

    @property
    def port(self) -> str:
        """Port that it is to serve."""

    @property
    def plugin(self) -> str:
        """Name or folder of the plug-in."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings as written."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """Environment variable of a secret, where it is another than the manifest says."""

    @property
    def timeout(self) -> int:
        """Seconds until a call is given up."""

    @property
    def retries(self) -> int:
        """How often a call that only asks is repeated after a transient failure."""

    @property
    def breaker_failures(self) -> int:
        """Failures in a row after which calls are refused for a while."""

    @property
    def breaker_seconds(self) -> int:
        """How long they are refused."""

    @property
    def document(self) -> Document:
        """The file that it stands in, for the places of mistakes."""

    @property
    def path(self) -> tuple[str | int, ...]:
        """Where it stands there."""


class Adapter(msgspec.Struct, frozen=True):
    """A plug-in at work: checked, made, and ready to be called.  ``version`` is that of the plug-in and all it decides by;
    ``timeout`` and ``breaker_seconds`` are in seconds; ``plugins`` is pluggy's manager that holds this plug-in alone; ``aging``
    warns of what its contract gives up; ``settings`` are checked, with defaults."""

    name: str
    port: str
    manifest: Manifest
    version: str
    timeout: float
    retries: int
    breaker_failures: int
    breaker_seconds: float
    secrets: Secrets
    plugins: pluggy.PluginManager
    aging: tuple[Finding, ...] = ()
    settings: Mapping[str, Any] = {}

    def has(self, hook: str) -> bool:
        """Whether the plug-in has an optional hook."""
        return bool(getattr(self.plugins.hook, hook).get_hookimpls())


def load_adapter(wanted: Wanted, home: Path, environment: Mapping[str, str]) -> Adapter:
    """Find, check and make one adapter.

    Raises:
        TollbookError: all that is wrong with it (``plugin.*``, ``document.*``, and what the plug-in itself refuses).
    """
    where = wanted.document.where((*wanted.path, "plugin"))
    found = find(wanted.plugin, home, where)
    manifest = read_manifest(found.folder, found.name)
    whole = f"settings of adapter {wanted.name!r}"
    path = (*wanted.path, "settings")
    settings, findings = validate(wanted.document, manifest.settings, path, data=dict(wanted.settings), whole=whole)
    if wanted.port not in manifest.ports:
        what = f"plug-in {manifest.name!r} does not serve the port {wanted.port!r}"
        mend = "it serves: " + ", ".join(manifest.ports)
        findings.append(Finding(WRONG_PORT, wanted.document.where((*wanted.path, "port")), what, mend=mend))
    secrets, missing = _secrets(wanted, manifest, environment)
    findings += missing
    findings += _shown(wanted, secrets)
    plugins, cls, aging = manager(manifest.ports), None, tuple[Finding, ...]()
    try:
        cls = load_class(found, manifest, where)
        findings += check_hooks(plugins, cls, manifest)
        aging = tuple(finding for finding in findings if finding.level == "warning")
        findings = [finding for finding in findings if finding.level != "warning"]
    except TollbookError as error:
        findings += error.findings
    if findings or cls is None:
        raise TollbookError(findings)
    context = Context(wanted.name, settings, secrets, home, found.folder)
    plugins.register(_make(cls, context, manifest, where), wanted.name)
    try:
        content = digest(found.folder, settings, files_named(settings, manifest.settings, home))
    except OSError as error:
        what = f"a file of adapter {wanted.name!r} cannot be read: {error.filename}: {error.strerror}"
        raise refuse(BROKEN, what, why="a release covers all that an adapter decides by", where=where) from None
    version = f"{manifest.name} {manifest.version}+{content}"
    bounds = (wanted.timeout, wanted.retries, wanted.breaker_failures, wanted.breaker_seconds)
    return Adapter(wanted.name, wanted.port, manifest, version, *bounds, secrets, plugins, aging, settings)


def _make(cls: type, context: Context, manifest: Manifest, where: Where) -> Any:
    try:
        return cls(context)
    except TollbookError:
        raise
    except Exception as error:
        text = context.secrets.masked(f"{type(error).__name__}: {error}")
        what = f"plug-in {manifest.name!r} cannot be made for adapter {context.adapter!r}: {text}"
        cause = None if context.secrets else error  # its text may hold one
        raise refuse(BROKEN, what, mend=f"look at {cls.__name__}.__init__", where=where) from cause


def _shown(wanted: Wanted, secrets: Secrets) -> list[Finding]:
    """A finding for each setting in which a secret stands written out."""
    findings = []
    for place, text in texts("", wanted.settings):
        for name, value in secrets.items():
            if value and value in text:
                path = (*wanted.path, "settings", *place.strip("/").split("/")[:1])
                what = f"the setting {place.strip('/')!r} of adapter {wanted.name!r} has the secret {name!r} in it"
                why = "a secret stands in the environment, never in a file"
                mend = "leave it out: the plug-in has it from the environment"
                findings.append(Finding(SECRET_SHOWN, wanted.document.where(path), what, why, mend))
    return findings


def _secrets(wanted: Wanted, manifest: Manifest, environment: Mapping[str, str]) -> tuple[Secrets, list[Finding]]:
    findings = []
    for name in wanted.secrets:
        if name not in manifest.secrets:
            where = wanted.document.where_key((*wanted.path, "secrets", name))
            what = f"plug-in {manifest.name!r} has no secret {name!r}"
            findings.append(Finding(UNKNOWN_SECRET, where, what, mend=did_you_mean(name, manifest.secrets)))
    values = {}
    for name, secret in manifest.secrets.items():
        variable = wanted.secrets.get(name, secret.variable)
        values[name] = environment.get(variable, "")
        if not values[name] and not secret.optional:
            path = (*wanted.path, "secrets", name) if name in wanted.secrets else (*wanted.path, "plugin")
            what = f"adapter {wanted.name!r} needs the secret {name!r}: the environment variable {variable} is not set"
            findings.append(
                Finding(MISSING_SECRET, wanted.document.where(path), what, secret.description, f"set {variable}")
            )
    return Secrets(values), findings
