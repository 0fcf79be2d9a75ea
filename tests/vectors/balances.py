"""Runs ``balances``: payments, refunds, credit, voids and tax of one customer, and of children whose parent pays.

Every case is a small company of its own on SQLite: its prices and its tax are a rule set written from the case, and what its
steps say is done and asked through the application.  What is not issued yet, a draft, is what a dry run shows.
"""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from engine.app import App
from engine.base.errors import TollbookError
from engine.base.money import ZERO
from engine.model.journal import Change
from engine.runs.billing.read import VOIDING
from engine.runs.import_run import run_import
from engine.runs.wallets.desk import Asked
from engine.store.books import open_books
from tests.house.sources import ROOT
from tests.vectors.outcome import Case, Document, Outcome, judged, unsupported
from tests.vectors.reading import number

CHANGE = Change("ada", datetime(2012, 1, 1, 12, tzinfo=UTC), "a vector says so")
PAYER, CHILDREN, FIRST = "P", ("one", "two"), date(2014, 3, 3)
FAMILIES = (
    *("invoicing", "numbering", "posting", "revrec", "allocation", "wallets", "metering", "proration", "lateness"),
    *("tax_rounding", "tax_fallback", "tax_evidence", "clearance", "conditions", "purchase_orders"),
)
"""Families whose shipped rules hold; prices, tax, discounts, routing and crediting are the case's own."""

RULES = {
    "routing": "ruleset: routing/vector\neffective: {from: 1900-01-01}\nrules:\n  - {id: nobody, then: {adapter: none}}\n",
    "discounts": (ROOT / "rules" / "discounts" / "default.yaml").read_text(),
    "usage_control": (ROOT / "rules" / "usage_control" / "default.yaml").read_text(),
    "crediting": "ruleset: crediting/vector\neffective: {from: 1900-01-01}\nrules:\n"
    '  - {id: void, when: memo == "void" and credited, then: {decision: refuse, why: what was credited is voided first}}\n'
    '  - {id: paid, when: memo == "void" and paid, then: {decision: refuse, why: what was paid is refunded first}}\n'
    "  - {id: all, then: {decision: allow}}\n",
}
CHART = ("1000", "1200", "2200", "2300", "2350", "2400", "3900", "4000", "4900", "6900", "7900", "7910", "7920", "7930")

Step = Mapping[str, Any]


def priced(case: Case) -> list[list[Decimal]]:
    """The plans of a case, each with the prices of its charges."""
    plans: list[list[Decimal]] = []
    for step in case["steps"]:
        words = [step[word] for word in ("invoice", "line") if word in step]
        lines = step.get("lines") or step.get("preview_lines") or words
        prices = [number(line) for line in lines if number(line) > 0]
        if prices:
            plans.append(prices)
    return plans


class World:
    """One company, told what the steps of a case say."""

    def __init__(self, app: App, folder: Path, case: Case) -> None:
        """The company has the plans of the case, and accounts of its customers."""
        self.app, self.folder, self.case = app, folder, case
        self.day = next((step["from"] for step in case["steps"] if "from" in step), FIRST)
        self.family = any("child" in word or "parent" in word for step in case["steps"] for word in step)
        self.plans = len(priced(case))
        self.used = self.events = self.acts = 0
        self.child = CHILDREN[0]
        self.waiting = False
        self.started: date | None = None
        self.billed: date | None = None
        self.subscribed: list[str] = []
        self._load_company()

    # what is in the books

    def _load(self, **files: list[str]) -> None:
        self.acts += 1
        target = self.folder / f"in{self.acts}"
        target.mkdir()
        for name, lines in files.items():
            (target / f"{name}.csv").write_text("\n".join(lines) + "\n")
        report = run_import(self.app.books, "v", target, CHANGE, date(2030, 1, 1), rules=lambda: self.app.rulebook)
        bad = [str(finding) for finding in report.findings if finding.level == "error"]
        assert not bad, bad

    def _load_company(self) -> None:
        levied = any("lines" in step for step in self.case["steps"])
        charges = [
            f"p{n},c{m},Charge,recurring,advance,1,,piece,x,standard"
            for n, prices in enumerate(priced(self.case))
            for m, _ in enumerate(prices)
        ]
        if levied:
            charges += [f"p{n},tax,Tax,one_time,advance,1,,piece,x,standard" for n in range(self.plans)]
        self._load(
            entities=["key,name,country,functional_currency,zone", "E,Seller,NL,USD,UTC"],
            accounts=["entity,key,name,country,currency,zone,payer,parent", *self.customers(PAYER)],
            plans=["key,name", *(f"p{n},Plan" for n in range(self.plans))],
            charges=["plan,key,name,kind,timing,months,meter,unit,product,tax_code", *charges],
            gl_accounts=["code,name,kind", *(f"{code},Account {code},asset" for code in CHART)],
            wallets=["entity,key,account,currency,floor,low,priority", *(f"E,{c},{c},USD,0,0,1" for c in CHILDREN)],
        )

    def customers(self, payer: str) -> Iterator[str]:
        """The rows of the accounts; children are paid for by ``payer``, or by themselves where it is empty."""
        yield f"E,{PAYER},Payer,NL,USD,UTC,,"
        for child in CHILDREN:
            yield f"E,{child},Child,NL,USD,UTC,{payer},{payer}"

    def act(self) -> str:
        """A key for the next act."""
        self.acts += 1
        return f"act{self.acts}"

    def invoices(self) -> list[dict[str, Any]]:
        """Heads of all documents."""
        with self.app.books.reader() as reader:
            return list(reader.invoices("v"))

    def newest(self, kind: str = "invoice") -> dict[str, Any]:
        """The newest document of a kind that voids no other."""
        return [head for head in self.invoices() if head["kind"] == kind and VOIDING not in head["group_key"]][-1]

    def lines(self, head: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Lines of a document."""
        with self.app.books.reader() as reader:
            return reader.invoice_lines(head["id"])

    def open(self, head: Mapping[str, Any]) -> Decimal:
        """What is open of a document."""
        with self.app.books.reader() as reader:
            item = reader.item("v", "E", head["id"])
        assert item is not None
        return item.left

    def balance(self, account: str) -> Any:
        """The balance of an account."""
        return self.app.accounts.shown(account).balances[0]

    def settled(self, *kinds: str) -> list[dict[str, Any]]:
        """Settlements of some kinds."""
        with self.app.books.reader() as reader:
            return [row for row in reader.settlements("v", "E") if row["kind"] in kinds]

    # what happens

    def subscribe(self, account: str) -> None:
        """The account takes the next plan of the case; if it has one already, and is no child, it changes to it."""
        plan, self.used = f"p{self.used}", self.used + 1
        again = account in self.subscribed and not self.family
        self.events += 1
        if not again:
            anchor = self.day.day
            self._load(subscriptions=["entity,key,account,anchor_day", f"E,S{account},{account},{anchor}"])
            self.subscribed.append(account)
            self.started = self.day
        kind, day = ("change", self.started) if again else ("start", self.day)
        head = "entity,subscription,key,kind,on,plan,quantity"
        self._load(subscription_events=[head, f"E,S{account},{self.events},{kind},{day},{plan},1"])

    def bill(self, on: date | None = None) -> None:
        """A bill run."""
        self.day = self.billed = on or self.day
        report = self.app.bill(self.day, CHANGE)
        assert not [finding for finding in report.findings if finding.level == "error"], report.findings

    def invoiced(self, step: Step) -> None:
        """Something new is billed, or drafted where the parent pays and nothing says that it is committed."""
        account = step.get("child", PAYER) if self.family else PAYER
        if account in self.subscribed or self.billed == self.day:
            self.day += timedelta(days=1)
        self.subscribe(account)
        committed = step.get("status") == "COMMITTED" or number(step.get("parent_balance", 0))
        if self.family and not committed:
            self.waiting = True
        else:
            self.bill()

    def draft(self) -> dict[str, Any]:
        """What the parent would be billed today."""
        return dict(self.app.bill(self.day, CHANGE, dry_run=True).details[0])

    def paid(self, amount: Any) -> None:
        """Money comes for the newest invoice."""
        if number(amount):
            invoice = [self.newest()["number"]]
            self.app.accounts.pay(PAYER, self.act(), number(amount), CHANGE, invoices=invoice, on=self.day)

    def payment(self, place: int = 0) -> str:
        """Key of a payment, the newest by default."""
        keys = list(dict.fromkeys(row["key"] for row in self.settled("payment")))
        return str(keys[place - 1])

    def refunded(self, step: Step) -> None:
        """Money goes back."""
        of = self.payment(step.get("of_payment", 0))
        self.app.accounts.refund(PAYER, self.act(), number(step["refund"]), CHANGE, payment=of, on=self.day)

    def charged_back(self, amount: Any, *, won: bool = False) -> None:
        """The payer's bank takes money back, or brings it again."""
        of = self.payment()
        self.app.accounts.charged_back(PAYER, self.act(), number(amount), CHANGE, payment=of, won=won, on=self.day)

    def adjusted(self, amount: Any) -> None:
        """Money is given back on the first line."""
        if self.waiting:
            self._redeem(amount)
            return
        memos = self.app.accounts.memos
        memos.credit(
            self.newest()["number"], "goodwill", self.day, CHANGE, line=1, amount=number(amount), key=self.act()
        )

    def _redeem(self, amount: Any) -> None:
        """What is not issued yet is lowered by a coupon: the next bill bills less, and is taxed on less."""
        key, self.events = self.act(), self.events + 1
        self._load(coupons=["key,name,amount,currency,cycles", f"{key},Adjustment,{amount},USD,1"])
        head = "entity,subscription,key,kind,on,coupon"
        event = f"E,S{self.child},{self.events},redeem,{self.day},{key}"
        self._load(subscription_events=[head, event])

    def credited(self, account: str, amount: Any) -> None:
        """An account gets credit."""
        self.app.accounts.grant(account, self.act(), number(amount), CHANGE, on=self.day)

    def child_credited(self, amount: Any) -> None:
        """A child gets credit: for what is drafted, prepaid credit that pays its lines; else credit on its account."""
        if self.waiting:
            self.app.wallets.grant(self.child, Asked(self.act(), number(amount), on=self.day), CHANGE)
        else:
            self.credited(self.child, amount)

    def handed_over(self) -> None:
        """A child hands all of its credit to its parent."""
        amount = self.balance(self.child).credit
        self.app.accounts.hand_over(self.child, PAYER, self.act(), amount, CHANGE, on=self.day)

    def voided(self, what: Any, which: str) -> None:
        """A document is voided, or refuses to be."""
        head = self.newest("credit_note" if which == "repair" else "invoice")
        if what != "refused":
            self.app.void(head["number"], self.day, CHANGE)
            return
        try:
            self.app.void(head["number"], self.day, CHANGE)
        except TollbookError:
            return
        raise AssertionError(f"{head['number']} could be voided")

    def cancelled(self, on: date) -> None:
        """The service ends, and that is billed."""
        self.events += 1
        self._load(subscription_events=["entity,subscription,key,kind,on", f"E,S{PAYER},{self.events},cancel,{on}"])
        self.bill(on)

    def unlinked(self) -> None:
        """Children leave their parent."""
        self._load(accounts=["entity,key,name,country,currency,zone,payer,parent", *self.customers("")])

    def ended(self) -> None:
        """The day ends: what was drafted is issued and paid."""
        self.waiting = False
        self.bill()
        self.paid(self.newest()["total"])

    def written_off(self) -> None:
        """The newest invoice will not be paid."""
        self.app.accounts.write_off(PAYER, self.act(), self.newest()["number"], CHANGE, on=self.day)

    def next_day(self) -> None:
        """A day goes by."""
        self.day += timedelta(days=1)


Doing = Callable[[World, Step], Any]

ACTIONS: Mapping[str, Doing] = {
    "invoice": World.invoiced,
    "line": World.invoiced,
    "lines": World.invoiced,
    "account_credit": lambda w, s: None if len(s) > 1 else w.credited(PAYER, s["account_credit"]),
    "preview_lines": lambda w, s: w.subscribe(PAYER),
    "paid": lambda w, s: w.paid(s["paid"]),
    "pay": lambda w, s: w.paid(s["pay"]),
    "parent_pays": lambda w, s: w.paid(s["parent_pays"]),
    "refund": World.refunded,
    "chargeback": lambda w, s: w.charged_back(s["chargeback"]),
    "chargeback_reversed": lambda w, s: w.charged_back(s["chargeback_reversed"], won=True),
    "adjust_item": lambda w, s: w.adjusted(s["adjust_item"]),
    "child_credit": lambda w, s: w.child_credited(s["child_credit"]),
    "transfer_to_parent": lambda w, s: w.handed_over(),
    "void": lambda w, s: w.voided(s["void"], s.get("which", "original")),
    "bill_target": lambda w, s: w.bill(s["bill_target"]),
    "bill_lines": lambda w, s: w.bill(w.day + timedelta(days=1)),
    "cancel": lambda w, s: w.cancelled(s["cancel"]),
    "unlink": lambda w, s: w.unlinked(),
    "end_of_day": lambda w, s: w.ended(),
    "next_day": lambda w, s: w.next_day(),
    "mark_written_off": lambda w, s: w.written_off(),
}
"""Words that make something happen, in the order in which they do within a step."""


def _net(world: World) -> list[Decimal]:
    head = max(world.invoices(), key=lambda one: one["id"])
    return sorted(line["amount"] for line in world.lines(head) if line["charge"] != "tax")


def _tax(world: World, step: Step) -> Decimal:
    """The tax of the newest document, or of a preview; a fixed tax of a document is a charge of its own."""
    if "preview_lines" in step:
        return Decimal(world.draft()["tax"])
    head = max(world.invoices(), key=lambda one: one["id"])
    levied = sum((line["amount"] for line in world.lines(head) if line["charge"] == "tax"), ZERO)
    return Decimal(head["tax"] + levied)


def _credit_used(world: World, step: Step) -> Decimal:
    if "preview_lines" in step:
        return Decimal(world.draft().get("credit", 0))
    newest = world.newest()["id"]
    return -sum((row["amount"] for row in world.settled("account_credit") if row["item"] == newest), ZERO)


def _given(world: World) -> list[dict[str, Any]]:
    return world.settled("credit_note")


def _became_credit(world: World, step: Step) -> Decimal:
    """What the newest credit note has become credit of."""
    newest = world.newest("credit_note")["id"]
    documents = {row["document"] for row in _given(world) if row["item"] == newest}
    return -sum((row["amount"] for row in _given(world) if row["document"] in documents and row["item"] == 0), ZERO)


def _total(world: World, step: Step) -> Decimal:
    head = max(world.invoices(), key=lambda one: one["id"])
    return Decimal(head["total"])


def _draft_total(world: World) -> Decimal:
    draft = world.draft()
    return Decimal(draft.get("due", draft["total"]))


def _balance(world: World, step: Step) -> Decimal:
    return _draft_total(world) if "preview_lines" in step else world.open(world.newest())


def _bill_lines(world: World, step: Step) -> list[Any]:
    return [[str(one["service_from"]), str(one["service_to"]), one["amount"]] for one in world.lines(world.newest())]


ASKED: Mapping[str, Doing] = {
    "balance": _balance,
    "refunded": lambda w, s: sum((row["amount"] for row in w.settled("refund")), ZERO),
    "paid_net": lambda w, s: -sum((row["amount"] for row in w.settled("payment", "chargeback", "refund")), ZERO),
    "payment_rows": lambda w, s: len(w.settled("payment", "refund", "chargeback")),
    "invoice": lambda w, s: _draft_child(w, s) if w.waiting else w.newest()["total"],
    "line": lambda w, s: _net(w)[0],
    "lines": lambda w, s: _net(w),
    "preview_lines": lambda w, s: sorted(Decimal(line["amount"]) for line in w.draft()["lines"]),
    "tax": _tax,
    "total": _total,
    "tax_adjust": lambda w, s: w.newest("credit_note")["tax"],
    "credit_used": _credit_used,
    "repair_credit": lambda w, s: w.newest("credit_note")["total"],
    "account_credit_back": _became_credit,
    "account_credit": lambda w, s: (
        _became_credit(w, s)
        if "adjust_item" in s
        else w.balance(PAYER).credit
        if len(s) > 1
        else number(s["account_credit"])
    ),
    "lines_from": lambda w, s: sorted(line["service_from"] for line in w.lines(w.newest())),
    "bill_lines": _bill_lines,
    "status": lambda w, s: "DRAFT" if w.waiting else "COMMITTED",
    "parent_summary_lines": lambda w, s: len(w.draft()["lines"]),
    "parent_total_is_sum": lambda w, s: Decimal(w.draft()["total"]),
    "parent_total": lambda w, s: _draft_total(w),
    "parent_balance": lambda w, s: w.balance(PAYER).balance,
    "parent_paid": lambda w, s: -sum((row["amount"] for row in w.settled("payment")), ZERO),
    "parent_credit": lambda w, s: w.balance(PAYER).credit,
    "child_balance": lambda w, s: w.balance(w.child).balance + w.balance(w.child).carried,
    "child_balances": lambda w, s: sum((w.balance(c).balance + w.balance(c).carried for c in CHILDREN), ZERO),
    "child_invoice_after_credit": lambda w, s: _draft_total(w),
    "payments_attempted": lambda w, s: len([item for item in w.app.accounts.shown(PAYER).items if item.left > 0]),
}
"""Words that state something, and where it is found."""

SAID = frozenset({"child", "from", "to", "paid", "of_payment", "which", "automatic_payment", *ACTIONS} - ASKED.keys())
"""Words that say something of an action, or are one."""


def _draft_child(world: World, step: Step) -> Decimal:
    mine = [line for line in world.draft()["lines"] if line["account"] == step["child"]]
    return sum((Decimal(line["amount"]) for line in mine), ZERO)


def _stated(value: Any) -> Any:
    """What a word states, as it is compared."""
    if isinstance(value, list):
        return sorted((_stated(one) if not isinstance(one, list) else [str(x) for x in one] for one in value), key=repr)
    if isinstance(value, (date, str)) and not _numeric(value):
        return str(value)
    return number(value)


def _numeric(value: Any) -> bool:
    try:
        number(value)
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    """What was found, in the form of :func:`_stated`."""
    if isinstance(value, list):
        made = (
            [str(part) if isinstance(part, str) else f"{part:.2f}" for part in one]
            if isinstance(one, list)
            else _plain(one)
            for one in value
        )
        return sorted(made, key=repr)
    return value.normalize() + ZERO if isinstance(value, Decimal) else str(value) if isinstance(value, date) else value


@cache
def _empty_books() -> Path:
    """New books, made once in a process."""
    path = Path(mkdtemp(prefix="vectors-")) / "books.db"
    books = open_books(f"sqlite:///{path}")
    books.migrate()
    books.close()
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    return path


@contextmanager
def company(case: Case) -> Iterator[World]:
    """The company of a case."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for family in FAMILIES:
            shutil.copytree(ROOT / "rules" / family, folder / "rules" / family)
        for family, text in (RULES | {"pricing": _prices(case), "tax": _taxes(case)}).items():
            (folder / "rules" / family).mkdir()
            (folder / "rules" / family / "vector.yaml").write_text(text.replace("/default", "/vector", 1))
        shutil.copy(_empty_books(), folder / "books.db")
        config = folder / "config.yaml"
        config.write_text("tenant: {key: v, name: V}\nrules: {folders: [rules]}\npeople: {ada: [operator]}\n")
        app = App(config, {"database.url": f"sqlite:///{folder / 'books.db'}"})
        try:
            yield World(app, folder, case)
        finally:
            app.close()


def _prices(case: Case) -> str:
    rules = [
        f'  - {{id: p{n}-c{m}, when: plan == "p{n}" and charge.key == "c{m}", then: {{method: flat, price: {price} USD}}}}\n'
        for n, prices in enumerate(priced(case))
        for m, price in enumerate(prices)
    ]
    fixed = next((number(step["tax"]) for step in case["steps"] if "lines" in step), None)
    if fixed is not None:
        rules.append(f'  - {{id: tax, when: charge.key == "tax", then: {{method: flat, price: {fixed} USD}}}}\n')
    none = '  - {id: none, when: plan == "", then: {method: flat, price: 0 USD}}\n'
    return "ruleset: pricing/vector\neffective: {from: 1900-01-01}\nhit: first\nrules:\n" + "".join(rules or [none])


def _taxes(case: Case) -> str:
    """One rate, of which the lines of the case have their tax."""
    rate = ZERO
    for step in case["steps"]:
        base = [number(one) for one in (*step.get("preview_lines", ()), *([step["line"]] if "line" in step else []))]
        if "tax" in step and base:
            rate = (number(step["tax"]) / sum(base, ZERO) * 100).quantize(Decimal("0.0001"))
    then = f"{{rate: {rate} %, category: {'S' if rate else 'O'}, reason: vector}}"
    return f"ruleset: tax/vector\neffective: {{from: 1900-01-01}}\nrules:\n  - {{id: all, then: {then}}}\n"


def balances(case: Case, document: Document) -> Outcome:
    """Steps in turn; the first that comes out otherwise fails the case."""
    words = {word for step in case["steps"] for word in step} - ASKED.keys() - SAID
    if words:
        return unsupported(case, f"unknown words: {', '.join(sorted(words))}")
    with company(case) as world:
        for place, step in enumerate(case["steps"], 1):
            world.child = step.get("child", world.child)
            for word, do in ACTIONS.items():
                if word in step:
                    do(world, step)
            wanted = {word: _stated(value) for word, value in step.items() if word in ASKED}
            found = {word: _plain(ASKED[word](world, step)) for word in wanted}
            if wanted != found:
                return judged(case, f"step {place}: {wanted}", f"step {place}: {found}")
        wrong = {name: [str(one) for one in findings] for name, findings in world.app.verify().items() if findings}
        return judged(case, {}, wrong)
