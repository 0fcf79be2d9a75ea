"""The host of plug-ins: finds, checks and makes the adapters that ``config.yaml`` names, and passes calls on to them.

Everything that is wrong with any of them is said in one go, before anything runs.  A call is made once: the host
repeats nothing, it says how a call failed (:class:`engine.ports.failure.AdapterFailed`).
"""

from __future__ import annotations

import contextvars
import decimal
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.base.money import CONTEXT
from engine.model.decision import Method
from engine.model.effect import Answer, Effect
from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.answers import Sorted, answer_flaws, method_flaws, quote_flaws, sort_answers
from engine.ports.failure import DOUBLE_KEY, RAISED, TIMED_OUT, UNKNOWN_ADAPTER, AdapterFailed, Kind
from engine.ports.hookspecs import PORTS, PortFailure
from engine.ports.loading import Adapter, Wanted, load_adapter

__all__ = ["Adapter", "AdapterFailed", "Host", "Wanted"]

DOUBLE_METHOD = Code("plugin.double-method", "Two plug-ins that provide a method of one name for one family.")


class Host:
    """The adapters of an installation.  They are found, checked and made when the host is."""

    def __init__(self, wanted: Iterable[Wanted], home: Path, environment: Mapping[str, str] | None = None) -> None:
        """Find, check and make every adapter, then ask what they provide.

        Args:
            wanted: the adapters of the configuration, with names that differ.
            home: folder of ``config.yaml``.
            environment: where secrets come from; the process's own by default.

        Raises:
            TollbookError: with all that is wrong with any of them.
        """
        self._adapters: dict[str, Adapter] = {}
        findings: list[Finding] = []
        for item in wanted:
            try:
                self._adapters[item.name] = load_adapter(item, home, os.environ if environment is None else environment)
            except TollbookError as error:
                findings += error.findings
        if findings:
            raise TollbookError(dict.fromkeys(findings))
        self._methods = self._provide()

    def adapters(self, port: str) -> tuple[str, ...]:
        """The names of the adapters that serve a port, in the order of the configuration."""
        return tuple(adapter.name for adapter in self._adapters.values() if adapter.port == port)

    def versions(self) -> dict[str, str]:
        """Adapter -> plug-in, version, digest of all that it decides by: ``tax_table 1.0.0+3f2a9c0d4e1b``.

        It covers the plug-in's files, the adapter's settings and the files that they name.  Part of every release.
        """
        return {adapter.name: adapter.version for adapter in self._adapters.values()}

    def methods(self) -> Mapping[str, Mapping[str, Method]]:
        """The methods that plug-ins add: family -> name -> method."""
        return self._methods

    def batch(self, adapter: str) -> int:
        """The most effects that one call of an adapter takes; :meth:`tell` makes several calls for more.

        Raises:
            TollbookError: ``adapter.unknown``.
        """
        return self._named(adapter).manifest.batch

    def ask_tax(self, adapter: str, requests: Sequence[TaxRequest]) -> list[TaxQuote]:
        """Ask an adapter for the tax on lines, in as many calls as its batch size needs.

        Returns:
            One quote for each request, in the order of the requests.

        Raises:
            AdapterFailed: where a request has no good quote; the others are in ``answered``.
            TollbookError: ``adapter.unknown``, ``adapter.double-key``.
        """
        to = self._named(adapter, "tax")
        return self._send(to, "tax_quote", "requests", requests, quote_flaws(to.name), "permanent")

    def tell(self, adapter: str, effects: Sequence[Effect]) -> list[Answer]:
        """Tell an adapter of effects of its port, in as many calls as its batch size needs.

        Returns:
            One answer for each effect, in the order of the effects.

        Raises:
            AdapterFailed: where a call failed or an answer is missing or wrong.  ``answered`` has the good answers;
                ``keys`` those that were sent without one.  Nothing is sent after a call that failed.
            TollbookError: ``adapter.unknown``, ``adapter.double-key``.
        """
        to = self._named(adapter)
        hook = {port.name: port.hooks[0] for port in PORTS.values() if port.verb == "tell"}.get(to.port)
        if hook is None:
            raise self._unknown(adapter, "a port that is told of effects")
        copies = [Effect(effect.key, effect.port, effect.kind, _copy(effect.payload)) for effect in effects]
        return self._send(to, hook, "effects", copies, answer_flaws, "unknown")

    def _named(self, name: str, port: str = "") -> Adapter:
        adapter = self._adapters.get(name)
        if adapter is None or (port and adapter.port != port):
            raise self._unknown(name, f"the port {port!r}" if port else "any port", port)
        return adapter

    def _unknown(self, name: str, what: str, port: str = "") -> TollbookError:
        known = self.adapters(port) if port else self._adapters
        return refuse(
            UNKNOWN_ADAPTER,
            f"there is no adapter {name!r} for {what}",
            mend=did_you_mean(name, known) or "name one under adapters in config.yaml",
        )

    def _send(
        self,
        adapter: Adapter,
        hook: str,
        argument: str,
        items: Sequence[Any],
        flaws: Callable[[Any, Any], str | Finding],
        wrong: Kind,
    ) -> list[Any]:
        """Make the calls of a batch and sort the answers; ``wrong`` is the class of a wrong or missing answer."""
        asked = {item.key: item for item in items}
        if len(asked) < len(items):
            raise refuse(DOUBLE_KEY, f"{len(items)} items for adapter {adapter.name!r} have only {len(asked)} keys")
        good: dict[str, Any] = {}
        findings: list[Finding] = []
        open_keys: list[str] = []
        for start in range(0, len(items), adapter.manifest.batch):
            part = items[start : start + adapter.manifest.batch]
            try:
                answers = self._call(adapter, hook, {argument: tuple(part)})
            except AdapterFailed as failed:
                keys = (*open_keys, *(item.key for item in part))
                raise AdapterFailed(
                    (*findings, *failed.findings), adapter.name, failed.kind, tuple(good.values()), keys
                ) from failed.__cause__
            asked_now = {item.key: item for item in part}
            result: Sorted = sort_answers(adapter.name, hook, asked_now, answers, flaws)
            good |= result.good
            findings += result.findings
            open_keys += [key for key in asked_now if key not in result.good]
            if open_keys and wrong == "unknown":
                break
        if findings:
            raise AdapterFailed(findings, adapter.name, wrong, tuple(good.values()), tuple(open_keys))
        return [good[item.key] for item in items]

    def _provide(self) -> Mapping[str, Mapping[str, Method]]:
        methods: dict[str, dict[str, Method]] = {}
        owner: dict[tuple[str, str], str] = {}
        findings: list[Finding] = []
        for name in self.adapters("methods"):
            adapter = self._adapters[name]
            try:
                answer = self._call(adapter, "provide_methods", {})
            except AdapterFailed as failed:
                findings += failed.findings
                continue
            flaws = method_flaws(name, "provide_methods", answer)
            findings += flaws
            for family, named in answer.items() if not flaws else ():
                for method, value in named.items():
                    other = owner.setdefault((family, method), name)
                    if other != name:
                        findings.append(
                            Finding(
                                DOUBLE_METHOD,
                                Where(f"adapter {name}"),
                                f"the method {method!r} of the family {family!r} is also provided by adapter {other!r}",
                                mend="remove one of the adapters, or rename the method",
                            )
                        )
                    methods.setdefault(family, {})[method] = value
        if findings:
            raise TollbookError(findings)
        return methods

    def _call(self, adapter: Adapter, hook: str, arguments: Mapping[str, Any]) -> Any:
        """The one place that every call to a plug-in passes: bounded in time, with exact arithmetic, and never raising
        anything but :class:`AdapterFailed`.  A call that does not end in time is left behind in its thread."""
        result: list[Any] = []
        failure: list[BaseException] = []

        def work() -> None:
            decimal.setcontext(CONTEXT.copy())
            try:
                result.append(getattr(adapter.plugins.hook, hook)(**arguments))
            except BaseException as error:
                failure.append(error)

        thread = threading.Thread(
            target=contextvars.copy_context().run, args=(work,), name=f"adapter {adapter.name}", daemon=True
        )
        thread.start()
        thread.join(adapter.timeout)
        if failure:
            raise _failed(adapter, hook, failure[0]) from (None if adapter.secrets else failure[0])
        if not result:
            what = f"{hook} gave no answer within {adapter.timeout:g} seconds"
            mend = "raise its timeout in config.yaml, or look at what it waits for"
            finding = Finding(TIMED_OUT, Where(f"adapter {adapter.name}"), what, mend=mend)
            raise AdapterFailed(finding, adapter.name, "unknown")
        return result[0]


def _failed(adapter: Adapter, hook: str, error: BaseException) -> AdapterFailed:
    """How an exception of a plug-in is seen.  An error that the plug-in did not class leaves open what was done."""
    kind: Kind = "permanent" if PORTS[adapter.port].verb != "tell" else "unknown"
    if isinstance(error, PortFailure):
        kind, text = error.kind, str(error)
    else:
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, TimeoutError | ConnectionError):
            kind = "transient" if isinstance(error, ConnectionRefusedError) else "unknown"
    what = f"{hook} failed ({kind}): {adapter.secrets.masked(text)}"
    finding = Finding(RAISED, Where(f"adapter {adapter.name}"), what)
    return AdapterFailed(finding, adapter.name, kind)


def _copy(payload: dict[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(payload))
    return copy
