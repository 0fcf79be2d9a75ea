"""Nothing changes the books without a person and a reason, and everything that does is written down."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from engine.base.errors import Finding, TollbookError, Where
from engine.model.cash import BankEntry, BankStatement, Use, Withheld
from engine.model.catalog import Meter
from engine.model.close import CloseFinding
from engine.model.condition import Unmet
from engine.model.delivering import InboxDocument, InboxFile, Way
from engine.model.direct_debit import DirectDebit
from engine.model.dispute import DisputeRecord, Event, Terms
from engine.model.draft import Reviewed
from engine.model.dunning import Claim
from engine.model.effect import Answer, Effect
from engine.model.further_books import BookEntry, BookMark
from engine.model.journal import FxRate, JournalEntry, Posting
from engine.model.payment import PaymentEvent, Payout, PayoutLine
from engine.model.payment_state import PaymentStep
from engine.model.request import ScheduleMark
from engine.model.revenue import Mark, Planned, PlannedItem, RevenueEvent
from engine.model.revenue_contract import (
    Agreed,
    Cover,
    NewSchedule,
    Occurrence,
    PromiseTerms,
    RevenueContract,
    ScheduleKey,
)
from engine.model.settlement import Leg
from engine.model.stewardship import NewChange
from engine.model.subscription import BillingMark
from engine.model.wallet import Lot, Move
from engine.store import tables
from engine.store.books import Books
from engine.store.writer import Writer
from engine.store.writing.clearance import Step
from engine.store.writing.dunning import Note, TakenStep
from engine.store.writing.erp import NewDocument
from engine.store.writing.exchange import NewMessage
from engine.store.writing.mandates import Taken
from engine.store.writing.payments import BookedLine, NewPayment
from engine.store.writing.revenue import Kept
from engine.store.writing.settlements import Act as Settlement
from engine.store.writing.wallets import Act
from tests.unit.store import sample as s

PLANNED = Planned(
    *(1, "A", "p", "DE", "revenue", "2300", Decimal(1), FxRate("EUR", "EUR", Decimal(1), "same", s.JAN), Decimal(1)),
    *(s.JAN, s.MAR, 0, "", s.DECISION, (PlannedItem(s.MAR, Decimal(1)),)),
)
TOLD = NewDocument(
    "de",
    "new",
    "sap",
    date(2026, 3, 1),
    "EUR",
    "EUR",
    Decimal(1),
    Decimal(1),
    {"document_type": "SA"},
    [(1, 0, "EUR", 1)],
)


def later(days: int) -> datetime:
    """A moment some days after the change."""
    return s.CHANGE.at + timedelta(days)


ONE = Decimal(1)
HELD = NewChange(s.E, "account", "A", "segment", "erp", "a", "b", None, "steward", s.FEB, 31, s.DECISION)
UNMET = Unmet(s.E, "conditions/de#open", "approvals", "approval 1 waits")
FOUND = CloseFinding("clearing-not-zero", "blocker", "gl-account/1090", "it is at 1", ONE, "EUR", None, None, "bob", "")
LOT = Lot(99, "lot", "pot", "paid", s.JAN, date.max, 1, "EUR", ONE, ONE, "EUR", ONE, Decimal(0))
ACT = Act(s.E, "pot", "act", s.JAN, (Move("pot", "grant", LOT, ONE, ONE, ONE, ONE),))
DEBIT = DirectDebit(
    *(0, s.T, s.E, "parent", "DD-1", "M-1", 1, "INV-1", 1, "EUR", ONE, s.FEB, s.JAN, "invoice", 0, 0, "planned", 0)
)

WAY = Way("old", "old", "file", "required", (), 1, "", "", 0)
BOXED = InboxDocument(
    s.E, "parent", "old", "INV-1", "invoice", {}, "0" * 64, [InboxFile("a", "text/plain", 0, "0" * 64)]
)
NOTE = Note(s.E, "hold", "hold", "parent", s.JAN)
STEP = TakenStep(
    *(
        s.E,
        "parent",
        "EUR",
        0,
        1,
        "reminder",
        1,
        s.JAN,
        s.JAN,
        "notice",
        "reminder",
        "email",
        {},
        ONE,
        s.JAN,
        [],
        {},
        "",
        0,
    )
)
CLAIM = Claim(1, "late_fee", "fee", s.JAN, s.JAN, ONE, "")
ZERO = Decimal(0)
ASKED = {"reference": "pay", "method": {"kind": "card"}}
PAYMENT = NewPayment(s.E, "parent", "pay", "charge", "stripe", "card", "pm", "EUR", ONE, s.JAN, [], ASKED, "", "pay#1")
EVENT = PaymentEvent("evt", "other", s.CHANGE.at)
PAID_OUT = PayoutLine("txn", "other", ONE, ZERO, ONE, "EUR", s.JAN)


def settlement(writer: Writer) -> Settlement:
    """Credit that comes to an account."""
    (credit,) = writer.lock_items(s.T, [(s.E, "parent", "EUR", "EUR")]).values()
    return Settlement(s.E, "act", "account_credit", s.JAN, (Leg(credit, -ONE, -ONE),))


def statement(writer: Writer) -> tuple[BankStatement, list[BankEntry]]:
    """A statement with one entry."""
    ident = writer.take_ids("invoice", 1)
    head = (ident, s.T, s.E, "M", f"k{ident}", 1, 0, ONE, "EUR", "EUR", ONE, s.JAN, s.JAN)
    booked = (1, s.T, s.E, "M", "mt940", "EUR", None, None, s.JAN, s.JAN, 1, "digest", "file", 0)
    return BankStatement(*booked), [BankEntry(*head, *[""] * 6, False, 0)]


def money(writer: Writer) -> int:
    """A bank entry that is open."""
    writer.lock_bank_account(s.T, s.E, "M")
    booked, entries = statement(writer)
    writer.book_statement(booked, entries)
    return entries[0].id


def use(writer: Writer, kind: str) -> Use:
    """A use of all of the newest bank entry, of a new one where there is none."""
    there = writer.reader.open_entries(s.T) or [writer.lock_entry(s.T, money(writer))]
    return Use(1, s.T, s.E, there[-1].entry.id, kind, ONE, ONE, s.JAN, "", "", "", 0, 0, {}, 0, 0)


TERMS = Terms("ada", 7, (), "invoices", "credit_loss", "", "seller", "expired")
DISPUTE = DisputeRecord(
    *(0, s.E, "A", "new", "chargeback", "p", "EUR", "EUR", (), "fraudulent", "", TERMS, s.DECISION, s.CHANGE.at),
    *("", "", 0, Decimal(0), None, "", None, 0),
)
HAPPENED = Event("e", "chargeback", s.CHANGE.at, s.JAN, Decimal(1))


COVER = Cover("new", "", "S", "", "")
SCHEDULED = NewSchedule(
    ScheduleKey("contract", "new", "o"),
    *(
        0,
        "A",
        "p",
        "DE",
        "revenue",
        "2300",
        ONE,
        ONE,
        FxRate("EUR", "EUR", ONE, "same", s.JAN),
        s.JAN,
        s.FEB,
        "",
        s.DECISION,
    ),
)


def agreed(key: str) -> RevenueContract:
    """A contract with one promise."""
    return RevenueContract(0, s.E, key, "A", "EUR", s.JAN, s.JAN, Agreed((PromiseTerms("o", "p"),)))


def disputed(writer: Writer) -> DisputeRecord:
    found = writer.lock_dispute(s.T, s.E, "old")
    assert found is not None
    return found


ADJUSTED = JournalEntry(
    s.T,
    s.E,
    "by_hand",
    s.JAN,
    "otherwise",
    tuple(Posting(code, "EUR", amount, "EUR", amount, ONE, "", s.JAN) for code, amount in (("1", ONE), ("2", -ONE))),
)
MUTATIONS: dict[str, Callable[[Writer], Any]] = {
    "put": lambda w: w.put("meters", [Meter(s.T, "new", "x")]),
    "put_usage": lambda w: w.put_usage([s.usage(1, "new", s.JAN)]),
    "add_ways": lambda w: w.add_ways(s.T, s.E, [WAY]),
    "put_in_inbox": lambda w: w.put_in_inbox(s.T, [BOXED]),
    "note_read": lambda w: w.note_read(s.T, "inbox", "old", {}),
    "add_inbox_token": lambda w: w.add_inbox_token(s.T, s.E, "parent", "portal", "0" * 64),
    "revoke_inbox_token": lambda w: w.revoke_inbox_token(s.T, s.E, "parent", "old"),
    "put_attributes": lambda w: w.put_attributes([(s.T, s.E, "account", "A", "risk", s.JAN, "high")]),
    "put_reversals": lambda w: w.put_reversals([(s.T, s.E, "app", "new", 1, 1, "api", s.JAN)]),
    "put_refused_usage": lambda w: w.put_refused_usage([s.refused_usage("new")]),
    "put_subscription_events": lambda w: w.put_subscription_events([(s.T, s.E, 1, "new", "pause", s.FEB, *[None] * 8)]),
    "keep_usage_cursor": lambda w: w.keep_usage_cursor(s.T, "phones", "", "new", 1),
    "roll_up_usage": lambda w: w.roll_up_usage(s.T),
    "append": lambda w: w.append("intake_file", [(1, s.T, "f", "0", 1, 1, s.CHANGE.at)]),
    "set_marks": lambda w: w.set_marks([BillingMark(1, s.APR, 1, 1)]),
    "take_numbers": lambda w: w.take_numbers(s.T, s.E, "NEW", 2, s.JAN),
    "close_period": lambda w: w.close_period(s.T, s.E, s.APR),
    "soft_close_period": lambda w: w.soft_close_period(s.T, s.E, s.APR),
    "note_close_step": lambda w: w.note_close_step(s.T, s.E, s.APR, "tie", "done", "it ties", {}),
    "waive_finding": lambda w: w.waive_finding(s.T, s.E, s.APR, FOUND, "ada", "on its way"),
    "open_period": lambda w: w.open_period(s.T, s.E, date(2026, 3, 1)),
    "start_run": lambda w: w.start_run(s.T, "bill", "new", "all", "r"),
    "resume_run": lambda w: w.resume_run(1),
    "finish_run": lambda w: w.finish_run(1, {}),
    "add_partitions": lambda w: w.add_partitions(1, [(2, s.E, "a", "b")]),
    "finish_partition": lambda w: w.finish_partition(1, 1, {}),
    "add_findings": lambda w: w.add_findings(s.T, [Finding("x.y", Where(), "what")]),
    "store_release": lambda w: w.store_release(s.T, "r-new", {}),
    "store_decisions": lambda w: w.store_decisions([s.decision(5)]),
    "note_intake": lambda w: w.note_intake(s.T, "f", "0", 1, 1),
    "add_effects": lambda w: w.add_effects(s.T, s.E, [(Effect("new", "delivery", "invoice", {}), "file")]),
    "claim": lambda w: w.claim(s.T, "delivery", 1, timedelta(1)),
    "answer": lambda w: w.answer(s.T, "delivery", [Answer("old", "accepted")]),
    "put_receipts": lambda w: w.put_receipts(s.T, "file", [("old", "bounced", s.CHANGE.at, "gone", {"n": 1})]),
    "call_off": lambda w: w.call_off(s.T, "delivery", "old", "taken back"),
    "reopen": lambda w: (
        w.answer(s.T, "delivery", [Answer("old", "accepted")]),
        w.reopen(s.T, "delivery", ["old"]),
    ),
    "purge_requests": lambda w: w.purge_requests(s.T, s.CHANGE.at),
    "propose": lambda w: w.propose(s.T, "open-period", "period/de/2026-04", "{}"),
    "decide_approval": lambda w: w.decide_approval(w.lock_approval(s.T, 1), "rejected"),
    "hold_lease": lambda w: w.hold_lease(s.T, "other", "me", timedelta(1)),
    "drop_lease": lambda w: w.drop_lease(s.T, "scheduler", "me"),
    "settle_schedule": lambda w: w.settle_schedule(ScheduleMark(s.T, "monthly", "0 0 1 * * UTC", s.CHANGE.at)),
    "forget_schedules": lambda w: w.forget_schedules(s.T, ["monthly"]),
    "enqueue": lambda w: w.enqueue(s.T, "monthly", "bill", later(2), s.MAR, "ada", "month"),
    "take_request": lambda w: w.take_request(s.T, "me", timedelta(1)),
    "finish_request": lambda w: w.finish_request(w.take_request(s.T, "me", timedelta(1))),
    "postpone_request": lambda w: w.postpone_request(w.take_request(s.T, "me", timedelta(1)), later(3), "wait"),
    "put_openings": lambda w: w.put_openings("opening_numbers", [s.last_number("NEW", 7)], ("last_number",)),
    "open_subscriptions": lambda w: w.open_subscriptions(s.T, {1: (s.E, "main", s.FEB)}),
    "go_on_numbering": lambda w: w.go_on_numbering(s.T, s.E, "OLD", 7, s.JAN),
    "put_trigger_notes": lambda w: w.put_trigger_notes([(s.T, s.E, 1, "new", "Bob", "", "crm")]),
    "put_message": lambda w: w.put_message(s.T, NewMessage("crm", "m1", "account", "1.0", "0" * 64, {}), "taken", []),
    "move_mark": lambda w: w.move_mark(s.T, "triggers", 0, 7),
    "end_late_usage": lambda w: w.end_late_usage(s.T, s.E, [s.ended(1, "drop")]),
    "note_arrived": lambda w: w.note_arrived(s.T, w.reader.high_marks()[0]),
    "reach": lambda w: w.reach(s.T, "delivered/de/app", 7),
    "settle_totals": lambda w: w.settle_totals(s.T, [7], "agreed"),
    "open_item": lambda w: w.open_item(s.T, s.difference("new")),
    "assign_item": lambda w: w.assign_item(s.T, w.reader.work_items(s.T)[0].id, "bob"),
    "resolve_item": lambda w: w.resolve_item(s.T, w.reader.work_items(s.T)[0].id, "accepted"),
    "note_conditions": lambda w: w.note_conditions(s.T, s.APR, "all", [UNMET]),
    "waive_condition": lambda w: w.waive_condition(s.T, s.APR, UNMET),
    "review_drafts": lambda w: w.review_drafts(
        s.T, s.E, s.APR, "", [Reviewed("idle", None, None, "0", "[]", "why", 0)]
    ),
    "decide_draft": lambda w: w.decide_draft(s.T, w.reader.drafts(s.T)[0].id, "approved"),
    "open_wallets": lambda w: w.open_wallets(s.T, [(s.E, "new", "parent", "EUR")]),
    "put_lots": lambda w: w.put_lots(s.T, s.E, [LOT], {"pot": "parent"}),
    "move_wallets": lambda w: w.move_wallets(s.T, [ACT], w.lock_wallets(s.T, [(s.E, "pot")])),
    "step_clearances": lambda w: w.step_clearances(s.T, [Step(1, "submitted")]),
    "add_tax_corrections": lambda w: w.add_tax_corrections(s.T, [s.correction(11)]),
    "carry_tax_corrections": lambda w: w.carry_tax_corrections(s.T, {11: 1}),
    "lock_items": lambda w: w.lock_items(s.T, [(s.E, "parent", "EUR", "EUR")]),
    "put_dispute": lambda w: w.put_dispute(s.T, DISPUTE),
    "hear_dispute": lambda w: w.hear_dispute(s.T, disputed(w), HAPPENED, "ada"),
    "stand_dispute": lambda w: w.stand_dispute(s.T, disputed(w), state="lost"),
    "keep_evidence": lambda w: w.keep_evidence(s.T, disputed(w), "contract", "c.pdf", 1, "00", ""),
    "put_revenue_contract": lambda w: w.put_revenue_contract(s.T, agreed("new"), [COVER]),
    "put_revenue_occurrence": lambda w: w.put_revenue_occurrence(
        s.T, agreed("new"), Occurrence("k", "deliver", s.JAN, s.JAN)
    ),
    "add_contract_schedules": lambda w: w.add_contract_schedules(s.T, s.E, [SCHEDULED], 0),
    "book_dispute": lambda w: w.book_dispute(s.T, disputed(w), 900, "", s.JAN, (ONE, ONE, ONE, ONE, ONE)),
    "put_erp_documents": lambda w: w.put_erp_documents(s.T, [TOLD]),
    "post_again": lambda w: w.post_again(w.reader.erp_documents(s.T)[0], s.T, {"document_type": "SA"}),
    "settle": lambda w: w.settle(s.T, [settlement(w)]),
    "note_dunning": lambda w: w.note_dunning(s.T, NOTE),
    "take_step": lambda w: w.take_step(s.T, STEP, [CLAIM]),
    "put_payment": lambda w: w.put_payment(s.T, PAYMENT),
    "step_payment": lambda w: w.step_payment(w.put_payment(s.T, PAYMENT), PaymentStep("succeeded", taken=ONE)),
    "keep_payment_event": lambda w: w.keep_payment_event(s.T, "stripe", EVENT, 0, "kept", ""),
    "put_payout": lambda w: w.put_payout(
        s.T, s.E, "stripe", Payout("po", ONE, "EUR", s.JAN), [BookedLine(PAID_OUT, 0)], ZERO, ""
    ),
    "plan_debits": lambda w: w.plan_debits(s.T, [DEBIT]),
    "step_debits": lambda w: w.step_debits(s.T, [Taken(w.reader.direct_debits(s.T)[0], "sent", s.JAN, ONE, s.FEB)]),
    "book_statement": lambda w: (w.lock_bank_account(s.T, s.E, "M"), w.book_statement(*statement(w))),
    "explode_entry": lambda w: w.explode_entry(w.lock_entry(s.T, money(w)), [], use(w, "split")),
    "use_entries": lambda w: w.use_entries([use(w, "refund")]),
    "note_withheld": lambda w: w.note_withheld([Withheld(1, s.T, s.E, "A", 1, "EUR", ONE, ONE, "", s.JAN, 1, 0)]),
    "add_schedules": lambda w: w.add_schedules(s.T, s.E, [Kept(PLANNED, 99)], 1),
    "add_items": lambda w: w.add_items(s.T, s.E, [(1, [PlannedItem(s.JAN, ONE)])], 1),
    "set_revenue_mark": lambda w: w.set_revenue_mark(s.T, s.E, Mark(s.JAN)),
    "add_revenue_events": lambda w: w.add_revenue_events(s.T, [RevenueEvent(s.E, "k", "accept", s.JAN, 1)]),
    "add_book_entries": lambda w: w.add_book_entries(s.T, "local", s.E, [BookEntry("k", 0, s.JAN, ADJUSTED)], 1),
    "mark_book": lambda w: w.mark_book(s.T, "local", s.E, w.lock_book(s.T, "local", s.E), BookMark(s.JAN)),
    "note_release": lambda w: w.note_release(s.T, "r", "proposed", day=s.FEB, content={"roles": [""]}),
    "hold_changes": lambda w: w.hold_changes(s.T, [HELD], lambda: None),
    "decide_change": lambda w: w.decide_change(w.lock_change(s.T, 1), "confirmed"),
    "audit": lambda w: w.audit("look", "somewhere", {"a": 1}, {"a": 2}),
}
"""One call of every public method of a writer that changes something."""

OTHERS = {
    *(
        "claim_partition",
        "finish",
        "hold_mandates",
        "hold_orders",
        "lock_approval",
        "lock_bank_account",
        "lock_book",
        "lock_change",
        "lock_release",
        "lock_dispute",
        "lock_clearances",
        "lock_close",
        "lock_payment",
        "lock_debits",
        "lock_draft",
        "lock_entry",
        "lock_entries",
        "lock_run",
        "lock_wallets",
        "renew_request",
        "rows",
        "seen_revenue",
        "take_blocks",
        "take_ids",
    ),
}
"""Public methods that change nothing of the books: locks, the end of the transaction, a read, ids."""


@pytest.fixture
def prepared(books: Books) -> Books:
    """Books in which every one of :data:`MUTATIONS` has something to do."""
    s.company(books)
    with books.writer(s.CHANGE, tenant=s.T) as writer:
        run = writer.start_run(s.T, "bill", "old", "all", "r")
        assert run.id == 1
        writer.add_partitions(run.id, [(1, s.E, "a", "z")])
        writer.add_effects(s.T, s.E, [(Effect("old", "delivery", "invoice", {}), "file")])
        writer.add_inbox_token(s.T, s.E, "parent", "old", "1" * 64)
        writer.close_period(s.T, s.E, date(2026, 3, 1))
        writer.put_usage([s.usage(1, "late", s.MAR)])
        writer.propose(s.T, "open-period", "period/de/2026-03", "{}")
        writer.open_wallets(s.T, [(s.E, "pot", "parent", "EUR")])
        writer.hold_lease(s.T, "scheduler", "me", timedelta(1))
        writer.enqueue(s.T, "monthly", "bill", later(-1), s.MAR, "ada", "month")
        writer.open_item(s.T, s.difference("old"))
        writer.plan_debits(s.T, [msgspec.structs.replace(DEBIT, key="DD-old")])
        begun = (s.T, s.E, 1, 1, "numbered", s.CHANGE.at, "old", "authority", 1, "", "", "", {}, s.DECISION, 0)
        writer.append("clearance_step", [(writer.take_ids("clearance_step", 1), *begun)])
        writer.hold_changes(s.T, [msgspec.structs.replace(HELD, record="old")], lambda: None)
        writer.put_dispute(s.T, msgspec.structs.replace(DISPUTE, key="old"))
        old = msgspec.structs.replace(TOLD, key="old", parts=[(2, 0, "EUR", s.DECISION)])
        writer.put_erp_documents(s.T, [old])
        writer.review_drafts(s.T, s.E, s.MAR, "", [Reviewed("parent", None, None, "0", "[]", "why", 0)])
    return books


def test_every_mutation_is_listed() -> None:
    methods = {name for name, _ in inspect.getmembers(Writer, inspect.isfunction) if not name.startswith("_")}
    assert methods == MUTATIONS.keys() | OTHERS


def test_a_writer_is_made_by_the_books_alone() -> None:
    """Its constructor takes the change; only the books make one, and they refuse a change that says nothing."""
    import engine.store

    folder = next(iter(engine.store.__path__))
    from pathlib import Path

    makers = [path.name for path in Path(folder).rglob("*.py") if "Writer(Reader(" in path.read_text()]
    assert makers == ["books.py"]


CHANGE = msgspec.structs.replace(s.CHANGE, who="grace", reason="because it is so")


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_mutation_is_written_down(prepared: Books, name: str) -> None:
    with prepared.writer(CHANGE, tenant=s.T) as writer:
        MUTATIONS[name](writer)
    with prepared.reader() as reader:
        told = [row for row in reader.audit_rows(s.T) if row.who == "grace"]
    assert told
    for row in told:
        assert (row.reason, row.at, row.tenant) == (CHANGE.reason, CHANGE.at, s.T)
        assert row.action and row.subject and (row.before, row.after) != (None, None)


def everything(books: Books) -> dict[str, int]:
    with books.reader() as reader:
        count = sa.func.count()
        return {
            name: reader.rows(sa.select(count).select_from(table))[0][0]
            for name, table in tables.METADATA.tables.items()
        }


@pytest.mark.parametrize(
    ("who", "reason", "codes"),
    [
        ("", "why", ["change.no-person"]),
        ("ada", " ", ["change.no-reason"]),
        ("\t", "", ["change.no-person", "change.no-reason"]),
    ],
)
def test_nobody_changes_anything_for_no_reason(prepared: Books, who: str, reason: str, codes: list[str]) -> None:
    before = everything(prepared)
    change = msgspec.structs.replace(s.CHANGE, who=who, reason=reason)
    for mutate in MUTATIONS.values():
        with pytest.raises(TollbookError) as caught, prepared.writer(change) as writer:
            mutate(writer)
        assert [str(finding.code) for finding in caught.value.findings] == codes
        assert all(finding.mend for finding in caught.value.findings)
    assert everything(prepared) == before


def test_a_change_at_no_certain_time_is_refused(books: Books) -> None:
    naive = msgspec.structs.replace(s.CHANGE, at=datetime(2026, 1, 1))
    with pytest.raises(TollbookError) as caught, books.writer(naive):
        pass
    assert caught.value.findings[0].code == "store.not-aware"


@pytest.mark.parametrize("table", ["account", "usage_event", "subscription_event", "series", "run", "nonsense"])
def test_tables_with_a_way_of_their_own_are_not_appended_to(books: Books, table: str) -> None:
    with pytest.raises(TollbookError) as caught, books.writer(s.CHANGE) as writer:
        writer.append(table, [])
    assert caught.value.findings[0].code == "store.not-appendable"


def test_appended_rows_are_counted_in_the_audit(books: Books) -> None:
    s.company(books)
    with books.reader() as reader:
        told = [row for row in reader.audit_rows(s.T, "invoice_line") if row.action == "append"]
    assert [row.after for row in told] == [{"rows": 4, "from": 11, "to": 22}]


def test_nothing_is_written_when_something_fails(prepared: Books) -> None:
    before = everything(prepared)
    with pytest.raises(ZeroDivisionError), prepared.writer(s.CHANGE, tenant=s.T) as writer:
        for name in ("put", "put_usage", "roll_up_usage", "set_marks", "take_numbers", "add_effects"):
            MUTATIONS[name](writer)
        writer.append("intake_file", [(1, s.T, "f", "0", 1, 1, s.CHANGE.at)])
        raise ZeroDivisionError
    after = everything(prepared)
    ids = {"id_block"}  # ids that were taken may stay taken
    assert {name: n for name, n in after.items() if name not in ids} == {
        name: n for name, n in before.items() if name not in ids
    }


def test_audit_rows_name_the_tenant_of_the_other_writes(books: Books) -> None:
    with books.writer(s.CHANGE) as writer:
        writer.put("meters", [Meter(s.T, "m", "x")])
        writer.set_marks([BillingMark(1, s.JAN, 0, 0)])
    with books.reader() as reader:
        assert {row.action for row in reader.audit_rows(s.T)} == {"put meters", "set marks"}
