"""The adapter ``delivery_email`` against a mail server on a loopback address: contract, messages, refusals, doubt, bounces."""

from __future__ import annotations

import email
import email.policy
import mailbox
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from engine.ports.contracts import DeliveryContract, Setup
from engine.ports.contracts.harness import ADAPTER, Stage, stage
from engine.ports.failure import AdapterFailed
from tests.plugins.documents import EARLY, document, send
from tests.plugins.mail import PASSWORD, Mailer, bounce

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:aiosmtpd")

PLUGIN = Path("plugins/delivery_email")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailer]:
    mailer = Mailer(tmp_path_factory.mktemp("mail"))
    yield mailer
    mailer.stop()


@pytest.fixture(autouse=True)
def _empty(server: Mailer) -> None:
    server.taken.clear()
    server.refuse.clear()


def settings(server: Mailer, **more: Any) -> Setup:
    given = {
        "host": "localhost",
        "port": server.port,
        "authority": str(server.authority),
        "user": "bill",
        "sender": "Acme Abrechnung <billing@acme.example>",
        "bounce_to": "bounces@acme.example",
        "bounces": "bounces",
        **more,
    }
    return Setup(PLUGIN, given, {"password": PASSWORD}, timeout=5)


Made = Callable[..., Stage]


@pytest.fixture
def made(server: Mailer, tmp_path: Path) -> Made:
    return lambda **more: stage(settings(server, **more), "delivery", tmp_path)


def message(server: Mailer, at: int = -1) -> EmailMessage:
    content = server.taken[at].content
    assert isinstance(content, bytes)
    read = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


class TestContract(DeliveryContract):
    faults = ("refused", "busy", "denied", "malformed", "broken-off", "slow")

    @pytest.fixture(autouse=True)
    def _server(self, server: Mailer) -> None:
        self.server = server
        made = settings(server, in_doubt="resend")
        self.setup = Setup(made.plugin, made.settings, made.secrets, timeout=0.8)

    def inject(self, fault: str) -> AbstractContextManager[Any]:
        return self.server.failing(fault)

    def acts(self, home: Path) -> list[str]:
        return [str(message(self.server, n)["Message-ID"]) for n in range(len(self.server.taken))]

    def effect(self, key: str, **changes: Any) -> Any:
        made = super().effect(key, **changes)
        made.payload["buyer"] = {**made.payload["buyer"], "email": "ap@example.org"}
        return made


@pytest.mark.capability("A3.3")
def test_a_message_says_what_it_is_about_and_carries_the_files(made: Made, server: Mailer) -> None:
    files = [{"name": "DE-1.pdf", "media_type": "application/pdf", "data": b64encode(b"%PDF-1.7 it").decode()}]
    [answer] = send(made().host, document(attachments=files, early_payment=EARLY))
    sent = message(server)
    assert answer.evidence["message_id"] == sent["Message-ID"]
    assert answer.evidence["server"] == "250 2.0.0 queued as 1"
    assert (sent["To"], sent["From"]) == ("ap@example.org", "Acme Abrechnung <billing@acme.example>")
    assert sent["Subject"] == "Rechnung DE-2026-000123 von Acme Cloud GmbH"
    text = sent.get_body(("plain",))
    assert text is not None
    lines = text.get_content().splitlines()
    asked = lines.index("Bitte zahlen Sie 1.393,93 € bis zum 2. März 2026.")
    early = "Bei Zahlung bis zum 10. Februar 2026 2 % Skonto (27,88 €): dann 1.366,05 €."
    assert lines[asked + 1].replace("\N{NO-BREAK SPACE}", " ") == early
    assert lines[asked + 2].startswith("Main DE0212030")
    [file] = sent.iter_attachments()
    assert (file.get_filename(), file.get_content_type(), file.get_content()) == (
        *("DE-1.pdf", "application/pdf"),
        b"%PDF-1.7 it",
    )
    assert (server.taken[0].mail_from, server.taken[0].rcpt_tos) == ("bounces@acme.example", ["ap@example.org"])


def test_a_name_cannot_add_headers(made: Made, server: Mailer) -> None:
    send(made().host, document(seller__name="Acme\r\nBcc: all@example.org"))
    assert message(server)["Bcc"] is None
    assert server.taken[0].rcpt_tos == ["ap@example.org"]


def test_one_address_of_many_that_is_refused_is_tried_again_alone(made: Made, server: Mailer) -> None:
    server.refuse = {"full@example.org": "452 4.2.2 mailbox full", "gone@example.org": "550 5.1.1 no such user"}
    documents = [
        document(number=str(n), buyer__email=who)
        for n, who in enumerate(("a@example.org", "full@example.org", "gone@example.org", "", "b@example.org"))
    ]
    host = made().host
    answers = send(host, *documents)
    assert [answer.state for answer in answers] == ["accepted", "retry", "rejected", "rejected", "accepted"]
    assert answers[1].reason == "the mail server says 452 4.2.2 mailbox full"
    assert answers[3].reason == "the buyer has no e-mail address: account A-1007"
    server.refuse.clear()
    again = send(host, *documents[:2])
    assert [answer.state for answer in again] == ["accepted", "accepted"]
    assert [envelope.rcpt_tos[0] for envelope in server.taken] == ["a@example.org", "b@example.org", "full@example.org"]


def test_what_may_have_been_sent_is_held(made: Made, server: Mailer) -> None:
    host = made().host
    with server.failing("broken-off"), pytest.raises(AdapterFailed, match="broke off"):
        send(host, document())
    [answer] = send(host, document())
    assert (answer.state, len(server.taken)) == ("rejected", 1)
    assert str(message(server)["Message-ID"]) in answer.reason
    [again] = send(made(in_doubt="resend").host, document())
    assert (again.state, len(server.taken)) == ("accepted", 2)
    assert message(server, 0)["Message-ID"] == message(server, 1)["Message-ID"]
    assert server.taken[0].content == server.taken[1].content


def test_a_server_that_offers_no_encryption_gets_nothing(tmp_path: Path, server: Mailer) -> None:
    made = settings(server, authority=None)
    host = stage(made, "delivery", tmp_path).host
    with pytest.raises(AdapterFailed, match=r"permanent.*CERTIFICATE_VERIFY_FAILED"):
        send(host, document())
    assert server.taken == []


def test_bounces_come_back_as_receipts(made: Made, tmp_path: Path) -> None:
    host = made().host
    answers = send(host, document(number="A"), document(number="B"), keys="a b")
    first, second = (answer.evidence["message_id"] for answer in answers)
    box = tmp_path / "bounces"
    bounce(box, "<of-somebody-else@acme.example>")
    bounce(box, second)
    mailbox.Maildir(box).add(b"Subject: out of office\n\nBack on Monday.\n")
    bounce(box, first, "delayed", "4.4.1")
    told = host.ask_receipts(ADAPTER, "", 1)
    assert [(one.effect, one.state, one.reason) for one in told.receipts] == [
        ("b", "bounced", "smtp; 550 5.1.1 no such user")
    ]
    assert (told.more, told.receipts[0].at.isoformat()) == (True, "2026-02-02T08:30:00+01:00")
    rest = host.ask_receipts(ADAPTER, told.cursor, 10)
    assert [(one.effect, one.state) for one in rest.receipts] == [("a", "delayed")]
    assert host.ask_receipts(ADAPTER, rest.cursor, 10).receipts == ()
