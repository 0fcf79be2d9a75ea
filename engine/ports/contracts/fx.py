"""The contract of the port ``fx`` as tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from engine.ports.contracts.clauses import UNICODE, Contract, codes, in_threads
from engine.ports.contracts.faults import KINDS, Fault, Tamper, tampered
from engine.ports.contracts.harness import ADAPTER, Stage, refused
from engine.ports.failure import NO_ANSWER, NO_RATE, WRONG_ANSWER, AdapterFailed
from engine.ports.hookspecs.fx import FxQuote, FxRequest, NoRate

FRIDAY: Final = date(2026, 3, 13)
PUBLISHED: Final[Mapping[date, Mapping[str, str]]] = {
    FRIDAY - timedelta(days=1): {"USD": "1.0912", "JPY": "162.35", "GBP": "0.83000"},
    FRIDAY: {"USD": "1.0850", "JPY": "161.90", "GBP": "0.84123"},
    FRIDAY + timedelta(days=3): {"USD": "1.0999", "JPY": "160.00", "GBP": "0.85000"},
}
"""Rates of three business days: what one unit of the base of :class:`FxContract` costs; there is none on the weekend."""


def _first(change: Callable[[FxQuote], Any]) -> Tamper:
    """The answers with the first one changed."""

    def tamper(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
        first, *others = ask()
        return [change(first), *others]

    return tamper


def _with(**fields: Any) -> Tamper:
    return _first(lambda quote: msgspec.structs.replace(quote, **fields))


BROKEN: Final[dict[str, tuple[Tamper, str]]] = {
    "a rate of nothing": (_with(rate=Decimal(0)), WRONG_ANSWER),
    "a rate below nothing": (_with(rate=Decimal("-1.1")), WRONG_ANSWER),
    "a rate that is a float": (_with(rate=1.1), WRONG_ANSWER),
    "a rate that is no number": (_with(rate=Decimal("NaN")), WRONG_ANSWER),
    "a rate of a later day": (_with(on=date(2026, 3, 16)), WRONG_ANSWER),
    "a moment for a day": (_with(on=datetime(2026, 3, 13, tzinfo=UTC)), WRONG_ANSWER),
    "a text for a day": (_with(on="2026-03-13"), WRONG_ANSWER),
    "a moment without a zone": (_with(at=datetime(2026, 3, 13, tzinfo=UTC).replace(tzinfo=None)), WRONG_ANSWER),
    "no source": (_with(source=" "), WRONG_ANSWER),
    "no rate": (_first(lambda quote: NoRate(quote.key, "not published")), NO_RATE),
    "a number for a quote": (_first(lambda quote: quote.rate), WRONG_ANSWER),
    "one answer missing": (lambda ask, sent: ask()[1:], NO_ANSWER),
    "nothing": (lambda ask, sent: None, NO_ANSWER),
}
"""Answers that the host refuses, and by which code."""


class FxContract(Contract):
    """The contract of exchange rate adapters.  Override :meth:`known`.

    Attributes:
        base: the currency that the source publishes the prices of others in.
    """

    port: ClassVar[str] = "fx"
    hook: ClassVar[str] = "fx_rates"
    kinds: ClassVar[dict[Fault, tuple[str, ...]]] = KINDS
    base: ClassVar[str] = "EUR"

    def known(self, home: Path, published: Mapping[date, Mapping[str, str]]) -> None:
        """Let the vendor's system publish these rates: day -> currency -> what one unit of ``base`` costs in it."""
        raise NotImplementedError(f"{type(self).__name__} has no known()")

    @pytest.fixture(autouse=True)
    def _published(self, tmp_path: Path) -> None:
        self.known(tmp_path, PUBLISHED)

    def ask(self, made: Stage, pairs: Mapping[str, tuple[str, str]], on: date = FRIDAY) -> dict[str, FxQuote]:
        """Rates of pairs by key; without those for which the adapter says that there is none."""
        requests = [FxRequest(key, *pair, on) for key, pair in pairs.items()]
        try:
            return {quote.key: quote for quote in made.host.ask_fx(ADAPTER, requests)}
        except AdapterFailed as error:
            assert codes(error) == [NO_RATE] * len(error.findings), str(error)
            return {quote.key: quote for quote in error.answered}

    def call(self, made: Stage, home: Path, name: str) -> list[FxQuote]:
        """Ask for two rates."""
        pairs = ((name, "USD"), (f"{name} too", "JPY"))
        return made.host.ask_fx(ADAPTER, [FxRequest(key, self.base, quote, FRIDAY) for key, quote in pairs])

    def works(self, made: Stage, home: Path, name: str) -> None:
        """Fail unless both rates are given as they were published."""
        assert [quote.rate for quote in self.call(made, home, name)] == [Decimal("1.0850"), Decimal("161.90")]

    def test_a_published_rate_has_all_its_digits(self, tmp_path: Path) -> None:
        """It is what was published, digit by digit, for the day that was asked for."""
        found = self.ask(self.made(tmp_path), {quote: (self.base, quote) for quote in ("USD", "JPY", "GBP")})
        assert {key: (str(one.rate), one.on) for key, one in found.items()} == {
            key: (text, FRIDAY) for key, text in PUBLISHED[FRIDAY].items()
        }

    def test_a_day_without_a_rate_has_the_last_one_before(self, tmp_path: Path) -> None:
        """Under its own date, and none of a later day."""
        found = self.ask(self.made(tmp_path), {"usd": (self.base, "USD")}, FRIDAY + timedelta(days=2))
        assert (found["usd"].rate, found["usd"].on) == (Decimal("1.0850"), FRIDAY)

    def test_nothing_is_known_of_days_before_the_first(self, tmp_path: Path) -> None:
        """A rate of a later day is not taken for one of an earlier one."""
        assert self.ask(self.made(tmp_path), {"usd": (self.base, "USD")}, FRIDAY - timedelta(days=2)) == {}

    def test_a_currency_that_is_not_published_has_no_rate(self, tmp_path: Path) -> None:
        """And the others of the call have theirs."""
        found = self.ask(self.made(tmp_path), {"none": (self.base, "KWD"), "usd": (self.base, "USD")})
        assert [*found] == ["usd"]

    def test_what_is_worked_out_follows_from_what_is_published(self, tmp_path: Path) -> None:
        """The other way round and over the base, where the adapter does that: as near as its digits let it be."""
        usd, jpy = (Decimal(PUBLISHED[FRIDAY][name]) for name in ("USD", "JPY"))
        found = self.ask(self.made(tmp_path), {"back": ("USD", self.base), "cross": ("USD", "JPY")})
        expected = {"back": 1 / usd, "cross": jpy / usd}
        assert all(abs(one.rate / expected[key] - 1) < Decimal("1e-6") for key, one in found.items())
        assert all(one.on == FRIDAY for one in found.values())

    def test_the_same_question_has_the_same_answer(self, tmp_path: Path) -> None:
        """Whenever it is asked, by whichever object of the plug-in, and in whichever order."""
        pairs = {quote: (self.base, quote) for quote in ("USD", "JPY", "GBP")}
        made = self.made(tmp_path)
        first = {key: (one.rate, one.on, one.source) for key, one in self.ask(made, pairs).items()}
        for again in (made, self.made(tmp_path)):
            turned = dict(reversed(pairs.items()))
            assert {key: (one.rate, one.on, one.source) for key, one in self.ask(again, turned).items()} == first

    def test_keys_are_texts_of_any_script(self, tmp_path: Path) -> None:
        """They come back as they were."""
        pairs = dict.fromkeys(UNICODE, (self.base, "USD"))
        assert [*self.ask(self.made(tmp_path), pairs)] == [*UNICODE]

    @pytest.mark.parametrize("answer", BROKEN)
    def test_a_broken_answer_is_refused_alone(self, tmp_path: Path, answer: str) -> None:
        """Nothing of it reaches the books, the good one beside it is kept, and the next call works."""
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
        answers = in_threads(lambda number: [one.rate for one in self.call(made, tmp_path, f"thread {number}")])
        assert all(answer == answers[0] for answer in answers)
