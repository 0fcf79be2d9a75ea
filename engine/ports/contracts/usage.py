"""The contract of the port ``usage`` as tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from engine.ports.contracts.clauses import UNICODE, Contract, codes, in_threads
from engine.ports.contracts.faults import KINDS, Fault, Tamper, tampered
from engine.ports.contracts.harness import ADAPTER, Stage, refused
from engine.ports.failure import NO_ANSWER, WRONG_ANSWER
from engine.ports.hookspecs.usage import LONGEST_CURSOR, UsageBatch

MOST: Final = 1000
"""Events that are asked for where a clause does not say how many."""

Event = Mapping[str, str]


def _changed(change: Callable[[UsageBatch], dict[str, Any]]) -> Tamper:
    """The answer with other fields."""

    def tamper(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
        (batch,) = ask()
        return [msgspec.structs.replace(batch, **change(batch))]

    return tamper


BROKEN: Final[dict[str, tuple[Tamper, str]]] = {
    "more events than were asked for": (_changed(lambda b: {"events": b.events * (MOST + 1)}), WRONG_ANSWER),
    "a number for a text": (_changed(lambda b: {"events": ({**b.events[0], "quantity": 1},)}), WRONG_ANSWER),
    "an event that is a text": (_changed(lambda b: {"events": ("event",)}), WRONG_ANSWER),
    "a cursor that stands still": (_changed(lambda b: {"cursor": ""}), WRONG_ANSWER),
    "a cursor that is a number": (_changed(lambda b: {"cursor": 1}), WRONG_ANSWER),
    "a cursor that is too long": (_changed(lambda b: {"cursor": "x" * (LONGEST_CURSOR + 1)}), WRONG_ANSWER),
    "a key that was not asked": (_changed(lambda b: {"key": "?"}), WRONG_ANSWER),
    "one answer twice": (lambda ask, sent: [*ask(), *ask()], WRONG_ANSWER),
    "no answer in the list": (lambda ask, sent: [], NO_ANSWER),
    "nothing": (lambda ask, sent: None, NO_ANSWER),
    "events without a batch": (lambda ask, sent: [ask()[0].events], WRONG_ANSWER),
}
"""Answers that the host refuses, and by which code."""


class UsageContract(Contract):
    """The contract of usage adapters.  Override :meth:`known`."""

    port: ClassVar[str] = "usage"
    hook: ClassVar[str] = "usage_since"
    kinds: ClassVar[dict[Fault, tuple[str, ...]]] = KINDS

    def known(self, home: Path, events: Sequence[Event]) -> None:
        """Make these events known to the vendor's system, after those that it has."""
        raise NotImplementedError(f"{type(self).__name__} has no known()")

    def events(self, name: str, count: int = 3, **fields: str) -> list[Event]:
        """Events with keys of a name."""
        base = {"entity": "acme-de", "subscription": "S-1", "meter": "calls", "at": "2026-01-31T11:00:00Z"}
        return [{**base, "quantity": "1.50", "key": f"{name}-{n}", **fields} for n in range(count)]

    def works(self, made: Stage, home: Path, name: str) -> None:
        """Fail unless an event is given."""
        self.known(home, self.events(name, 1))
        assert self.call(made, home, name).events, "an event that is known is not given"

    def call(self, made: Stage, home: Path, name: str) -> UsageBatch:
        """Ask for all events."""
        return made.host.ask_usage(ADAPTER, "", MOST)

    def read(self, made: Stage, cursor: str = "", limit: int = MOST) -> tuple[list[Event], str]:
        """All events after a cursor, asked for so many at a time, and the cursor after them."""
        found: list[Event] = []
        while True:
            batch = made.host.ask_usage(ADAPTER, cursor, limit)
            found += batch.events
            cursor = batch.cursor
            if not batch.more:
                return found, cursor

    @pytest.mark.parametrize("limit", (1, 2, 3, MOST))
    def test_every_event_comes_once_and_in_order(self, tmp_path: Path, limit: int) -> None:
        """However many are asked for at a time."""
        made, sent = self.made(tmp_path), self.events("a", 7)
        self.known(tmp_path, sent[:4])
        self.known(tmp_path, sent[4:])
        found, _ = self.read(made, limit=limit)
        assert [{**event} for event in found] == [{**event} for event in sent]

    def test_the_same_cursor_gives_the_same_events(self, tmp_path: Path) -> None:
        """Whenever it is asked, and by whichever object of the plug-in: asking takes nothing away."""
        made = self.made(tmp_path)
        self.known(tmp_path, self.events("a", 5))
        first = made.host.ask_usage(ADAPTER, "", 2)
        again = made.host.ask_usage(ADAPTER, first.cursor, 2)
        assert made.host.ask_usage(ADAPTER, "", 2) == first
        assert self.made(tmp_path).host.ask_usage(ADAPTER, first.cursor, 2) == again

    def test_what_becomes_known_later_comes_later(self, tmp_path: Path) -> None:
        """Also where its time is earlier; at the end there is nothing, and the cursor stays."""
        made = self.made(tmp_path)
        self.known(tmp_path, self.events("a"))
        _, cursor = self.read(made)
        end = made.host.ask_usage(ADAPTER, cursor, MOST)
        assert (end.events, end.cursor, end.more) == ((), cursor, False)
        late = self.events("b", at="2020-01-01T00:00:00Z")
        self.known(tmp_path, late)
        assert [event["key"] for event in self.read(made, cursor)[0]] == [event["key"] for event in late]

    def test_texts_come_as_they_are(self, tmp_path: Path) -> None:
        """Keys in any script, and numbers with all the digits that they were written with."""
        made = self.made(tmp_path)
        sent = [self.events(text.replace("\t", " "), 1, quantity="0.100000")[0] for text in UNICODE]
        self.known(tmp_path, sent)
        assert [(e["key"], e["quantity"]) for e in self.read(made)[0]] == [(e["key"], e["quantity"]) for e in sent]

    def test_an_event_that_looks_wrong_is_given_too(self, tmp_path: Path) -> None:
        """The host says what is wrong with it, and keeps it."""
        made = self.made(tmp_path)
        self.known(tmp_path, self.events("a", 1, quantity="many", at="yesterday"))
        assert len(self.read(made)[0]) == 1

    @pytest.mark.parametrize("answer", BROKEN)
    def test_a_broken_answer_is_refused(self, tmp_path: Path, answer: str) -> None:
        """Nothing of it reaches the books, and the next call works."""
        made, (tamper, code) = self.made(tmp_path), BROKEN[answer]
        self.known(tmp_path, self.events("a", 2))
        with tampered(made.host, ADAPTER, self.hook, tamper), refused() as seen:
            made.host.ask_usage(ADAPTER, "", MOST)
        assert code in codes(seen[0])
        self.works(made, tmp_path, "after")

    def test_threads_may_ask_at_once(self, tmp_path: Path) -> None:
        """All get the same."""
        made = self.made(tmp_path)
        self.known(tmp_path, self.events("a", 9))
        answers = in_threads(lambda number: self.read(made, limit=2))
        assert all(answer == answers[0] for answer in answers)
