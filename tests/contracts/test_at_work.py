"""A company whose tax and delivery adapters call a real service, which fails: runs, deliveries, and the request log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.cli import main as tollbook
from engine.ports.contracts.fakes.vendor import SECRET, Vendor, vendor
from engine.runs.delivering.run import run_deliver
from engine.runs.run import Report
from tests import stories

HERE = Path(__file__).parent

CONFIG = """
tenant: {{key: acme, name: Acme}}
rules: {{folders: [{rules}, rules]}}
adapters:
  - {{name: tax_table, port: tax, plugin: {here}/http_tax, settings: {{url: "{url}"}}, timeout: 1, retries: 0,
     breaker_failures: {failures}, breaker_seconds: 3600}}
  - {{name: delivery_file, port: delivery, plugin: {here}/http_delivery, settings: {{url: "{url}"}}, timeout: 1,
     breaker_failures: {failures}, breaker_seconds: 3600}}
fx: {{max_age_days: 120}}
people: {{ada: [operator], bob: []}}
"""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    monkeypatch.setenv("HTTP_TAX_TOKEN", SECRET)
    monkeypatch.setenv("HTTP_DELIVERY_PASSWORD", SECRET)
    with vendor() as made:
        yield made


def company(folder: Path, service: Vendor, failures: int = 2) -> Path:
    """A company of four accounts whose default adapters are the service."""
    stories.write(folder)
    text = CONFIG.format(rules=stories.ROOT / "rules", here=HERE, url=service.url, failures=failures)
    (folder / "config.yaml").write_text(text)
    return folder


def told(app: App) -> Report:
    return run_deliver(app.parts(), app.change("ada", "deliver", "test"))


def again(app: App) -> None:
    """Let all effects be due now."""
    with app.books._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE effect SET next_at = NULL")


def sources(app: App) -> set[str]:
    return {line["tax_source"] for invoice in stories.invoices(app) for line in invoice["lines"]}


def outcomes(app: App, **filters: Any) -> list[tuple[str, str, str]]:
    with app.books.reader() as reader:
        calls = [one.call for one in reader.requests("acme", **filters)][::-1]
    return [(call.hook, call.outcome, call.kind) for call in calls]


def everything(app: App) -> str:
    """All that the books hold, as text."""
    from engine.store.tables import METADATA

    with app.books._engine.connect() as connection:
        return " ".join(str([*connection.execute(table.select())]) for table in METADATA.tables.values())


@pytest.mark.parametrize(
    ("fault", "kind"), [("busy", "transient"), ("error", "transient"), ("malformed", "permanent"), ("slow", "unknown")]
)
def test_a_run_goes_on_without_its_tax_service(
    tmp_path: Path, database_url: str, service: Vendor, fault: str, kind: str
) -> None:
    with stories.opened(company(tmp_path, service), database_url, runs__partition_size="1") as app:
        stories.load(app, tmp_path / "data")
        with service.failing(fault):
            report = stories.bill(app, "2026-01-31")
        assert (report.state, report.counts["invoices"] > 1, sources(app)) == ("done", True, {"rules"})
        fallbacks = [f for f in report.findings if f.code == "tax.fallback"]
        calls = outcomes(app, run_id=report.run_id)
        rests = kind != "permanent"
        assert len(calls) == (2 if rests else len(fallbacks))
        assert {found for _, _, found in calls} == {kind}
        assert sum("was not called" in f.what for f in fallbacks) == (len(fallbacks) - 2 if rests else 0)
        assert SECRET not in everything(app)


def test_what_was_asked_and_answered_can_be_asked_again(tmp_path: Path, database_url: str, service: Vendor) -> None:
    with stories.opened(company(tmp_path, service), database_url) as app:
        stories.load(app, tmp_path / "data")
        report = stories.bill(app, "2026-01-31")
        assert sources(app) == {"tax_table"}
        (one,) = app.requests.listed("tax_table", report.run_id, False, 10)
        call = app.requests.one(one.id).call
        assert (call.outcome, call.masked, call.items) == ("answered", False, len(call.request))
        change = app.change("ada", "deliver", "is it still so?")
        assert app.requests.replay(one.id, change).differences == ()
        service.quote = lambda line: {**Vendor.quote(service, line), "rate": "0.20"}  # type: ignore[method-assign]
        rows = app.requests.replay(one.id, change).differences
        assert {row[1:] for row in rows} == {("rate", "0.19", "0.20")}
        with service.failing("busy"):
            assert ("", "error", None) in {row[:3] for row in app.requests.replay(one.id, change).differences}
        assert len(app.requests.listed("", 0, False, 10)) == 3
        with app.books.reader() as reader:
            audits = reader.audit_rows("acme", f"request/{one.id}")
        assert [(row.action, row.reason) for row in audits] == [("replay request", "is it still so?")] * 3


@pytest.mark.on_sqlite
def test_a_delivery_in_doubt_is_asked_about_before_it_is_sent_again(
    tmp_path: Path, database_url: str, service: Vendor
) -> None:
    with stories.opened(company(tmp_path, service), database_url) as app:
        stories.load(app, tmp_path / "data")
        count = stories.bill(app, "2026-01-31").counts["invoices"]
        with service.failing("broken-off"):
            report = told(app)
        assert report.counts == {"accepted": 0, "retry": count, "rejected": 0}
        assert [f.code for f in report.findings] == ["delivery.failed"]
        assert len(service.arrived) == count
        again(app)
        with service.failing("busy"):  # cannot be asked: nothing is sent
            assert told(app).counts["retry"] == count
        assert service.seen[-1] == "POST /status"
        app.__dict__.pop("host")  # another process, whose breaker is closed
        again(app)
        assert told(app).counts == {"accepted": count, "retry": 0, "rejected": 0}
        assert service.seen[-2:] == ["POST /status", "POST /status"]
        assert len(service.arrived) == count
        assert SECRET not in everything(app)


@pytest.mark.on_sqlite
def test_a_delivery_that_never_arrived_is_sent(tmp_path: Path, database_url: str, service: Vendor) -> None:
    with stories.opened(company(tmp_path, service), database_url) as app:
        stories.load(app, tmp_path / "data")
        count = stories.bill(app, "2026-01-31").counts["invoices"]
        change = app.change("ada", "deliver", "test")
        with app.books.writer(change) as writer:  # a process that claims and dies
            assert len(writer.claim("acme", "delivery", 100, timedelta(0))) == count
        assert told(app).counts["accepted"] == count
        assert service.seen[-2:] == ["POST /status", "POST /documents"]
        assert len(service.arrived) == count


@pytest.mark.on_sqlite
def test_an_adapter_that_rests_keeps_its_documents_waiting(
    tmp_path: Path, database_url: str, service: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.runs.delivering.run.BATCH", 1)
    with stories.opened(company(tmp_path, service), database_url) as app:
        stories.load(app, tmp_path / "data")
        count = stories.bill(app, "2026-01-31").counts["invoices"]
        assert count > 2
        with service.failing("busy"):
            report = told(app)
        assert report.counts["retry"] == 2
        assert [f.code for f in report.findings] == ["delivery.failed", "delivery.waiting"]
        assert report.findings[1].what.startswith(f"{count} documents wait for delivery_file, which rests")
        resting = app.host.resting("delivery_file")
        assert resting is not None
        with app.books.reader() as reader:
            waiting = reader.pending("acme", "delivery", resting.until, 100)
            assert len(waiting) == count
            later = {effect.attempts: effect.next_at for effect in waiting}
        assert later[0] is None
        assert later[1] is not None
        assert later[1] >= resting.since
        calls = len(outcomes(app))
        report = told(app)
        assert (report.counts["retry"], [f.code for f in report.findings]) == (0, ["delivery.waiting"])
        assert len(outcomes(app)) == calls
        app.__dict__.pop("host")
        again(app)
        assert told(app).counts["accepted"] == count


@pytest.mark.on_sqlite
def test_a_seller_that_moves_meanwhile_changes_nothing_about_what_arrived(
    tmp_path: Path, database_url: str, service: Vendor
) -> None:
    with stories.opened(company(tmp_path, service), database_url) as app:
        stories.load(app, tmp_path / "data")
        count = stories.bill(app, "2026-01-31").counts["invoices"]
        with service.failing("broken-off"):
            told(app)
        moved = ("key,name,country,functional_currency,zone,address", "E1,Acme BV,NL,EUR,Europe/Amsterdam,Elsewhere 1")
        assert not stories.load(app, stories.deliver(tmp_path, "moved", entities=moved)).findings
        again(app)
        assert told(app).counts == {"accepted": count, "retry": 0, "rejected": 0}
        assert len(service.arrived) == count


@pytest.mark.on_sqlite
def test_a_batch_that_is_refused_is_told_again_much_later(tmp_path: Path, database_url: str, service: Vendor) -> None:
    with stories.opened(company(tmp_path, service), database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-01-31")
        with service.failing("denied"):
            report = told(app)
        assert [f.code for f in report.findings] == ["delivery.failed"]
        assert "not with ***" in report.findings[0].what
        now = datetime.now(UTC)
        with app.books.reader() as reader:
            assert reader.pending("acme", "delivery", now + timedelta(hours=5), 10) == []
            assert len(reader.pending("acme", "delivery", now + timedelta(hours=7), 10)) == report.counts["retry"]


def test_workers_write_down_what_they_call(tmp_path: Path, database_url: str) -> None:
    settings = {"runs__workers": "2", "runs__partition_size": "1"}
    with stories.opened(stories.write(tmp_path), database_url, **settings) as app:
        stories.load(app, tmp_path / "data")
        report = stories.bill(app, "2026-01-31")
        with app.books.reader() as reader:
            partitions = len(reader.partitions(report.run_id))
        calls = outcomes(app, run_id=report.run_id)
        assert set(calls) == {("tax_quote", "answered", "")}
        assert 1 < len(calls) <= partitions
        assert {f.code for f in report.findings} <= {"pricing.unused-rule"}


def test_what_was_told_can_be_told_again_if_it_is_the_same(tmp_path: Path, database_url: str, service: Vendor) -> None:
    with stories.opened(company(tmp_path, service), database_url) as app:
        stories.load(app, tmp_path / "data")
        told_count = stories.bill(app, "2026-01-31").counts["invoices"]
        assert told(app).counts["accepted"] == told_count
        (one,) = app.requests.listed("delivery_file", None, False, 10)
        change = app.change("ada", "deliver", "did it arrive?")
        assert app.requests.replay(one.id, change).differences == ()
        assert len(service.arrived) == told_count
        with app.books._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE invoice SET purchase_order = 'PO-2'")
        with pytest.raises(TollbookError) as caught:
            app.requests.replay(one.id, change)
        finding = caught.value.findings[0]
        assert (finding.code, "something else under its keys" in finding.what) == ("request.not-replayable", True)


def run(folder: Path, *words: str) -> int:
    url = f"sqlite:///{folder / 'books.db'}"
    return tollbook.run(["--config", str(folder / "config.yaml"), "--set", f"database.url={url}", *words])


def test_the_verb(tmp_path: Path, service: Vendor, capsys: pytest.CaptureFixture[str]) -> None:
    company(tmp_path, service)
    who = ("--as", "ada", "--reason", "test")
    assert run(tmp_path, "init", *who) == run(tmp_path, "import", str(tmp_path / "data"), *who) == 0
    with service.failing("denied"):
        assert run(tmp_path, "run", "bill", "--date", "2026-01-31", *who) == 0
    assert run(tmp_path, "deliver", *who) == 0
    capsys.readouterr()

    assert run(tmp_path, "requests", "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["call"]["hook"] for one in listed] == ["delivery_send", "tax_quote"]
    assert run(tmp_path, "requests", "list", "--failed") == 0
    shown = capsys.readouterr().out
    assert "permanent" in shown
    assert "delivery_send" not in shown
    sent, asked = (str(one["id"]) for one in listed)

    assert run(tmp_path, "requests", "show", sent) == 0
    call = json.loads(capsys.readouterr().out)["call"]
    assert (call["outcome"], call["request"][0]["payload"]["kind"]) == ("answered", "invoice")
    assert run(tmp_path, "requests", "replay", sent, *who) == 0
    assert capsys.readouterr().out == "the answers are the same\n"
    assert run(tmp_path, "requests", "replay", asked, *who, "--json") == 0
    assert json.loads(capsys.readouterr().out)["differences"]
    assert run(tmp_path, "requests", "replay", "999", *who) == 1
    assert "there is no request 999 [request.unknown]" in capsys.readouterr().err

    day = date.today().replace(year=date.today().year + 1, day=1)
    assert run(tmp_path, "requests", "purge", "--before", f"{day}", *who, "--json") == 0
    assert json.loads(capsys.readouterr().out)["erased"] == 4
    assert run(tmp_path, "requests", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.on_sqlite
def test_a_call_that_stays_in_the_house_cannot_be_made_again(tmp_path: Path, database_url: str) -> None:
    with stories.opened(stories.write(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        report = stories.bill(app, "2026-01-31")
        (one,) = app.requests.listed("", report.run_id, False, 10)
        assert msgspec.structs.replace(one.call).request is None
        with pytest.raises(TollbookError, match="what was sent is not kept"):
            app.requests.replay(one.id, app.change("ada", "deliver", "test"))
