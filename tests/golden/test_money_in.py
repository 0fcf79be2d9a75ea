"""A month of money in, all of it on one company: an advance, direct debits, cards, bank statements, dunning, a bad debt, posting.

Money is counted once, whoever tells of it: a payout and the sums of collections are in the books before the bank shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.app import App, Collection, Outcome
from engine.model.journal import Change
from engine.ports.contracts.fakes.stripe import KEY, SECRET, StripeFake
from tests import banks, stories
from tests.fakes import sepa_bank
from tests.golden import test_direct_debits as sepa
from tests.golden.test_export_assertions import bean_check, exported

D = Decimal
METHODS = "entity,account,key,kind,provider,token,customer,brand,last4"
NAMES = {
    "ADV": "Adler Bau GmbH",
    "BACK": "Birch Foods Ltd",
    "SEPA": "Castor SA",
    "CARD": "Delta Works BV",
    "EXACT": "Elm Trading BV",
    "PART": "Falcon Air NV",
    "OVER": "Gamma Tools BV",
    "BAD": "Hollow Ventures BV",
    "LATE": "Iris Optics NV",
    "WAY": "Juno Media SA",
}
SEATS = {key: 10 * number for number, key in enumerate(NAMES, 1)}
CHART = (
    *banks.CHART,
    "1050,Provider clearing,asset",
    "4800,Other income,income",
    "6800,Payment fees,expense",
)
RULES = {
    "routing/psp.yaml": """
ruleset: routing/payments
scope: port == "psp"
effective: {from: 2000-01-01}
hit: first
priority: 10
rules:
  - {id: cards, when: method == "card", then: {adapter: stripe}}
  - {id: debits, then: {adapter: bank}}
""",
    "erp/default.yaml": """
ruleset: erp/default
effective: {from: 2000-01-01}
rules:
  - {id: all, then: {post: day, adapter: ledger}}
""",
}
ADAPTERS = f"""
  - {{name: bank, port: psp, plugin: psp_sepa, timeout: 30,
     settings: {{creditor_name: Acme BV, creditor_id: DE98ZZZ09999999999, iban: {sepa.ACCOUNT}, folder: bank}}}}
  - {{name: ledger, port: erp, plugin: erp_file, settings: {{folder: ledger}}}}
  - {{name: stripe, port: psp, plugin: psp_stripe, settings: {{url: "%s"}}}}
fx:"""


def written(folder: Path, url: str) -> Path:
    """Ten customers in euros; three with a mandate, one with a card."""
    folder.mkdir(exist_ok=True)
    mandates = {"BACK": "NL91ABNA0417164300", "SEPA": "DE75512108001245126199"}
    stories.write(
        folder,
        rules=RULES,
        entities=(
            "key,name,country,functional_currency,zone,registrations,bank_accounts",
            f"E1,Acme BV,NL,EUR,Europe/Amsterdam,NL:vat:NL001234567B01,MAIN:EUR:{sepa.ACCOUNT}",
        ),
        gl_accounts=CHART,
        accounts=stories.add(
            "accounts", *(f"E1,{key},{name},NL,EUR,Europe/Amsterdam,," for key, name in NAMES.items())
        ),
        subscriptions=("entity,key,account,anchor_day", *(f"E1,S{key},{key},1" for key in NAMES)),
        subscription_events=(
            sepa.EVENTS,
            *(f"E1,S{key},1,start,2026-02-01,team,{seats}" for key, seats in SEATS.items()),
        ),
        usage=("entity,subscription,meter,key,at,quantity",),
        mandates=(
            "entity,reference,account,debtor_name,iban,signed_on",
            *(f"E1,M-{key},{key},{NAMES[key]},{iban},2025-12-01" for key, iban in mandates.items()),
        ),
        payment_methods=(
            METHODS,
            "E1,CARD,card,card,stripe,pm_card_visa,cus_1,visa,4242",
        ),
    )
    config = folder / "config.yaml"
    text = config.read_text().replace("\nfx:", ADAPTERS % url, 1)
    config.write_text(text.replace("bob: []", "bob: [controller]"))
    return folder


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeFake]:
    """Stripe, on loopback."""
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    with StripeFake().running() as made:
        yield made


class Company:
    """The company, with what is asked of it again and again; every step leaves sound books."""

    def __init__(self, app: App, folder: Path) -> None:
        self.app, self.folder, self.balance = app, folder, D("1000.00")

    def sound(self) -> None:
        """`verify` is clean, the ledger sums to zero, and receivables are what the accounts show as open."""
        assert {name: [str(f) for f in found] for name, found in self.app.verify().items() if found} == {}
        rows = self.app.ledger.trial_balance()["E1"]
        assert sum((row["functional_amount"] for row in rows), D(0)) == 0
        shown = [self.app.accounts.shown(key) for key in NAMES]
        assert self.gl("1200") == sum((item.left for one in shown for item in one.items if item.id), D(0))
        assert -self.gl("2400") == sum((balance.credit for one in shown for balance in one.balances), D(0))

    def gl(self, code: str) -> Decimal:
        """What stands on an account of the ledger."""
        rows = self.app.ledger.trial_balance()["E1"]
        return sum((row["functional_amount"] for row in rows if row["account"] == code), D(0))

    def statement(self, day: str, *entries: str) -> Path:
        """The bank's statement of a day."""
        amounts = [_amount(one) for one in entries]
        closing = self.balance + sum(amounts, D(0))
        balances = "".join(
            banks.BALANCE.format(code=code, amount=amount, day=f"2026-{day}")
            for code, amount in (("OPBD", self.balance), ("CLBD", closing))
        )
        path = self.folder / f"{day}.xml"
        holder, one = banks.HOLDERS["053"]
        path.write_text(
            banks.CAMT.format(
                kind="053", holder=holder, one=one, account=sepa.ACCOUNT, balances=balances, entries="".join(entries)
            )
        )
        self.balance = closing
        return path

    def match(self, day: str, change: Change) -> list[tuple[Decimal, str]]:
        """What became of the entries that were open on a day."""
        wanted = self.app.cash.match(date.fromisoformat(f"2026-{day}"), None)
        done = self.app.cash.match(date.fromisoformat(f"2026-{day}"), change)
        assert [one.state for one in wanted.entries] == [one.state for one in done.entries]
        assert not done.findings
        return sorted((one.amount, one.state) for one in done.entries)


def _amount(entry: str) -> Decimal:
    amount = D(entry.partition("<Amt Ccy='EUR'>")[2].partition("<")[0])
    return amount if "<CdtDbtInd>CRDT" in entry[:120] else -amount


def came(amount: Decimal, who: str, text: str, day: str) -> str:
    """Money that somebody has sent."""
    details = (
        f"<NtryDtls><TxDtls><RltdPties><Dbtr><Nm>{who}</Nm></Dbtr></RltdPties>"
        f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls>"
    )
    return sepa_bank._entry("CRDT", amount, date.fromisoformat(f"2026-{day}"), details)


@pytest.mark.capability("A4.1")
@pytest.mark.capability("A4.2")
@pytest.mark.capability("A4.6")
def test_a_month_of_money(tmp_path: Path, database_url: str, fake: StripeFake) -> None:
    """What a provider and the bank both tell of is counted once; what is on its way is not asked for; clearing ends at zero."""
    folder = written(tmp_path / "acme", fake.url)
    with stories.opened(folder, database_url) as app:
        app.books.migrate()
        assert not stories.load(app, folder / "data").findings
        mine = Company(app, folder)
        with sepa.on("2026-01-20") as change:
            app.cash.load(mine.statement("01-20", came(D("121.00"), NAMES["ADV"], "advance", "01-20")), change)
            assert mine.match("01-20", change) == [(121, "unapplied")]
            (money,) = app.cash.waiting(date(2026, 1, 20))
            app.cash.keep(money.entry, "ADV", change)
            app.advances.invoice(
                "ADV", D("121.00"), date(2026, 1, 20), change, received=date(2026, 1, 20), text="Money"
            )
        with sepa.on("2026-02-01") as change:
            stories.bill(app, "2026-02-01")
            app.deliver(change, limit=100)
            app.direct_debits.run(change, date(2026, 2, 1))
        mine.sound()
        due = {one["payer"]: (one["number"], one["total"]) for one in stories.invoices(app) if one["kind"] != "advance"}
        collected(mine, due, fake)
        at_the_bank(mine, due, fake)
        late(mine, due)
        given_up(mine, due)
        assert [mine.gl(code) for code in ("1050", "1090", "2450")] == [0, 0, 0]
        with sepa.on("2026-03-31") as change:
            posted = app.erp.post(date(2026, 3, 31), change)
            assert not posted.findings
        compared = app.erp.compare(date(2026, 1, 1), date(2026, 3, 31))
        assert (set(compared.counts), compared.unposted, compared.findings) == ({"posted"}, (), ())
        assert bean_check(exported(app, tmp_path, "beancount")) == ""


def collected(mine: Company, due: dict[str, Any], fake: StripeFake) -> None:
    """Debits go to the bank, one comes and one comes back; a card pays, and nobody is collected from twice."""
    app = mine.app
    with sepa.on("2026-02-27") as change:
        assert len(app.direct_debits.run(change, date(2026, 2, 27)).sent) == 2
    debits = sorted(sepa_bank.read(sepa.files(mine.folder)[0]), key=lambda one: one.text)
    with sepa.on("2026-03-03") as change:
        path = mine.statement("03-03", sepa_bank.group_credit(debits, date(2026, 3, 3)))
        app.cash.load(path, change)
        assert mine.match("03-03", change) == [(sum(one.amount for one in debits), "unidentified")]
        (waiting,) = app.cash.waiting(date(2026, 3, 3))
        assert "direct-debit hear" in waiting.text, waiting.text
        heard = app.direct_debits.hear(change, path, date(2026, 3, 3))
        assert heard.settled == 2
        assert mine.match("03-03", change) == [(sum(one.amount for one in debits), "cleared")]
    assert (mine.gl("1050"), mine.gl("1090")) == (0, 0)
    mine.sound()
    alike, rest = {"part": D(20)}, {"part": debits[0].amount - 40, "fee": D(3)}
    for day, *parts in ((6, alike), (7, alike, rest)):
        backs = [sepa_bank.debit_back(debits[0], date(2026, 3, day), "MD06", **part) for part in parts]
        taken_back(mine, f"03-{day:02}", backs, debits[0])
    assert (mine.gl("1050"), mine.gl("1090"), mine.gl("6800")) == (0, 0, 3)
    assert sepa.open_of(app, "BACK") == [due["BACK"]]
    mine.sound()
    with sepa.on("2026-03-05") as change:
        fake.now = int(change.at.timestamp())
        done = app.payments.collect(Collection(date(2026, 3, 5)), change)
        assert (done.counts["payments"], done.counts["accepted"]) == (1, 1)
    assert mine.gl("1050") == due["CARD"][1]


def taken_back(mine: Company, day: str, backs: list[str], debit: sepa_bank.Debit) -> None:
    """Parts of a collection that go back wait at the bank until its notice is heard; each is booked once, whoever tells of it again."""
    app, sums = mine.app, sorted(_amount(one) for one in backs)
    with sepa.on(f"2026-{day}") as change:
        path = mine.statement(day, *backs)
        app.cash.load(path, change)
        assert mine.match(day, change) == [(one, "return") for one in sums]
        notice, said = mine.folder / "notice.xml", mine.folder / "said.xml"
        notice.write_bytes(sepa_bank.booked(sepa.ACCOUNT, date.fromisoformat(f"2026-{day}"), *backs))
        said.write_bytes(sepa_bank.rejects([debit], "MD06"))
        heard = [app.direct_debits.hear(change, one, change.at.date()).returned for one in (notice, path, notice, said)]
        assert heard == [len(backs), 0, 0, 0]
        assert mine.match(day, change) == [(one, "cleared") for one in sums]


def at_the_bank(mine: Company, due: dict[str, Any], fake: StripeFake) -> None:
    """The payout and what customers have sent come on one day, the payout's report later."""
    app = mine.app
    fake.pay_out("eur")
    fee = (due["CARD"][1] * D("0.015")).quantize(D("0.01")) + D("0.25")
    paid = due["CARD"][1] - fee
    with sepa.on("2026-03-09") as change:
        entries = (
            came(paid, "Stripe Payments Europe Ltd", "STRIPE PAYOUT", "03-09"),
            came(due["EXACT"][1], NAMES["EXACT"], f"Rechnung {due['EXACT'][0]}", "03-09"),
            came(D("100.00"), NAMES["PART"], f"part of {due['PART'][0]}", "03-09"),
            came(due["OVER"][1] + 50, NAMES["OVER"], f"facture {due['OVER'][0]}", "03-09"),
            came(D("77.77"), "Nobody Known", "hello", "03-09"),
        )
        app.cash.load(mine.statement("03-09", *entries), change)
        states = [state for _, state in mine.match("03-09", change)]
        assert sorted(states) == ["applied"] * 3 + ["unidentified"] * 2
    with sepa.on("2026-03-10") as change:
        fake.now = int(change.at.timestamp())
        app.payments.fetch_payouts("stripe", date(2026, 3, 1), date(2026, 3, 31), change)
        assert (paid, "cleared") in mine.match("03-10", change)
        assert app.payments.report(date(2026, 3, 31)).differences == ()
        again = mine.match("03-10", change)
        assert sorted(state for _, state in again) == ["overpaid", "unidentified"]
        (payout,) = [one for one in _entries(app) if one.entry.amount == paid]
        app.cash.unapply(payout.entry.id, change)
        assert mine.gl("1090") == -(paid + 50 + D("77.77"))
        assert (paid, "cleared") in mine.match("03-10", change)
    assert (mine.gl("1050"), mine.gl("1090")) == (0, -(50 + D("77.77")))
    mine.sound()
    with sepa.on("2026-03-11") as change:
        for one in app.cash.waiting(date(2026, 3, 11)):
            if one.kind == "overpaid":
                app.cash.keep(one.entry, "OVER", change)
            else:
                app.cash.send_back(one.entry, "return", change)
    posted = next(one.id for one in app.ledger.journal() if one.entry.kind == "payout")
    told = {step.name: step for step in app.explain(f"posting:{posted}/1", True).steps}["document"]
    assert "1 lines" in told.text and ("at the bank", f"bank:{payout.entry.id}") in told.details
    assert (mine.gl("1000"), mine.gl("2450")) == (mine.balance - 1000, D("-77.77"))
    with sepa.on("2026-03-12") as change:
        out = sepa_bank._entry(
            "DBIT",
            D("77.77"),
            date(2026, 3, 12),
            "<NtryDtls><TxDtls><RltdPties><Cdtr><Nm>Nobody Known</Nm></Cdtr></RltdPties></TxDtls></NtryDtls>",
        )
        app.cash.load(mine.statement("03-12", out), change)
        assert mine.match("03-12", change) == [(D("-77.77"), "netted")]
    mine.sound()


def _entries(app: App) -> list[Any]:
    with app.books.reader() as reader:
        return list(reader.entries_with("acme", "E1"))


def late(mine: Company, due: dict[str, Any]) -> None:
    """Those are asked who owe; not who has paid, nor whose money is on its way."""
    app = mine.app
    with sepa.on("2026-03-12") as change:
        given = {"account": "WAY", "reference": "M-WAY", "iban": "AT611904300234573201", "debtor_name": NAMES["WAY"]}
        app.mandates.add(given | {"signed_on": date(2026, 3, 1), "scheme": "CORE", "kind": "recurring"}, change)
        app.direct_debits.run(change, date(2026, 3, 12))
        assert sepa.states(app)[f"{due['WAY'][0]}-1"] == "notified"
        card = "E1,WAY,card,card,stripe,pm_card_visa,cus_2,visa,4242"
        stories.load(app, stories.deliver(mine.folder, "cards", payment_methods=(METHODS, card)))
        assert app.payments.collect(Collection(date(2026, 3, 12)), change).counts["payments"] == 0
        app.dunning.run(date(2026, 3, 12), change)
    (way,) = app.dunning.shown("WAY", date(2026, 3, 12))
    assert [(one["what"], one["amount"], one["in_force"]) for one in way.against] == [
        ("on its way", due["WAY"][1], True)
    ]
    asked = {key: step["asked"] for key in NAMES for step in _asked(app, key)}
    kept = ("LATE", "BAD", "BACK", "ADV")
    assert asked == {key: due[key][1] for key in kept} | {"PART": due["PART"][1] - 100}
    mine.sound()


def _asked(app: App, account: str) -> list[Any]:
    return [step for one in app.dunning.shown(account, date(2026, 3, 12)) for step in one.steps]


def given_up(mine: Company, due: dict[str, Any]) -> None:
    """A bad debt, by two persons."""
    with sepa.on("2026-03-20") as change:
        asked = mine.app.cash.write_off(due["BAD"][0], "bad_debt", change)
        assert isinstance(asked, Outcome) and asked.approval is not None
        mine.app.approvals.approve(asked.approval.id, msgspec.structs.replace(change, who="bob"))
    assert [one.left for one in mine.app.accounts.shown("BAD").items if one.id] == []
    assert (mine.gl("1290"), mine.gl("6900")) == (0, D("930.00")), "without the tax"
    mine.sound()
