"""A month of the books in another system's general ledger: with faults on the way, nothing is lost and nothing doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.cli import main as tollbook
from engine.ports.contracts.fakes.sap import PASSWORD, S4, USER
from engine.runs.run import Report
from tests import stories

RULE = """
ruleset: erp/default
effective: {from: 2000-01-01}
rules:
  - {id: openings, when: kind == "opening", then: {post: never}}
  - {id: invoices, when: kind == "invoice", then: {post: entry, adapter: sap, document_type: RV}}
  - {id: rest, then: {post: month, adapter: sap}}
cases:
  - {name: invoices, given: {kind: invoice}, expect: {rule: invoices, document_type: RV}}
  - {name: openings, given: {kind: opening}, expect: {rule: openings, post: never}}
  - {name: the rest, given: {kind: revenue}, expect: {rule: rest, post: month}}
"""
LINE = """  - name: sap
    port: erp
    plugin: erp_sap
    settings: {url: "%s", companies: {E1: "1010"}, debtors: {"1200": D1}}
"""
JANUARY = (date(2026, 1, 1), date(2026, 2, 28))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[S4]:
    monkeypatch.setenv("SAP_USER", USER)
    monkeypatch.setenv("SAP_PASSWORD", PASSWORD)
    with S4().running() as made:
        yield made


def company(folder: Path, service: S4) -> Path:
    stories.write(folder, rules={"erp/default.yaml": RULE})
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("fx:", f"{LINE % service.url}fx:"))
    return folder


def post(app: App, *, now: bool = True, until: str = "2026-02-28") -> Report:
    """Post what is due; with ``now`` everything that waits is."""
    if now:
        with app.books._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE effect SET next_at = NULL")
    return app.erp.post(date.fromisoformat(until), app.change("ada", "run", "test"))


def in_the_books(app: App) -> dict[tuple[str, str], Decimal]:
    """What was moved, by account and currency."""
    sums: Counter[tuple[str, str]] = Counter()
    for one in app.ledger.journal():
        for posting in one.entry.postings:
            sums[posting.account, posting.currency] += posting.amount  # type: ignore[assignment]
    return {key: value for key, value in sums.items() if value}


def there(service: S4) -> dict[tuple[str, str], Decimal]:
    sums: Counter[tuple[str, str]] = Counter()
    for document in service.documents.values():
        for line in document["lines"]:
            account = "1200" if line["account"] == "D1" else line["account"]
            sums[account, line["currency"]] += line["amount"]
    return {key: value for key, value in sums.items() if value}


def wrong(app: App) -> list[str]:
    return [str(finding.code) for found in app.verify().values() for finding in found]


@pytest.mark.capability("A7.5", "A5.6")
def test_a_month_with_faults(tmp_path: Path, database_url: str, service: S4) -> None:
    """A dump before anything is posted, a time-out after everything is, an account that is missing there, a document that
    somebody removed: each is named, and mended by the verb that the report names."""
    with stories.opened(company(tmp_path, service), database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        dry = app.erp.post(date(2026, 2, 28), app.change("ada", "run", "test"), dry_run=True)
        assert (dry.counts["documents"], len(dry.details), service.seen) == (6, 6, [])
        kinds = Counter(one["document_type"] for one in dry.details)
        assert kinds == {"RV": 3, "SA": 3}  # three invoices, and the revenue of three currencies

        service.once = ["before"]
        first = post(app)
        assert (first.counts["documents"], first.counts["retry"], service.documents) == (6, 6, {})
        assert [one.code for one in first.findings] == ["erp.failed"]
        service.once = ["after"]
        assert post(app).counts["retry"] == 6 and len(service.documents) == 6
        seen = len(service.seen)
        report = post(app)
        assert (report.counts["documents"], report.counts["accepted"], report.findings) == (0, 6, ())
        assert not any(one.startswith("POST") for one in service.seen[seen:])  # asked, and not told again
        assert (len(service.documents), there(service), wrong(app)) == (6, in_the_books(app), [])
        assert post(app).counts == {"documents": 0, "entries": 0, "accepted": 0, "retry": 0, "rejected": 0}

        compared = app.erp.compare(*JANUARY)
        assert (compared.counts, compared.unposted, compared.findings) == ({"posted": 6}, (), ())
        lost = next(number for number, one in service.documents.items() if one["named"] == "E1-2026-000002")
        service.documents.pop(lost)
        changed = next(one for one in service.documents.values() if one["named"] == "E1-2026-000001")
        for line in changed["lines"]:
            line["amount"] *= 2
        compared = app.erp.compare(*JANUARY)
        assert compared.counts == {"posted": 4, "missing": 1, "differs": 1}
        (missing,) = [one for one in compared.documents if one.state == "missing"]
        assert (missing.number, missing.document.currency) == (lost, "USD")
        for line in changed["lines"]:
            line["amount"] /= 2
        assert app.erp.resend(missing.document.key, app.change("ada", "run", "it was removed")).endswith("#1")
        assert post(app).counts["accepted"] == 1
        assert (app.erp.compare(*JANUARY).counts, there(service)) == ({"posted": 6}, in_the_books(app))
        with pytest.raises(TollbookError, match=r"erp\.not-wrong"):
            app.erp.resend(missing.document.key, app.change("ada", "run", "again"))
        assert wrong(app) == []


@pytest.mark.capability("A7.5")
def test_one_document_is_refused(tmp_path: Path, database_url: str, service: S4) -> None:
    """Its neighbours are posted; it is named with the words of the other system, and goes as soon as that is mended."""
    with stories.opened(company(tmp_path, service), database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        service.accounts = {line.partition(",")[0] for line in stories.FILES["gl_accounts"]} - {"2200"}
        report = post(app)
        # all invoices have tax; the revenue of each currency has none
        assert (report.counts["accepted"], report.counts["rejected"]) == (3, 3)
        assert all("G/L account 2200 is not defined" in one.what for one in report.findings)
        compared = app.erp.compare(*JANUARY)
        assert compared.counts == {"posted": 3, "rejected": 3}
        service.accounts = None
        for one in compared.documents:
            if one.state == "rejected":
                app.erp.resend(one.document.key, app.change("ada", "run", "the account is there now"))
        assert post(app).counts["accepted"] == 3
        assert (there(service), wrong(app)) == (in_the_books(app), [])
        (finding,) = app.verify(["erp-ties"]).values()
        with app.books._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE erp_document SET debit = debit + 1")
        assert finding == () and "erp.differs" in wrong(app)


def test_what_comes_later_makes_documents_of_its_own(tmp_path: Path, lite: str, service: S4) -> None:
    """A month that was posted gets another document for what is entered in it afterwards."""
    with stories.opened(company(tmp_path, service), lite) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-01-31")
        post(app, until="2026-01-31")
        count = len(service.documents)
        stories.bill(app, "2026-02-01")
        assert {(entity, entries) for entity, entries, _ in app.erp.compare(*JANUARY).unposted} != set()
        assert post(app).counts["documents"] > 0
        assert len(service.documents) > count
        assert (there(service), app.erp.compare(*JANUARY).unposted) == (in_the_books(app), ())


def test_the_verbs(
    tmp_path: Path, lite: str, service: S4, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    with stories.opened(company(tmp_path, service), lite) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")

    def run(*words: str) -> tuple[int, str]:
        code = tollbook.run(["--config", str(tmp_path / "config.yaml"), "--set", f"database.url={lite}", *words])
        return code, capsys.readouterr().out

    code, said = run("erp", "reconcile", "--since", "2026-01-01", "--until", "2026-02-28")
    assert (code, "are in no document; `tollbook erp post` makes them" in said) == (1, True)
    code, said = run("erp", "post", "--until", "2026-02-28", "--as", "ada", "--reason", "close")
    assert (code, said.strip()) == (0, "6 documents of 6 entries; 6 posted, 0 to be tried again, 0 rejected")
    code, said = run("erp", "reconcile", "--since", "2026-01-01", "--until", "2026-02-28")
    assert (code, said.strip()) == (0, "2026-01-01 to 2026-02-28: 6 documents agree, 0 do not")
    code, said = run("erp", "list")
    assert (code, said.count("posted"), "0100000000 2026" in said) == (0, 6, True)
    key = next(word for word in said.split() if word.startswith("E1/2026"))
    code, said = run("erp", "show", key)
    assert (code, "1200" in said, "invoice" in said) == (0, True, True)
    assert run("erp", "show", "E1/nothing")[0] == 1
