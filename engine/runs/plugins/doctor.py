"""What is wrong with the adapters of a configuration: each is loaded alone, its settings and secrets looked at, and the system
that it calls looked for."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.model.outbound import OutboundCall
from engine.ports.compute import engine_of
from engine.ports.discovery import texts
from engine.ports.failure import UNKNOWN_ADAPTER
from engine.ports.hookspecs import PORTS
from engine.ports.host import Host
from engine.ports.loading import Wanted
from engine.ports.psp import described

UNREACHABLE = Code("plugin.unreachable", "A system that an adapter calls and that takes no connection.")
FAILING = Code("plugin.failing", "An adapter whose last calls failed, as often as lets it rest.")
SCHEMES: Final[Mapping[str, int]] = {"http": 80, "https": 443, "sftp": 22, "smtp": 25, "smtps": 465, "ftp": 21}
"""Kinds of addresses in settings that a connection can be made to, with their usual ports."""

Outcome = Literal["good", "look", "bad"]
Recent = Callable[[str, int], Sequence[OutboundCall]]
"""(adapter, how many) -> its newest calls in the request log."""


class Step(msgspec.Struct, frozen=True):
    """One thing that was looked at: ``good``, to be looked at, or ``bad``, and in words what was seen."""

    name: str
    outcome: Outcome
    said: str


class Diagnosis(msgspec.Struct, frozen=True):
    """What was found of one adapter."""

    adapter: str
    port: str
    plugin: str
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong that keeps it from working."""
        return all(finding.level != "error" for finding in self.findings)


def examine(
    adapters: Sequence[Wanted],
    home: Path,
    environment: Mapping[str, str],
    names: Sequence[str],
    seconds: float,
    recent: Recent | None,
) -> list[Diagnosis]:
    """Look at some adapters, all if none is named; ``seconds`` is how long a connection may take.

    Raises:
        TollbookError: ``adapter.unknown``.
    """
    known = {adapter.name: adapter for adapter in adapters}
    for name in names:
        if name not in known:
            mend = did_you_mean(name, known) or "name one under adapters in config.yaml"
            raise refuse(UNKNOWN_ADAPTER, f"there is no adapter {name!r}", mend=mend)
    return [_examine(known[name], home, environment, seconds, recent) for name in names or known]


def _examine(
    wanted: Wanted, home: Path, environment: Mapping[str, str], seconds: float, recent: Recent | None
) -> Diagnosis:
    steps: list[Step] = []
    findings: list[Finding] = []
    try:
        host = Host([wanted], home, environment)
        aging = host.noticed()
        findings += aging
        said = f"{host.line(wanted.name).adapter.version}; its hooks, settings and secrets are in order"
        steps.append(Step("loads", "look" if aging else "good", said))
        steps.append(Step("gives", "good", _gives(host, wanted)))
    except TollbookError as error:
        findings += error.findings
        steps.append(Step("loads", "bad", "; ".join(dict.fromkeys(str(f.code) for f in error.findings))))
    for address in _addresses(wanted.settings):
        flaw = _reached(wanted, address, seconds)
        findings += [flaw] if flaw else []
        said = "no connection" if flaw else f"a connection was made to {_shown(address)}"
        steps.append(Step("reaches", "bad" if flaw else "good", said))
    if recent is not None:
        calls = recent(wanted.name, wanted.breaker_failures)
        flaw = _failing(wanted, calls)
        findings += [flaw] if flaw else []
        last = calls[0] if calls else None
        said = f"last call {last.at:%Y-%m-%d %H:%M:%S} UTC: {last.outcome}" if last else "no calls in the request log"
        steps.append(Step("calls", "look" if flaw else "good", said))
    return Diagnosis(wanted.name, wanted.port, wanted.plugin, tuple(steps), tuple(findings))


def _gives(host: Host, wanted: Wanted) -> str:
    """What an adapter declares that it can do, in words."""
    if wanted.port == "psp":
        (one,) = described(host).values()
        parts = [f"{c.method} ({', '.join(c.currencies) or 'all currencies'})" for c in one.capabilities]
        return ", ".join(parts)
    if wanted.port == "compute":
        engine_of(host)
        return "an engine"
    provided: Mapping[str, Any] = {
        "methods": {f"{family}: {name}": 1 for family, named in host.methods().items() for name in named},
        "einvoice": host.formats(),
        "bank": host.kinds(),
        "signing": host.signers(),
    }
    if wanted.port in provided:
        return ", ".join(provided[wanted.port])
    return ", ".join(sorted(_own_hooks(host, wanted)))


def _own_hooks(host: Host, wanted: Wanted) -> list[str]:
    adapter = host.line(wanted.name).adapter
    return [hook for hook in PORTS[wanted.port].hooks if adapter.has(hook)]


def _addresses(settings: Mapping[str, Any]) -> list[str]:
    """The addresses in settings that a connection can be made to."""
    found = [text for _, text in texts("", settings) if urlsplit(text).scheme in SCHEMES and urlsplit(text).hostname]
    return list(dict.fromkeys(found))


def _reached(wanted: Wanted, address: str, seconds: float) -> Finding | None:
    split = urlsplit(address)
    try:
        socket.create_connection((split.hostname or "", split.port or SCHEMES[split.scheme]), seconds).close()
    except (OSError, ValueError) as error:
        return Finding(
            UNREACHABLE,
            wanted.document.where((*wanted.path, "settings")),
            f"adapter {wanted.name!r} reaches nobody at {_shown(address)} within {seconds:g} seconds: {error}",
            mend="look at the address in its settings, at the network, and whether the system is up",
            subject=f"adapter/{wanted.name}",
        )
    return None


def _shown(address: str) -> str:
    """An address without what may be secret in it."""
    split = urlsplit(address)
    return f"{split.scheme}://{split.hostname}" + (f":{split.port}" if split.port else "")


def _failing(wanted: Wanted, calls: Sequence[OutboundCall]) -> Finding | None:
    """Whether the newest calls failed so often that a process would let the adapter rest."""
    bad = [call for call in calls if call.outcome in ("failed", "timed-out") and call.kind != "permanent"]
    if len(calls) < wanted.breaker_failures or len(bad) < len(calls):
        return None
    return Finding(
        FAILING,
        Where(f"adapter {wanted.name}"),
        f"the last {len(calls)} calls failed, the newest with: {calls[0].error[:200]}",
        f"a process rests for {wanted.breaker_seconds} seconds after {wanted.breaker_failures} failures in a row",
        f"`tollbook requests list --adapter {wanted.name} --failed`",
        level="warning",
        subject=f"adapter/{wanted.name}",
    )
