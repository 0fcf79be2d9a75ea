"""Closed months by other rules: what is simulated is what billing by these rules gives, and the books are as they were."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App, Simulated, simulation_page
from engine.base.errors import TollbookError
from engine.cli import main as tollbook
from engine.store.asof import AsOf
from engine.store.tuned import credited_by
from tests import stories

DEARER = stories.PRICES.replace("31 EUR", "33 EUR").replace("0.10 EUR", "0.08 EUR").replace("12 USD}", "11 USD}")
FIRST, LAST = date(2026, 2, 1), date(2026, 3, 1)
ALONE = """
ruleset: crediting/acme
effective: {from: 2020-01-01}
priority: 10
parameters: {at_once: {type: decimal, value: 1000, min: 0, max: 1000, why: what one person may do}}
rules:
  - {id: alone, when: functional_amount <= at_once, then: {decision: allow}}
  - {id: other, then: {decision: approve}}
"""
MOVED = (stories.FILES["accounts"][0], "E1,A2,Two,FR,USD,America/New_York,,")
CHANGED = stories.add("subscription_events", "E1,S1,2,change,2026-02-11,team,7", "E1,S4,2,cancel,2026-02-20,,")


def billed(app: App) -> dict[tuple[str, str, str, str], Decimal]:
    """What was billed by run, account, product and currency."""
    sums: dict[tuple[str, str, str, str], Decimal] = defaultdict(Decimal)
    for invoice in stories.invoices(app):
        for line in invoice["lines"]:
            sums[invoice["period"], line["account"], line["product"], line["currency"]] += line["amount"]
    return sums


def by_hand(app: App) -> None:
    """What people give back of the first month: a void, a whole line, an amount of a line, and a void of a credit note; and what they
    charge: a debit note, and an advance over money that came, which the next bill takes off."""
    invoices = {one["payer"]: one for one in stories.invoices(app)}
    lines = {line["charge"]: line["number"] for line in invoices["A2"]["lines"]}
    credit = app.accounts.memos.credit
    app.void(invoices["A1"]["number"], date(2026, 2, 10), stories.CHANGE)
    credit(invoices["A2"]["number"], "goodwill", date(2026, 2, 11), stories.CHANGE, line=lines["base"])
    credit(
        invoices["A2"]["number"], "goodwill", date(2026, 2, 11), stories.CHANGE, line=lines["seats"], amount=Decimal(7)
    )
    wrong = credit(invoices["A3"]["number"], "goodwill", date(2026, 2, 12), stories.CHANGE, line=1)
    app.void(wrong.number, date(2026, 2, 13), stories.CHANGE)
    day = date(2026, 2, 14)
    app.accounts.pay("A1", "p1", Decimal(20), stories.CHANGE, on=day)
    app.advances.invoice("A1", Decimal(20), day, stories.CHANGE, received=day, text="Advance")
    app.accounts.memos.debit("A4", Decimal("9.99"), "damage", day, stories.CHANGE, text="Repair")


def two_months(folder: Path, prices: str, url: str) -> dict[tuple[str, str, str, str], Decimal]:
    """A company that is billed twice: what happens in the second month takes back some of the first."""
    folder.mkdir()
    stories.write(folder, rules={"pricing/acme.yaml": prices, "crediting/acme.yaml": ALONE})
    with stories.opened(folder, url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        by_hand(app)
        stories.load(app, stories.deliver(folder, "more", subscription_events=CHANGED, accounts=MOVED))
        stories.bill(app, "2026-03-01")
        return billed(app)


def assert_recognises_nobody(folder: Path, copy: Path, found: Simulated, rules: Path) -> None:
    """The copy has no key and no name of a customer; what is simulated on it comes to the same."""
    held = copy.read_bytes()
    assert [name for name in (b"Child of one", b"E1-2026-", b"NL001234567B01\x00") if name in held] == []
    with stories.opened(folder, f"sqlite:///{copy}") as app:
        other = app.simulation([rules]).simulate(FIRST, LAST)
        with app.books.reader() as reader:
            assert not reader.accounts("acme", "E1", ["A1", "A2"])
    assert (other.totals, other.products, other.rules, other.accounts) == (
        found.totals, found.products, found.rules, found.accounts,
    )  # fmt: skip
    assert (other.drift, len(other.lines), other.decisions) == ((), len(found.lines), found.decisions)


@pytest.mark.capability("B4.7")
def test_what_is_simulated_is_what_billing_gives(tmp_path: Path, database_url: str) -> None:
    """A price change over two billed months; between them a change, a cancellation, voids, credits and a customer that moves."""
    expected = two_months(tmp_path / "other", DEARER, f"sqlite:///{tmp_path / 'other.db'}")
    held = two_months(tmp_path / "own", stories.PRICES, database_url)
    with stories.opened(tmp_path / "own", database_url) as app:
        head = app.chain_head()
        desk = app.simulation([tmp_path / "other" / "rules"])
        found, again = desk.simulate(FIRST, LAST), desk.simulate(FIRST, LAST)
        assert app.chain_head() == head and not any(app.verify().values())
        judged = app.simulation([], {"crediting/acme.at_once": "8"}).simulate(FIRST, LAST)
        copied = app.export_anonymous(tmp_path / "copy", b"key")
    assert found == again and simulation_page(found) == simulation_page(again)
    assert_recognises_nobody(tmp_path / "own", copied, found, tmp_path / "other" / "rules")
    assert found.drift == () and found.ties_hold and found.changed == ("pricing",)
    assert judged.crediting is not None and judged.drift == ()
    assert [(one.account, one.said, one.other_said) for one in judged.crediting.changed] == [
        ("A2", "allow", "approve"), ("A3", "allow", "approve"),
    ]  # fmt: skip
    sums = {(one.part, one.currency): (one.before, one.after) for one in judged.crediting.parts}
    assert sums["crediting/acme#alone", ""] == (3, 1) and sums["crediting/acme#other", "USD"] == (0, 40)
    with stories.opened(tmp_path / "own", database_url) as app, app.books.reader() as reader:
        runs = [run.id for run in reader.runs("acme", 100)]
        assert sorted(credited_by(reader, "acme", runs).values()) == [
            ("crediting/acme#alone", "JPY", 5000), ("crediting/acme#alone", "USD", 7), ("crediting/acme#alone", "USD", 40),
        ]  # fmt: skip
    assert found.by_hand == {"memo": 5, "void": 2} == judged.by_hand and found.beside == {}
    differences: dict[tuple[str, str, str, str], Decimal] = defaultdict(Decimal)
    for line in found.lines:
        differences[line.on.isoformat(), line.account, line.product, line.currency] += line.difference
    wanted = {key: expected[key] - held[key] for key in {*expected, *held} if expected[key] != held[key]}
    assert {key: amount for key, amount in differences.items() if amount} == wanted
    assert {row.key for row in found.customers if row.difference} == {key[1] for key in wanted}
    ways = {(one.rule, one.why) for one in found.decided}
    assert ("pricing/acme#base", ("price EUR: 31 -> 33",)) in ways


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company that was billed once; nothing more is written."""
    folder = tmp_path_factory.mktemp("once")
    stories.write(folder)
    with stories.opened(folder, f"sqlite:///{folder / 'books.db'}") as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
    return folder


def verb(folder: Path, *words: str) -> int:
    """Run the command on a company's books."""
    config = ["--config", str(folder / "config.yaml"), "--set", f"database.url=sqlite:///{folder / 'books.db'}"]
    return tollbook.run([*config, *words])


def test_text_csv_and_page(once: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The files are the same twice, the page has no script and escapes what it shows, and the sums are in the CSV."""
    (tmp_path / "<b>rules" / "pricing").mkdir(parents=True)
    (tmp_path / "<b>rules" / "pricing" / "acme.yaml").write_text(DEARER)
    files = []
    for name in ("one", "two"):
        files = [tmp_path / f"{name}.csv", tmp_path / f"{name}.html"]
        given = ("--rules", str(tmp_path / "<b>rules"), "--csv", str(files[0]), "--html", str(files[1]))
        assert verb(once, "simulate", "--from", "2026-02", *given) == 0
    assert [(tmp_path / f"one{file.suffix}").read_bytes() for file in files] == [file.read_bytes() for file in files]
    page = files[1].read_text()
    assert "&lt;b&gt;rules" in page and "<script" not in page and "http:" not in page.replace("http-equiv", "")
    rows = stories.read_csv(files[0])
    lines = sum(
        (Decimal(row["difference"]) for row in rows if row["what"] == "line" and row["currency"] == "EUR"), Decimal(0)
    )
    cut = [Decimal(row["difference"]) for row in rows if row["what"] == "by customer" and row["currency"] == "EUR"]
    assert lines == sum(cut, Decimal(0)) != 0
    text = capsys.readouterr().out
    assert "price EUR: 31 -> 33" in text and "all sums tie" in text


def beside(once: Path, folder: Path, prices: str | None) -> Path:
    """The same books with other files of pricing on disk; None takes the file away."""
    (folder / "rules" / "pricing").mkdir(parents=True)
    if prices is not None:
        (folder / "rules" / "pricing" / "acme.yaml").write_text(prices)
    for path in (once / "rules").rglob("*.yaml"):
        if path.parent.name != "pricing":
            target = folder / path.relative_to(once)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path.read_text())
    (folder / "config.yaml").write_text((once / "config.yaml").read_text())
    return folder


def test_a_file_that_is_deleted_no_longer_counts(once: Path, tmp_path: Path) -> None:
    """The rules on disk are all there are; a folder that is named is laid over those of the run."""
    lean = beside(once, tmp_path / "lean", None)
    with stories.opened(lean, f"sqlite:///{once / 'books.db'}") as app:
        found = app.simulation().simulate(FIRST, FIRST)
        laid = app.simulation([lean / "rules"]).simulate(FIRST, FIRST)
        others = app.simulation(only=["proration"]).simulate(FIRST, FIRST)
    assert found.changed == ("pricing",) and {one.after for one in found.totals} == {Decimal(0)}
    assert {one.code for one in found.findings} == {"rule.no-answer"}
    assert laid.changed == () == others.changed and laid.totals == others.totals != found.totals


def test_a_decision_with_the_same_money_says_so(once: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another rule with the same price is another decision, and no other money."""
    same = beside(once, tmp_path / "same", stories.PRICES.replace("id: base", "id: standard"))
    words = ["--config", str(same / "config.yaml"), "--set", f"database.url=sqlite:///{once / 'books.db'}"]
    page = tmp_path / "page.html"
    assert tollbook.run([*words, "simulate", "--from", "2026-02", "--html", str(page)]) == 0
    text = capsys.readouterr().out
    with stories.opened(same, f"sqlite:///{once / 'books.db'}") as app:
        found = app.simulation().simulate(FIRST, FIRST)
    assert found.decisions > 0 == found.decisions_moved and not found.lines
    assert f"{found.decisions} decisions come out otherwise, 0 of them with other money" in text
    assert f"{found.decided[0].count} with the same money" in page.read_text()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--from", "2026-03", "--to", "2026-02"), "simulate.no-months"),
        (("--from", "2030-01"), "simulate.nothing-billed"),
        (("--from", "2026-02", "--set", "tolerence=1"), "simulate.which-parameter"),
        (("--from", "2026-02", "--families", "princing"), "simulate.no-family"),
        (("--from", "2026-02", "--rules", "nowhere"), "rule.no-folder"),
        (("--from", "2026-02", "--set", "tolerance=99"), "rule.out-of-bounds"),
    ],
)
def test_wrong_questions(once: Path, words: tuple[str, ...], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong is said, and nothing is shown."""
    assert verb(once, "simulate", *words) == 1
    heard = capsys.readouterr()
    assert f"[{code}]" in heard.err and not heard.out


def test_an_export_replaces_nothing(once: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same folder twice is refused."""
    assert verb(once, "simulate", "export", str(tmp_path)) == 0
    assert verb(once, "simulate", "export", str(tmp_path)) == 1
    assert "[simulate.export-exists]" in capsys.readouterr().err


def test_a_snapshot_writes_nothing(once: Path) -> None:
    """Neither through its writer nor past it."""
    books = AsOf(f"sqlite:///{once / 'books.db'}")
    try:
        with pytest.raises(TollbookError) as refused, books.writer(stories.CHANGE):
            pass
        assert [finding.code for finding in refused.value.findings] == ["store.read-only"]
        with books.reader() as reader, pytest.raises(Exception, match=r"readonly|read-only"):
            reader.connection.exec_driver_sql("DELETE FROM main.invoice_line")
    finally:
        books.close()
