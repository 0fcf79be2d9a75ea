"""What is written down of a call to an adapter, and who writes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

import msgspec

from engine.model.outbound import OutboundCall
from engine.ports.masking import Mask

LARGEST: Final = 1_000_000
"""Bytes of JSON of a request or an answer that are kept; of a larger one its size alone is."""


class Recorder(Protocol):
    """Who keeps the request log."""

    def note(self, call: OutboundCall) -> None:
        """Keep a call.  What it raises becomes a finding; the answer to the call is not lost by it."""


class Body(msgspec.Struct, frozen=True):
    """What is kept of a request or an answer: masked data, whether a part of it is hidden, a digest of the whole."""

    data: Any = None
    masked: bool = False
    digest: str = ""


def key_of(items: Iterable[Any]) -> str:
    """16 hex digits for the keys of the items of a call, in any order."""
    keys = "\n".join(sorted(item.key for item in items))
    return hashlib.sha256(keys.encode(errors="surrogatepass")).hexdigest()[:16]


def digest_of(items: Sequence[Any]) -> str:
    """Hex digest of what is sent: the same for the same items in the same order."""
    return _digest(msgspec.json.encode(_plain(items), order="sorted"))


def body_of(value: Any, mask: Mask) -> Body:
    """What is kept of a value, whatever it is; an adapter may answer anything."""
    try:
        plain = _plain(value)
        data = msgspec.json.encode(plain, order="sorted")
        hidden = mask.tree(plain)
        kept = msgspec.json.encode(hidden)
    except Exception:  # a thing of the adapter's own that has no such form
        return Body({"not kept": f"{type(value).__name__}, which is no data"}, masked=True)
    if len(kept) > LARGEST:
        return Body({"not kept": f"{len(kept)} bytes"}, True, _digest(data))
    return Body(hidden, hidden != plain, _digest(data))


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, enc_hook=repr, str_keys=True)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
