"""A mail server on a loopback address that takes, refuses, breaks off, and bounces as it is told."""

from __future__ import annotations

import asyncio
import mailbox
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PASSWORD = "p4ss/w0rd+"


class Mailer:
    """The server: STARTTLS, one user.  ``taken`` are the messages that it took; ``refuse`` what it says to recipients."""

    def __init__(self, folder: Path) -> None:
        self.taken: list[Envelope] = []
        self.refuse: dict[str, str] = {}
        self.fault = ""
        authority = trustme.CA()
        self.authority = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        self.trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self.trust)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        """Listen."""
        self.control = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            tls_context=self.trust,
            require_starttls=True,
            authenticator=self._known,
            auth_required=True,
        )
        self.control.start()

    def stop(self) -> None:
        """Listen no more."""
        self.control.stop()

    def _known(self, server: SMTP, session: Session, envelope: Envelope, how: str, data: LoginPassword) -> AuthResult:
        good = (data.login, data.password) == (b"bill", PASSWORD.encode()) and self.fault != "denied"
        return AuthResult(success=good, handled=False)

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        """Whether a recipient is taken."""
        if self.fault == "busy":
            return "421 4.3.2 come again"
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take a message."""
        self.taken.append(envelope)
        if self.fault == "slow":
            await asyncio.sleep(1.2)
        if self.fault == "broken-off":
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "what?" if self.fault == "malformed" else f"250 2.0.0 queued as {len(self.taken)}"

    @contextmanager
    def failing(self, fault: str) -> Iterator[None]:
        """A while in which it fails."""
        if fault == "refused":
            self.stop()
        self.fault = fault
        try:
            yield
        finally:
            self.fault = ""
            if fault == "refused":
                self.start()


def bounce(folder: Path, message_id: str, action: str = "failed", status: str = "5.1.1") -> None:
    """Put a report of a failure into a Maildir, as a mail server writes it."""
    report = EmailMessage()
    report["From"], report["To"] = "MAILER-DAEMON@mx.example", "bounces@acme.example"
    report["Subject"], report["Date"] = "Undelivered Mail", "Mon, 02 Feb 2026 08:30:00 +0100"
    text = (
        "Content-Type: text/plain\n\nI am sorry.\n",
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; ap@example.org\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; 550 {status} no such user\n",
        f"Content-Type: text/rfc822-headers\n\nSubject: Rechnung\nMessage-ID: {message_id}\n",
    )
    head = "".join(f"{name}: {value}\n" for name, value in report.items())
    body = "".join(f"--b\n{part}\n" for part in text)
    whole = f'{head}MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n{body}--b--\n'
    mailbox.Maildir(folder).add(whole.encode())
