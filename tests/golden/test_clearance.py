"""Documents that an authority has to clear: nobody gets one before, none is submitted twice, and what is rejected comes again as
the rule of the country says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.cli import main as tollbook
from engine.ports.contracts.fakes.authority import Authority, authority
from engine.ports.contracts.fakes.vendor import SECRET
from engine.runs.delivering.run import run_deliver
from engine.runs.run import Report
from engine.store.writing.clearance import Step
from tests import stories

RULE = """
ruleset: clearance/default
effective: {from: 2000-01-01}
rules:
  - {id: all, then: {needed: true, adapter: authority, on_rejection: %s}}
cases:
  - {name: all, given: {kind: invoice}, expect: {rule: all, adapter: authority}}
"""
LINE = '  - {name: authority, port: clearance, plugin: clearance_http, settings: {url: "%s"}, timeout: 1}\n'


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    monkeypatch.setenv("CLEARANCE_HTTP_TOKEN", SECRET)
    with authority() as made:
        yield made


def company(folder: Path, service: Authority, on_rejection: str = "same_number") -> Path:
    stories.write(folder, rules={"clearance/default.yaml": RULE % on_rejection})
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("fx:", f"{LINE % service.url}fx:"))
    return folder


def deliver(app: App, *, now: bool = True) -> Report:
    """Deliver what is due; with ``now`` everything that waits is."""
    if now:
        with app.books._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE effect SET next_at = NULL")
    return run_deliver(app.parts(), app.change("ada", "deliver", "test"))


def states(app: App) -> Counter[str]:
    return Counter(one.state for one in app.clearance.listed())


def steps(app: App, number: str) -> list[str]:
    return [one.state for one in app.clearance.steps(number)]


def files(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("invoices/E1/*/*.json"))


def wrong(app: App) -> list[str]:
    return [str(finding.code) for found in app.verify().values() for finding in found]


NUMBERS = [f"E1-2026-00000{n}" for n in (1, 2, 3)]


@pytest.mark.capability("A3.4", "A3.3")
def test_delivery_waits_for_the_authority(tmp_path: Path, database_url: str, service: Authority) -> None:
    """While it decides nothing is delivered, and it is asked, not told again; then each document goes out once, with its name
    there and its QR code."""
    with stories.opened(company(tmp_path, service), database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        assert states(app) == {"numbered": 3}
        with service.ruling("pending"):
            for _ in range(2):
                report = deliver(app)
                assert report.counts == {
                    "accepted": 0,
                    "retry": 0,
                    "rejected": 0,
                    "cleared": 0,
                    "unanswered": 3,
                    "refused": 0,
                }
                assert (states(app), files(tmp_path), wrong(app)) == ({"submitted": 3}, [], [])
            assert deliver(app, now=False).counts["accepted"] == 0
        assert [name for name, _ in service.requests] == ["documents", "status"]
        report = deliver(app)
        assert (report.counts["cleared"], report.counts["accepted"]) == (3, 3)
        assert (states(app), sorted(service.arrived), files(tmp_path)) == ({"delivered": 3}, NUMBERS, NUMBERS)
        assert steps(app, NUMBERS[0]) == ["numbered", "submitted", "cleared", "delivered"]
        last = app.clearance.steps(NUMBERS[0])[-1]
        document = json.loads(next(tmp_path.glob(f"invoices/E1/*/{NUMBERS[0]}.json")).read_text())
        told = {"authority_id": last.authority_id, "qr": last.qr, "cleared_at": "2026-02-01T09:00:00Z"}
        assert document["legal"] == told and service.replies[last.key]["id"] == last.authority_id
        assert "cleared" not in deliver(app).counts
        assert wrong(app) == []


@pytest.mark.capability("A3.4")
@pytest.mark.parametrize("fault", ["slow", "twice", "busy"])
def test_what_is_not_known_is_asked_before_it_is_sent_again(
    tmp_path: Path, lite: str, service: Authority, fault: str
) -> None:
    """The authority has the documents and the answer is lost, or it says everything twice, or it has nothing: in the end it
    has each once, and each is delivered once."""
    with stories.opened(company(tmp_path, service), lite) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        if fault == "twice":
            service.twice = True
            report = deliver(app)
            service.twice = False
        else:
            with service.failing(fault):
                report = deliver(app)
        assert (report.counts["unanswered"], report.counts["accepted"], files(tmp_path)) == (3, 0, [])
        assert [str(f.code) for f in report.findings] == ["clearance.failed"]
        before = len(service.requests)
        has_it = fault != "busy"
        assert (sorted(service.arrived), wrong(app)) == (NUMBERS if has_it else [], [])
        assert deliver(app).counts["accepted"] == 3
        assert [name for name, _ in service.requests[before:]] == ["status" if has_it else "documents"]
        assert (sorted(service.arrived), files(tmp_path), wrong(app)) == (NUMBERS, NUMBERS, [])


@pytest.mark.capability("A3.4")
def test_a_rejected_document_keeps_its_number(tmp_path: Path, database_url: str, service: Authority) -> None:
    """It waits for a person, who mends what is wrong; then it is submitted under its number, with the buyer as it is now."""
    with stories.opened(company(tmp_path, service), database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01", account="A1")
        with service.ruling("rejected"):
            report = deliver(app)
        assert (report.counts["refused"], [str(f.code) for f in report.findings]) == (1, ["clearance.rejected"])
        assert service.reason in report.findings[0].what
        assert (deliver(app).counts["accepted"], files(tmp_path), wrong(app)) == (0, [], [])
        number = NUMBERS[0]
        change = app.change("ada", "run", "the buyer told its number")
        mended = [f"{line},{'tax_id' if n == 0 else 'NL99'}" for n, line in enumerate(stories.FILES["accounts"][:2])]
        stories.load(app, stories.deliver(tmp_path, "mended", accounts=mended))
        done = app.clearance.resubmit(number, date(2026, 2, 2), change)
        assert (done.state, done.key[-2:]) == ("numbered", "#2")
        with pytest.raises(TollbookError) as caught:
            app.clearance.resubmit(number, date(2026, 2, 2), change)
        assert caught.value.findings[0].code == "clearance.not-rejected"
        assert deliver(app).counts["accepted"] == 1
        assert service.arrived == [number, number]
        assert [service.documents[key]["buyer"]["tax_id"] for key in sorted(service.documents)] == [None, "NL99"]
        document = json.loads(next(tmp_path.glob("invoices/E1/*/*.json")).read_text())
        assert (document["number"], document["buyer"]["tax_id"]) == (number, "NL99")
        assert steps(app, number) == [
            "numbered",
            "submitted",
            "rejected",
            "numbered",
            "submitted",
            "cleared",
            "delivered",
        ]
        assert wrong(app) == []


@pytest.mark.capability("A3.4")
def test_a_rejected_document_whose_number_is_spent(tmp_path: Path, database_url: str, service: Authority) -> None:
    """It is voided in the books, nobody is told, and the next run bills it anew under another number, which is cleared."""
    with stories.opened(company(tmp_path, service, "new_number"), database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01", account="A1")
        with pytest.raises(TollbookError) as caught:
            app.void(NUMBERS[0], date(2026, 2, 2), stories.CHANGE)
        assert caught.value.findings[0].code == "void.not-answered"
        with service.ruling("rejected"):
            deliver(app)
        done = app.clearance.resubmit(NUMBERS[0], date(2026, 2, 2), stories.CHANGE)
        assert (done.state, done.credit_note) == ("voided", "E1-CN-2026-000001")
        assert app.clearance.resubmit(NUMBERS[0], date(2026, 2, 3), stories.CHANGE).state == "voided"
        assert "cleared" not in deliver(app).counts
        stories.bill(app, "2026-02-03", account="A1")
        assert deliver(app).counts["accepted"] == 1
        assert (service.arrived, files(tmp_path)) == ([NUMBERS[0], NUMBERS[1]], [NUMBERS[1]])
        assert (steps(app, NUMBERS[0])[-1], steps(app, NUMBERS[1])[-1]) == ("voided", "delivered")
        first, note, again = stories.invoices(app)
        assert first["total"] == -note["total"] == again["total"]
        assert wrong(app) == []


def test_a_cleared_document_is_voided_by_one_that_is_cleared_too(tmp_path: Path, lite: str, service: Authority) -> None:
    with stories.opened(company(tmp_path, service), lite) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01", account="A1")
        deliver(app)
        app.void(NUMBERS[0], date(2026, 2, 2), stories.CHANGE)
        assert deliver(app).counts["accepted"] == 1
        assert service.arrived == [NUMBERS[0], "E1-CN-2026-000001"]
        assert wrong(app) == []


def test_a_process_that_dies_between_the_authority_and_the_books(tmp_path: Path, lite: str, service: Authority) -> None:
    """What was submitted and never written down is asked for."""
    with stories.opened(company(tmp_path, service), lite) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        tell = app.host.tell

        def dying(adapter: str, effects: Any) -> Any:
            tell(adapter, effects)
            raise KeyboardInterrupt

        app.host.tell = dying  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            deliver(app)
        del app.host.tell
        assert (states(app), files(tmp_path), wrong(app)) == ({"submitted": 3}, [], [])
        assert deliver(app).counts["accepted"] == 3
        assert [name for name, _ in service.requests] == ["documents", "status"]
        assert (sorted(service.arrived), wrong(app)) == (NUMBERS, [])


def test_a_step_that_may_not_follow_is_refused(tmp_path: Path, lite: str, service: Authority) -> None:
    """Whoever asks for it; and what was written past the books is found."""
    with stories.opened(company(tmp_path, service), lite) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01", account="A1")
        ident = app.clearance.listed()[0].invoice_id
        for step in (
            Step(ident, "cleared"),
            Step(ident, "delivered"),
            Step(ident, "numbered"),
            Step(ident + 99, "submitted"),
        ):
            with pytest.raises(TollbookError) as caught, app.books.writer(stories.CHANGE, tenant="acme") as writer:
                writer.step_clearances("acme", [step])
            assert caught.value.findings[0].code == "clearance.wrong-step"
        with app.books._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE clearance_step SET state = 'cleared'")
        assert set(wrong(app)) == {"clearance.differs", "audit.row-changed"}


def test_the_verbs(tmp_path: Path, lite: str, service: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    folder = company(tmp_path, service)
    with stories.opened(folder, lite) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01", account="A1")
        with service.ruling("rejected"):
            deliver(app)

    def said(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        options = ["--config", str(folder / "config.yaml"), "--set", f"database.url={lite}"]
        code = tollbook.run([*options, *words])
        return code, *capsys.readouterr()

    code, out, _ = said("clearance", "list", "--state", "rejected", "--json")
    (one,) = json.loads(out)
    assert (code, one["number"], one["state"], one["reason"]) == (0, NUMBERS[0], "rejected", service.reason)
    assert NUMBERS[0] in said("clearance", "list")[1]
    code, out, _ = said("clearance", "show", NUMBERS[0])
    assert code == 0 and f"{NUMBERS[0]} of E1 to A1 is rejected" in out and service.reason in out
    code, _, err = said("clearance", "show", "E1-2026-000009")
    assert code == 1 and "E1-2026-000009" in err
    code, out, _ = said("explain", NUMBERS[0])
    assert code == 0 and "rejected" in out and "clearance/default" in out
    person = ("--as", "ada", "--reason", "mended")
    assert said("clearance", "resubmit", NUMBERS[0], "--as", "bob", "--reason", "x")[0] == 1
    code, out, _ = said("clearance", "resubmit", NUMBERS[0], *person)
    assert (code, out) == (0, f"{NUMBERS[0]} is numbered again; `tollbook deliver` submits it\n")
    code, out, _ = said("deliver", *person)
    assert (
        out
        == "1 cleared, 0 not answered yet, 0 rejected by authorities\n1 delivered, 0 to be tried again, 0 rejected\n"
    )
    code, _, err = said("clearance", "resubmit", NUMBERS[0], *person)
    assert code == 1 and "is delivered, not rejected" in err
