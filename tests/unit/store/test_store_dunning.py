"""The checks of dunning see what somebody has changed behind the back of the books."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
import sqlalchemy as sa

from engine.model.dunning import Claim
from engine.store.books import Books, open_books
from engine.store.tables import DUNNING_STEP
from engine.store.writing.dunning import Note, TakenStep
from tests.unit.store import sample as s

STEP = TakenStep(
    *(
        s.E,
        "parent",
        "EUR",
        0,
        1,
        "first",
        1,
        s.JAN,
        s.JAN,
        "notice",
        "reminder",
        "",
        {},
        Decimal(1),
        s.JAN,
        [],
        {},
        "",
        0,
    )
)


@pytest.fixture
def steps(lite: str) -> Books:
    """Books with two steps of an account."""
    books = open_books(lite)
    s.company(books)
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        writer.take_step(s.T, STEP, [Claim(1, "late_fee", "fee", s.JAN, s.JAN, Decimal(1), "")])
        second = msgspec.structs.replace(STEP, step="second", number=2, day=s.JAN + timedelta(9))
        writer.take_step(s.T, second, [])
        writer.note_dunning(s.T, Note(s.E, "h", "hold", "parent", s.JAN))
    return books


def found(books: Books) -> list[str]:
    """What the check says."""
    from engine.store.checks.dunning import dunning_ties

    with books.reader() as reader:
        return [one.what for one in dunning_ties(reader, s.T)]


def test_what_is_whole_is_not_told(steps: Books) -> None:
    assert found(steps) == []
    steps.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (sa.update(DUNNING_STEP).where(DUNNING_STEP.c.step == "second").values(number=3), "step 3 of parent"),
        (sa.delete(DUNNING_STEP).where(DUNNING_STEP.c.step == "first"), "is the 1. that was taken"),
        (sa.update(DUNNING_STEP).where(DUNNING_STEP.c.step == "first").values(day=s.APR), "before the one before it"),
        (sa.update(DUNNING_STEP).where(DUNNING_STEP.c.step == "first").values(effect="x"), "not in the outbox"),
        (sa.text("update dunning_claim set document = 99"), "debit note 99 comes to None"),
        (sa.text("update dunning_claim set step_id = 99"), "is of no step"),
        (sa.text("update dunning_note set ends = 99"), "ends something that is not there"),
    ],
)
def test_what_was_changed_is_told(steps: Books, change: sa.Executable, said: str) -> None:
    with steps.writer(s.CHANGE, tenant=s.T) as writer:
        writer.connection.execute(change)
    assert any(said in what for what in found(steps)), found(steps)
    steps.close()
