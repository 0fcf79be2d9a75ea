"""Webhooks of payment providers over HTTP: signed ones are booked once, others are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.ports.contracts.fakes.stripe import KEY, SECRET, StripeFake
from tests.web.server import Client, company, running

pytestmark = pytest.mark.capability("A4.1")


def test_webhooks_are_believed_by_their_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    folder = company(tmp_path)
    text = (folder / "config.yaml").read_text()
    with StripeFake().running() as fake:
        adapter = f"  - {{name: stripe, port: psp, plugin: psp_stripe, settings: {{url: '{fake.url}'}}}}\nfx:"
        (folder / "config.yaml").write_text(text.replace("fx:", adapter))
        told = fake.tell(
            "payment_intent.succeeded", {"id": "pi", "status": "succeeded", "currency": "eur", "amount_received": 5}
        )
        with running(folder, f"sqlite:///{tmp_path / 'books.db'}") as server:
            nobody = Client(server.address, "")

            def send(secret: str, adapter: str = "stripe") -> tuple[int, object]:
                body, headers = fake.signed(told, secret)
                signature = headers["Stripe-Signature"]
                said = nobody.send(body, path=f"/v1/payments/{adapter}/events", Stripe_Signature=signature)
                return said.status, said.body.get("code", said.body.get("events"))

            assert send("whsec_another") == (400, "payment.unsigned-event")
            assert send(SECRET, "visa") == (404, "payment.no-events")
            heard = {"id": told["id"], "kind": "payment_succeeded"}
            assert send(SECRET) == (200, [{**heard, "known": False}])
            assert send(SECRET) == (200, [{**heard, "known": True}])
            (gap,) = server.app.payments.report().differences
            assert gap.subject == "payment_succeeded pi", "money that the books do not know is named"
