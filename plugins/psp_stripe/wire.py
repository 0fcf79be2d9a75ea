"""The way to Stripe: its library does the calls and checks signatures; what goes wrong is classed here.

Amounts at Stripe are whole numbers of the smallest unit that it uses, which is not that of ISO 4217 for every currency.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import stripe

from engine.ports.hookspecs import Permanent, Transient, Unknown

ZERO_DECIMAL: Final = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split(),  # no smaller unit
)
THREE_DECIMAL: Final = frozenset("BHD JOD KWD OMR TND".split())
MOST_PAGES: Final = 1_000
"""Pages of one list that are read at most."""


class Refused(Exception):
    """What Stripe refuses to do, and never will under this key.  ``body`` is the error as it came."""

    def __init__(self, text: str, code: str, body: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.code, self.body = code, body


class Wire:
    """Calls to one account.  Threads may share it."""

    def __init__(self, url: str, key: str, wait: float) -> None:
        logging.getLogger("stripe").setLevel(
            logging.CRITICAL
        )  # it writes out whole bodies; the host has a log of its own
        session = stripe.RequestsClient(timeout=(min(wait, 10), wait), verify_ssl_certs=not url.startswith("http://"))
        self._client = stripe.StripeClient(
            key, base_addresses={"api": url.rstrip("/")}, http_client=session, max_network_retries=0
        )

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """An object or a page.

        Raises:
            Refused: it is not there, or the request is not understood.
            PortFailure: in the class that fits.
        """
        return self._call("get", path, False, params)

    def act(self, path: str, key: str, **params: Any) -> dict[str, Any]:
        """Do something, once for a key.

        Raises:
            Refused: it is declined, or the key came with something else before.
            PortFailure: in the class that fits; ``Unknown`` wherever it may have been done.
        """
        return self._call("post", path, True, {**params, "idempotency_key": key})

    def listed(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """All objects of a list, page by page."""
        after: dict[str, Any] = {}
        for _ in range(MOST_PAGES):
            page = self.get(path, **params, **after)
            yield from page["data"]
            if not page.get("has_more") or not page["data"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}
        raise Permanent(f"the list {path} has more than {MOST_PAGES} pages")

    def _call(self, method: str, path: str, acts: bool, params: dict[str, Any]) -> dict[str, Any]:
        doubtful = Unknown if acts else Transient
        try:
            data: Any = self._client.raw_request(method, path, **params).data
        except stripe.APIConnectionError as error:
            raise (Transient if _never_sent(error) else Unknown)(_text(error)) from None
        except stripe.RateLimitError as error:
            raise Transient(_text(error), _seconds(error)) from None
        except (stripe.AuthenticationError, stripe.PermissionError) as error:
            raise Permanent(f"Stripe refused the key: {_text(error)}") from None
        except stripe.IdempotencyError as error:
            raise Refused("the same key came before with another payload", "idempotency_error", _body(error)) from None
        except (stripe.CardError, stripe.InvalidRequestError) as error:
            if error.http_status == 409:
                raise doubtful(_text(error)) from None
            raise Refused(_text(error), error.code or "", _body(error)) from None
        except stripe.StripeError as error:
            if error.http_status == 429:  # said by what stands before Stripe
                raise Transient(_text(error), _seconds(error)) from None
            malformed = error.http_status is not None and error.http_status < 300
            raise (Permanent if malformed and not acts else doubtful)(_text(error)) from None
        if not isinstance(data, dict):
            raise (Unknown if acts else Permanent)("Stripe answered what is no object")
        return dict(data)


def verify(body: bytes, signature: str, secret: str, tolerance: int) -> str:
    """Why the signature of a webhook is not good; empty where it is."""
    try:
        stripe.WebhookSignature.verify_header(body.decode(), signature, secret, tolerance)
    except stripe.SignatureVerificationError as error:
        return str(error.user_message)
    except (ValueError, IndexError):
        return "the message or its signature cannot be read"
    return ""


def minor(amount: Decimal, currency: str) -> int:
    """An amount as Stripe takes it.

    Raises:
        Refused: it is no whole number of units there.
    """
    scaled = amount.scaleb(_digits(currency))
    if scaled != scaled.to_integral_value() or (currency in THREE_DECIMAL and scaled % 10):
        raise Refused(f"Stripe takes no amount like {amount} {currency}", "invalid_amount", {})
    return int(scaled)


def major(amount: int, currency: str) -> Decimal:
    """An amount as Stripe gives it, in major units."""
    return Decimal(amount).scaleb(-_digits(currency.upper()))


def _digits(currency: str) -> int:
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def _never_sent(error: Exception) -> bool:
    """Whether no connection was made, so that nothing can have been done."""
    cause: BaseException | None = error.__cause__ or error.__context__
    return cause is not None and any(
        word in repr(cause) for word in ("NewConnectionError", "ConnectTimeout", "NameResolutionError", "SSLError")
    )


def _body(error: stripe.StripeError) -> dict[str, Any]:
    body = error.json_body
    found = body.get("error") if isinstance(body, dict) else None
    return dict(found) if isinstance(found, Mapping) else {}


def _text(error: stripe.StripeError) -> str:
    status = f"{error.http_status}: " if error.http_status else ""
    return f"{status}{' '.join(str(error.user_message or type(error).__name__).split())}"


def _seconds(error: stripe.StripeError) -> float:
    later = next((str(value) for name, value in dict(error.headers or {}).items() if name.lower() == "retry-after"), "")
    return float(later) if later.isdigit() else 0.0
