"""Every named check finds what it is there for, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import pytest

from engine.store.books import Books, open_books
from engine.store.checks import base as checks
from engine.store.reader import Reader
from tests.unit.store import sample as s

Plant = Callable[[Sequence[str]], Reader]

FAULTS: dict[str, Sequence[str]] = {
    "balanced": ["UPDATE posting SET functional_amount = functional_amount + 1 WHERE entry_id = 1 AND number = 2"],
    "no-orphan": ["DELETE FROM account WHERE key = 'idle'", "UPDATE account SET payer = 'idle' WHERE key = 'child'"],
    "invoice-totals": [
        "UPDATE invoice_line SET amount = amount + 1, tax_amount = tax_amount - 1 WHERE id = 11",
    ],
    "ledger-ties": [
        "UPDATE posting SET line_id = 12 WHERE entry_id = 1 AND number = 2",
    ],
    "ledger-totals": ["UPDATE posting SET account = '1200' WHERE entry_id = 1 AND number = 2"],
    "numbers-gapless": ["UPDATE invoice SET sequence = 7 WHERE id = 2"],
    "dates-in-series": ["UPDATE invoice SET invoice_date = '2025-12-31' WHERE id = 2"],
    "no-day-billed-twice": ["UPDATE invoice_line SET service_from = '2026-01-31' WHERE id = 21"],
    "marks": ["UPDATE billing_mark SET usage_seen = 1000 WHERE billed_to = '2026-03-01'"],
    "decisions-stored": ["UPDATE posting SET decision = 78 WHERE entry_id = 1 AND number = 1"],
    "chain": ["UPDATE audit SET who = 'eve' WHERE id = 1"],
    "openings-tie": [
        f"INSERT INTO receivable VALUES (99, '{s.T}', '{s.E}', 'R1', 'parent', 'invoice', '2025-12-01', '2025-12-31', 'EUR', "
        "10, 10, 'EUR', 10, 'main')"
    ],
    "tax-parts": [f"INSERT INTO tax_detail VALUES (1, '{s.T}', '{s.E}', 1, 11, 1, 'US-NY', 'state', 1, 1, 1, '')"],
    "wallets-tie": [
        "INSERT INTO wallet_state (tenant, entity, key, account, currency, balance, version) "
        "VALUES ('acme', 'de', 'pot', 'parent', 'EUR', 5, 0)"
    ],
    "tax-ties": [
        f"INSERT INTO tax_correction VALUES (99, '{s.T}', '{s.E}', 11, 'fallback', 'rates', 'parent', 'INV-1', 'EUR', 10, 2, 0, 'S', "
        "'', 1, 0, 'S', 'DE', 'rates', '', 0, 'document', 1, 1)"
    ],
    "numbers-chained": ["""UPDATE decision SET terms = '{"chain": "{number}"}'"""],
    "clearance-tie": [
        "INSERT INTO clearance_step SELECT 1, 'acme', 'de', 1, 1, 'cleared', audit.at, 'k', 'authority', 1, '', '', '', "
        "decision.terms, decision.id, 0 FROM audit, decision WHERE audit.id = 1"
    ],
    "deliveries-tie": [
        "INSERT INTO delivery_way SELECT 99, 'acme', 'de', 'lost', 'INV-1', 'folder', 'required', decision.terms, 0, '', '', "
        "decision.id, audit.at FROM audit, decision WHERE audit.id = 1"
    ],
    "settlements-tie": [
        "INSERT INTO account_credit (tenant, entity, account, currency, balance, functional_currency, functional, version) "
        "VALUES ('acme', 'de', 'parent', 'EUR', 5, 'EUR', 5, 0)"
    ],
    "payments-tie": [
        "INSERT INTO payout SELECT 99, 'acme', 'de', 'stripe', 'po_1', 'EUR', 5, 5, 0, '2026-01-31', '', audit.at, 1 "
        "FROM audit WHERE audit.id = 1"
    ],
    "revaluations-tie": [
        f"INSERT INTO revaluation VALUES (1, '{s.T}', '{s.E}', '2026-01-31', '1200', 'parent', 'USD', 10, 'EUR', 9, 8, 1, 'ECB', "
        "'2026-01-30', 99, 1)"
    ],
    "accruals-tie": [
        f"INSERT INTO revenue_accrual VALUES (99, '{s.T}', '{s.E}', '2026-01-01', 'k', 'parent', 'parent', 'S1', 'basic', 'calls', '', 'DE', "
        "'unbilled', 'EUR', '2026-01-01', '2026-02-01', 5, 'EUR', 5, 1, 'same currency', '2026-01-31', 0, 1)"
    ],
    "allowances-tie": [
        f"INSERT INTO impairment VALUES (1, '{s.T}', '{s.E}', '2026-01-31', 'parent', 'business', 'EUR', 9, 5, 5, 0, 99, 1)"
    ],
    "shares-tie": [
        f"INSERT INTO intercompany VALUES (99, '{s.T}', '{s.E}', 'us', 1, '2026-01-31', '', 'DE', 'EUR', 10, 1, 5, 0, 1)"
    ],
    "disputes-tie": [
        f"INSERT INTO dispute_booking VALUES (99, '{s.T}', 1, 1, '', '2026-01-31', 1, 0, 0, 0, 0)",
    ],
    "revenue-contracts-tie": [
        f"INSERT INTO revenue_cover VALUES (1, '{s.T}', '{s.E}', 'lost', '', 'S', '', '')",
    ],
    "revenue-within": [
        f"INSERT INTO revenue_schedule VALUES (1, '{s.T}', '{s.E}', 'opening', 0, 0, 'C', 'o', 'parent', 'p', 'DE', 'revenue', "
        "'2300', 'EUR', 10, 'EUR', 10, 1, 'same', '2026-01-31', '2026-01-01', '2026-02-01', '', 0, 1)",
        f"INSERT INTO revenue_item VALUES (1, '{s.T}', '{s.E}', 1, '2026-01-31', 11, false, 1)",
    ],
    "revenue-ties": [
        f"INSERT INTO revenue_schedule VALUES (1, '{s.T}', '{s.E}', 'line', 99, 0, '', '', 'parent', 'p', 'DE', 'revenue', "
        "'2300', 'EUR', 10, 'EUR', 10, 1, 'same', '2026-01-31', '2026-01-01', '2026-02-01', '', 0, 1)",
    ],
    "erp-ties": [
        f"INSERT INTO erp_document VALUES (1, '{s.T}', '{s.E}', 'de/1', 'sap', '2026-01-31', 'EUR', 'EUR', 1, 1, 1, 0)",
        f"INSERT INTO erp_entry VALUES (1, 0, '{s.T}', 'EUR', 1, 1)",
    ],
    "dunning-ties": [
        f"INSERT INTO dunning_claim VALUES (1, '{s.T}', '{s.E}', 'parent', 99, 1, 'late_fee', 'fee', '2026-01-31', '2026-01-31', "
        "'EUR', 5, '', 0, 0, 1)"
    ],
    "direct-debits-tie": [
        f"INSERT INTO direct_debit VALUES (1, '{s.T}', '{s.E}', 'parent', 'DD-1', 'M-1', 1, 'INV-1', 1, 'EUR', 10, '2026-02-03', "
        "'2026-02-01', 'invoice', 0, 0, 'sent', 1)"
    ],
    "cash-ties": [
        f"INSERT INTO withheld VALUES (1, '{s.T}', '{s.E}', 'parent', 1, 'EUR', -1, -1, 'W-1', '2026-01-31', 99, 1)"
    ],
}


MORE: list[tuple[str, Sequence[str]]] = [
    ("balanced", ["UPDATE posting SET amount = amount + 1 WHERE entry_id = 1 AND number = 2"]),
    ("balanced", ["UPDATE posting SET entity = 'at' WHERE entry_id = 1 AND number = 2"]),
    ("no-orphan", ["DELETE FROM invoice_line WHERE invoice_id = 2"]),
    ("no-orphan", ["DELETE FROM invoice WHERE id = 2"]),
    ("no-orphan", ["DELETE FROM posting WHERE entry_id = 2"]),
    ("no-orphan", ["DELETE FROM entry WHERE id = 2"]),
    ("no-orphan", ["DELETE FROM subscription WHERE key = 'S-child'"]),
    ("no-orphan", ["UPDATE invoice_line SET credits = 99 WHERE id = 21"]),
    ("no-orphan", ["UPDATE invoice SET run_id = 99 WHERE id = 2"]),
    ("no-orphan", ["UPDATE subscription SET contract = 'C9' WHERE key = 'S-child'"]),
    ("no-orphan", ["DELETE FROM plan WHERE key = 'basic'"]),
    ("invoice-totals", ["UPDATE invoice SET total = total + 1 WHERE id = 1"]),
    ("ledger-ties", ["UPDATE invoice SET functional_total = functional_total + 1 WHERE id = 1"]),
    ("ledger-ties", ["UPDATE invoice SET currency = 'USD' WHERE id = 1"]),
    ("ledger-totals", ["UPDATE posting SET amount = amount + 1 WHERE entry_id = 1 AND number = 2"]),
    ("ledger-totals", ["UPDATE entry SET posting_date = '2026-03-01' WHERE id = 1"]),
    ("ledger-totals", ["DELETE FROM posting WHERE entry_id = 1"]),
    ("ledger-totals", ["UPDATE ledger_total SET amount = amount + 1 WHERE account = '1200'"]),
    ("numbers-gapless", ["UPDATE series SET next = 9"]),
    ("numbers-gapless", ["UPDATE invoice SET series = 'OLD' WHERE id = 2"]),
    ("numbers-gapless", ["UPDATE series SET series = 'OTHER'"]),
    (
        "no-day-billed-twice",
        ["UPDATE invoice_line SET kind = 'usage', charge = 'calls', service_from = '2026-01-31' WHERE id = 21"],
    ),
    (
        "no-day-billed-twice",
        [
            "UPDATE invoice_line SET kind = 'usage', charge = 'calls', service_from = '2026-01-01',"
            " service_to = '2026-02-01', usage_after = 9, usage_to = 11 WHERE id = 21"
        ],
    ),
    (
        "no-day-billed-twice",
        [
            "UPDATE invoice_line SET kind = 'one_time', service_from = '2026-01-01' WHERE id = 21",
            "UPDATE invoice_line SET kind = 'one_time' WHERE id = 11",
        ],
    ),
    ("no-day-billed-twice", ["UPDATE invoice_line SET credits = 11 WHERE id = 21"]),
    ("marks", ["DELETE FROM billing_mark"]),
    ("marks", ["UPDATE billing_mark SET events_seen = 1000"]),
    ("decisions-stored", ["DELETE FROM decision"]),
    ("decisions-stored", ["DELETE FROM release"]),
    ("openings-tie", [f"INSERT INTO opening_number VALUES (1, '{s.T}', '{s.E}', 'OLD', 7, '2025-12-31', 'main')"]),
    ("openings-tie", [f"INSERT INTO opening_balance VALUES (1, '{s.T}', '{s.E}', 'main', '1200', 'EUR', 5, 5)"]),
    ("openings-tie", ["UPDATE entry SET kind = 'opening', document = 98 WHERE id = 2"]),
]


def failing(reader: Reader) -> set[str]:
    return {name for name, check in checks.ALL.items() if check(reader, s.T)}


@pytest.fixture(scope="module")
def company(module_database_url: str) -> Iterator[Books]:
    """The small company, which no test changes for good."""
    books = open_books(module_database_url)
    s.company(books)
    yield books
    books.close()


@pytest.fixture
def plant(company: Books) -> Iterator[Plant]:
    """A function that changes the books past their writer, and reads them; all of it is taken back at the end."""
    with company._engine.connect() as connection, connection.begin() as transaction:

        def change(statements: Sequence[str]) -> Reader:
            for statement in statements:
                assert connection.exec_driver_sql(statement).rowcount > 0
            return Reader(connection)

        yield change
        transaction.rollback()


def test_good_books_pass(company: Books) -> None:
    with company.reader() as reader:
        assert failing(reader) == set()


def test_empty_books_pass(books: Books) -> None:
    with books.reader() as reader:
        assert failing(reader) == set()


def test_every_check_has_a_fault() -> None:
    assert FAULTS.keys() == checks.ALL.keys()


@pytest.mark.parametrize("name", FAULTS)
def test_a_check_finds_its_fault(plant: Plant, name: str) -> None:
    """Every one of them is a row changed by hand as well, which the chain says of it.  It is no fault of another tenant."""
    reader = plant(FAULTS[name])
    assert failing(reader) | {"chain"} == {name, "chain"}
    assert checks.ALL[name](reader, "somebody else") == []


@pytest.mark.parametrize(("name", "statements"), MORE)
def test_a_check_finds_other_faults(plant: Plant, name: str, statements: Sequence[str]) -> None:
    assert checks.ALL[name](plant(statements), s.T) != []


def test_credits_and_late_usage_are_no_faults(books: Books) -> None:
    """Days that were given back are charged again on other terms; late usage is a line of its own for its stretch."""
    ids = s.company(books)
    parent, tenth = ids["S-parent"], date(2026, 1, 10)
    used = {"charge": "calls", "charge_id": 2, "kind": "usage"}
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        writer.put_usage([s.usage(parent, "late", tenth)])
        high = writer.roll_up_usage(s.T)
        again = [
            s.charge(parent, (tenth, s.FEB), "-7", credits=11),
            s.charge(parent, (tenth, s.FEB), "9", plan="yearly"),
            s.charge(parent, amount="0.2", usage_after=10, usage_to=high, events=1, **used),
            s.charge(parent, (s.FEB, s.MAR), "3", usage_to=high, **used),
        ]
        s.issue(writer, 3, again, s.FEB, group_key="again")
    with books.reader() as reader:
        assert failing(reader) == set()
