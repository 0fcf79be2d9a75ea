"""Tax by a service over HTTP: a small adapter that does what one of a vendor has to do."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import urlsplit

from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.hookspecs import Context, Permanent, Transient, Unknown, hookimpl
from engine.ports.hookspecs.tax import NoQuote


class HttpTax:
    """Asks the service for each batch in one request."""

    def __init__(self, context: Context) -> None:
        self.adapter = context.adapter
        self.address = urlsplit(context.settings["url"]).netloc
        self.wait = context.settings["wait"]
        self.token = context.secrets["token"]

    @hookimpl
    def tax_quote(self, requests: Sequence[TaxRequest]) -> list[TaxQuote | NoQuote]:
        """One POST for all of them."""
        lines = [
            {
                "id": r.key,
                "country": r.country,
                "currency": r.currency,
                "included": r.tax_included,
                "net": str(r.amount),
            }
            for r in requests
        ]
        answer = self._post(json.dumps({"lines": lines}).encode())
        try:
            return [self._quote(line) for line in json.loads(answer, parse_float=Decimal)["lines"]]
        except (ValueError, LookupError, TypeError) as error:
            raise Permanent(f"the service answered what cannot be read: {error}") from None

    def _post(self, body: bytes) -> bytes:
        connection = http.client.HTTPConnection(self.address, timeout=self.wait)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise Transient(f"no connection: {error}") from None
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            try:
                connection.request("POST", "/quotes", body, headers)
                response = connection.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException) as error:
                raise Unknown(f"the connection broke: {type(error).__name__}") from None
        finally:
            connection.close()
        if response.status in (429, 500, 502, 503, 504):
            raise Transient(f"the service answered {response.status}: {answer.decode(errors='replace')}")
        if response.status != 200:
            raise Permanent(f"the service answered {response.status}: {answer.decode(errors='replace')}")
        return answer

    def _quote(self, line: dict[str, str]) -> TaxQuote | NoQuote:
        if "reason" in line:
            return NoQuote(line["id"], line["reason"])
        return TaxQuote(
            line["id"], Decimal(line["rate"]), Decimal(line["tax"]), "S", line["country"], source=self.adapter
        )
