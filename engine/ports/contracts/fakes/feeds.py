"""What others publish as files, over HTTP: reference rates, consents.  The files can be changed while it runs."""

from __future__ import annotations

from typing import Any

from engine.ports.contracts.fakes.serving import Asked, Refused, Service

RATES = b"""Date,USD,JPY,GBP,
2026-03-13,1.0850,161.90,0.84123,
2026-03-12,1.0912,162.35,0.83000,
"""
CONSENTS = b"""account,channel,state,at
A1,email,given,2026-03-01T09:00:00Z
A2,email,withdrawn,2026-03-01T09:00:00Z
"""


class Feed(Service):
    """``files`` has the bytes of each path."""

    def __init__(self) -> None:
        self.files = {"/eurofxref-hist.csv": RATES, "/consents.csv": CONSENTS}
        super().__init__()

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """A file."""
        if asked.path not in self.files:
            raise Refused(404, {"message": f"there is no {asked.path}"})
        return 200, self.files[asked.path]
