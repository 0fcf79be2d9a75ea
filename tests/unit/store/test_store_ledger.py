"""Numbers, periods, the journal, and what is read of invoices."""

from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal

import pytest

from engine.base.errors import TollbookError
from engine.model.subscription import BillingMark
from engine.store import tables
from engine.store.books import Books
from tests.unit.store import sample as s


def take(books: Books, count: int, on: date, series: str = "INV") -> int:
    with books.writer(s.CHANGE) as writer:
        return writer.take_numbers(s.T, s.E, series, count, on)


def code(error: pytest.ExceptionInfo[TollbookError]) -> str:
    return str(error.value.findings[0].code)


def test_numbers_are_consecutive(books: Books) -> None:
    assert [take(books, 3, s.JAN), take(books, 1, s.JAN), take(books, 2, s.FEB)] == [1, 4, 5]
    assert take(books, 1, s.JAN, "CRN") == 1


def test_numbers_of_a_transaction_that_failed_come_again(books: Books) -> None:
    take(books, 3, s.JAN)
    with pytest.raises(ZeroDivisionError), books.writer(s.CHANGE) as writer:
        assert writer.take_numbers(s.T, s.E, "INV", 5, s.FEB) == 4
        raise ZeroDivisionError
    assert take(books, 1, s.JAN) == 4


def test_dates_never_decrease(books: Books) -> None:
    take(books, 1, s.FEB)
    with pytest.raises(TollbookError) as caught:
        take(books, 1, s.JAN)
    assert code(caught) == "numbering.date-decreases"
    assert "2026-02-01" in caught.value.findings[0].what
    assert take(books, 1, s.FEB) == 2


def test_two_writers_never_get_the_same_number(books: Books) -> None:
    got: list[int] = []

    def worker() -> None:
        for _ in range(10):
            first = take(books, 2, s.JAN)
            got.extend([first, first + 1])

    threads = [threading.Thread(target=worker) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(got) == list(range(1, 61))


def test_a_closed_period_takes_no_postings(books: Books) -> None:
    s.company(books)
    with books.writer(s.CHANGE) as writer:
        assert writer.close_period(s.T, s.E, date(2026, 1, 20)) is True
        assert writer.close_period(s.T, s.E, date(2026, 1, 1)) is False
    with books.reader() as reader:
        assert reader.period_state(s.T, s.E, date(2026, 1, 31)) == "closed"
        assert reader.period_state(s.T, s.E, s.FEB) == "open"
        (told,) = reader.audit_rows(s.T, "period/de/2026-01")
        assert (told.before, told.after) == ({"state": "open"}, {"state": "closed"})
    with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE) as writer:
        writer.append("entry", [(9, s.T, s.E, "manual", date(2026, 1, 31), 9, "", 0)])
    assert code(caught) == "ledger.period-closed"
    with books.writer(s.CHANGE) as writer:
        assert writer.open_period(s.T, s.E, s.JAN) is True
        writer.append("entry", [(9, s.T, s.E, "manual", date(2026, 1, 31), 9, "", 0)])
        writer.append("posting", [s.posting_row(9, 1, "1", Decimal(0))])


def test_a_softly_closed_period_takes_adjustments_of_who_may(books: Books) -> None:
    s.company(books)
    january = [(9, s.T, s.E, "manual", date(2026, 1, 31), 9, "", 0)]
    with books.writer(s.CHANGE) as writer:
        assert writer.close_period(s.T, s.E, s.JAN)
        assert writer.soft_close_period(s.T, s.E, s.JAN) is True
        assert writer.soft_close_period(s.T, s.E, s.JAN) is False
    with (
        pytest.raises(TollbookError, match="closed softly in the books of de") as caught,
        books.writer(s.CHANGE) as writer,
    ):
        writer.append("entry", january)
    assert code(caught) == "ledger.period-closed"
    books.may_adjust = {s.CHANGE.who}.__contains__
    with books.writer(s.CHANGE) as writer:
        writer.append("entry", january)
        writer.append("posting", [s.posting_row(9, 1, "1", Decimal(0))])
    with books.reader() as reader:
        assert reader.period_state(s.T, s.E, s.JAN) == "soft"
        told = [(row.action, row.after["state"]) for row in reversed(reader.audit_rows(s.T, "period/de/2026-01"))]
    assert told == [("close period", "closed"), ("soft-close period", "soft"), ("adjust period", "soft")]
    with books.writer(s.CHANGE) as writer:
        writer.close_period(s.T, s.E, s.JAN)
    with pytest.raises(TollbookError, match="a closed period takes no postings"), books.writer(s.CHANGE) as writer:
        writer.append("entry", january)


def test_closing_waits_for_who_posts(books: Books) -> None:
    s.company(books)
    order: list[str] = []

    def close() -> None:
        with books.writer(s.CHANGE) as writer:
            writer.close_period(s.T, s.E, s.JAN)
            order.append("closed")

    with books.writer(s.CHANGE) as writer:
        writer.append("entry", [(9, s.T, s.E, "manual", s.JAN, 9, "", 0)])
        writer.append("posting", [s.posting_row(9, 1, "1", Decimal(0))])
        thread = threading.Thread(target=close)
        thread.start()
        thread.join(0.3)
        order.append("posted")
    thread.join(30)
    assert order == ["posted", "closed"]


FIVE = s.posting_row(1, 2, "1", Decimal(-5))[6:]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([s.posting_row(1, 1, "1200", Decimal(5)), s.posting_row(1, 2, "4400", Decimal(-4))], "ledger.unbalanced"),
        (
            # each currency is off, though the sum of both is not
            [s.posting_row(1, 1, "1", Decimal(5)), (*s.posting_row(1, 2, "1", Decimal(-5))[:5], "USD", *FIVE)],
            "ledger.unbalanced",
        ),
        (
            # each functional currency is off, though the sum of both is not
            [s.posting_row(1, 1, "1", Decimal(5)), (*s.posting_row(1, 2, "1", Decimal(-5))[:7], "USD", *FIVE[2:])],
            "ledger.unbalanced",
        ),
        ([s.posting_row(2, 1, "1200", Decimal(0))], "store.orphan"),
        ([], "store.orphan"),
    ],
)
def test_what_does_not_hold_together_is_not_committed(
    books: Books, rows: list[tuple[object, ...]], expected: str
) -> None:
    with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE) as writer:
        writer.append(tables.ENTRY, [(1, s.T, s.E, "manual", s.JAN, 1, "", 0)])
        writer.append(tables.POSTING, rows)
    assert expected in {str(finding.code) for finding in caught.value.findings}
    with books.reader() as reader:
        assert list(reader.journal(s.T)) == []


def test_postings_to_an_entry_of_another_transaction_balance_with_it(books: Books) -> None:
    with books.writer(s.CHANGE) as writer:
        writer.append("entry", [(n, s.T, s.E, "manual", s.JAN, n, "", 0) for n in (1, 2)])
        # of one entry after the other, and handed over one by one
        writer.append("posting", [s.posting_row(n, 1, "1", Decimal(5)) for n in (1, 2)])
        writer.append("posting", iter([s.posting_row(n, 2, "2", Decimal(-5)) for n in (1, 2)]))
    for rows, expected in (
        ([s.posting_row(1, 3, "1", Decimal(1))], "ledger.unbalanced"),
        ([s.posting_row(1, 3, "1", Decimal(1)), s.posting_row(2, 3, "1", Decimal(-1))], "ledger.unbalanced"),
        ([s.posting_row(1, 1, "1", Decimal(0))], "store.duplicate"),
        ([s.posting_row(1, 3, "1", Decimal(0)), s.posting_row(3, 1, "1", Decimal(0))], "store.orphan"),
    ):
        with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE) as writer:
            writer.append("posting", iter(rows))
        assert code(caught) == expected
    with books.reader() as reader:
        assert [len(entry.postings) for _, _, entry in reader.journal(s.T)] == [2, 2]


def test_lines_without_their_invoice_are_not_committed(books: Books) -> None:
    with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE) as writer:
        writer.append("invoice_line", [s.line_row(11, 1, 1, s.charge(1))])
    assert code(caught) == "store.orphan"


def test_the_same_invoice_twice_is_refused(books: Books) -> None:
    s.company(books)
    with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE) as writer:
        s.issue(writer, 3, [s.charge(1)], s.FEB)
    assert code(caught) == "store.duplicate"


def test_two_invoices_of_an_entity_never_bear_one_number(books: Books) -> None:
    s.company(books)
    with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE) as writer:
        s.issue(writer, 3, [s.charge(1)], date(2026, 3, 1), number="INV-1")
    assert code(caught) == "store.duplicate"
    assert "number" in caught.value.findings[0].what


def test_journal_and_trial_balance(books: Books) -> None:
    s.company(books)
    with books.reader() as reader:
        entries = list(reader.journal(s.T, s.E))
        assert [(ident, document, entry.posting_date) for ident, document, entry in entries] == [
            (1, 1, s.JAN),
            (2, 2, s.FEB),
        ]
        assert [p.amount for p in entries[0][2].postings] == [Decimal("14.28"), Decimal("-11.90"), Decimal("-2.38")]
        assert [document for _, document, _ in reader.journal(s.T, "", s.FEB)] == [2]
        assert [document for _, document, _ in reader.journal(s.T, s.E, None, s.JAN)] == [1]
        assert list(reader.journal("nobody")) == []
        totals = {row.account: (row.amount, row.functional_amount) for row in reader.trial_balance(s.T, s.E)}
        assert totals == {"1200": (Decimal("38.08"),) * 2, "4400": (Decimal("-38.08"),) * 2}
        assert reader.trial_balance(s.T, s.E, s.JAN)[0].amount == Decimal("14.28")
        assert [ident for ident, _ in reader.entries_of(2)] == [2]


def test_a_long_journal_streams(books: Books) -> None:
    count = 2500
    with books.writer(s.CHANGE) as writer:
        writer.append("entry", ((n, s.T, s.E, "manual", s.JAN, n, f"{n}", 0) for n in range(1, count + 1)))
        writer.append(
            "posting",
            (s.posting_row(n, i, "1", Decimal(n if i == 1 else -n)) for n in range(1, count + 1) for i in (1, 2)),
        )
    with books.reader() as reader:
        found = list(reader.journal(s.T, s.E))
        assert [ident for ident, _, _ in found] == list(range(1, count + 1))
        assert all(entry.postings[0].amount == ident for ident, _, entry in found)


def test_an_invoice_as_a_document(books: Books) -> None:
    s.company(books)
    with books.reader() as reader:
        ident = reader.find_invoice(s.T, "INV-1")
        assert ident == 1 and reader.find_invoice(s.T, "INV-9") is None
        assert reader.find_invoice(s.T, "INV-1", "at") is None
        (document,) = reader.invoice_documents([ident, 99]).values()
        assert document["invoice"]["number"] == "INV-1" and document["seller"]["name"] == "Acme GmbH"
        assert document["buyer"]["id"] == document["invoice"]["payer_id"]
        assert [line["amount"] for line in document["lines"]] == [10, 2]
        (tax,) = document["taxes"]
        assert (tax["category"], tax["rate"], tax["net"], tax["tax"]) == ("S", Decimal("0.19"), 12, Decimal("2.28"))
        assert document["totals"]["total"] == document["fx"]["total"] == Decimal("14.28")
        assert document["decisions"] == [s.DECISION]
        assert [head["id"] for head in reader.invoices(s.T, period="2026-02-01")] == [2]


def test_marks_replace_each_other(books: Books) -> None:
    with books.writer(s.CHANGE) as writer:
        assert writer.set_marks([BillingMark(1, s.JAN, 1, 1), BillingMark(2, s.JAN, 1, 1)]) == 2
        assert writer.set_marks([BillingMark(2, s.FEB, 3, 4)]) == 1
        assert writer.set_marks([]) == 0
        assert writer.reader.marks([1, 2, 3]) == {1: BillingMark(1, s.JAN, 1, 1), 2: BillingMark(2, s.FEB, 3, 4)}
