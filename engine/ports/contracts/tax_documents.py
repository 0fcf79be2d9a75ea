"""The contract of the hooks of the port ``tax`` that record documents at a provider, as tests."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from engine.model.effect import Answer, Effect
from engine.model.tax import Address
from engine.ports.contracts.clauses import Contract, codes, in_threads, lawful
from engine.ports.contracts.delivery import BROKEN
from engine.ports.contracts.faults import TELLING, Fault, tampered
from engine.ports.contracts.harness import ADAPTER, Stage, refused
from engine.ports.failure import AdapterFailed
from engine.ports.hookspecs import Unknown
from engine.ports.hookspecs.tax import AddressRequest, ProviderDocument, TaxListRequest

LINE: Final[dict[str, Any]] = {
    "number": 1,
    "text": "Seats",
    "tax_code": "standard",
    "product": "team",
    "amount": "100.00",
    "tax": "19.00",
    "rate": "0.19",
    "category": "S",
    "source": ADAPTER,
}
DOCUMENT: Final[dict[str, Any]] = {
    "number": "DE-1",
    "kind": "invoice",
    "entity": "acme-de",
    "account": "A-1",
    "invoice_date": "2026-01-31",
    "tax_point": "2026-01-31",
    "currency": "EUR",
    "ship_from": {"country": "DE"},
    "ship_to": {"country": "DE", "lines": ["Hauptstraße 1"], "city": "München", "postcode": "80331"},
    "lines": [LINE],
    "net": "100.00",
    "tax": "19.00",
}
"""A document as it is told."""


def _of(amount: str, tax: str, **changes: Any) -> dict[str, Any]:
    line = LINE | {"amount": amount, "tax": tax} | changes.pop("line", {})
    return {"lines": [line], "net": amount, "tax": tax} | changes


KINDS: Final[dict[str, dict[str, Any]]] = {
    "of nothing": _of("0.00", "0.00"),
    "in yen": _of("1000", "190", currency="JPY"),
    "in Kuwaiti dinars": _of("10.005", "1.901", currency="KWD"),
    "taxed by rule": _of("100.00", "7.77", line={"source": "rules"}),
    "taxed otherwise than the provider would": _of("100.00", "18.99"),
    "with a credit on it": {
        "lines": [LINE, LINE | {"number": 2, "amount": "-31.00", "tax": "-5.90", "text": "Credit"}],
        "net": "69.00",
        "tax": "13.10",
    },
    "to an exempt buyer": _of("100.00", "0.00", exempt=True, certificate="C-77", line={"category": "E", "rate": "0"}),
    "of another tax point": {"tax_point": "2025-12-31"},
    "in any script": _of("100.00", "19.00", line={"text": "Ünï-☃-日本 <b>&amp;</b> 'quoted'"}),
}
"""Documents that differ from the sample in these."""


class TaxDocumentsContract(Contract):
    """The contract of adapters that record documents: above all, a number stands there once, with the tax of the invoice."""

    port: ClassVar[str] = "tax"
    hook: ClassVar[str] = "tax_commit"
    kinds: ClassVar[dict[Fault, tuple[str, ...]]] = TELLING

    def acts(self, home: Path) -> Collection[Any]:
        """What the provider has done so far: something of its own for each time that a document was recorded or made void."""
        raise NotImplementedError(f"{type(self).__name__} has to say by acts() what was recorded")

    def recorded(self, number: str) -> tuple[Decimal, Decimal]:
        """Net and tax of a document as the provider has it."""
        raise NotImplementedError(f"{type(self).__name__} has to say by recorded() what the provider has")

    def effect(self, number: str, told: str = "tax-commit", key: str = "", **changes: Any) -> Effect:
        """An invoice to be recorded under a number."""
        return Effect(key or f"key of {number}", "tax", told, copy.deepcopy(DOCUMENT) | {"number": number} | changes)

    def credit(self, number: str, of: str = "", whole: bool = False, amount: str = "-100.00") -> Effect:
        """A credit note over a document, or a part of it."""
        tax = f"{Decimal(amount) * Decimal('0.19'):.2f}"
        before = {"number": of, "invoice_date": "2026-01-31"} if of else None
        more = {"kind": "credit_note", "invoice_date": "2026-02-28", "tax_point": "2026-02-28"}
        return self.effect(number, "tax-refund", **_of(amount, tax), **more, preceding=before, whole=whole)

    def void(self, number: str) -> Effect:
        """The wish to take a document out."""
        return Effect(f"void {number}", "tax", "tax-void", {"number": number, "entity": "acme-de"})

    def told(self, made: Stage, *effects: Effect) -> list[Answer]:
        """The answers."""
        try:
            return made.host.tell(ADAPTER, effects)
        except AdapterFailed as error:
            raise AssertionError(lawful(error.findings)) from None

    def accepted(self, made: Stage, *effects: Effect) -> list[dict[str, Any]]:
        """The evidence of documents that are all accepted."""
        answers = self.told(made, *effects)
        assert [(a.key, a.state) for a in answers] == [(e.key, "accepted") for e in effects], answers
        assert all(answer.evidence for answer in answers), "accepted without evidence"
        return [answer.evidence for answer in answers]

    def rejected(self, made: Stage, effect: Effect) -> None:
        """Fail unless an effect is rejected for a reason."""
        (answer,) = self.told(made, effect)
        assert (answer.state, bool(answer.reason)) == ("rejected", True), answer

    def works(self, made: Stage, home: Path, name: str) -> None:
        """Fail unless the sample is accepted."""
        self.accepted(made, self.effect(name))

    def call(self, made: Stage, home: Path, name: str) -> list[Answer]:
        """Tell the sample."""
        return made.host.tell(ADAPTER, [self.effect(name)])

    def able(self, made: Stage, hook: str) -> None:
        """Go no further where the adapter lacks an optional hook."""
        if not made.host.has(ADAPTER, hook):
            pytest.skip(f"the plug-in has no {hook}")

    def test_the_same_key_twice_is_one_act(self, tmp_path: Path) -> None:
        """It is accepted again with the same evidence, by another object of the plug-in too, and recorded once."""
        made = self.made(tmp_path)
        first = self.accepted(made, self.effect("N-1"))
        acts = [*self.acts(tmp_path)]
        assert len(acts) == 1
        assert self.accepted(made, self.effect("N-1")) == first
        assert self.accepted(self.made(tmp_path), self.effect("N-1")) == first
        assert self.recorded("N-1") == (Decimal("100.00"), Decimal("19.00"))

    def test_two_numbers_are_two_documents(self, tmp_path: Path) -> None:
        """Each is recorded."""
        made = self.made(tmp_path)
        self.accepted(made, self.effect("N-1"), self.effect("N-2"))
        assert len(self.acts(tmp_path)) == 2

    def test_a_number_that_another_key_has_is_rejected(self, tmp_path: Path) -> None:
        """What was recorded under it stays."""
        made = self.made(tmp_path)
        self.able(made, "tax_status")
        self.accepted(made, self.effect("N-1"))
        acts = [*self.acts(tmp_path)]
        self.rejected(made, self.effect("N-1", key="another"))
        self.rejected(made, self.effect("N-1", **_of("120.00", "22.80")))
        assert [*self.acts(tmp_path)] == acts

    def test_an_answer_that_is_lost_is_had_again(self, tmp_path: Path) -> None:
        """The document was recorded, its answer did not arrive: told again, it is accepted and stands there once."""
        made = self.made(tmp_path)
        for effect in (self.effect("N-1"), self.credit("C-1", "N-1", whole=True), self.credit("C-2", amount="-10.00")):

            def lost(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
                ask()
                raise Unknown("the connection broke after sending")

            hook = effect.kind.replace("-", "_")
            with tampered(made.host, ADAPTER, hook, lost), refused():
                made.host.tell(ADAPTER, [effect])
            before = self.recorded(effect.payload["number"])
            self.accepted(made, effect)
            assert self.recorded(effect.payload["number"]) == before

    @pytest.mark.parametrize("flaw", BROKEN)
    def test_an_answer_that_breaks_the_contract_leaves_it_open(self, tmp_path: Path, flaw: str) -> None:
        """The host takes it for unknown; told again, everything is accepted."""
        tamper, code = BROKEN[flaw]
        made, effects = self.made(tmp_path), [self.effect("N-1"), self.effect("N-2")]
        with tampered(made.host, ADAPTER, self.hook, tamper), refused() as seen:
            made.host.tell(ADAPTER, effects)
        (error,) = seen
        assert isinstance(error, AdapterFailed)
        assert (codes(error)[0], error.kind) == (code, "unknown")
        self.accepted(made, *effects)

    def test_what_is_not_understood_is_rejected_alone(self, tmp_path: Path) -> None:
        """One bad document is an answer, no failure; its neighbours are recorded."""
        made = self.made(tmp_path)
        for kind in ("tax-commit", "tax-refund", "tax-void"):
            bad = Effect(f"bad {kind}", "tax", kind, {"number": 7, "lines": "none"})
            answers = self.told(made, self.effect(f"N-1-{kind}"), bad, self.effect(f"N-2-{kind}"))
            assert [answer.state for answer in answers] == ["accepted", "rejected", "accepted"]
            assert answers[1].reason

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_document_is_recorded_with_its_own_tax(self, tmp_path: Path, kind: str) -> None:
        """Also where a rule decided it, where the provider would compute another, in currencies of no and of three digits."""
        made, changes = self.made(tmp_path), KINDS[kind]
        self.accepted(made, self.effect("N-1", **changes))
        told = DOCUMENT | changes
        assert self.recorded("N-1") == (Decimal(told["net"]), Decimal(told["tax"]))

    @pytest.mark.parametrize("case", ["whole", "part", "never recorded", "of several"])
    def test_a_credit_note_is_recorded_below_zero(self, tmp_path: Path, case: str) -> None:
        """Of all of a document, of a part, of one that the provider never had, of several; the document stays as it is."""
        made = self.made(tmp_path)
        if case != "never recorded":
            self.accepted(made, self.effect("N-1"))
        amount = "-100.00" if case in ("whole", "never recorded") else "-31.00"
        of = "" if case == "of several" else "N-1"
        credit = self.credit("C-1", of, case in ("whole", "never recorded"), amount)
        first = self.accepted(made, credit)
        assert self.recorded("C-1") == (Decimal(credit.payload["net"]), Decimal(credit.payload["tax"]))
        assert self.accepted(made, credit) == first
        if case != "never recorded":
            assert self.recorded("N-1") == (Decimal("100.00"), Decimal("19.00"))

    def test_a_document_is_made_void_once(self, tmp_path: Path) -> None:
        """Twice is once; of what is not there it is rejected."""
        made = self.made(tmp_path)
        self.able(made, "tax_void")
        self.accepted(made, self.effect("N-1"))
        first = self.accepted(made, self.void("N-1"))
        acts = [*self.acts(tmp_path)]
        (again,) = self.told(made, self.void("N-1"))
        assert again.state == "rejected" or [again.evidence] == first
        assert [*self.acts(tmp_path)] == acts
        self.rejected(made, self.void("N-9"))

    def test_a_quote_records_nothing(self, tmp_path: Path) -> None:
        """However often it is asked for."""
        from engine.ports.contracts.tax import TaxContract

        made, requests = self.made(tmp_path), TaxContract().asked("a", "b")
        made.host.ask_tax(ADAPTER, requests)
        assert [*self.acts(tmp_path)] == []

    def test_what_became_of_a_key_can_be_asked(self, tmp_path: Path) -> None:
        """Nothing under a key that was never told; the same evidence under one that was; asking does nothing."""
        made = self.made(tmp_path)
        self.able(made, "tax_status")
        effects = [self.effect("N-1"), self.credit("C-1", "N-1", whole=True), self.effect("N-3")]
        evidence = self.accepted(made, *effects)
        self.accepted(made, self.void("N-3"))
        acts = [*self.acts(tmp_path)]
        asked = [*effects[:2], self.void("N-3"), self.effect("N-2"), self.effect("N-1", key="another")]
        found = made.host.status(ADAPTER, asked)
        assert [(a.state, a.evidence) for a in found[:2]] == [("accepted", one) for one in evidence[:2]]
        assert [(a.state, bool(a.reason)) for a in found[2:]] == [("accepted", False), ("retry", True), ("retry", True)]
        assert [*self.acts(tmp_path)] == acts

    def test_the_provider_says_which_documents_it_has(self, tmp_path: Path) -> None:
        """Those of the days that are asked for, with net, tax and state, page after page."""
        made = self.made(tmp_path)
        self.able(made, "tax_documents")
        self.accepted(made, *(self.effect(f"N-{n}") for n in range(1, 6)), self.credit("C-1", "N-1", whole=True))
        self.accepted(made, self.void("N-5"))
        january = self.listed(made, date(2026, 1, 1), date(2026, 2, 1))
        assert [(d.number, d.state) for d in january] == [
            *((f"N-{n}", "committed") for n in range(1, 5)),
            ("N-5", "void"),
        ]
        assert (january[0].net, january[0].tax, january[0].day) == (Decimal(100), Decimal(19), date(2026, 1, 31))
        (credit,) = self.listed(made, date(2026, 2, 1), date(2026, 3, 1))
        assert (credit.number, credit.net, credit.tax) == ("C-1", Decimal(-100), Decimal(-19))

    def listed(self, made: Stage, since: date, until: date) -> list[ProviderDocument]:
        """All documents of some days, in order of their numbers."""
        found: list[ProviderDocument] = []
        request = TaxListRequest("list", "acme-de", since, until)
        while True:
            page = made.host.list_tax(ADAPTER, request)
            found += page.documents
            if not page.cursor:
                return sorted(found, key=lambda document: document.number)
            request = TaxListRequest("list", "acme-de", since, until, page.cursor)

    def test_an_address_is_resolved_or_told_to_be_wrong(self, tmp_path: Path) -> None:
        """Each alone."""
        made = self.made(tmp_path)
        self.able(made, "tax_addresses")
        good = Address("US", "NY", "New York", "10001", ("350 5th Avenue",))
        known, unknown = made.host.resolve(
            ADAPTER, [AddressRequest("good", good), AddressRequest("bad", Address("US", "ZZ"))]
        )
        assert known.address is not None and known.address.country == "US"
        assert (unknown.address, bool(unknown.message)) == (None, True)

    def test_documents_may_be_told_by_threads_at_once(self, tmp_path: Path) -> None:
        """Each stands there once."""
        made = self.made(tmp_path)
        in_threads(lambda number: self.accepted(made, self.effect(f"N-{number}"), self.effect(f"M-{number}")))
        assert len(self.acts(tmp_path)) == 8
