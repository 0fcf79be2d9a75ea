"""What was written stays as it was written, or `verify` names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from engine.app import App
from engine.store import bulk
from engine.store import tables as t
from engine.store.books import open_books
from engine.store.checks.chain import chain, head, narrow
from engine.store.migrations import configuration
from engine.store.seals import ADDED, Seal, link
from tests import stories


@pytest.fixture
def app(tmp_path: Path, database_url: str) -> Any:
    """A company that was billed and delivered once."""
    folder = stories.write(tmp_path)
    with stories.opened(folder, database_url, runs__partition_size="2") as opened:
        stories.load(opened, folder / "data")
        stories.bill(opened, "2026-02-01")
        opened.deliver(stories.CHANGE, limit=100)
        yield opened


def by_hand(app: App, change: Callable[[sa.Connection], object]) -> list[tuple[str, str, str]]:
    """What the chain says after a change past the books, once for each code and place."""
    with app.books._connect(write=True) as connection, connection.begin():
        change(connection)
    found = app.verify(["chain"])["chain"]
    return [(str(f.code), str(f.where), f.what) for f in found]


@pytest.mark.capability("A8.2")
def test_books_that_nobody_touched_are_whole(app: App) -> None:
    """Masters that changed since, effects that were told: all is as the verbs left it, and the head can be noted."""
    assert app.verify() == dict.fromkeys(app.verify(), ())
    with app.books.reader() as reader:
        position, hashed = head(reader, app.tenant)
        assert position > 5 and len(hashed) == 64
        assert head(reader, "nobody") == (0, "")


PLANTED = {
    "posting": (sa.update(t.POSTING).where(t.POSTING.c.account == "4000").values(account="4711"), "audit.row-changed"),
    "usage_event": (
        sa.update(t.USAGE_EVENT).where(t.USAGE_EVENT.c.key == "c7").values(quantity=99),
        "audit.row-changed",
    ),
    "account": (sa.update(t.ACCOUNT).where(t.ACCOUNT.c.key == "A2").values(country="DE"), "audit.row-changed"),
    "invoice": (sa.delete(t.INVOICE).where(t.INVOICE.c.payer == "A1"), "audit.row-changed"),
    "subscription_event": (
        sa.update(t.SUBSCRIPTION_EVENT).where(t.SUBSCRIPTION_EVENT.c.key == "1").values(quantity=1),
        "audit.row-changed",
    ),
    "effect": (sa.update(t.EFFECT).values(adapter="none"), "audit.row-changed"),
    "fx_rate": (sa.update(t.FX_RATE).where(t.FX_RATE.c.quote == "USD").values(rate=2), "audit.row-changed"),
    "finding": (sa.delete(t.FINDING), "audit.row-changed"),
}


@pytest.mark.capability("A8.2")
@pytest.mark.parametrize("table", PLANTED)
def test_a_row_changed_by_hand_is_named(app: App, table: str) -> None:
    """A change of one old row that leaves every sum right is found, and named by its table and key."""
    statement, code = PLANTED[table]
    told = by_hand(app, lambda connection: connection.execute(statement))
    assert told and {c for c, _, _ in told} == {code}
    assert all(place.startswith(f"{table}/") for _, place, _ in told)


def test_the_row_itself_is_named(app: App) -> None:
    """Masters, invoices and audit rows have a digest each, so that the very row is named."""
    mine = t.AUDIT.c.subject == "subscriptions"
    with app.books.reader() as reader:
        (ident,) = reader.connection.execute(sa.select(t.AUDIT.c.id).where(mine)).scalars()
    told = by_hand(app, lambda connection: connection.execute(sa.update(t.AUDIT).where(mine).values(who="eve")))
    assert told == [("audit.row-changed", f"audit/{ident}", f"the row {ident} of audit is not as it was written")]


def test_a_row_slipped_in_is_named(app: App) -> None:
    """A row that no link knows was written past the books."""
    with app.books.reader() as reader:
        row = dict(reader.connection.execute(sa.select(t.USAGE_EVENT).limit(1)).mappings().one())
    told = by_hand(app, lambda c: c.execute(sa.insert(t.USAGE_EVENT), {**row, "id": 10**6, "key": "extra"}))
    assert told == [("audit.not-sealed", "usage_event/1000000", "the row 1000000 of usage_event was never sealed")]


@pytest.mark.parametrize("what", ["removed", "rewritten", "last hash"])
def test_a_changed_chain_is_named(app: App, what: str) -> None:
    """Links follow one another; one that is missing or was made anew breaks what comes after it."""
    link = t.CHAIN.c
    statement: Any = {
        "removed": sa.delete(t.CHAIN).where(link.position == 3),
        "rewritten": sa.update(t.CHAIN).where(link.position == 3).values(seals=[]),
        "last hash": sa.update(t.CHAIN).where(link.position == 3).values(hash="0" * 64),
    }[what]
    told = by_hand(app, lambda connection: connection.execute(statement))
    broken = [place for code, place, _ in told if code == "audit.chain-broken"]
    assert broken == {"removed": ["chain/4"], "rewritten": ["chain/3"], "last hash": ["chain/3", "chain/4"]}[what]


def test_rows_are_sealed_in_the_order_in_which_they_are_read() -> None:
    """Invoices come sorted by series, so that their ids do not rise; a stream that does not rise cannot be sealed."""
    seal = Seal(t.INVOICE)
    assert list(seal.watch([(7, "b"), (5, "a")])) == [(5, "a"), (7, "b")]
    assert (seal.first, seal.last, seal.rows) == (5, 7, 2)
    streamed = ((n,) for n in (*range(1, 1001), 3))
    with pytest.raises(ValueError, match="out of order"):
        list(Seal(t.USAGE_EVENT).watch(streamed))


def test_rows_that_were_sealed_before_their_table_got_columns_are_whole(database_url: str) -> None:
    """Books of an older version: their seals do not say how many columns there were, and hold after the migration."""
    books = open_books(database_url)
    try:
        with books._connect(write=True) as connection, connection.begin():
            command.downgrade(configuration(connection), "0007")
            older = narrow(t.CHARGE, len(t.CHARGE.columns) - len(ADDED["charge"]))
            seal = Seal(older)
            row = (1, "acme", "team", "base", "Base", "recurring", "advance", 1, None, "unit", "", "standard", True)
            bulk.insert(connection, older, seal.watch([row]), seal)
            told = {name: value for name, value in seal.told().items() if name != "columns"}
            link(connection, "acme", [told])
        books.migrate()
        with books.reader() as reader:
            assert chain(reader, "acme") == []
            assert reader.catalogue("acme") == {}
            (charge,) = reader.rows(sa.select(t.CHARGE))
            assert (charge.days, charge.cycles_from, charge.zero_lines) == (0, "subscription", False)
        with books._connect(write=True) as connection, connection.begin():
            connection.execute(sa.update(t.CHARGE).values(days=7))
        with books.reader() as reader:
            (finding,) = chain(reader, "acme")
            assert str(finding.code) == "audit.row-changed" and "a column that came later is filled" in finding.what
        with books._connect(write=True) as connection, connection.begin():
            connection.execute(sa.update(t.CHARGE).values(days=0, months=2))
        with books.reader() as reader:
            assert [str(finding.code) for finding in chain(reader, "acme")] == ["audit.row-changed"]
    finally:
        books.close()
