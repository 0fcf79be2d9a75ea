"""How a call to an adapter fails, as the runs see it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from engine.base.errors import Code, Finding, TollbookError

TIMED_OUT = Code("adapter.timed-out", "An adapter that did not answer in time; what it did is not known.")
RAISED = Code("adapter.failed", "An adapter that raised an error instead of answering.")
NO_ANSWER = Code("adapter.no-answer", "An adapter that answered nothing, or not for every key that it was asked for.")
WRONG_ANSWER = Code("adapter.wrong-answer", "An adapter whose answer breaks the contract of its port.")
NO_QUOTE = Code("adapter.no-quote", "A line for which a tax adapter says that it knows no tax.")
NO_RATE = Code("adapter.no-rate", "A pair of currencies for which an adapter says that it knows no rate.")
NOT_TOLD = Code("adapter.not-told", "A tax registration number of which an adapter says that nothing is known now.")
UNKNOWN_ADAPTER = Code("adapter.unknown", "An adapter that config.yaml does not name, or names for another port.")
BREAKER_OPEN = Code(
    "adapter.resting", "A call that was not made, because the calls before it failed; one is tried after a while."
)
DOUBLE_KEY = Code("adapter.double-key", "Two requests or effects with one key in a call.")

Kind = Literal["transient", "permanent", "unknown"]


class AdapterFailed(TollbookError):
    """A call to an adapter that did not give every answer that it was made for.

    Attributes:
        adapter: its name in ``config.yaml``.
        kind: ``transient`` (nothing was done, later it may work), ``permanent`` (nothing was done, it will never work)
            or ``unknown`` (what was done has to be asked; only a call that does nothing may be repeated).
        answered: the good answers that were given all the same: quotes or answers to effects.
        keys: the keys that were sent and have no good answer.  Keys in neither were never sent.
        after: seconds that the outside world wants to be left alone; 0 where it did not say.
    """

    def __init__(
        self,
        findings: Finding | Iterable[Finding],
        adapter: str,
        kind: Kind,
        answered: tuple[Any, ...] = (),
        keys: tuple[str, ...] = (),
        after: float = 0.0,
    ) -> None:
        super().__init__(findings)
        self.adapter = adapter
        self.kind = kind
        self.answered = answered
        self.keys = keys
        self.after = after

    def beside(self, answered: tuple[Any, ...]) -> AdapterFailed:
        """The same failure after calls that gave good answers."""
        given = (*answered, *self.answered)
        return AdapterFailed(self.findings, self.adapter, self.kind, given, self.keys, self.after)

    @property
    def refused(self) -> bool:
        """Whether the call was not made, because the adapter rests."""
        return any(finding.code == BREAKER_OPEN for finding in self.findings)

    def __reduce__(self) -> tuple[Any, ...]:
        return (AdapterFailed, (self.findings, self.adapter, self.kind, self.answered, self.keys, self.after))
