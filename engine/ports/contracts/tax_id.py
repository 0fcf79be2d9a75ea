"""The contract of the port ``tax_id`` as tests."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from engine.ports.contracts.clauses import UNICODE, Contract, codes
from engine.ports.contracts.faults import KINDS, Fault, Tamper, tampered
from engine.ports.contracts.harness import ADAPTER, Stage, refused
from engine.ports.failure import NO_ANSWER, NOT_TOLD, WRONG_ANSWER, AdapterFailed
from engine.ports.hookspecs.tax_id import NotTold, TaxIdAnswer, TaxIdRequest
from engine.ports.tax_id_answers import tax_id_flaws

GOOD: Final = ("DE136695976", "DE")
"""A number that the register knows, and its country."""
BAD: Final = ("DE999999999", "DE")
"""One that it does not."""


def _first(change: Any) -> Tamper:
    return lambda ask, sent: [change(answers := ask())[0], *answers[1:]]


def _with(**fields: Any) -> Tamper:
    return _first(lambda answers: [msgspec.structs.replace(answers[0], **fields)])


BROKEN: Final[dict[str, tuple[Tamper, str]]] = {
    "a word for yes": (_with(valid="yes"), WRONG_ANSWER),
    "a moment for a day": (_with(checked_on=datetime(2026, 1, 1, tzinfo=UTC)), WRONG_ANSWER),
    "no country": (_with(country=""), WRONG_ANSWER),
    "no source": (_with(source=" "), WRONG_ANSWER),
    "not told": (_first(lambda answers: [NotTold(answers[0].key, "closed")]), NOT_TOLD),
    "one answer missing": (lambda ask, sent: ask()[1:], NO_ANSWER),
    "nothing": (lambda ask, sent: None, NO_ANSWER),
}
"""Answers that the host refuses, and by which code."""


class TaxIdContract(Contract):
    """The contract of adapters that ask about tax registration numbers.  Override :meth:`known`."""

    port: ClassVar[str] = "tax_id"
    hook: ClassVar[str] = "registration_check"
    kinds: ClassVar[dict[Fault, tuple[str, ...]]] = KINDS

    def known(self, home: Path, numbers: Collection[str]) -> None:
        """Let the register know these numbers, and no others."""
        raise NotImplementedError(f"{type(self).__name__} has no known()")

    @pytest.fixture(autouse=True)
    def _register(self, tmp_path: Path) -> None:
        self.known(tmp_path, [GOOD[0]])

    def call(self, made: Stage, home: Path, name: str) -> list[TaxIdAnswer]:
        """Ask about a good number and a bad one."""
        requests = [TaxIdRequest(name, *GOOD), TaxIdRequest(f"{name} too", *BAD)]
        return made.host.ask(ADAPTER, "registration_check", requests, tax_id_flaws)

    def works(self, made: Stage, home: Path, name: str) -> None:
        """Fail unless the one is known and the other is not."""
        assert [one.valid for one in self.call(made, home, name)] == [True, False]

    def test_keys_are_texts_of_any_script(self, tmp_path: Path) -> None:
        """They come back as they were."""
        requests = [TaxIdRequest(key, *GOOD) for key in UNICODE]
        assert [
            one.key for one in self.made(tmp_path).host.ask(ADAPTER, "registration_check", requests, tax_id_flaws)
        ] == [*UNICODE]

    def test_what_a_register_takes_away_is_not_valid_any_more(self, tmp_path: Path) -> None:
        """No answer of before is given again."""
        made = self.made(tmp_path)
        self.works(made, tmp_path, "before")
        self.known(tmp_path, [])
        assert [one.valid for one in self.call(made, tmp_path, "after")] == [False, False]

    def test_a_number_of_no_register_is_not_told(self, tmp_path: Path) -> None:
        """And the others of the call have their answers."""
        requests = [TaxIdRequest("none", "12-3456789", "US"), TaxIdRequest("good", *GOOD)]
        with refused() as seen:
            self.made(tmp_path).host.ask(ADAPTER, "registration_check", requests, tax_id_flaws)
        (error,) = seen
        assert isinstance(error, AdapterFailed)
        assert (codes(error), [one.key for one in error.answered]) == ([NOT_TOLD], ["good"])

    @pytest.mark.parametrize("answer", BROKEN)
    def test_a_broken_answer_is_refused_alone(self, tmp_path: Path, answer: str) -> None:
        """Nothing of it is kept, the good one beside it is, and the next call works."""
        made, (tamper, code) = self.made(tmp_path), BROKEN[answer]
        with tampered(made.host, ADAPTER, self.hook, tamper), refused() as seen:
            self.call(made, tmp_path, "broken")
        (error,) = seen
        assert isinstance(error, AdapterFailed)
        assert code in codes(error)
        assert [one.key for one in error.answered] == ([] if answer == "nothing" else ["broken too"])
        self.works(made, tmp_path, "after")
