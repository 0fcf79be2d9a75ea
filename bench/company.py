"""A plain company of any size to measure with: one entity, a plan of five charges and one of a single charge."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

RULES = Path(__file__).parents[1] / "rules"

PRICES = """
ruleset: pricing/bench
effective: {from: 2020-01-01}
rules:
  - {id: base, when: charge.key == "base", then: {method: flat, price: 49 EUR}}
  - {id: seats, when: charge.key == "seats", then: {method: per_unit, unit: 7.50 EUR, included: 2}}
  - id: lines
    when: charge.key == "lines"
    then: {method: graduated, tiers: [{up_to: 10, unit: 3 EUR}, {up_to: 100, unit: 2.50 EUR}, {unit: 2 EUR}]}
  - id: storage
    when: charge.key == "storage" and account.segment == "business"
    then: {method: volume, tiers: [{up_to: 50, unit: 0.20 EUR}, {unit: 0.15 EUR}]}
  - {id: support, when: charge.key == "support", then: {method: package, size: 25, price: 30 EUR}}
"""

NUMBERS = """
ruleset: numbering/bench
effective: {from: 2020-01-01}
priority: 10
hit: unique
rules:
  - {id: invoices, when: kind == "invoice", then: {series: "{entity}-{year}", format: "{series}-{number:08}", largest: 99999999}}
"""
"""Eight digits, as a year of a million invoices a month needs."""

CONFIG = """
tenant: {{key: bench, name: Bench}}
rules: {{folders: [{rules}, rules]}}
people: {{bench: [operator]}}
adapters:
  - {{name: tax_table, port: tax, plugin: tax_table}}
  - {{name: delivery_file, port: delivery, plugin: delivery_file, settings: {{folder: invoices}}}}
"""

FILES: dict[str, Sequence[str]] = {
    "entities": (
        "key,name,country,functional_currency,zone,registrations",
        "E1,Bench BV,NL,EUR,Europe/Amsterdam,NL:vat:NL1",
    ),
    "plans": ("key,name", "p,Plan of five", "one,Plan of one"),
    "meters": ("key,unit,aggregation",),
    "charges": (
        "plan,key,name,kind,timing,months,unit,product,tax_code",
        *(
            f"p,{key},{key},recurring,advance,1,unit,{key},standard"
            for key in ("base", "seats", "lines", "storage", "support")
        ),
        "one,base,base,recurring,advance,1,unit,base,standard",
    ),
    "gl_accounts": (
        "code,name,kind",
        "1200,Receivables,asset",
        "2300,Contract liabilities,liability",
        "2200,Tax,liability",
        "4000,Revenue,income",
        "7900,Rounding,expense",
    ),
}


def write(folder: Path, accounts: int, subscriptions: int = 1, plan: str = "p") -> None:
    """Write the config, the rules and the import files of the company into ``folder``; every account has so many
    subscriptions to a ``plan``: ``p`` of five charges, ``one`` of a single one."""
    for family, rules in (("pricing", PRICES), ("numbering", NUMBERS)):
        (folder / "rules" / family).mkdir(parents=True)
        (folder / "rules" / family / "bench.yaml").write_text(rules)
    (folder / "config.yaml").write_text(CONFIG.format(rules=RULES))
    data = folder / "data"
    data.mkdir()
    for name, lines in FILES.items():
        (data / f"{name}.csv").write_text("\n".join(lines) + "\n")
    keys = [f"A{n:07d}" for n in range(accounts)]
    owned = [(f"S{key}-{n}", key) for key in keys for n in range(subscriptions)]
    _csv(
        data / "accounts.csv",
        "entity,key,name,country,currency,zone,segment",
        (("E1", key, f"Customer {key}", "NL", "EUR", "Europe/Amsterdam", "business") for key in keys),
    )
    _csv(data / "subscriptions.csv", "entity,key,account,anchor_day", (("E1", own, key, 1) for own, key in owned))
    _csv(
        data / "subscription_events.csv",
        "entity,subscription,key,kind,on,plan,quantity",
        (("E1", own, "1", "start", "2026-01-01", plan, 1 + n % 200) for n, (own, _) in enumerate(owned)),
    )


def _csv(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
