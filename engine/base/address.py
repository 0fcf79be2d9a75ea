"""Database addresses as they may be shown: no user, no password, no query, whatever an address looks like."""

from __future__ import annotations

import re
from typing import Final

SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
"""What stands before ``://``; a driver may follow a plus sign."""

_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[\w.-]*)(?::[0-9]+)?"
_PLACE = re.compile(rf"{_HOST}(?:,{_HOST})*(?:/[\w.~%-]*)?")

HIDDEN: Final = "…"


def shown(address: str) -> str:
    """Scheme, host, port and database of an address, and never its user, password or query.

    What cannot be told from a password is hidden: a place that is not clearly a host, a port and a name, and all but
    the scheme where a query may begin before the last ``@``.  The file of a SQLite database is shown whole.
    """
    scheme, mark, rest = address.partition("://")
    if not mark or not SCHEME.fullmatch(scheme):
        return HIDDEN
    head = f"{scheme.partition('+')[0]}://"
    if head == "sqlite://" and rest.startswith("/"):
        return head + rest.partition("?")[0]
    user, _, place = rest.rpartition("@")
    place = re.split("[?#]", place, maxsplit=1)[0]
    clear = not re.search("[?#]", user) and _PLACE.fullmatch(place)
    return head + (place if clear else HIDDEN)
