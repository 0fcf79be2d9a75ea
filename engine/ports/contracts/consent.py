"""The contract of the port ``consent`` as tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from engine.ports.consent_answers import consent_flaws
from engine.ports.contracts.clauses import UNICODE, Contract, codes, in_threads
from engine.ports.contracts.faults import KINDS, Fault, Tamper, tampered
from engine.ports.contracts.harness import ADAPTER, Stage, refused
from engine.ports.failure import NO_ANSWER, WRONG_ANSWER, AdapterFailed
from engine.ports.hookspecs.consent import Consent, ConsentRequest

MORNING: Final = datetime(2026, 3, 1, 9, tzinfo=UTC)


class Signal(msgspec.Struct, frozen=True):
    """What a customer has said: ``given`` or not, to a channel, for a purpose (empty: for all)."""

    account: str
    channel: str
    given: bool
    at: datetime = MORNING
    purpose: str = ""


SIGNALS: Final = (
    Signal("A1", "email", True),
    Signal("A1", "post", False),
    Signal("A2", "email", True),
    Signal("A2", "email", False, MORNING + timedelta(hours=1)),
    Signal("A3", "email", False),
    Signal("A3", "email", True, MORNING + timedelta(hours=1)),
    Signal("A4", "email", True, purpose="marketing"),
    *(Signal(name, "email", True) for name in UNICODE),
)
"""What the source of :class:`ConsentContract` knows."""


def _first(change: Callable[[Consent], Any]) -> Tamper:
    def tamper(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
        first, *others = ask()
        return [change(first), *others]

    return tamper


def _with(**fields: Any) -> Tamper:
    return _first(lambda answer: msgspec.structs.replace(answer, **fields))


BROKEN: Final[dict[str, tuple[Tamper, str]]] = {
    "a state that does not exist": (_with(state="yes"), WRONG_ANSWER),
    "no source": (_with(source=" "), WRONG_ANSWER),
    "a moment without a zone": (_with(since=MORNING.replace(tzinfo=None)), WRONG_ANSWER),
    "a signal without a moment": (_with(since=None), WRONG_ANSWER),
    "a moment of what is unknown": (_with(state="unknown"), WRONG_ANSWER),
    "true": (_first(lambda answer: True), WRONG_ANSWER),
    "one answer missing": (lambda ask, sent: ask()[1:], NO_ANSWER),
    "nothing": (lambda ask, sent: None, NO_ANSWER),
}
"""Answers that the host refuses, and by which code."""


class ConsentContract(Contract):
    """The contract of consent adapters.  Override :meth:`known`."""

    port: ClassVar[str] = "consent"
    hook: ClassVar[str] = "consent_ask"
    kinds: ClassVar[dict[Fault, tuple[str, ...]]] = KINDS

    def known(self, home: Path, signals: Sequence[Signal]) -> None:
        """Let the source know these signals and no others, in this order."""
        raise NotImplementedError(f"{type(self).__name__} has no known()")

    @pytest.fixture(autouse=True)
    def _signals(self, tmp_path: Path) -> None:
        self.known(tmp_path, SIGNALS)

    def ask(self, made: Stage, asked: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        """The states by key; ``asked`` are account and channel."""
        requests = [ConsentRequest(key, "E1", *pair, "dunning") for key, pair in asked.items()]
        return {answer.key: answer.state for answer in made.host.ask(ADAPTER, "consent_ask", requests, consent_flaws)}

    def call(self, made: Stage, home: Path, name: str) -> list[Consent]:
        """Ask about two customers."""
        asked = ((name, "A1"), (f"{name} too", "A3"))
        return made.host.ask(
            ADAPTER,
            "consent_ask",
            [ConsentRequest(key, "E1", one, "email", "dunning") for key, one in asked],
            consent_flaws,
        )

    def works(self, made: Stage, home: Path, name: str) -> None:
        """Fail unless both are answered."""
        assert [answer.state for answer in self.call(made, home, name)] == ["given", "given"]

    def test_the_newest_signal_counts(self, tmp_path: Path) -> None:
        """For the customer, channel and purpose that was asked about, and no other."""
        asked = {
            "a": ("A1", "email"),
            "b": ("A1", "post"),
            "c": ("A2", "email"),
            "d": ("A3", "email"),
            "e": ("A1", "sms"),
        }
        told = self.ask(self.made(tmp_path), {**asked, "f": ("A4", "email"), "g": ("nobody", "email")})
        states = {"a": "given", "b": "refused", "c": "refused", "d": "given"}
        assert told == states | dict.fromkeys("efg", "unknown")

    def test_a_withdrawal_counts_at_once(self, tmp_path: Path) -> None:
        """The next call has it, of the same object of the plug-in too."""
        made = self.made(tmp_path)
        assert self.ask(made, {"a": ("A1", "email")}) == {"a": "given"}
        self.known(tmp_path, (*SIGNALS, Signal("A1", "email", False, MORNING + timedelta(days=1))))
        assert self.ask(made, {"a": ("A1", "email")}) == {"a": "refused"}

    def test_keys_and_accounts_are_texts_of_any_script(self, tmp_path: Path) -> None:
        """They come back as they were."""
        asked = {f"of {name}": (name, "email") for name in UNICODE}
        assert self.ask(self.made(tmp_path), asked) == dict.fromkeys(asked, "given")

    @pytest.mark.parametrize("answer", BROKEN)
    def test_a_broken_answer_is_refused_alone(self, tmp_path: Path, answer: str) -> None:
        """It is no consent; the good one beside it is kept, and the next call works."""
        made, (tamper, code) = self.made(tmp_path), BROKEN[answer]
        with tampered(made.host, ADAPTER, self.hook, tamper), refused() as seen:
            self.call(made, tmp_path, "broken")
        (error,) = seen
        assert isinstance(error, AdapterFailed)
        assert code in codes(error)
        assert [one.key for one in error.answered] == ([] if answer == "nothing" else ["broken too"])
        self.works(made, tmp_path, "after")

    def test_threads_may_ask_at_once(self, tmp_path: Path) -> None:
        """All get the same."""
        made = self.made(tmp_path)
        answers = in_threads(lambda number: [one.state for one in self.call(made, tmp_path, f"thread {number}")])
        assert all(answer == answers[0] for answer in answers)
