"""The outbox: claimed by one, answered once, back when nobody answered."""

from __future__ import annotations

import threading
from datetime import timedelta

import msgspec
import pytest

from engine.base.errors import TollbookError
from engine.model.effect import Answer, Effect
from engine.model.journal import Change
from engine.store.books import Books
from engine.store.records import OutboxEffect
from tests.unit.store import sample as s

MINUTE = timedelta(minutes=1)


def later(minutes: int) -> Change:
    return msgspec.structs.replace(s.CHANGE, at=s.CHANGE.at + minutes * MINUTE)


def fill(books: Books, *keys: str) -> None:
    with books.writer(s.CHANGE) as writer:
        writer.add_effects(s.T, s.E, [(Effect(key, "delivery", "invoice", {"n": key}), "file") for key in keys])


def claim(books: Books, minutes: int = 0, limit: int = 10) -> list[OutboxEffect]:
    with books.writer(later(minutes)) as writer:
        return writer.claim(s.T, "delivery", limit, 10 * MINUTE)


def state(books: Books, key: str) -> tuple[str, int]:
    with books.reader() as reader:
        (effect,) = reader.effects(s.T, [key])
        return effect.state, effect.attempts


def test_effects_go_out_oldest_first_and_once(books: Books) -> None:
    fill(books, "a", "b", "c")
    assert [effect.key for effect in claim(books, limit=2)] == ["a", "b"]
    (rest,) = claim(books)
    assert (rest.key, rest.payload, rest.adapter, rest.attempts) == ("c", {"n": "c"}, "file", 0)
    assert claim(books) == []
    assert state(books, "a") == ("pending", 1)


def test_what_nobody_answered_comes_back(books: Books) -> None:
    fill(books, "a")
    claim(books)
    assert claim(books, 9) == []
    (again,) = claim(books, 10)
    assert again.attempts == 1


def test_answers(books: Books) -> None:
    fill(books, "yes", "no", "again")
    claim(books)
    answers = [
        Answer("yes", "accepted", evidence={"file": "x.html"}),
        Answer("no", "rejected", "no address"),
        Answer("again", "retry", "busy"),
    ]
    with books.writer(later(1)) as writer:
        assert writer.answer(s.T, "delivery", answers, {"again": later(5).at}) == 3
    assert [state(books, key)[0] for key in ("yes", "no", "again")] == ["accepted", "rejected", "pending"]
    assert claim(books, 4) == []
    assert [effect.key for effect in claim(books, 5)] == ["again"]
    with books.reader() as reader:
        (told,) = reader.effects(s.T, ["yes"])
        assert told.answer == {"state": "accepted", "reason": "", "evidence": {"file": "x.html"}}
        assert reader.effect_counts(s.T) == {
            ("delivery", "accepted"): 1,
            ("delivery", "pending"): 1,
            ("delivery", "rejected"): 1,
        }
        assert [effect.key for effect in reader.pending(s.T, "delivery", later(60).at, 5)] == ["again"]


def test_an_effect_is_answered_once(books: Books) -> None:
    fill(books, "a")
    with books.writer(s.CHANGE) as writer:
        writer.answer(s.T, "delivery", [Answer("a", "accepted")])
    with books.writer(s.CHANGE) as writer:  # told twice, as after a claim that ran out
        assert writer.answer(s.T, "delivery", [Answer("a", "accepted"), Answer("a", "retry")]) == 0
    for answer in (Answer("a", "rejected"), Answer("nobody", "accepted")):
        with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE) as writer:
            writer.answer(s.T, "delivery", [answer])
        assert caught.value.findings[0].code == "outbox.unknown-effect"
    assert state(books, "a")[0] == "accepted"


def test_the_same_key_twice_is_refused(books: Books) -> None:
    fill(books, "a")
    with pytest.raises(TollbookError) as caught:
        fill(books, "b", "a")
    assert caught.value.findings[0].code == "store.duplicate"


def test_two_deliverers_share_the_work(books: Books) -> None:
    fill(books, *(f"{n:02}" for n in range(20)))
    got: list[str] = []

    def work() -> None:
        while found := claim(books, limit=3):
            got.extend(effect.key for effect in found)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(got) == [f"{n:02}" for n in range(20)]
