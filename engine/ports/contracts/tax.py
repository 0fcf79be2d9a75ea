"""The contract of the port ``tax`` as tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.contracts.clauses import UNICODE, Contract, codes, in_threads, lawful, only
from engine.ports.contracts.faults import KINDS, Fault, Tamper, tampered
from engine.ports.contracts.harness import ADAPTER, Stage, refused
from engine.ports.failure import NO_ANSWER, NO_QUOTE, WRONG_ANSWER, AdapterFailed
from engine.ports.hookspecs import Transient

AMOUNTS: Final = (
    ("100.00", "EUR"),
    ("-100.00", "EUR"),
    ("0.00", "EUR"),
    ("0.01", "EUR"),
    ("-0.01", "EUR"),
    ("99999999.99", "EUR"),
    ("1000", "JPY"),
    ("-1", "JPY"),
    ("10.005", "KWD"),
    ("-0.001", "KWD"),
)
"""Amounts of lines: credits, nothing, the smallest, large ones, currencies of no and of three digits."""


def _changed(**fields: Any) -> Tamper:
    """The first answer with other fields."""

    def tamper(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
        first, *rest = ask()
        return [msgspec.structs.replace(first, **fields), *rest]

    return tamper


def _list(change: Callable[[list[Any]], Any]) -> Tamper:
    return lambda ask, sent: change(list(ask()))


BROKEN: Final[dict[str, tuple[Tamper, str]]] = {
    "an amount that is no number": (_changed(amount=Decimal("NaN")), WRONG_ANSWER),
    "an infinite amount": (_changed(amount=Decimal("Infinity")), WRONG_ANSWER),
    "a float": (_changed(amount=19.0), WRONG_ANSWER),
    "part of a cent": (_changed(amount=Decimal("19.001")), WRONG_ANSWER),
    "another sign": (_changed(amount=Decimal(-19)), WRONG_ANSWER),
    "a negative rate": (_changed(rate=Decimal("-0.19")), WRONG_ANSWER),
    "no known category": (_changed(category="VAT"), WRONG_ANSWER),
    "a tax where there is none": (_changed(category="Z", rate=Decimal("0.19"), amount=Decimal(19)), WRONG_ANSWER),
    "somebody else's name": (_changed(source="somebody"), WRONG_ANSWER),
    "no jurisdiction": (_changed(jurisdiction=""), WRONG_ANSWER),
    "a key that was not asked": (
        _list(lambda quotes: [*quotes, msgspec.structs.replace(quotes[0], key="?")]),
        WRONG_ANSWER,
    ),
    "one answer twice": (_list(lambda quotes: [*quotes, quotes[0]]), WRONG_ANSWER),
    "one answer missing": (_list(lambda quotes: quotes[1:]), NO_ANSWER),
    "nothing": (_list(lambda quotes: None), NO_ANSWER),
    "a text": (_list(lambda quotes: "19 %"), WRONG_ANSWER),
}
"""Answers that the host refuses, and by which code."""


class TaxContract(Contract):
    """The contract of tax adapters.  Override :meth:`request` where the adapter does not answer for Germany."""

    port: ClassVar[str] = "tax"
    hook: ClassVar[str] = "tax_quote"
    kinds: ClassVar[dict[Fault, tuple[str, ...]]] = KINDS

    def request(self) -> TaxRequest:
        """A question that the adapter has a quote for, in euros; clauses change its key and amount."""
        return TaxRequest(
            key="1",
            tenant="main",
            entity="acme-de",
            seller_country="DE",
            seller_registered_in=("DE",),
            account="A-1",
            country="DE",
            region=None,
            buyer_tax_id=None,
            exempt=False,
            tax_code="standard",
            tax_point=date(2026, 1, 31),
            currency="EUR",
            amount=Decimal("100.00"),
        )

    def asked(self, *keys: str, **fields: Any) -> list[TaxRequest]:
        """Such questions with these keys."""
        return [msgspec.structs.replace(self.request(), key=key, **fields) for key in keys]

    def quotes(self, made: Stage, requests: Sequence[TaxRequest]) -> dict[str, TaxQuote]:
        """Quotes by key; without those for which the adapter says that there is none."""
        try:
            return {quote.key: quote for quote in made.host.ask_tax(ADAPTER, requests)}
        except AdapterFailed as error:
            assert only(error, NO_QUOTE), lawful(error.findings)
            return {quote.key: quote for quote in error.answered}

    def works(self, made: Stage, home: Path, name: str) -> None:
        """Fail unless the sample is quoted."""
        assert [*self.quotes(made, self.asked(name))] == [name], "the sample request has no quote"

    def call(self, made: Stage, home: Path, name: str) -> list[TaxQuote]:
        """Ask for the sample."""
        return made.host.ask_tax(ADAPTER, self.asked(name))

    def test_every_amount_and_currency_has_a_lawful_answer(self, tmp_path: Path) -> None:
        """Credits, nothing, the smallest and large amounts; each in whole minor units and with the line's sign."""
        made = self.made(tmp_path)
        requests = [
            self.asked(f"{amount} {currency}", amount=Decimal(amount), currency=currency)[0]
            for amount, currency in AMOUNTS
        ]
        quotes = self.quotes(made, requests)
        assert "100.00 EUR" in quotes, "the sample request has no quote"
        assert all(
            quotes[request.key].amount == 0 for request in requests if not request.amount and request.key in quotes
        )

    def test_a_tax_that_is_included_is_within_the_amount(self, tmp_path: Path) -> None:
        """What includes the tax on 100.00 has that tax within it."""
        made = self.made(tmp_path)
        (on_top,) = self.quotes(made, self.asked("net")).values()
        gross = Decimal("100.00") + on_top.amount
        (within,) = self.quotes(made, self.asked("gross", amount=gross, tax_included=True)).values()
        assert (within.amount, within.rate) == (on_top.amount, on_top.rate)

    def test_the_same_question_has_the_same_answer(self, tmp_path: Path) -> None:
        """Whenever it is asked, and by whichever object of the plug-in."""
        made, requests = self.made(tmp_path), self.asked("a", "b")
        first = self.quotes(made, requests)
        assert self.quotes(made, requests) == first
        assert self.quotes(self.made(tmp_path), requests) == first

    def test_an_answer_does_not_depend_on_its_neighbours(self, tmp_path: Path) -> None:
        """Order and size of the batch do not matter."""
        made = self.made(tmp_path)
        requests = [self.asked(str(n), amount=Decimal(n))[0] for n in range(1, 8)]
        together = self.quotes(made, requests)
        assert self.quotes(made, requests[::-1]) == together
        assert {k: q for one in requests for k, q in self.quotes(made, [one]).items()} == together

    def test_answers_may_come_in_any_order(self, tmp_path: Path) -> None:
        """The host sorts them by key."""
        made, requests = self.made(tmp_path), self.asked("a", "b", "c")
        with tampered(made.host, ADAPTER, self.hook, _list(lambda quotes: quotes[::-1])):
            assert [*self.quotes(made, requests)] == ["a", "b", "c"]

    @pytest.mark.parametrize("flaw", BROKEN)
    def test_an_answer_that_breaks_the_contract_is_refused_alone(self, tmp_path: Path, flaw: str) -> None:
        """The host takes none of it into the books, and keeps the good answers beside it."""
        tamper, code = BROKEN[flaw]
        made = self.made(tmp_path)
        with tampered(made.host, ADAPTER, self.hook, tamper), refused() as seen:
            made.host.ask_tax(ADAPTER, self.asked("a", "b"))
        (error,) = seen
        assert isinstance(error, AdapterFailed)
        assert codes(error) == [code]
        whole = flaw in ("nothing", "a text")
        kept = {"a", "b"} if flaw == "a key that was not asked" else set() if whole else {"b"}
        assert {quote.key for quote in error.answered} == kept
        self.works(made, tmp_path, "a")

    def test_more_than_a_batch_is_several_calls(self, tmp_path: Path) -> None:
        """No call is larger than ``plugin.yaml`` says, and every line is answered."""
        made = self.made(tmp_path)
        count = min(made.batch, 5_000) + 1
        seen: list[int] = []

        def counted(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
            seen.append(len(sent))
            return ask()

        with tampered(made.host, ADAPTER, self.hook, counted):
            assert len(self.quotes(made, self.asked(*map(str, range(count))))) == count
        assert max(seen) <= made.batch
        assert sum(seen) == count

    def test_nothing_to_ask_is_no_call(self, tmp_path: Path) -> None:
        """An empty batch never reaches the plug-in."""
        made = self.made(tmp_path)
        assert made.host.ask_tax(ADAPTER, []) == []
        assert made.log.calls == []

    def test_keys_and_references_are_texts_of_any_script(self, tmp_path: Path) -> None:
        """They come back as they were."""
        made = self.made(tmp_path)
        requests = [self.asked(text, account=text)[0] for text in UNICODE]
        assert [*self.quotes(made, requests)] == [*UNICODE]

    def test_a_question_is_not_changed(self, tmp_path: Path) -> None:
        """What is sent belongs to the run."""
        made, requests = self.made(tmp_path), self.asked("a", "b")
        before = msgspec.json.encode(requests)
        self.quotes(made, requests)
        assert msgspec.json.encode(requests) == before

    def test_threads_may_ask_at_once(self, tmp_path: Path) -> None:
        """Each gets the answers to its own questions."""
        made = self.made(tmp_path)

        def several(number: int) -> list[tuple[str, Decimal]]:
            found: list[tuple[str, Decimal]] = []
            for n in range(10):
                amount = Decimal(number * 100 + n)
                quotes = self.quotes(made, self.asked(f"{number}-{n}", amount=amount))
                found += [(key, quote.amount) for key, quote in quotes.items()]
            return found

        assert in_threads(several) == [several(number) for number in range(4)]

    def test_a_failure_that_passes_is_asked_again(self, tmp_path: Path) -> None:
        """As often as the configuration says, with pauses that grow."""
        made = self.made(tmp_path, retries=2)
        left = [Transient("busy"), Transient("busy")]

        def twice(ask: Callable[[], Any], sent: Iterable[Any]) -> Any:
            if left:
                raise left.pop()
            return ask()

        with tampered(made.host, ADAPTER, self.hook, twice):
            self.works(made, tmp_path, "again")
        assert made.clock.pauses == [0.5, 1.0]
        assert [(call.attempt, call.outcome) for call in made.log.calls] == [
            (1, "failed"),
            (2, "failed"),
            (3, "answered"),
        ]
