"""Drafts that are reviewed: kept, not numbered, not posted; issued as they were approved, or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.model.draft import Reviewed
from engine.model.journal import Change
from engine.store.writer import Writer
from tests import stories
from tests.golden.test_conditions import CLEO, TWO
from tests.golden.test_lateness import rule
from tests.unit.runs.test_work import all_worked

ADA = stories.CHANGE
USAGE = "entity,subscription,meter,key,at,quantity"
TWO_DRAFTS = {**TWO, "approvals": "{approve-draft: [head]}"}


def reviewing(*rules: str) -> dict[str, str]:
    """Invoicing rules that are asked before the shipped one."""
    text = "ruleset: invoicing/acme\npriority: 10\neffective: {from: 2020-01-01}\nrules:\n"
    lines = [
        f"  - {{id: r{n}, when: {when}, then: {{review: {why}}}}}"
        for n, (when, why) in enumerate(map(_split, rules), 1)
    ]
    return {"invoicing/acme.yaml": text + "\n".join(lines) + "\n"}


def _split(rule: str) -> tuple[str, str]:
    when, _, why = rule.partition(" => ")
    return when, why


def drafts(app: App, state: str = "") -> list[tuple[int, str, str, str]]:
    return [(d.id, d.payer, str(d.period), d.state) for d in app.review.drafts.listed(state)]


def numbers(app: App) -> list[tuple[str, str, str]]:
    return sorted((i["payer"], str(i["invoice_date"]), f"{i['net'].normalize():f}") for i in stories.invoices(app))


def codes(report: Any) -> set[str]:
    return {f.code for f in report.findings if f.code.startswith("draft.")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return stories.write(tmp_path, rules=reviewing('account.key == "A1" and net > 100 => a large bill'))


@pytest.mark.capability("A3.2")
def test_a_reviewed_bill_is_issued_as_it_was_approved(folder: Path, database_url: str) -> None:
    """The draft of A1 has no number, no posting, no document; the others are billed. Approved by a second person, the worker
    issues it on its date, with the lines that an unreviewed run bills."""
    with stories.opened(folder, database_url, **TWO_DRAFTS) as app:
        stories.load(app, folder / "data")
        dry = stories.bill(app, "2026-02-01", dry_run=True)
        assert codes(dry) == {"draft.under-review"} and drafts(app) == []
        report = stories.bill(app, "2026-02-01")
        assert codes(report) == {"draft.under-review"}
        assert {payer for payer, _, _ in numbers(app)} == {"A2", "A3"}
        assert drafts(app) == [(1, "A1", "2026-02-01", "open")]
        held = app.explain("held:E1/A1")
        said = [(step.name, dict(step.details)) for step in held.steps]
        assert [name for name, _ in said] == ["draft", "invoicing asked"] and held.text == "its bill is held"
        assert said[0][1]["since"].endswith("run 2 of 2026-02-01") and "drafts approve 1" in said[0][1]["released by"]
        assert "net > 100" in said[1][1]["rule r1"]
        assert app.explain("held:E1/A2").text == "nothing is owed"
        with pytest.raises(TollbookError, match="E1 has no account 'A9'"):
            app.explain("held:E1/A9")
        shown = app.review.drafts.one(1)
        assert shown["why"] == "a large bill" and shown["rule"].startswith("rule r1 of invoicing/acme at ")
        (document,) = shown["content"]
        assert sum(Decimal(line["amount"]) for line in document["lines"]) == Decimal(document["net"])
        assert stories.bill(app, "2026-02-01").repeated
        again = stories.bill(app, "2026-02-02")  # it is the same bill still
        assert codes(again) == {"draft.under-review"} and drafts(app) == [(1, "A1", "2026-02-01", "open")]

        with pytest.raises(TollbookError, match="draft 1 of A1 is open"):
            app.review.drafts.issue(1, ADA)
        proposed = app.review.drafts.approve(1, ADA)
        assert proposed.approval is not None and not proposed.done
        with pytest.raises(TollbookError, match="has proposed"):
            app.approvals.approve(proposed.approval.id, ADA)
        app.approvals.approve(proposed.approval.id, CLEO)
        assert drafts(app) == [(1, "A1", "2026-02-01", "approved")]
        (worked,) = all_worked(app)
        assert (worked.request.state, worked.request.schedule, worked.request.who) == ("done", "draft/1", "ada")
        assert drafts(app) == [(1, "A1", "2026-02-01", "issued")]
        assert app.review.drafts.issue(1, ADA).repeated
        billed = [one for one in stories.invoices(app) if one["payer"] == "A1"]
        assert all(found == () for found in app.verify().values())
        assert codes(stories.bill(app, "2026-02-03")) == set()
    (folder / "plain").mkdir()
    plain = stories.write(folder / "plain")
    with stories.opened(plain, f"sqlite:///{plain}/b.db") as other:
        stories.load(other, plain / "data")
        stories.bill(other, "2026-02-01")
        (unreviewed,) = [one for one in stories.invoices(other) if one["payer"] == "A1"]
    (one,) = billed
    assert [line["amount"] for line in one["lines"]] == [line["amount"] for line in unreviewed["lines"]]
    assert (one["invoice_date"], one["total"]) == (unreviewed["invoice_date"], unreviewed["total"])


def test_what_changed_since_it_was_approved_is_reviewed_anew(folder: Path, sqlite_url: str) -> None:
    """A price that turned after the draft was approved: nothing is issued, the approval has lapsed, and the worker that comes to it
    makes a draft of what is owed now."""
    prices = folder / "rules" / "pricing" / "acme.yaml"
    with stories.opened(folder, sqlite_url, **TWO_DRAFTS) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        first = app.review.drafts.approve(1, ADA)
        assert first.approval is not None
        prices.write_text(stories.PRICES.replace("31 EUR", "32 EUR"))
    with stories.opened(folder, sqlite_url, **TWO_DRAFTS) as app:
        stories.bill(app, "2026-02-02")
        assert drafts(app) == [(1, "A1", "2026-02-01", "lapsed"), (2, "A1", "2026-02-02", "open")]
        with pytest.raises(TollbookError, match="has lapsed: draft 1 of A1 is lapsed"):
            app.approvals.approve(first.approval.id, CLEO)
        second = app.review.drafts.approve(2, ADA)
        assert second.approval is not None
        app.approvals.approve(second.approval.id, CLEO)
        prices.write_text(stories.PRICES.replace("31 EUR", "33 EUR"))
        (worked,) = all_worked(app)
        assert worked.request.state == "done" and {f.code for f in worked.met} >= {
            "draft.changed",
            "draft.under-review",
        }
        assert [state for _, _, _, state in drafts(app)] == ["lapsed", "lapsed", "open"]
        assert {payer for payer, _, _ in numbers(app)} == {"A2", "A3"}
        nets = [d.net["EUR"] for d in app.review.drafts.listed("")]
        assert nets[0] < nets[1] < nets[2]
        assert all(found == () for found in app.verify().values())


UNION = """
ruleset: tax_evidence/union
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: refused, when: tax_id_later == "invalid", then: {treat: %s, note: the number is not registered}}
  - {id: good, then: {treat: as_is}}
"""
WORDS = {"consumer": "taxed as a consumer", "hold": "held"}
ANSWER = "entity,account,key,kind,country,tax_id,valid,checked_on,reference,source"


@pytest.mark.capability("A5.5")
@pytest.mark.parametrize("treat", ["consumer", "hold"])
def test_a_tax_id_that_is_no_good_any_more_is_for_a_rule_to_judge(tmp_path: Path, sqlite_url: str, treat: str) -> None:
    """Between draft and issue the authority takes the number back, on a day after the tax point."""
    folder = stories.write(
        tmp_path,
        rules={**reviewing("net > 0 => a first bill"), "tax_evidence/union.yaml": UNION % treat},
        accounts=("entity,key,name,country,tax_id,currency,zone", "E1,A1,One,DE,DE999999999,EUR,Europe/Amsterdam"),
        subscriptions=("entity,key,account,anchor_day", "E1,S1,A1,1"),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            "E1,S1,1,start,2026-01-01,team,1",
        ),
        usage=(USAGE,),
        tax_evidence=(ANSWER, "E1,A1,v1,tax_id,DE,DE999999999,true,2025-12-31,W1,VIES"),
    )
    with stories.opened(folder, sqlite_url, **TWO_DRAFTS) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        first = app.review.drafts.approve(1, ADA)
        assert first.approval is not None
        answer = (ANSWER, "E1,A1,v2,tax_id,DE,DE999999999,false,2026-01-02,W2,VIES")
        stories.load(app, stories.deliver(folder, "answer", tax_evidence=answer))
        app.approvals.approve(first.approval.id, CLEO)
        (worked,) = all_worked(app)
        billed = [(one["net"], one["tax"]) for one in stories.invoices(app)]
        assert billed == ([(Decimal(140), Decimal("26.60"))] if treat == "consumer" else [])
        assert f"A1 is {WORDS[treat]}: the number is not registered" in str(worked.met)


def late(app: App, folder: Path, key: str, day: str = "2026-01-20") -> None:
    usage = (USAGE, f"E1,S5,calls,{key},{day}T10:00:00+01:00,7")
    assert stories.load(app, stories.deliver(folder, key, usage=usage)).findings == ()


def ends(app: App) -> list[tuple[str, str]]:
    return sorted((one["key"], one["disposition"]) for one in app.worklist.late())


@pytest.mark.capability("A2.5")
def test_late_usage_leaves_a_draft_as_it_is_and_is_on_the_next_bill(folder: Path, sqlite_url: str) -> None:
    """With the policy next_bill the approval holds though usage came since; the next run bills it, as late usage, once."""
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        late(app, folder, "l1")
        report = stories.bill(app, "2026-02-02")
        assert codes(report) == {"draft.under-review", "draft.usage-kept-out"}
        assert drafts(app) == [(1, "A1", "2026-02-01", "open")] and ends(app) == []
        assert app.review.drafts.approve(1, ADA).done
        assert app.review.drafts.issue(1, ADA).counts["invoices"] == 1
        calls = [
            line["amount"]
            for i in stories.invoices(app)
            if i["payer"] == "A1"
            for line in i["lines"]
            if line["charge"] == "calls"
        ]
        assert calls == [Decimal("12.50")]  # 100 at 0.10, 50 at 0.05
        assert ends(app) == []
        stories.bill(app, "2026-02-03")
        assert ends(app) == [("l1", "next_bill")]
        calls = [line["amount"] for i in stories.invoices(app) for line in i["lines"] if line["charge"] == "calls"]
        assert sorted(calls) == [Decimal("0.35"), Decimal("12.50")]
        stories.bill(app, "2026-02-04")
        assert ends(app) == [("l1", "next_bill")]
        assert all(found == () for found in app.verify().values())


@pytest.mark.capability("A2.5")
def test_late_usage_reopens_a_draft_where_a_rule_says_so(tmp_path: Path, sqlite_url: str) -> None:
    """With the policy reopen the draft is made anew with the event, which ends there, once; what comes after the invoice is
    on the next bill."""
    rules = {**reviewing('account.key == "A1" and net > 20 => a large bill'), **rule("{policy: reopen}")}
    folder = stories.write(tmp_path, rules=rules)
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        assert app.review.drafts.approve(1, ADA).done
        late(app, folder, "l1")
        report = app.review.drafts.issue(1, ADA)
        assert codes(report) == {"draft.changed", "draft.under-review"} and report.counts["invoices"] == 0
        assert drafts(app) == [(1, "A1", "2026-02-01", "lapsed"), (2, "A1", "2026-02-01", "open")]
        assert ends(app) == [("l1", "reopen")]
        assert [one["amount"] for one in app.worklist.late()] == [Decimal("0.35")]
        told = [step.text for step in app.explain("usage:E1/S5/calls/l1").steps]
        assert any("the draft that was under review was made anew with it" in text for text in told)
        assert codes(stories.bill(app, "2026-02-02")) == {"draft.under-review"} and len(drafts(app)) == 2
        late(app, folder, "february", "2026-02-02")  # of a month that is not billed yet: it is not late
        assert app.review.drafts.approve(2, ADA).done
        assert app.review.drafts.issue(2, ADA).counts["invoices"] == 1
        assert ends(app) == [("l1", "reopen")]
        late(app, folder, "l2")
        stories.bill(app, "2026-02-03")
        assert ends(app) == [("l1", "reopen"), ("l2", "next_bill")]
        stories.bill(app, "2026-03-01")
        (third,) = app.review.drafts.listed()
        assert third.payer == "A1" and app.review.drafts.approve(third.id, ADA).done
        app.review.drafts.issue(third.id, ADA)
        calls = [line["amount"] for i in stories.invoices(app) for line in i["lines"] if line["charge"] == "calls"]
        assert sorted(calls) == [Decimal("0.35"), Decimal("0.70"), Decimal("12.85")]
        assert ends(app) == [("l1", "reopen"), ("l2", "next_bill")]
        assert all(found == () for found in app.verify().values())


def test_a_run_that_dies_while_it_writes_leaves_no_draft(
    folder: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft is kept in the transaction of its partition: killed before it ends there is none, resumed there is one."""
    whole = Writer.finish_partition

    def dying(self: Writer, *given: Any) -> None:
        raise RuntimeError("killed")

    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        monkeypatch.setattr(Writer, "finish_partition", dying)
        with pytest.raises(RuntimeError):
            stories.bill(app, "2026-02-01")
        assert drafts(app) == [] and numbers(app) == []
        monkeypatch.setattr(Writer, "finish_partition", whole)
        run = next(run for run in app.runs() if run.kind == "bill")
        assert app.resume(run.id, ADA).state == "done"
        ((number, *told),) = drafts(app)  # on PostgreSQL the number of the one that was not kept is gone
        assert told == ["A1", "2026-02-01", "open"] and app.review.drafts.approve(number, ADA).done
        monkeypatch.setattr(Writer, "finish_partition", dying)
        with pytest.raises(RuntimeError):
            app.review.drafts.issue(number, ADA)
        assert drafts(app) == [(number, "A1", "2026-02-01", "approved")]
        monkeypatch.setattr(Writer, "finish_partition", whole)
        (worked,) = all_worked(app)
        assert worked.request.state == "done" and drafts(app) == [(number, "A1", "2026-02-01", "issued")]
        assert all(found == () for found in app.verify().values())


def test_a_rejected_draft_waits_until_it_is_mended(folder: Path, sqlite_url: str) -> None:
    bob = Change("bob", datetime(2026, 2, 1, 10, tzinfo=UTC), "the price is wrong")
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        rejected = app.review.drafts.reject(1, "bob", bob)
        (item,) = app.worklist.listed()
        assert (item.id, item.kind, item.owner, item.state) == (rejected.item, "draft-rejected", "bob", "assigned")
        assert item.difference.endswith("was rejected: the price is wrong")
        for decide in (app.review.drafts.approve, lambda n, change: app.review.drafts.reject(n, "", change)):
            with pytest.raises(TollbookError, match="draft 1 of A1 is rejected by bob: the price is wrong"):
                decide(1, ADA)
        assert codes(stories.bill(app, "2026-02-02")) == {"draft.rejected"}
        app.worklist.resolve(item.id, "accepted", bob)
        assert codes(stories.bill(app, "2026-02-03")) == {"draft.under-review"}
        assert drafts(app) == [(1, "A1", "2026-02-01", "lapsed"), (2, "A1", "2026-02-03", "open")]
        rejected = app.review.drafts.reject(2, "bob", bob)
        path = folder / "rules" / "pricing" / "acme.yaml"
        path.write_text(path.read_text().replace("31 EUR", "30 EUR"))
    with stories.opened(folder, sqlite_url) as app:
        assert codes(stories.bill(app, "2026-02-04")) == {"draft.under-review", "draft.changed"}
        assert [(i.state, i.resolution) for i in app.worklist.listed("")] == [
            ("resolved", "accepted"),
            ("resolved", "gone"),
        ]
        assert app.review.drafts.approve(3, ADA).done
        assert app.review.drafts.issue(3, ADA).counts["invoices"] == 1
        (worked,) = all_worked(app)  # what is in the queue finds it done
        assert worked.request.state == "done"
        assert [payer for payer, _, _ in numbers(app)].count("A1") == 1
        assert all(found == () for found in app.verify().values())


def test_a_rule_sees_what_was_invoiced_before(tmp_path: Path, sqlite_url: str) -> None:
    """The first invoice of each account is reviewed, and one that is more than half above the average of those before."""
    rules = reviewing("first => the first one", "deviation != null and deviation > 0.5 => out of the ordinary")
    folder = stories.write(tmp_path, rules=rules)
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        assert [(d.payer, d.why) for d in app.review.drafts.listed()] == [
            ("A1", "the first one"),
            ("A2", "the first one"),
        ]
        for number in (1, 2):
            assert app.review.drafts.approve(number, ADA).done
        assert {w.request.state for w in all_worked(app)} == {"done"}
        report = stories.bill(app, "2026-02-01")
        assert [d.payer for d in app.review.drafts.listed()] == ["A3"], [str(f) for f in report.findings]
        events = ("entity,subscription,key,kind,on,plan,quantity", "E1,S2,2,change,2026-03-01,team,30")
        stories.load(app, stories.deliver(folder, "more", subscription_events=events))
        stories.bill(app, "2026-03-01")
        assert ("A2", "out of the ordinary") in [(d.payer, d.why) for d in app.review.drafts.listed()]
        assert "2026-03-01" in {on for payer, on, _ in numbers(app) if payer == "A1"}


def test_a_run_that_was_overtaken_by_a_decision_writes_nothing(folder: Path, sqlite_url: str) -> None:
    """Approved when the run read it and decided on otherwise when the run writes: nothing of the partition is kept."""
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        app.review.drafts.approve(1, ADA)
        with app.books.reader() as reader:
            known = reader.standing_drafts("acme", "E1", "A1", "A1")["A1"]
        with app.books.writer(ADA, tenant="acme") as writer:
            writer.review_drafts("acme", "E1", date(2026, 2, 1), "", [Reviewed("A1", known, "lapsed")])
        with pytest.raises(TollbookError, match="decided meanwhile"), app.books.writer(ADA, tenant="acme") as writer:
            writer.review_drafts("acme", "E1", date(2026, 2, 1), "", [Reviewed("A1", known, "issued")])
        assert drafts(app) == [(1, "A1", "2026-02-01", "lapsed")]
