"""Drafts that are reviewed: what a payer is to be billed, kept until somebody decides, and issued as it was approved or not at all.

A draft under review is no debt and has no number: what it holds stays owed, and every bill run computes it anew.  A run whose
result is what was approved issues it; any other result is a new draft, and the one before has lapsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal

import msgspec

from engine.model.due import PayerDue
from engine.model.lateness import Ended, Late

OPEN: Final = "open"
APPROVED: Final = "approved"
REJECTED: Final = "rejected"
ISSUED: Final = "issued"
LAPSED: Final = "lapsed"

State = Literal["open", "approved", "rejected", "issued", "lapsed"]

STANDING: Final = (OPEN, APPROVED, REJECTED)
"""States of a draft that runs look at; of a payer there is one such draft at most."""

REJECTED_ITEM: Final = "draft-rejected"
"""Kind of the item of the worklist that a rejected draft makes."""

OCCASION: Final = "draft"
"""The first word of the occasion of a run that issues a draft."""


class Draft(msgspec.Struct, frozen=True):
    """What a payer is to be billed, as the books keep it.

    Attributes:
        period: business date of the run that made it, ``run_id``; ``occasion`` is what that was made for, empty: its date;
            ``usage_seen`` is the highest id of usage that it knew.
        content: its documents with their lines, as canonical JSON; ``sha256`` is of that.
        why: what the rule says, ``decision`` the id of its decision.
        state: open, then approved or rejected by ``decided_by``, in the end issued by ``issued_run`` or lapsed.
        item: the item of the worklist that a rejected one has; 0 where there is none.
    """

    id: int
    tenant: str
    entity: str
    payer: str
    period: date
    occasion: str
    run_id: int
    usage_seen: int
    sha256: str
    content: str
    why: str
    decision: int
    opened_at: datetime
    state: State = "open"
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""
    item: int = 0
    issued_run: int = 0

    @property
    def net(self) -> dict[str, Decimal]:
        """What it comes to before tax, by currency."""
        sums: dict[str, Decimal] = {}
        for document in msgspec.json.decode(self.content):
            sums[document["currency"]] = sums.get(document["currency"], Decimal(0)) + Decimal(document["net"])
        return sums


class Standing(msgspec.Struct, frozen=True, gc=False):
    """What a run needs to know of the draft that a payer has; ``settled`` says that the item of a rejected one is resolved,
    ``usage_seen`` which usage it knew."""

    id: int
    state: State
    sha256: str
    usage_seen: int = 0
    settled: bool = False


class Past(msgspec.Struct, frozen=True, gc=False):
    """What a payer was invoiced in the year before, in one currency: how many invoices, and what they come to before tax."""

    invoices: int
    net: Decimal


class Earlier(msgspec.Struct, frozen=True):
    """A payer as it was known when its draft was made, and the usage of its subscriptions that came since, by subscription."""

    due: PayerDue
    late: Mapping[int, Late]


class Reviews(msgspec.Struct, frozen=True):
    """What a run knows of drafts: those of its payers, what payers were invoiced before, by payer and currency (None where no
    rule looks at that), those who have used more since their draft was made, and the one draft that it issues, 0 where it is made for anything else."""

    standing: Mapping[str, Standing] = {}
    past: Mapping[str, Mapping[str, Past]] | None = None
    earlier: Mapping[str, Earlier] = {}
    only: int = 0


NO_REVIEWS: Final = Reviews()


class Reviewed(msgspec.Struct, frozen=True):
    """What a run makes of the draft of a payer.

    ``known`` is the draft that the run has found, None where there was none, and ``becomes`` what it is to be.  ``content`` is
    that of a new draft, empty where there is none, which knows the usage up to ``usage_seen``; ``late`` is the usage that came
    after the draft before it and has entered it.
    """

    payer: str
    known: Standing | None
    becomes: State | None
    sha256: str = ""
    content: str = ""
    why: str = ""
    decision: int = 0
    usage_seen: int = 0
    late: tuple[Ended, ...] = ()
