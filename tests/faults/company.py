"""The company of the fault tests: two legal entities, 42 payers in several currencies, usage, a contract, credits, late usage.

It is small enough to be billed in less than a second, and has 11 partitions of at most 5 payers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests import stories

PARTITION_SIZE = "5"
FEBRUARY, MARCH = "2026-02-01", "2026-03-01"

_CURRENCIES = ("EUR", "USD", "JPY", "EUR", "USD")
_ENTITIES = {"E1": ("NL", "Europe/Amsterdam", 30), "E2": ("US", "America/Chicago", 12)}
"""Legal entity -> country and zone of its accounts, number of them."""

NEVER = '  - {id: never, when: charge.key == "never", then: {method: flat, price: 1 EUR}}\n'
"""A price that is never used: a finding of every run."""


def _accounts() -> Iterator[tuple[str, str, str]]:
    """(entity, key, currency); the last of the first entity has a currency without prices."""
    for entity, (_, _, count) in _ENTITIES.items():
        for n in range(1, count + 1):
            yield entity, f"P{n:02d}", _CURRENCIES[n % len(_CURRENCIES)]
    yield "E1", "P99", "GBP"


def _files() -> dict[str, Sequence[str]]:
    accounts, subscriptions, events, usage = [], [], [], []
    for n, (entity, key, currency) in enumerate(_accounts()):
        country, zone, _ = _ENTITIES[entity]
        accounts.append(f"{entity},{key},Customer {key},{country},{'IL' if entity == 'E2' else ''},{currency},{zone},,")
        contract = "C1" if (entity, key) == ("E1", "P03") else ""
        subscriptions.append(f"{entity},S{key},{key},{contract},{1 + n % 31}")
        events.append(f"{entity},S{key},1,start,2026-01-{1 + n % 20:02d},team,{1 + n % 7}")
        if n % 3 == 0:
            subscriptions.append(f"{entity},U{key},{key},,1")
            events.append(f"{entity},U{key},1,start,2026-01-01,phone,1")
            usage += [f"{entity},U{key},calls,{key}-{d},2026-01-{d:02d}T10:00:00Z,{d * 7}" for d in range(1, 6)]
    accounts.append("E1,P50,Child of P01,NL,,EUR,Europe/Amsterdam,P01,P01")
    subscriptions.append("E1,SP50,P50,,15")
    events.append("E1,SP50,1,start,2026-01-15,team,2")
    return {
        "entities": stories.add("entities", "E2,Acme Inc,US,USD,America/Chicago,US:sales_tax:IL"),
        "accounts": ("entity,key,name,country,region,currency,zone,payer,parent", *accounts),
        "contracts": ("entity,key,account,signed_on,payment_days", "E1,C1,P03,2026-01-01,14"),
        "contract_lines": (
            "entity,contract,plan,charge,unit_price,currency,valid_from,valid_to",
            "E1,C1,team,seats,9.50,EUR,2026-01-01,2027-01-01",
        ),
        "subscriptions": ("entity,key,account,contract,anchor_day", *subscriptions),
        "subscription_events": ("entity,subscription,key,kind,on,plan,quantity", *events),
        "usage": ("entity,subscription,meter,key,at,quantity", *usage),
    }


def write(folder: Path) -> Path:
    """The company in ``folder``: ``data`` is what it starts with, ``late`` what becomes known after the bill of February."""
    folder.mkdir(parents=True, exist_ok=True)
    stories.write(folder, rules={"pricing/acme.yaml": stories.PRICES + NEVER}, **_files())
    paid = [key for _, key, _ in _accounts()]
    stories.deliver(
        folder,
        "late",
        rates=("base,quote,rate,source,on", "EUR,USD,1.0912,ECB,2026-02-27", "EUR,JPY,182.11,ECB,2026-02-27"),
        usage=(
            "entity,subscription,meter,key,at,quantity",
            *(f"E1,U{key},calls,{key}-late,2026-01-25T09:00:00Z,33" for key in paid[:12:3]),
            *(f"E1,U{key},calls,{key}-feb,2026-02-11T09:00:00Z,140" for key in paid[:24:3]),
        ),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            *(f"E1,S{key},2,change,2026-01-27,,{9 - n}" for n, key in enumerate(paid[1:7])),
            *(f"E1,S{key},2,cancel,2026-01-28,," for key in paid[8:28:6]),
            "E2,SP05,2,cancel,2026-01-30,,",
        ),
    )
    return folder
