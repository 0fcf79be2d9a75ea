"""Wallets: what customers have prepaid, in lots, and every movement of it.

A lot (``wallet_lot``, among the openings) says what was granted and never changes; movements are only ever appended.
``wallet_state`` and ``lot_left`` are what these come to, kept beside them so that nobody adds up history: they are written
with the movements, under the lock of the wallet's row.
"""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import (
    CURRENT,
    amount,
    big,
    day,
    flag,
    ident,
    index,
    moment,
    rate,
    table,
    text,
    unique,
)

WALLET: Final = table(
    "wallet",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("account"),
    text("name"),
    text("currency"),
    text("unit"),
    rate("unit_rate"),
    amount("floor"),
    amount("low"),
    big("priority"),
    text("charges"),
    text("meters"),
    text("products"),
    flag("current"),
    unique("tenant", "entity", "key", where=CURRENT),
    index("tenant", "entity", "account", where=CURRENT),
)
"""Terms of a wallet.  ``charges``, ``meters`` and ``products`` are lists of keys, separated by semicolons."""

WALLET_STATE: Final = table(
    "wallet_state",
    text("tenant", key=True),
    text("entity", key=True),
    text("key", key=True),
    text("account"),
    text("currency"),
    amount("balance"),
    big("version"),
    index("tenant", "entity", "account"),
    clustered=True,
)
"""``balance`` is what is left of all lots, ``version`` the number of the newest movement."""

LOT_LEFT: Final = table(
    "lot_left",
    big("lot_id", key=True),
    text("tenant"),
    text("entity"),
    text("wallet"),
    amount("amount"),
    index("tenant", "entity", "wallet", where="amount <> 0"),
    clustered=True,
)
"""What is left of a lot."""

WALLET_MOVEMENT: Final = table(
    "wallet_movement",
    ident(),
    text("tenant"),
    text("entity"),
    text("wallet"),
    big("number"),
    text("key"),
    big("part"),
    text("kind"),
    big("lot_id"),
    amount("amount"),
    amount("balance"),
    amount("cost"),
    amount("functional"),
    day("day"),
    moment("at"),
    text("digest"),
    text("invoice"),
    big("document"),
    big("line_id"),
    big("decision"),
    big("run_id"),
    unique("tenant", "entity", "wallet", "key", "part"),
    unique("tenant", "entity", "wallet", "number"),
    index("document"),
    index("lot_id"),
    index("line_id", where="line_id <> 0"),
)
"""One movement of one lot.  ``key`` makes an act happen once; an act that takes of several lots has as many ``part`` s.

``amount`` is above zero for what comes in; ``balance`` is the wallet's afterwards; ``cost`` and ``functional`` are the
change of the liability, in the wallet's currency and in functional currency.  ``invoice`` is the natural key of the invoice
that was paid or given back (payer/period/kind/group), ``document`` the id that the entry of the act names, ``line_id`` the
invoice line that was paid.  The ids come from the block of documents.
"""
