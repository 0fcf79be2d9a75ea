"""Files of wallets: their terms, and what is granted in them."""

from __future__ import annotations

from typing import Final

from engine.runs.intake.shapes import ENTITY, Column, Format, key_column


def _amount(name: str, meaning: str, *, required: bool = False, default: str | None = None) -> Column:
    return Column(name, "decimal", meaning, required=required, default=default, low=0, after=4)


def _keys(name: str, what: str) -> Column:
    return Column(
        name, "text", f"{what} that it may pay for, separated by semicolons; empty: all", default="", high=1000
    )


WALLETS: Final = Format(
    "wallets",
    "wallet",
    "Wallets of customers: what they may pay for, and in which order.",
    (
        ENTITY,
        key_column("key", "identifies the wallet within the legal entity"),
        key_column("account", "the customer", "accounts"),
        Column("name", "text", "name for people", default="", high=200),
        Column("currency", "currency", "currency that it is kept in; it pays invoices in that currency", required=True),
        Column("unit", "text", "what it counts in, such as credit; empty: its currency", default="", high=50),
        Column("unit_rate", "decimal", "money for one unit", default="1", low=0, before=6, after=12),
        _amount("floor", "money that draws leave in it", default="0"),
        _amount("low", "balance under which there is a finding; 0: none", default="0"),
        Column("priority", "integer", "order among wallets: the lowest pays first", default="1", low=0, high=1000),
        _keys("charges", "keys of the charges"),
        _keys("meters", "keys of the meters"),
        _keys("products", "products"),
    ),
    ("entity", "key"),
    fixed=("account", "currency", "unit", "unit_rate"),
    correction="open another wallet, with a key of its own",
)

WALLET_GRANTS: Final = Format(
    "wallet_grants",
    "wallet lot",
    "Credit that is granted in wallets: paid in advance, or given for nothing.",
    (
        ENTITY,
        key_column("key", "identifies the lot within the legal entity"),
        key_column("wallet", "the wallet", "wallets"),
        Column(
            "kind",
            "choice",
            "whether the customer has paid for it",
            default="paid",
            choices=("paid", "promotional", "voucher"),
        ),
        _amount("amount", "what it is worth, in the currency of the wallet", required=True),
        _amount("cost", "what was paid for it; empty: the amount, or nothing for what is promotional"),
        _amount(
            "functional_amount",
            "what the cost is worth in functional currency; empty where that is the currency of the wallet",
        ),
        Column("granted_on", "date", "first day on which it can be used; it is booked that day", required=True),
        Column("expires_on", "date", "first day on which it is worth nothing; empty: it does not expire"),
        Column("priority", "integer", "order of use: the lowest first", default="1", low=0, high=1000),
    ),
    ("entity", "key"),
    appended=True,
    correction="void it with `tollbook wallet void`, and grant another one",
)
