"""Approvals in the books: one of a subject is pending, decided once whoever comes at once, and audited."""

from __future__ import annotations

import threading

import pytest

from engine.base.errors import TollbookError
from engine.model.approval import APPROVED, REJECTED, Approval
from engine.model.journal import Change
from engine.store.books import Books
from engine.store.writing.approvals import digest
from tests.unit.store import sample as s

ADA, BOB = s.CHANGE, Change("bob", s.CHANGE.at, "looks right")


def propose(books: Books, subject: str = "E1/2026-01", content: str = '{"n":1}', change: Change = ADA) -> Approval:
    with books.writer(change) as writer:
        return writer.propose(s.T, "open-period", subject, content)


def decide(books: Books, number: int, state: str, change: Change = BOB) -> Approval:
    with books.writer(change) as writer:
        return writer.decide_approval(writer.lock_approval(s.T, number), state)  # type: ignore[arg-type]


def test_a_proposal_is_kept_as_it_was_made(books: Books) -> None:
    made = propose(books)
    with books.reader() as reader:
        assert reader.approval(s.T, made.id) == made
        assert reader.pending_approval(s.T, "open-period", "E1/2026-01") == made
        assert reader.approval("other", made.id) is None
    assert (made.key, made.state, made.maker, made.reason) == ("open-period/E1/2026-01/1", "pending", "ada", ADA.reason)
    assert made.sha256 == digest(s.T, "open-period", "E1/2026-01", "ada", '{"n":1}')


def test_one_of_a_subject_is_pending(books: Books) -> None:
    first = propose(books)
    assert propose(books, change=BOB) == first
    other = propose(books, "E1/2026-02")
    decide(books, first.id, REJECTED)
    again = propose(books)
    assert [a.key for a in (first, other, again)] == [
        "open-period/E1/2026-01/1",
        "open-period/E1/2026-02/1",
        "open-period/E1/2026-01/2",
    ]
    with books.reader() as reader:
        assert {a.id for a in reader.approvals(s.T, "pending")} == {other.id, again.id}
        assert len(reader.approvals(s.T)) == 3


def test_it_is_decided_once(books: Books) -> None:
    made = propose(books)
    done = decide(books, made.id, APPROVED)
    assert (done.state, done.checker, done.checked_at, done.check_reason) == ("approved", "bob", BOB.at, "looks right")
    for state in (APPROVED, REJECTED):
        with pytest.raises(TollbookError) as caught:
            decide(books, made.id, state)
        assert caught.value.findings[0].code == "approval.decided"
    with pytest.raises(TollbookError) as caught:
        decide(books, 99, APPROVED)
    assert caught.value.findings[0].code == "approval.unknown"


@pytest.mark.capability("A8.2")
def test_every_step_is_audited(books: Books) -> None:
    made = propose(books)
    propose(books)
    decide(books, made.id, APPROVED)
    with books.reader() as reader:
        rows = reader.audit_rows(s.T, f"approval/{made.key}")
    assert [(r.action, r.who, r.reason) for r in rows] == [
        ("approve", "bob", "looks right"),
        ("propose", "ada", ADA.reason),
    ]
    assert rows[0].before == {"state": "pending", "maker": "ada", "sha256": made.sha256}
    assert rows[0].after == {"state": "approved", "reason": "looks right"}


def together(*works: object) -> list[object]:
    """What each of some functions gave or raised, begun at once in threads."""
    barrier, results = threading.Barrier(len(works)), [None] * len(works)

    def begin(number: int) -> None:
        barrier.wait(30)
        try:
            results[number] = works[number]()  # type: ignore[operator]
        except TollbookError as error:
            results[number] = error.findings[0].code

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    return list(results)


def test_of_many_checkers_at_once_one_decides(books: Books) -> None:
    made = propose(books)
    states = [APPROVED, REJECTED] * 3
    results = together(*(lambda state=state: decide(books, made.id, state) for state in states))
    won = [result for result in results if isinstance(result, Approval)]
    assert len(won) == 1
    assert [result for result in results if not isinstance(result, Approval)] == ["approval.decided"] * 5
    with books.reader() as reader:
        assert reader.approval(s.T, made.id) == won[0]
        assert len(reader.audit_rows(s.T, f"approval/{made.key}")) == 2


def test_of_many_makers_at_once_one_proposes(books: Books) -> None:
    results = together(*(lambda: propose(books) for _ in range(6)))
    assert len({result.id for result in results if isinstance(result, Approval)}) == 1
    with books.reader() as reader:
        assert len(reader.approvals(s.T)) == 1
