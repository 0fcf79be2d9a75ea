"""The host of plug-ins: finds, checks and makes the adapters that ``config.yaml`` names, and passes calls on to them.

Everything that is wrong with any of them is said in one go, before anything runs.  Every call goes through the line of its
adapter (:mod:`engine.ports.calling`); what it cannot give is said by :class:`engine.ports.failure.AdapterFailed`.
"""

from __future__ import annotations

import copy
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.base.errors import Finding, TollbookError, did_you_mean, refuse
from engine.model.decision import Method
from engine.model.effect import Answer, Effect
from engine.model.numbering import Signer
from engine.model.outbound import OutboundCall
from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.answers import flaws_of, quote_flaws
from engine.ports.breaker import Resting
from engine.ports.calling import Call, Line, Note, not_logged
from engine.ports.clock import Clock, SystemClock
from engine.ports.failure import DOUBLE_KEY, UNKNOWN_ADAPTER, AdapterFailed, Kind
from engine.ports.fx_answers import rate_flaws
from engine.ports.hookspecs import PORTS
from engine.ports.hookspecs.bank import Kind as FileKind
from engine.ports.hookspecs.delivery import Receipts, ReceiptsRequest
from engine.ports.hookspecs.einvoice import Format
from engine.ports.hookspecs.fx import FxQuote, FxRequest
from engine.ports.hookspecs.tax import AddressRequest, ResolvedAddress, TaxListing, TaxListRequest
from engine.ports.hookspecs.usage import UsageBatch, UsageRequest
from engine.ports.loading import Adapter, Wanted, load_adapter
from engine.ports.masking import Mask
from engine.ports.provided import provided, signers_of
from engine.ports.receipt_answers import receipts_flaws
from engine.ports.recording import Recorder
from engine.ports.tax_answers import address_flaws, listing_flaws
from engine.ports.usage_answers import batch_flaws

__all__ = ["Adapter", "AdapterFailed", "Host", "Wanted"]


class Host:
    """The adapters of an installation.  They are found, checked and made when the host is.  Threads may share it."""

    def __init__(
        self,
        wanted: Iterable[Wanted],
        home: Path,
        environment: Mapping[str, str] | None = None,
        *,
        recorder: Recorder | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Find, check and make every adapter, then ask what they provide.

        Args:
            wanted: the adapters of the configuration, with names that differ.
            home: folder of ``config.yaml``.
            environment: where secrets come from; the process's own by default.
            recorder: who keeps the request log; nobody by default.
            clock: the time to go by; that of the machine by default.

        Raises:
            TollbookError: with all that is wrong with any of them.
        """
        adapters: list[Adapter] = []
        findings: list[Finding] = []
        for item in wanted:
            try:
                adapters.append(load_adapter(item, home, os.environ if environment is None else environment))
            except TollbookError as error:
                findings += error.findings
        if findings:
            raise TollbookError(dict.fromkeys(findings))
        mask = Mask(secret for adapter in adapters for secret in adapter.secrets.values())
        time = clock or SystemClock()
        self._lines = {adapter.name: Line(adapter, mask, time) for adapter in adapters}
        self._recorder, self._run_id = recorder, 0
        self._watch: Note = _unwatched
        self._unlogged: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._aging = tuple(finding for adapter in adapters for finding in adapter.aging)
        self._methods, self._formats, self._kinds = provided(self._lines.values())
        self._signers = signers_of(self._lines.values())

    def of_run(self, run_id: int, watch: Note | None = None) -> Host:
        """The same host, whose calls are written down as those of a run; ``watch`` is given each of them too."""
        mine = copy.copy(self)
        mine._run_id, mine._watch, mine._unlogged = run_id, watch or _unwatched, Counter()
        return mine

    def adapters(self, port: str) -> tuple[str, ...]:
        """The names of the adapters that serve a port, in the order of the configuration."""
        return tuple(name for name, line in self._lines.items() if line.adapter.port == port)

    def calls_out(self, port: str) -> bool:
        """Whether an adapter of a port calls another system."""
        return any(self._lines[name].adapter.manifest.outbound for name in self.adapters(port))

    def versions(self) -> dict[str, str]:
        """Adapter -> plug-in, version, digest of all that it decides by: ``tax_table 1.0.0+3f2a9c0d4e1b``.

        It covers the plug-in's files, the adapter's settings and the files that they name.  Part of every release.
        """
        return {n: line.adapter.version for n, line in self._lines.items() if PORTS[line.adapter.port].decides}

    def methods(self) -> Mapping[str, Mapping[str, Method]]:
        """The methods that plug-ins add: family -> name -> method."""
        return self._methods

    def formats(self) -> Mapping[str, Format]:
        """The kinds of files that plug-ins write documents as, by name."""
        return self._formats

    def signers(self) -> Mapping[str, Signer]:
        """The keys that sign, by the names of their adapters."""
        return self._signers

    def kinds(self) -> Mapping[str, FileKind]:
        """The kinds of bank files that plug-ins read, by name."""
        return self._kinds

    def batch(self, adapter: str) -> int:
        """The most effects that one call of an adapter takes; :meth:`tell` makes several calls for more.

        Raises:
            TollbookError: ``adapter.unknown``.
        """
        return self._named(adapter).adapter.manifest.batch

    def wants_files(self, adapter: str) -> bool:
        """Whether the documents that an adapter is told come with the files that rules make of them.

        Raises:
            TollbookError: ``adapter.unknown``.
        """
        return self._named(adapter).adapter.manifest.files

    def longest(self, port: str, items: int) -> float:
        """Seconds that telling an adapter of the port of so many effects may take at most, asking about them included."""
        return max((self._lines[name].longest(items) for name in self.adapters(port)), default=0.0)

    def resting(self, adapter: str) -> Resting | None:
        """Whether calls to an adapter are refused now, since when and until when.

        Raises:
            TollbookError: ``adapter.unknown``.
        """
        return self._named(adapter).breaker.resting()

    def noticed(self) -> list[Finding]:
        """What went wrong beside calls since this was asked last: calls that could not be written down; at first also hooks
        of plug-ins that their contracts give up."""
        with self._lock:
            unlogged, self._unlogged = self._unlogged, Counter()
            aging, self._aging = self._aging, ()
        return [*aging, *(not_logged(*which, calls) for which, calls in unlogged.items())]

    def ask_tax(self, adapter: str, requests: Sequence[TaxRequest]) -> list[TaxQuote]:
        """Ask an adapter for the tax on lines, in as many calls as its batch size needs.

        Returns:
            One quote for each request, in the order of the requests.

        Raises:
            AdapterFailed: where a request has no good quote; the others are in ``answered``.
            TollbookError: ``adapter.unknown``, ``adapter.double-key``.
        """
        to = self._named(adapter, "tax")
        return self._send(to, "tax_quote", "requests", requests, quote_flaws(adapter), "permanent")

    def ask_usage(self, adapter: str, cursor: str, limit: int) -> UsageBatch:
        """Ask an adapter for the usage events after a cursor.

        Raises:
            AdapterFailed: where there is no good answer.
            TollbookError: ``adapter.unknown``.
        """
        to, request = self._named(adapter, "usage"), UsageRequest(cursor or "begin", cursor, limit)
        batch: UsageBatch = self._send(to, "usage_since", "requests", [request], batch_flaws, "permanent")[0]
        return batch

    def ask_receipts(self, adapter: str, cursor: str, limit: int) -> Receipts:
        """Ask an adapter what became of documents that it accepted, after a cursor.

        Raises:
            AdapterFailed: where there is no good answer.
            TollbookError: ``adapter.unknown``.
        """
        to, request = self._able(adapter, "delivery_receipts"), ReceiptsRequest(cursor or "begin", cursor, limit)
        receipts: Receipts = self._send(to, "delivery_receipts", "requests", [request], receipts_flaws, "permanent")[0]
        return receipts

    def list_tax(self, adapter: str, request: TaxListRequest) -> TaxListing:
        """Some of the documents that a tax provider has; see :meth:`engine.ports.hookspecs.tax.TaxPort.tax_documents`.

        Raises:
            AdapterFailed: where there is no good answer.
            TollbookError: ``adapter.unknown``.
        """
        to = self._able(adapter, "tax_documents")
        listing: TaxListing = self._send(to, "tax_documents", "requests", [request], listing_flaws, "permanent")[0]
        return listing

    def resolve(self, adapter: str, requests: Sequence[AddressRequest]) -> list[ResolvedAddress]:
        """What a tax provider makes of addresses, in their order.

        Raises:
            AdapterFailed: where one has no good answer; the others are in ``answered``.
            TollbookError: ``adapter.unknown``, ``adapter.double-key``.
        """
        to = self._able(adapter, "tax_addresses")
        return self._send(to, "tax_addresses", "requests", requests, address_flaws, "permanent")

    def ask(
        self, adapter: str, hook: str, requests: Sequence[Any], flaws: Callable[[Any, Any], str | Finding]
    ) -> list[Any]:
        """What an adapter answers to requests, in their order, where a hook only asks; raises as :meth:`resolve`."""
        return self._send(self._able(adapter, hook), hook, "requests", requests, flaws, "permanent")

    def has(self, adapter: str, hook: str) -> bool:
        """Whether an adapter serves the port of an optional hook, and has it.

        Raises:
            TollbookError: ``adapter.unknown``.
        """
        to = self._named(adapter).adapter
        return hook in PORTS[to.port].hooks and to.has(hook)

    def ask_fx(self, adapter: str, requests: Sequence[FxRequest]) -> list[FxQuote]:
        """Ask an adapter for exchange rates, in as many calls as its batch size needs.

        Returns:
            One rate for each request, in the order of the requests.

        Raises:
            AdapterFailed: where a request has no good rate; the others are in ``answered``.
            TollbookError: ``adapter.unknown``, ``adapter.double-key``.
        """
        return self._send(self._named(adapter, "fx"), "fx_rates", "requests", requests, rate_flaws, "permanent")

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
        by_hook: dict[str, list[Effect]] = {}
        for effect in effects:
            hook = PORTS[to.adapter.port].told_by(effect.kind)
            if hook is None or not to.adapter.has(hook):
                raise self._unknown(adapter, f"effects of kind {effect.kind!r}")
            by_hook.setdefault(hook, []).append(effect)
        if not effects and not PORTS[to.adapter.port].told_by(""):
            raise self._unknown(adapter, "a port that is told of effects")
        good: dict[str, Answer] = {}
        for hook, told in by_hook.items():
            try:
                answers = self._send(to, hook, "effects", _copies(told), flaws_of(to.adapter.port), "unknown")
            except AdapterFailed as failed:
                raise failed.beside(tuple(good.values())) from failed.__cause__
            good |= {answer.key: answer for answer in answers}
        if len(good) < len(effects):
            raise refuse(DOUBLE_KEY, f"{len(effects)} items for adapter {adapter!r} have only {len(good)} keys")
        return [good[effect.key] for effect in effects]

    def line(self, adapter: str) -> Line:
        """The way to an adapter.

        Raises:
            TollbookError: ``adapter.unknown``.
        """
        return self._named(adapter)

    def answers_for(self, adapter: str) -> bool:
        """Whether an adapter can be asked by :meth:`status` what became of effects.

        Raises:
            TollbookError: ``adapter.unknown``.
        """
        hook = PORTS[self._named(adapter).adapter.port].status
        return bool(hook) and self.has(adapter, hook)

    def status(self, adapter: str, effects: Sequence[Effect]) -> list[Answer]:
        """Ask an adapter what became of effects that it was told of; ``retry`` says that nothing was done.

        Raises:
            AdapterFailed: where an effect has no good answer; the others are in ``answered``.
            TollbookError: ``adapter.unknown``, ``adapter.double-key``.
        """
        to = self._named(adapter)
        if not self.answers_for(adapter):
            raise self._unknown(adapter, "questions about effects")
        return self._send(
            to, PORTS[to.adapter.port].status, "effects", _copies(effects), flaws_of(to.adapter.port), "permanent"
        )

    def _able(self, name: str, hook: str) -> Line:
        """The way to an adapter that has an optional hook."""
        line = self._named(name)
        if not self.has(name, hook):
            raise self._unknown(name, f"the hook {hook!r}")
        return line

    def _named(self, name: str, port: str = "") -> Line:
        line = self._lines.get(name)
        if line is None or (port and line.adapter.port != port):
            raise self._unknown(name, f"the port {port!r}" if port else "any port", port)
        return line

    def _unknown(self, name: str, what: str, port: str = "") -> TollbookError:
        known = self.adapters(port) if port else self._lines
        return refuse(
            UNKNOWN_ADAPTER,
            f"there is no adapter {name!r} for {what}",
            mend=did_you_mean(name, known) or "name one under adapters in config.yaml",
        )

    def _send(
        self,
        line: Line,
        hook: str,
        argument: str,
        items: Sequence[Any],
        flaws: Callable[[Any, Any], str | Finding],
        wrong: Kind,
    ) -> list[Any]:
        """Make the calls of a batch; ``wrong`` is the class of a wrong or missing answer."""
        name, batch = line.adapter.name, line.adapter.manifest.batch
        asked = {item.key: item for item in items}
        if len(asked) < len(items):
            raise refuse(DOUBLE_KEY, f"{len(items)} items for adapter {name!r} have only {len(asked)} keys")
        good: dict[str, Any] = {}
        findings: list[Finding] = []
        open_keys: list[str] = []
        for start in range(0, len(items), batch):
            part = items[start : start + batch]
            try:
                result = line.send(Call(hook, argument, part, flaws, self._note, self._run_id))
            except AdapterFailed as failed:
                sent = () if failed.refused else tuple(item.key for item in part)
                raise AdapterFailed(
                    (*findings, *failed.findings),
                    name,
                    failed.kind,
                    tuple(good.values()),
                    (*open_keys, *sent),
                    failed.after,
                ) from failed.__cause__
            good |= result.good
            findings += result.findings
            open_keys += [item.key for item in part if item.key not in result.good]
            if open_keys and wrong == "unknown":
                break
        if findings:
            raise AdapterFailed(findings, name, wrong, tuple(good.values()), tuple(open_keys))
        return [good[item.key] for item in items]

    def _note(self, call: OutboundCall) -> None:
        """Write a call down.  Its answer is not lost where that fails; :meth:`noticed` says so."""
        self._watch(call)
        try:
            if self._recorder is not None:
                self._recorder.note(call)
        except Exception as error:  # whoever keeps the log, and whatever is wrong with it
            said = error.findings[0].what if isinstance(error, TollbookError) else f"{type(error).__name__}: {error}"
            with self._lock:
                self._unlogged[call.adapter, said] += 1


def _unwatched(call: OutboundCall) -> None:
    """Nobody looks."""


def _copies(effects: Sequence[Effect]) -> list[Effect]:
    """Effects whose payloads are the adapter's own."""
    return [Effect(e.key, e.port, e.kind, msgspec.json.decode(msgspec.json.encode(e.payload))) for e in effects]
