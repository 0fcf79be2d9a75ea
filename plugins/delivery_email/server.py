"""The mail server: one connection for a batch, and what each of its answers means for a message."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path
from typing import Final

import msgspec

from engine.ports.hookspecs import Permanent, Transient, Unknown

PATIENCE: Final = 60.0
"""Seconds of silence after which the server is taken to be gone; the host's time-out may be shorter."""

_PERMANENT: Final = 500
_UNHEARD: Final = -1
"""What smtplib says instead of a code where a line was no answer."""


class Refused(Exception):
    """One message was not taken; ``forever`` says whether it never will be."""

    def __init__(self, reason: str, *, forever: bool) -> None:
        super().__init__(reason)
        self.forever = forever


class Server(msgspec.Struct, frozen=True):
    """Where the mail server is, and how it is talked to; fields as in ``plugin.yaml``."""

    host: str
    port: int
    security: str
    authority: Path | None
    user: str
    password: str

    @contextmanager
    def connected(self) -> Iterator[smtplib.SMTP]:
        """A connection, encrypted and logged in as the settings say.

        Raises:
            Transient, Permanent: nothing was sent.
        """
        try:
            line = self._connect()
        except smtplib.SMTPResponseException as error:
            raise _of_connection(error) from None
        except UnicodeError:
            raise Permanent("the name or the password has characters that SMTP cannot carry (beyond ASCII)") from None
        except (smtplib.SMTPServerDisconnected, ConnectionError) as error:
            raise Transient(f"{self._name} broke off: {error}") from None
        except (smtplib.SMTPException, ssl.SSLError) as error:
            raise Permanent(f"{self._name}: {error}") from None
        except (OSError, ValueError) as error:
            raise Transient(f"{self._name} cannot be reached: {error}") from None
        try:
            yield line
        finally:
            with suppress(smtplib.SMTPException, OSError):
                line.quit()

    @property
    def _name(self) -> str:
        return f"the mail server {self.host}:{self.port}"

    def _connect(self) -> smtplib.SMTP:
        if self.security == "tls":
            line: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=PATIENCE, context=self._trust())
        else:
            line = smtplib.SMTP(self.host, self.port, timeout=PATIENCE)
        try:
            if self.security == "starttls":
                line.starttls(context=self._trust())
            if self.user:
                line.login(self.user, self.password)
        except BaseException:
            line.close()
            raise
        return line

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=None if self.authority is None else str(self.authority))


def _of_connection(error: smtplib.SMTPResponseException) -> Exception:
    """What an answer means before any message was sent."""
    said = f"the mail server says {error.smtp_code} {_words(error.smtp_error)}"
    if error.smtp_code == _UNHEARD:
        return Unknown(f"the mail server answers what is no SMTP: {_words(error.smtp_error)}")
    return (Permanent if error.smtp_code >= _PERMANENT else Transient)(said)


def hand_over(line: smtplib.SMTP, sender: str, message: EmailMessage) -> str:
    """Give a message to the server; what it said when it took it.

    Raises:
        Refused: it did not take this one, and can be given others.
        Transient: it takes none now.
        Unknown: the connection broke, or the answer was none; the server may have taken it.
    """
    recipients = [plain for _, plain in getaddresses([str(message["To"])])]
    try:
        _asked(line.mail(sender))
        for one in recipients:
            _asked(line.rcpt(one))
        code, said = line.data(message.as_bytes())
    except smtplib.SMTPDataError as error:  # the server does not want to begin with the text
        code, said = error.smtp_code, _bytes(error.smtp_error)
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        raise Unknown(f"the mail server broke off: {error}") from None
    if code == _UNHEARD:
        raise Unknown(f"the mail server answers what is no SMTP: {_words(said)}")
    _asked((code, said))
    return f"{code} {_words(said)}"


def _asked(answer: tuple[int, bytes]) -> None:
    code, said = answer
    if code == _UNHEARD:
        raise Unknown(f"the mail server answers what is no SMTP: {_words(said)}")
    if code == 421:
        raise Transient(f"the mail server says 421 {_words(said)}")
    if code >= 400:
        raise Refused(f"the mail server says {code} {_words(said)}", forever=code >= _PERMANENT)


def _bytes(said: str | bytes) -> bytes:
    return said if isinstance(said, bytes) else said.encode()


def _words(said: str | bytes) -> str:
    return " ".join(_bytes(said).decode("utf-8", "replace").split())[:300]
