"""Consents of customers, from a file or over HTTP; README.md has the columns."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from engine.ports.hookspecs import Context, Permanent, Transient, hookimpl
from engine.ports.hookspecs.consent import Consent, ConsentRequest

from .signals import Signal, Signals, read

LARGEST: Final = 200_000_000
"""Bytes of a file that are read at most."""
COME_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP answers after which the same request may work later."""


class ConsentFile:
    """Reads the file anew for each call, so that a withdrawal is seen as soon as it is there."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self.place: str = settings["signals"]
        self.file: Path = context.home / self.place
        self.form: str = settings["format"] or ("yaml" if self.place.endswith((".yaml", ".yml")) else "csv")
        self.source: str = settings["source"]
        self.wait: int = settings["wait"]
        self.token: str = context.secrets["bearer"]

    @hookimpl
    def consent_ask(self, requests: Sequence[ConsentRequest]) -> list[Consent]:
        """The newest signal for each request."""
        try:
            signals = read(self._data(), self.form, self.place.rpartition("/")[2])
        except ValueError as error:
            raise Permanent(f"the consents cannot be read: {error}") from None
        return [self._answer(request, signals) for request in requests]

    def _answer(self, asked: ConsentRequest, signals: Signals) -> Consent:
        found: Signal | None = signals.newest(asked.entity, asked.account, asked.channel, asked.purpose)
        if found is None:
            return Consent(asked.key, "unknown", self.source)
        return Consent(asked.key, "given" if found.given else "refused", found.source or self.source, found.at)

    def _data(self) -> bytes:
        if self.place.startswith(("http://", "https://")):
            return self._fetched()
        try:
            with self.file.open("rb") as file:
                return file.read(LARGEST)
        except OSError as error:
            raise Transient(f"{self.file.name} cannot be read: {error.strerror}") from None

    def _fetched(self) -> bytes:
        """The answer of the address.  Nothing is changed by asking, so that whatever broke off may be asked again."""
        request = urllib.request.Request(self.place)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=self.wait) as answer:
                data = bytes(answer.read(LARGEST))
                missing = answer.length
        except urllib.error.HTTPError as error:
            error.close()
            kind = Transient if error.code in COME_AGAIN else Permanent
            raise kind(f"the address answered {error.code}") from None
        except (OSError, http.client.HTTPException) as error:
            raise Transient(f"the address gave no whole answer: {error}") from None
        if missing and len(data) < LARGEST:
            raise Transient(f"the address broke off {missing} bytes before the end")
        return data
