"""The envelope of an interchange: who sends it to whom, and the number by which it is known."""

from __future__ import annotations

import msgspec


class Envelope(msgspec.Struct, frozen=True):
    """Identifications with their kinds, whether it is a test, and the control number.

    No two interchanges have the same control number, and the same document sent again has its own again: by that partners tell
    that they have it already.
    """

    sender: str
    sender_qualifier: str
    recipient: str
    recipient_qualifier: str
    test: bool
    control: int
