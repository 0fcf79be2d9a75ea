"""The comparison of books can fail: whatever is changed in them is seen, and what may differ is not."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from engine.store.books import open_books
from tests.faults import by_key
from tests.faults.trials import SCENARIOS, Yard

CHANGES = {
    "an amount": "UPDATE posting SET amount = amount + 1 WHERE entry_id = (SELECT max(entry_id) FROM posting) AND number = 1",
    "an account": "UPDATE posting SET account = '7900' WHERE entry_id = (SELECT max(entry_id) FROM posting) AND number = 1",
    "a line less": "DELETE FROM invoice_line WHERE id = (SELECT max(id) FROM invoice_line)",
    "a mark": "UPDATE billing_mark SET billed_to = '2026-05-01' WHERE subscription_id = 3",
    "an effect less": "DELETE FROM effect WHERE id = (SELECT max(id) FROM effect)",
    "an audit row of a document less": "DELETE FROM audit WHERE id = (SELECT max(id) FROM audit WHERE action = 'issue')",
    "a finding twice": (
        "INSERT INTO finding SELECT id + 1000, tenant, run_id, code, level, subject, place, what, why, mend, at"
        " FROM finding WHERE id = (SELECT max(id) FROM finding)"
    ),
    "a number": "UPDATE invoice SET sequence = sequence + 1 WHERE id = (SELECT max(id) FROM invoice)",
    "the end of a run": "UPDATE run SET state = 'running' WHERE id = (SELECT max(id) FROM run)",
    "a credit of another line": "UPDATE invoice_line SET credits = credits + 1 WHERE credits <> 0",
}


def changed(url: str, statement: str) -> int:
    """How many rows a statement changed past the writer."""
    books = open_books(url)
    try:
        with books._engine.begin() as connection:
            return connection.execute(sa.text(statement)).rowcount
    finally:
        books.close()


@pytest.mark.parametrize("yard", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(yard: Yard, name: str) -> None:
    url = yard.ground.copy("billed")
    before = yard.books(url)
    if name == "a credit of another line":
        yard.ground.drop(url)
        url = yard.ground.copy("ready")
        yard.run(url, SCENARIOS[0].words)
        before = yard.life(SCENARIOS[0]).books
    assert not [*by_key.differences(before, yard.books(url)), *by_key.gaps(url)]
    assert changed(url, CHANGES[name])
    assert [*by_key.differences(before, yard.books(url)), *by_key.gaps(url)]
    yard.ground.drop(url)


def test_ids_times_and_numbers_may_differ(yard: Yard) -> None:
    """Books that were written later, with other ids and times, are the same."""
    url = yard.ground.copy("ready")
    assert changed(url, "UPDATE id_block SET next = next + 1000")
    yard.run(url, SCENARIOS[0].words)
    assert by_key.differences(yard.life(SCENARIOS[0]).books, yard.books(url)) == []
    yard.ground.drop(url)


def test_both_databases_end_in_the_same_books(request: pytest.FixtureRequest, yard: Yard) -> None:
    """What SQLite and PostgreSQL are left with is the same, table by table."""
    yards: dict[str, Yard] = request.getfixturevalue("_yards")
    if len(yards) < 2:
        pytest.skip("the other database comes first")
    first, second = (one.life(SCENARIOS[0]).books for one in yards.values())
    assert by_key.differences(first, second) == []
