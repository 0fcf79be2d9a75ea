"""The line to one adapter: every call is bounded in time, repeated where that is harmless, refused while the adapter
rests, and written down.

A call that does not end in time is left behind in its thread, as a thread cannot be stopped.  The breaker bounds how
many there are: as many as it takes to open it, then one for each trial.
"""

from __future__ import annotations

import contextvars
import decimal
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from itertools import count
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import CONTEXT
from engine.model.outbound import OutboundCall, Outcome
from engine.ports.answers import Sorted, sort_answers
from engine.ports.breaker import Breaker, Resting
from engine.ports.clock import Clock
from engine.ports.failure import BREAKER_OPEN, RAISED, TIMED_OUT, AdapterFailed, Kind
from engine.ports.hookspecs import PORTS, PortFailure
from engine.ports.loading import Adapter
from engine.ports.masking import Mask
from engine.ports.recording import Body, body_of, key_of

NOT_LOGGED = Code("adapter.not-logged", "A call to an adapter that could not be written into the request log.")

FIRST_PAUSE: Final = 0.5
"""Seconds before a call is repeated for the first time; doubled each time."""

LONGEST_PAUSE: Final = 8.0

Note = Callable[[OutboundCall], None]


def not_logged(adapter: str, reason: str, calls: int) -> Finding:
    """That calls of an adapter could not be written into the request log."""
    return Finding(
        NOT_LOGGED,
        Where(f"adapter {adapter}"),
        f"{calls} {'call' if calls == 1 else 'calls'} could not be written into the request log: {reason}",
        why="their answers were taken all the same",
        mend="see that the database takes writes; what was sent cannot be looked up or sent again from the log",
        level="warning",
        subject=f"adapter/{adapter}",
    )


class Call(msgspec.Struct, frozen=True):
    """What is called, and how its answers are judged.

    ``argument`` is the name that the hook has for ``items``, of which each has a ``key``; ``flaws(item, answer)`` says
    what is wrong with one answer; ``note`` takes what is to be written down.
    """

    hook: str
    argument: str
    items: Sequence[Any]
    flaws: Callable[[Any, Any], str | Finding]
    note: Note
    run_id: int = 0


class Line:
    """The way to one adapter."""

    def __init__(self, adapter: Adapter, mask: Mask, clock: Clock) -> None:
        self.adapter, self.mask, self._clock = adapter, mask, clock
        self.breaker = Breaker(adapter.breaker_failures, adapter.breaker_seconds, clock)

    def send(self, call: Call) -> Sorted:
        """The sorted answers to a call.  A call that only asks is repeated after a transient failure, after a pause: a longer
        one where the outside world asks for it, and not at all where that is longer than :data:`LONGEST_PAUSE`.

        Raises:
            AdapterFailed: ``adapter.resting``, ``adapter.timed-out``, ``adapter.failed``.
        """
        repeats = self.adapter.retries if PORTS[self.adapter.port].verb_of(call.hook) == "ask" else 0
        for attempt in count(1):
            try:
                return self._attempt(call, attempt)
            except AdapterFailed as failed:
                again = failed.kind == "transient" and attempt <= repeats and self.breaker.resting() is None
                if not again or failed.after > LONGEST_PAUSE:
                    raise _tried(failed, attempt) from failed.__cause__
                wanted = failed.after
            self._clock.pause(max(min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE), wanted))
        raise AssertionError("unreachable")

    def longest(self, items: int) -> float:
        """Seconds that calls for so many items may take: each asked about as often as it may be, then told."""
        calls = -(-items // self.adapter.manifest.batch)
        asking = (self.adapter.retries + 1) * self.adapter.timeout + self.adapter.retries * LONGEST_PAUSE
        return calls * (asking + self.adapter.timeout)

    def refusal(self, resting: Resting, hook: str) -> AdapterFailed:
        """The failure of a call that is not made, because the adapter rests."""
        since, until = (
            moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") for moment in (resting.since, resting.until)
        )
        what = f"{hook} was not called: calls have failed since {since}, and none is made until {until}"
        mend = "look at the failures before it: `tollbook requests list --failed`"
        finding = Finding(BREAKER_OPEN, Where(f"adapter {self.adapter.name}"), what, mend=mend)
        return AdapterFailed(finding, self.adapter.name, "transient")

    def _attempt(self, call: Call, attempt: int) -> Sorted:
        admitted = self.breaker.admit()
        if isinstance(admitted, Resting):
            raise self.refusal(admitted, call.hook)
        good = False
        try:
            result = self._noted(call, attempt)
            good = True
            return result
        except AdapterFailed as failed:
            good = failed.kind == "permanent"  # it is there, and says no
            raise
        finally:
            self.breaker.done(good, admitted)

    def _noted(self, call: Call, attempt: int) -> Sorted:
        """One attempt, written down whatever comes of it."""
        entry = _Entry(self, call, attempt, self._clock)
        try:
            answers = bounded(self.adapter, call.hook, {call.argument: tuple(call.items)}, self.mask)
        except AdapterFailed as failed:
            timed_out = any(finding.code == TIMED_OUT for finding in failed.findings)
            entry.note("timed-out" if timed_out else "failed", failed.kind, failed.findings)
            raise
        result = sort_answers(
            self.adapter.name, call.hook, {item.key: item for item in call.items}, answers, call.flaws
        )
        if self.adapter.secrets:
            result = self._masked(result)
        entry.note("incomplete" if result.findings else "answered", "", result.findings, answers)
        return result

    def _masked(self, result: Sorted) -> Sorted:
        """Answers and findings without secrets; an adapter may repeat one in a reason."""
        good = {key: _without(answer, self.mask) for key, answer in result.good.items()}
        return Sorted(good, [_hidden(finding, self.mask) for finding in result.findings])


class _Entry:
    """The entry of one attempt in the request log.  It keeps what is sent before that is sent."""

    def __init__(self, line: Line, call: Call, attempt: int, clock: Clock) -> None:
        self._line, self._call, self._attempt, self._clock = line, call, attempt, clock
        self._bodies = line.adapter.manifest.outbound
        self._request = body_of(call.items, line.mask) if self._bodies else Body()
        self._at, self._began = clock.now(), clock.elapsed()

    def note(self, outcome: Outcome, kind: str, findings: Sequence[Finding], answers: Any = None) -> None:
        adapter, call = self._line.adapter, self._call
        answer = body_of(answers, self._line.mask) if self._bodies and answers is not None else Body()
        call.note(
            OutboundCall(
                at=self._at,
                adapter=adapter.name,
                plugin=adapter.version,
                port=adapter.port,
                hook=call.hook,
                key=key_of(call.items),
                attempt=self._attempt,
                items=len(call.items),
                outcome=outcome,
                kind=kind,
                milliseconds=round((self._clock.elapsed() - self._began) * 1000),
                request=self._request.data,
                answer=answer.data,
                masked=self._request.masked,
                digest=self._request.digest,
                error=self._line.mask.text("; ".join(dict.fromkeys(finding.what for finding in findings))),
                run_id=call.run_id,
            )
        )


def bounded(adapter: Adapter, hook: str, arguments: Mapping[str, Any], mask: Mask) -> Any:
    """The one place that every call to a plug-in passes: bounded in time, with exact arithmetic, and never raising
    anything but :class:`AdapterFailed`."""
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
        raise _failed(adapter, hook, failure[0], mask) from (None if adapter.secrets else failure[0])
    if not result:
        what = f"{hook} gave no answer within {adapter.timeout:g} seconds"
        mend = "raise its timeout in config.yaml, or look at what it waits for"
        raise AdapterFailed(
            Finding(TIMED_OUT, Where(f"adapter {adapter.name}"), what, mend=mend), adapter.name, "unknown"
        )
    return result[0]


def _failed(adapter: Adapter, hook: str, error: BaseException, mask: Mask) -> AdapterFailed:
    """How an exception of a plug-in is seen.  An error that the plug-in did not class leaves open what was done."""
    kind: Kind = "permanent" if PORTS[adapter.port].verb_of(hook) != "tell" else "unknown"
    after = 0.0
    if isinstance(error, PortFailure):
        kind, text, after = error.kind, str(error), error.after
    else:
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, TimeoutError | ConnectionError):
            kind = "transient" if isinstance(error, ConnectionRefusedError) else "unknown"
    finding = Finding(RAISED, Where(f"adapter {adapter.name}"), f"{hook} failed ({kind}): {mask.text(text)}")
    return AdapterFailed(finding, adapter.name, kind, after=after)


def _tried(failed: AdapterFailed, attempts: int) -> AdapterFailed:
    """The failure of the last attempt, which says how many there were."""
    if attempts == 1:
        return failed
    findings = [msgspec.structs.replace(finding, why=f"it was tried {attempts} times") for finding in failed.findings]
    return AdapterFailed(findings, failed.adapter, failed.kind, failed.answered, failed.keys, failed.after)


def _hidden(finding: Finding, mask: Mask) -> Finding:
    return msgspec.structs.replace(finding, what=mask.secrets(finding.what))


def _without(answer: Any, mask: Mask) -> Any:
    """The same answer with known secrets in its texts replaced."""
    fields = {name: getattr(answer, name) for name in answer.__struct_fields__}
    changed = {name: mask.secrets_in(value) for name, value in fields.items() if name != "key"}
    return type(answer)(**{**fields, **changed})
