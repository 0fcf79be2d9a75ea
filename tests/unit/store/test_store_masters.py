"""Masters: put in by natural key, kept by version, read back as they were."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.base.errors import TollbookError
from engine.model.catalog import Meter
from engine.model.contract import ContractLine
from engine.model.journal import FxRate
from engine.model.subscription import Subscription
from engine.store.books import Books
from engine.store.records import Outcome
from tests.unit.store import sample as s


def put(books: Books, kind: str, *rows: Any, **more: Any) -> Outcome:
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        return writer.put(kind, rows, **more)


def test_masters_come_back(books: Books) -> None:
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        s.masters(writer)
    with books.reader() as reader:
        assert reader.entities(s.T) == {s.E: s.ENTITY}
        assert reader.meters(s.T) == {"api": Meter(s.T, "api", "call")}
        plan = reader.catalogue(s.T)["basic"]
        assert [msgspec.structs.replace(charge, id=0) for charge in plan.charges] == list(s.CHARGES[:2])
        assert len({charge.id for charge in plan.charges}) == 2
        accounts = reader.accounts(s.T, s.E, ["child", "nobody"])
        assert accounts == {"child": s.account("child", "parent", parent="parent", id=accounts["child"].id)}
        (contract,) = reader.contracts(s.T, s.E)
        assert (contract.key, contract.account, contract.payment_days) == ("C1", "child", 14)
        assert [(line.charge, line.unit_price) for line in contract.lines] == [("base", Decimal("9.5"))]
        assert reader.contracts(s.T, s.E, ["parent"]) == []
        assert reader.gl_accounts(s.T)["1200"].name == "Receivables"
        assert set(reader.subscription_ids(s.T, s.E, ["S-child", "S-x"])) == {"S-child"}


def test_the_same_again_is_nothing(books: Books) -> None:
    for _ in range(2):
        with books.writer(s.CHANGE, tenant=s.T) as writer:
            s.masters(writer)
    with books.reader() as reader:
        assert reader.accounts(s.T, s.E).keys() == {"parent", "child", "idle"}
        assert sum(row.action == "put accounts" for row in reader.audit_rows(s.T)) == 1
    assert put(books, "accounts", s.account("parent"), s.account("child", "parent", parent="parent")) == Outcome(
        0, 0, 2
    )


def test_a_change_makes_a_version_and_tells_who(books: Books) -> None:
    put(books, "accounts", s.account("a"), s.account("b"))
    with books.reader() as reader:
        old = reader.accounts(s.T, s.E)["a"]
    changed = s.account("a", segment="enterprise", email="secret@example.org")
    assert put(books, "accounts", changed, s.account("b"), s.account("c")) == Outcome(1, 1, 1)
    with books.reader() as reader:
        new = reader.accounts(s.T, s.E)["a"]
        assert new == msgspec.structs.replace(changed, id=new.id) and new.id != old.id
        told = next(row for row in reader.audit_rows(s.T, "account/de/a") if row.before)
        place = f"account#{new.id}"
        assert told.before == {"id": old.id, "segment": "business", "email": f"account#{old.id}"}
        assert told.after == {"id": new.id, "segment": "enterprise", "email": place}
        assert (told.who, told.reason, told.at) == (s.CHANGE.who, s.CHANGE.reason, s.CHANGE.at)
        assert "secret" not in repr(reader.audit_rows(s.T))


def test_one_batch_may_say_a_key_twice(books: Books) -> None:
    rows = [s.account("a"), s.account("a", segment="x"), s.account("a", segment="x"), s.account("a", segment="y")]
    assert put(books, "accounts", *rows) == Outcome(1, 2, 1)
    with books.reader() as reader:
        assert reader.accounts(s.T, s.E)["a"].segment == "y"


def test_dicts_and_names_of_files(books: Books) -> None:
    row = {"base": "EUR", "quote": "USD", "on": s.JAN, "rate": Decimal("1.1"), "source": "ecb"}
    assert put(books, "rates", row, {**row, "on_day": s.FEB}) == Outcome(2)
    assert put(books, "rates", row) == Outcome(0, 0, 1)


def test_what_may_not_change_is_a_conflict(books: Books) -> None:
    put(books, "rates", FxRate("EUR", "USD", Decimal("1.1"), "ecb", s.JAN))
    other = FxRate("EUR", "USD", Decimal("1.2"), "ecb", s.JAN)
    assert put(books, "rates", FxRate("EUR", "JPY", Decimal(160), "ecb", s.JAN), other) == Outcome(1, conflicts=(1,))
    put(books, "accounts", s.account("a"), s.account("b"))
    taken = Subscription(0, s.T, s.E, "a", "S1", None, 31)
    put(books, "subscriptions", taken)
    moved = msgspec.structs.replace(taken, account="b")
    assert put(books, "subscriptions", moved) == Outcome(conflicts=(0,))
    agreed = msgspec.structs.replace(taken, contract="C9")
    assert put(books, "subscriptions", agreed) == Outcome(0, 1)
    with books.reader() as reader:
        (told,) = reader.audit_rows(s.T, "subscription/de/S1")
        assert (told.before["contract"], told.after["contract"]) == (None, "C9")


def test_a_price_may_be_agreed_for_one_time_and_the_next(books: Books) -> None:
    old = ContractLine(0, "C1", "basic", "base", Decimal(9), "EUR", s.JAN, s.FEB)
    new = ContractLine(0, "C1", "basic", "base", Decimal(8), "EUR", s.FEB)
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        s.masters(writer)
        assert writer.put("contract_lines", [new, old], entity=s.E) == Outcome(2)
        (contract,) = writer.reader.contracts(s.T, s.E)
    assert [(line.valid_from, line.unit_price) for line in contract.lines[1:]] == [(s.JAN, 9), (s.FEB, 8)]


def test_tenants_are_apart(books: Books) -> None:
    put(books, "meters", Meter("one", "m", "a"), Meter("two", "m", "b"))
    with books.reader() as reader:
        assert reader.meters("one")["m"].unit == "a" and reader.meters("two")["m"].unit == "b"


@pytest.mark.parametrize(
    ("kind", "row", "code"), [("acounts", {}, "store.unknown-kind"), ("plans", {}, "store.incomplete")]
)
def test_what_is_not_a_master_is_refused(books: Books, kind: str, row: dict[str, Any], code: str) -> None:
    with pytest.raises(TollbookError) as caught:
        put(books, kind, row)
    assert caught.value.findings[0].code == code
    assert "accounts" in caught.value.findings[0].mend or code == "store.incomplete"


def test_newest_rates_not_too_old(books: Books) -> None:
    days = (date(2026, 1, 1), date(2026, 1, 5), date(2026, 1, 9))
    put(books, "rates", *(FxRate("EUR", "USD", Decimal(f"1.{day.day}"), "ecb", day) for day in days))
    put(books, "rates", FxRate("EUR", "JPY", Decimal(160), "ecb", days[0]))
    with books.reader() as reader:
        found = reader.fx_rates(s.T, date(2026, 1, 8), 5)
        assert found == [FxRate("EUR", "USD", Decimal("1.5"), "ecb", days[1])]
        assert len(reader.fx_rates(s.T, date(2026, 1, 8), 7)) == 2
        assert reader.fx_rates(s.T, date(2025, 12, 31), 7) == []


def test_payers_are_counted_off(books: Books) -> None:
    """Ranges of at most a size, in the order of code points, and alike in size."""
    keys = ["B", "a", "c", "Z", "é"]
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        writer.put("accounts", [s.account(key, key) for key in keys])
        writer.put("subscriptions", [Subscription(0, s.T, s.E, key, f"S{key}") for key in keys])
    with books.reader() as reader:
        assert reader.payer_ranges(s.T, s.E, 2) == [("B", "Z"), ("a", "c"), ("é", "é")]
        assert reader.payer_ranges(s.T, s.E, 4) == [("B", "a"), ("c", "é")]
        assert reader.payer_ranges(s.T, s.E, 5) == [("B", "é")]


def test_payers(books: Books) -> None:
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        s.masters(writer)
        writer.put("accounts", [s.account("lost", "nobody")])
        writer.put("subscriptions", [Subscription(0, s.T, s.E, "lost", "S-lost")])
    with books.reader() as reader:
        assert reader.payer_ranges(s.T, s.E, 5) == [("parent", "parent")]
        assert reader.payer_ranges(s.T, s.E, 5, "child") == [("parent", "parent")]
        assert reader.payer_ranges(s.T, s.E, 5, "idle") == []
