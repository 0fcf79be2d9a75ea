"""What other systems are told of the books: each thing once, whatever happens on the way, to a server that checks signatures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.app import App
from engine.model.exchange import OUTBOUND, Outbound
from engine.ports.contracts.fakes.receiver import SECRET, Receiver, receiver
from engine.runs.delivering.run import run_deliver
from tests import stories
from tests.stories import CHANGE

pytestmark = pytest.mark.capability("A7.1")

RULES = {
    "dunning/acme.yaml": """
ruleset: dunning/acme
scope: account.key == "A1"
priority: 1
effective: {from: 2020-01-01}
rules:
  - id: two
    then:
      level: account
      steps:
        - {name: reminder, after: 7 days, action: none}
        - {name: stop, after: 14 days, action: none, credit_hold: true}
""",
}


@pytest.fixture
def crm() -> Iterator[Receiver]:
    with receiver() as service:
        yield service


@pytest.fixture
def noc() -> Iterator[Receiver]:
    with receiver() as service:
        yield service


@pytest.fixture
def told(
    tmp_path: Path, database_url: str, crm: Receiver, noc: Receiver, monkeypatch: pytest.MonkeyPatch
) -> Iterator[App]:
    """A company with a CRM that is told everything, and provisioning that is told of services and holds."""
    monkeypatch.setenv("EXCHANGE_HTTP_SECRET", SECRET)
    stories.write(tmp_path, rules=RULES)
    config = tmp_path / "config.yaml"
    adapters = (
        f"  - {{name: crm, port: exchange, plugin: exchange_http, settings: {{url: {crm.url}/billing}}}}\n"
        f"  - {{name: noc, port: exchange, plugin: exchange_http, settings: {{url: {noc.url}, "
        "kinds: [activation, suspension, credit_hold]}}\n"
    )
    config.write_text(config.read_text().replace("fx: {", f"{adapters}fx: {{"))
    with stories.opened(tmp_path, database_url) as app:
        stories.load(app, tmp_path / "data")
        yield app


def deliver(app: App) -> Any:
    return run_deliver(app.parts(), CHANGE, ports=("exchange",))


def of(service: Receiver, kind: str) -> list[dict[str, Any]]:
    return [one["data"] for one in service.messages.values() if one["kind"] == kind]


def test_a_year_of_messages(told: App, crm: Receiver, noc: Receiver, tmp_path: Path) -> None:
    """Starts, invoices, money, a hold and its end, a pause: each arrives once where it is wanted."""
    stories.bill(told, "2026-02-01")
    with crm.failing("busy"):
        deliver(told)
    assert (crm.arrived, len(of(noc, "activation"))) == ([], 5)
    again(told)
    assert len(of(crm, "activation")) == 5
    invoices = {one["number"]: one for one in of(crm, "invoice")}
    one = invoices["E1-2026-000001"]
    assert (one["account"], one["total"], one["currency"], one["due_date"]) == ("A1", "525.94", "EUR", "2026-03-03")
    assert of(noc, "invoice") == []

    told.dunning.run(date(2026, 3, 10), CHANGE)
    told.dunning.run(date(2026, 3, 24), CHANGE)
    again(told)
    (hold,) = of(noc, "credit_hold")
    assert (hold["account"], hold["state"], hold["step"], hold["documents"]) == ("A1", "on", "stop", ["E1-2026-000001"])

    told.accounts.pay("A1", "bank-1", Decimal("525.94"), CHANGE, on=date(2026, 3, 25))
    stories.load(told, stories.deliver(tmp_path, "later", subscription_events=(
        stories.FILES["subscription_events"][0], "E1,S1,2,pause,2026-04-01,,",
    )))  # fmt: skip
    again(told)
    (paid,) = of(crm, "payment")
    assert (paid["amount"], paid["settles"]) == ("525.94", [{"document": "E1-2026-000001", "amount": "-525.94"}])
    assert [one["state"] for one in of(noc, "credit_hold")] == ["on", "off"]
    (stopped,) = of(noc, "suspension")
    assert (stopped["subscription"], stopped["action"], stopped["on"]) == ("S1", "suspend", "2026-04-01")

    before = ([*crm.arrived], [*noc.arrived])
    again(told)
    assert (crm.arrived, noc.arrived) == before
    for message in (*crm.messages.values(), *noc.messages.values()):
        whole = msgspec.convert(message, Outbound)
        msgspec.convert(whole.data, OUTBOUND[whole.kind].data)
    assert {name: found for name, found in told.verify().items() if found} == {}
    with told.books.reader() as reader:
        assert reader.effect_counts("acme")["exchange", "accepted"] == len(crm.messages) + len(noc.messages)


def again(app: App) -> None:
    """Deliver as later runs do: what waits for its next try is due by then."""
    with app.books.writer(CHANGE, tenant="acme") as writer:
        writer.connection.exec_driver_sql("UPDATE effect SET next_at = NULL WHERE state = 'pending'")
    with stories.opened(app.config_path.parent, app.overrides["database.url"]) as later:
        deliver(later)
