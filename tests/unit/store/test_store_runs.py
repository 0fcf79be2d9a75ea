"""Runs, partitions, findings; releases and decisions, stored once."""

from __future__ import annotations

import pytest

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.store.books import Books
from tests.unit.store import sample as s

KEY = (s.T, "bill", "2026-01-01", "all")


def start(books: Books, release: str = "r-1") -> tuple[int, bool]:
    with books.writer(s.CHANGE) as writer:
        run = writer.start_run(*KEY, release, {"usage": 7})
        return run.id, run.new


def test_a_run_is_started_once(books: Books) -> None:
    first, again = start(books), start(books, "r-2")
    assert first[1] and again == (first[0], False)
    with books.reader() as reader:
        run = reader.find_run(*KEY)
        assert run == reader.run(first[0]) == reader.runs(s.T)[0]
        assert run is not None
        assert (run.release, run.state, run.parameters, run.who) == ("r-1", "running", {"usage": 7}, "ada")
        assert reader.run(99) is None and reader.find_run(s.T, "bill", "x", "all") is None


@pytest.mark.on_sqlite
def test_runs_are_read_back_as_far_as_they_are_asked_for(books: Books) -> None:
    with books.writer(s.CHANGE) as writer:
        ids = [writer.start_run("acme", "bill", f"day {n}", ("all", "account:A")[n % 2], "r-1").id for n in range(230)]
        other = writer.start_run("acme", "match", "day 1", "all", "r-1").id
    with books.reader() as reader:
        assert [run.id for run in reader.runs_back("acme", "bill")] == ids[::-1]
        assert [run.id for run in reader.runs_back("acme", "bill", ("all",), ids[9])] == ids[8::-2]
        assert [run.id for run in reader.runs_back("acme", "match", newest=other)] == [other]
        assert list(reader.runs_back("other", "bill")) == []


def test_a_partition_is_done_once_with_its_rows(books: Books) -> None:
    run, _ = start(books)
    with books.writer(s.CHANGE, run) as writer:
        assert writer.add_partitions(run, [(1, s.E, "a", "m"), (2, s.E, "n", "z")]) == 2
        assert writer.add_partitions(run, [(1, s.E, "x", "y"), (3, s.E, "zz", "zz")]) == 1
    finding = Finding(Code("x.y", "meaning"), Where("f", 1, 2), "what", subject="account/a")
    with books.writer(s.CHANGE, run) as writer:
        claimed = writer.claim_partition(run, 1)
        assert claimed is not None and (claimed.low, claimed.high) == ("a", "m")
        writer.add_findings(s.T, [finding])
        writer.finish_partition(run, 1, {"invoices": 3})
    with books.writer(s.CHANGE, run) as writer:
        assert writer.claim_partition(run, 1) is None
    with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE, run) as writer:
        writer.add_findings(s.T, [finding])
        writer.finish_partition(run, 1, {"invoices": 3})
    assert caught.value.findings[0].code == "store.partition-done"
    with books.reader() as reader:
        assert [(p.number, p.state, p.summary) for p in reader.partitions(run)] == [
            (1, "done", {"invoices": 3}),
            (2, "open", {}),
            (3, "open", {}),
        ]
        (kept,) = reader.findings(s.T, run)
        assert (kept.code, str(kept.where), kept.what, kept.subject) == ("x.y", "f:1:2", "what", "account/a")


def test_no_partition_of_a_run_that_was_given_up_is_written(books: Books) -> None:
    run, _ = start(books)
    with books.writer(s.CHANGE, run) as writer:
        writer.add_partitions(run, [(1, s.E, "a", "m"), (2, s.E, "n", "z")])
        writer.finish_partition(run, 1, {})
    with books.writer(s.CHANGE, run) as writer:
        assert writer.lock_run(run).state == "running"
        writer.finish_run(run, {}, state="failed")
        assert writer.lock_run(run).state == "failed"
    with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE, run) as writer:
        assert writer.claim_partition(run, 1) is None
        writer.claim_partition(run, 2)
    assert caught.value.findings[0].code == "store.run-ended"
    with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE, run) as writer:
        writer.lock_run(99)
    assert caught.value.findings[0].code == "store.unknown-run"


def test_an_error_that_is_swallowed_does_not_save_half(books: Books) -> None:
    run, _ = start(books)
    with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE, run) as writer:
        writer.add_findings(s.T, [Finding("x.y", Where("f"), "what")])
        with pytest.raises(TollbookError):
            writer.finish_partition(run, 9, {})
    assert caught.value.findings[0].code == "store.spoilt"
    with books.reader() as reader:
        assert reader.findings(s.T, run) == []


def test_a_run_ends_and_may_go_on(books: Books) -> None:
    run, _ = start(books)
    for state in ("failed", "done"):
        with books.writer(s.CHANGE) as writer:
            writer.finish_run(run, {"invoices": 3}, state)
        with books.reader() as reader:
            found = reader.run(run)
            assert found is not None and (found.state, found.summary) == (state, {"invoices": 3})
            assert found.finished_at == s.CHANGE.at
        with books.writer(s.CHANGE) as writer:
            writer.resume_run(run)
    with books.reader() as reader:
        found = reader.run(run)
        assert found is not None and found.state == "running" and found.finished_at is None
    for change in ("finish_run", "resume_run"):
        with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE) as writer:
            getattr(writer, change)(99, *([{}] if change == "finish_run" else []))
        assert caught.value.findings[0].code == "store.unknown-run"


def test_releases_and_decisions_are_kept_once(books: Books) -> None:
    files = {"rules/a.yaml": "ä: 1".encode(), "rules/b.yaml": b"b: 2"}
    for n in range(2):
        with books.writer(s.CHANGE, tenant=s.T) as writer:
            assert writer.store_release(s.T, "r-1", files, {"pricing/a": {"floor": 5}}, {"tax": "1.0"}) is (n == 0)
            assert writer.store_decisions([s.decision(), s.decision(78)]) == (2 if n == 0 else 0)
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        assert writer.store_release(s.T, "r-2", {**files, "rules/b.yaml": b"b: 3"})
    with books.reader() as reader:
        release = reader.release(s.T, "r-1")
        assert release is not None
        assert release["contents"] == {"rules/a.yaml": "ä: 1", "rules/b.yaml": "b: 2"}
        assert release["manifest"]["overrides"] == {"pricing/a": {"floor": 5}}
        assert len(reader.releases(s.T)) == 2 and reader.release("other", "r-1") is None
        assert reader.decisions([s.DECISION, 78, 79]).keys() == {s.DECISION, 78}
        decision = reader.decision(s.DECISION)
        assert decision is not None
        assert (decision["file"], decision["line"]) == ("rules/pricing/base.yaml", 7)
        assert decision["terms"] == {"method": "flat", "unit": {"EUR": "9.5"}}


def test_import_files_are_noted(books: Books) -> None:
    with books.writer(s.CHANGE) as writer:
        writer.note_intake(s.T, "usage.csv", "ab" * 32, 10, 2)
    with books.reader() as reader:
        (noted,) = reader.intake_files(s.T)
        assert (noted["name"], noted["loaded"], noted["quarantined"]) == ("usage.csv", 10, 2)
