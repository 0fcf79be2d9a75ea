"""Money in through a provider: invoice, collect, webhooks ten times in any order, payout, refund, and a report that reads zero."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from engine.app import App, Collection
from engine.base.errors import TollbookError
from engine.model.journal import Change
from engine.model.payment_state import PaymentRecord
from engine.ports.contracts.clauses import in_threads
from engine.ports.contracts.fakes.stripe import KEY, SECRET, StripeFake
from engine.runs.scheduling.kinds import KINDS
from tests import stories

pytestmark = pytest.mark.capability("A4.1")

DUE = date(2026, 3, 5)
NOW = Change("ada", datetime(2026, 3, 5, 12, tzinfo=UTC), "test")
ROUTES = """
ruleset: routing/payments
scope: port == "psp"
effective: {from: 2000-01-01}
hit: unique
priority: 10
rules:
  - {id: payments, then: {adapter: stripe}}
"""
ACCOUNTS = ("1050,Provider clearing,asset", "6800,Payment fees,expense")
METHODS = "entity,account,key,kind,provider,token,customer,brand,last4"


def company(folder: Path, fake: StripeFake, *methods: str) -> Path:
    """A small company whose customers pay by these methods, with its invoices of January and February."""
    ledger = (*stories.FILES["gl_accounts"], *ACCOUNTS)
    stories.write(folder, rules={"routing/psp.yaml": ROUTES}, gl_accounts=ledger, payment_methods=(METHODS, *methods))
    adapter = f"  - {{name: stripe, port: psp, plugin: psp_stripe, settings: {{url: '{fake.url}', page: 3}}}}\nfx:"
    (folder / "config.yaml").write_text(stories.CONFIG.replace("fx:", adapter))
    return folder


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeFake]:
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    with StripeFake().running() as made:
        made.now = int(NOW.at.timestamp())
        yield made


@contextmanager
def billed(folder: Path, url: str) -> Iterator[App]:
    """The company once it has billed January, all of it due."""
    with stories.opened(folder, url) as app:
        app.import_folder(folder / "data", stories.CHANGE, date(2026, 1, 1))
        app.bill(date(2026, 2, 1), stories.CHANGE)
        yield app


def collect(app: App, on: date = DUE, **wishes: Any) -> Any:
    return app.payments.collect(Collection(on, **wishes), NOW)


def only(app: App, account: str = "A1", kind: str = "charge") -> PaymentRecord:
    (found,) = [one for one in app.payments.listed(account=account) if one.kind == kind]
    return found


def balance(app: App, account: str) -> Decimal:
    """What stands on a GL account."""
    with app.books.reader() as reader:
        rows = reader.ledger_totals("acme", "E1")
    return sum((amount for _, code, _, amount in rows if code == account), Decimal(0))


def sound(app: App) -> None:
    assert {name: found for name, found in app.verify().items() if found} == {}


def test_the_story(tmp_path: Path, database_url: str, fake: StripeFake) -> None:
    """Collected, told ten times in any order, paid out, given back: booked once, and it ties to the cent."""
    folder = company(tmp_path, fake, "E1,A1,card,card,stripe,pm_card_visa,cus_1,visa,4242")
    with billed(folder, database_url) as app:
        shown = collect(app, dry_run=True)
        assert [(row["account"], row["provider"]) for row in shown.details] == [("A1", "stripe")]
        assert fake.acts == []
        done = collect(app)
        assert (done.counts["payments"], done.counts["accepted"], done.findings) == (1, 1, ())
        paid = only(app)
        owed = paid.amount
        assert (paid.state, paid.taken, bool(paid.network_transaction)) == ("succeeded", owed, True)
        assert app.accounts.shown("A1").balances[0].balance == 0
        assert collect(app).counts["payments"] == 0
        messages = [fake.signed(one) for one in fake.events] * 10
        random.Random(7).shuffle(messages)
        for body, headers in messages:
            app.payments.hear("stripe", body, headers, NOW)
        assert len(fake.acts) == 1
        payout = fake.pay_out("eur")
        fetched = app.payments.fetch_payouts("stripe", date(2026, 3, 1), date(2026, 3, 31), NOW)
        (tmp_path / "payout.csv").write_text(fake.report(payout["id"]))
        again = app.payments.read_payouts("stripe", tmp_path / "payout.csv", NOW)
        assert [(one.payout, one.known) for one in (*fetched, *again)] == [(payout["id"], False), (payout["id"], True)]
        fee = (owed * Decimal("0.015")).quantize(Decimal("0.01")) + Decimal("0.25")
        assert (balance(app, "1050"), balance(app, "6800"), balance(app, "1000")) == (0, fee, owed - fee)
        part = app.payments.refund(paid.key, "back-1", NOW, Decimal("10"))
        same = app.payments.refund(paid.key, "back-1", NOW, Decimal("10"))
        assert (part.payment.state, same.known, len(fake.refunds)) == ("succeeded", True, 1)
        with pytest.raises(TollbookError, match="left"):
            app.payments.refund(paid.key, "back-2", NOW, owed)
        assert collect(app).counts["payments"] == 0, "what was given back is not collected again"
        fake.pay_out("eur")
        app.payments.fetch_payouts("stripe", date(2026, 3, 1), date(2026, 3, 31), NOW)
        report = app.payments.report(date(2026, 4, 30))
        assert report.differences == ()
        assert [(row.collected, row.refunded, row.clearing) for row in report.rows] == [(owed, Decimal(10), 0)]
        sound(app)


def test_what_goes_wrong(tmp_path: Path, database_url: str, fake: StripeFake) -> None:
    """Declines, a lost answer, messages late, forged and at once: everything ends in the same books."""
    cards = (
        "E1,A1,poor,card,stripe,pm_card_chargeDeclinedInsufficientFunds,cus_1,visa,0341",
        "E1,A2,us,card,stripe,pm_card_visa,cus_2,visa,4242",
        "E1,A3,gone,card,stripe,pm_card_chargeDeclinedStolenCard,cus_3,visa,9979",
        "E1,A3,spare,card,stripe,pm_card_mastercard,cus_3,mastercard,4444",
    )
    folder = company(tmp_path, fake, *cards)
    with billed(folder, database_url) as app:
        with fake.failing("broken-off"):
            lost = collect(app, account="A2")
        assert (lost.counts["unknown"], len(fake.acts), only(app, "A2").state) == (1, 1, "created")
        assert any("not known" in gap.what for gap in app.payments.report(DUE).differences)
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5)):
            found = app.payments.tell(NOW)
        assert (found.counts["accepted"], len(fake.acts), only(app, "A2").state) == (1, 1, "succeeded")

        done = collect(app, DUE)
        assert (done.counts["payments"], done.counts["declined"]) == (2, 2)
        poor, gone = only(app, "A1"), only(app, "A3")
        assert (poor.state, poor.code, poor.retry_on) == ("failed", "insufficient_funds", DUE + timedelta(3))
        assert (gone.state, gone.code, gone.retry_on, gone.blocks) == ("failed", "stolen_card", None, True)
        again = collect(app, DUE)
        assert [one.method for one in app.payments.listed(account="A3")] == ["spare", "gone"]
        assert (again.counts["payments"], again.counts["retried"]) == (1, 0)
        fake.declines.clear()
        assert collect(app, DUE + timedelta(3)).counts["retried"] == 1
        poor = only(app, "A1")
        assert (poor.state, poor.attempt, app.accounts.shown("A1").balances[0].balance) == ("succeeded", 2, 0)

        for event in reversed(fake.events):  # the decline comes after the success
            message = fake.signed(event)
            heard = in_threads(lambda _, sent=message: app.payments.hear("stripe", *sent, NOW), 3)
            assert sorted(one[0].known for one in heard) == [False, True, True]
        assert only(app, "A1").state == "succeeded"
        body, headers = fake.signed(fake.events[0], "whsec_another")
        with pytest.raises(TollbookError, match="refused"):
            app.payments.hear("stripe", body, headers, NOW)
        assert [item.kind for item in app.worklist.listed()] == ["payment message"]

        back = app.payments.refund(poor.key, "back", NOW)
        fake.fail_refund(back.payment.provider_id)
        app.payments.hear("stripe", *fake.signed(fake.events[-1]), NOW)
        assert (only(app, "A1", "refund").state, app.accounts.shown("A1").balances[0].balance) == ("failed", 0)
        fake.dispute(poor.provider_id)
        (notice,) = app.payments.hear("stripe", *fake.signed(fake.events[-1]), NOW)
        assert (notice.kind, notice.payment) == ("dispute_opened", poor.key)
        (dispute,) = app.disputes.listed()
        assert notice.note == f"dispute {dispute.key}"
        assert (dispute.payment, dispute.amount) == (f"{poor.key}~2", poor.taken)  # what came by the second attempt
        with app.books.reader() as reader:
            there = reader.dispute_position(dispute.id)
        assert there.opened + there.held == poor.taken and not there.fees  # the fee comes with the payout
        assert app.payments.hear("stripe", *fake.signed(fake.events[-1]), NOW)[0].known
        assert len(app.disputes.listed()) == 1
        fake.pay_out("eur")
        app.payments.fetch_payouts("stripe", date(2026, 3, 1), date(2026, 3, 31), NOW)
        assert app.payments.report(DUE).differences == ()
        sound(app)


def test_what_is_reserved_or_confirmed(tmp_path: Path, fake: StripeFake) -> None:
    """A reservation is captured in part; a customer who has to confirm gets a link, and is paid out at another rate; a card's number is
    never taken."""
    cards = (
        "E1,A1,card,card,stripe,pm_card_visa,cus_1,visa,4242",
        "E1,A2,sca,card,stripe,pm_card_authenticationRequired,cus_2,visa,3155",
        "E1,A3,bad,card,stripe,4242 4242 4242 4242,cus_3,visa,4242",
    )
    folder = company(tmp_path, fake, *cards)
    text = (folder / "config.yaml").read_text().replace("page: 3", "confirmation_url: 'https://pay/{payment_intent}'")
    (folder / "config.yaml").write_text(text)
    with stories.opened(folder, f"sqlite:///{tmp_path / 'books.db'}") as app:
        report = app.import_folder(folder / "data", stories.CHANGE, date(2026, 1, 1))
        assert [finding.code for finding in report.findings] == ["intake.card-data"]
        app.bill(date(2026, 2, 1), stories.CHANGE)
        collect(app, account="A1", reserve=True)
        held = only(app, "A1")
        assert (held.state, held.taken, app.accounts.shown("A1").balances[0].balance) == ("authorized", 0, held.amount)
        with pytest.raises(TollbookError, match="is left"):
            app.payments.capture(held.key, NOW, held.amount + 1)
        taken = app.payments.capture(held.key, NOW, Decimal(20)).payment
        assert (taken.state, app.accounts.shown("A1").balances[0].balance) == ("succeeded", held.amount - 20)
        with pytest.raises(TollbookError, match="is succeeded"):
            app.payments.cancel(held.key, NOW)
        due: Any = SimpleNamespace(on=DUE, who="ada", reason="scheduled")
        assert KINDS["collect"](app, due).summary["payments"] == 1
        waiting = only(app, "A2")
        assert (waiting.state, waiting.link) == ("requires_action", f"https://pay/{waiting.provider_id}")
        fake.decide(waiting.provider_id)
        app.payments.ask(NOW)
        assert only(app, "A2").state == "succeeded"
        rates = ("base,quote,rate,source,on", "EUR,USD,1.2000,ECB,2026-03-05")
        stories.load(app, stories.deliver(tmp_path, "rates", rates=rates))
        back = app.payments.refund(waiting.key, "back", NOW, Decimal(10))
        fake.fail_refund(back.payment.provider_id)
        app.payments.hear("stripe", *fake.signed(fake.events[-1]), NOW)
        fake.pay_out("usd", int(datetime(2026, 3, 5, 9, tzinfo=UTC).timestamp()))
        app.payments.fetch_payouts("stripe", date(2026, 3, 1), date(2026, 3, 31), NOW)
        rows = {(row["account"], row["currency"]): row for row in app.ledger.trial_balance()["E1"]}
        held_in = [rows["1050", "USD"][name] for name in ("amount", "functional_amount")]
        assert held_in == [0, 0], "nothing is left of what was paid out at another rate"
        moved = sum(rows[code, "USD"]["functional_amount"] for code in ("7920", "7930"))
        assert moved == Decimal("28.33"), "317.02 at 1.0838, and at 1.2; what went back came again"
        with pytest.raises(TollbookError, match="did you mean"):
            app.payments.shown("psp/A2/2")
        sound(app)


def test_what_was_given_back_at_the_provider(tmp_path: Path, fake: StripeFake) -> None:
    """A refund in part that somebody made in Stripe's dashboard: its invoice is open again, told ten times; a bank sends it back."""
    folder = company(tmp_path, fake, "E1,A1,card,card,stripe,pm_card_visa,cus_1,visa,4242")
    with billed(folder, f"sqlite:///{tmp_path / 'books.db'}") as app:
        collect(app)
        paid = only(app)
        made = fake.give_back(paid.provider_id, 1000)
        for _ in range(3):
            for event in fake.events:
                app.payments.hear("stripe", *fake.signed(event), NOW)
        back = only(app, kind="refund")
        assert (back.key, back.state, back.taken, back.of_payment) == (made["id"], "succeeded", 10, paid.id)
        assert app.accounts.shown("A1").balances[0].owed == 10
        assert [one.kind for one in app.worklist.listed()] == ["payment"]
        fake.pay_out("eur")
        app.payments.fetch_payouts("stripe", date(2026, 3, 1), date(2026, 3, 31), NOW)
        assert app.payments.report(date(2026, 4, 30)).differences == ()
        with pytest.raises(TollbookError, match="left"):
            app.payments.refund(paid.key, "rest", NOW, paid.amount)
        sound(app)
        fake.fail_refund(made["id"])
        for event in fake.events:
            app.payments.hear("stripe", *fake.signed(event), NOW)
        assert app.accounts.shown("A1").balances[0].owed == 0
        sound(app)
