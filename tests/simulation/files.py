"""The company on disk: settings, rule files, import files, as an operator would keep and deliver them."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.simulation.facts import (
    Account,
    Agreed,
    Contract,
    Coupon,
    Era,
    Event,
    Lateness,
    Meter,
    Price,
    Rate,
    Redemption,
    Reversal,
    Subscription,
    Usage,
    in_currency,
)
from tests.simulation.outside import RULED, percent
from tests.simulation.workload import Batch
from tests.simulation.world import Company

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

# No call is repeated and no adapter rests: whether a line was taxed by adapter or by rule is predicted from its fault.
CONFIG = """
tenant: {{key: sim, name: Simulated}}
rules: {{folders: [{root}/rules, rules]}}
adapters:
  - {{name: sim_tax, port: tax, plugin: {here}/plugins/sim_tax, timeout: 2, retries: 0, breaker_failures: 1000}}
  - {{name: sim_post, port: delivery, plugin: {here}/plugins/sim_post, timeout: 2, breaker_failures: 1000}}
runs: {{partition_size: {partition}}}
fx: {{max_age_days: 120, source: ECB}}
people: {{sim: [operator]}}
"""

GL_ACCOUNTS = (
    ("1200", "Receivables", "asset"),
    ("2200", "Tax payable", "liability"),
    ("2300", "Contract liabilities", "liability"),
    ("2400", "Credit of customers", "liability"),
    ("4000", "Revenue", "income"),
    ("7900", "Rounding of conversion", "expense"),
    ("7920", "Realised exchange gains", "income"),
    ("7930", "Realised exchange losses", "expense"),
)
ROLES = {"receivable": "1200", "tax": "2200", "contract_liability": "2300", "revenue": "4000", "fx_rounding": "7900"}

Row = dict[str, Any]


def settle(folder: Path, company: Company, partition: int) -> None:
    """A folder with settings, rules that stay, and the masters that stay."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(CONFIG.format(root=ROOT, here=HERE, partition=partition))
    for name, text in _rules(company).items():
        path = folder / "rules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    catalogue = company.catalogue
    write(
        folder / "masters",
        {
            "entities": [
                {"key": e.key, "name": e.key, "country": e.country, "functional_currency": e.functional, "zone": e.zone}
                for e in company.entities
            ],
            "meters": [_meter(meter) for meter in catalogue.meters.values()],
            "plans": [{"key": plan, "name": plan} for plan in company.plans],
            "charges": [
                {
                    "plan": c.plan,
                    "key": c.key,
                    "name": c.key,
                    "kind": c.kind,
                    "timing": c.timing,
                    "months": c.months,
                    "meter": c.meter,
                    "filter": f'dim.region == "{c.only}"' if c.only else "",
                    "product": c.key,
                    "tax_code": c.tax_code,
                }
                for c in catalogue.charges
            ],
            "coupons": [_coupon(coupon) for coupon in company.coupons],
            "gl_accounts": [dict(zip(("code", "name", "kind"), row, strict=True)) for row in GL_ACCOUNTS],
        },
    )


def _coupon(one: Coupon) -> Row:
    row = {
        "key": one.key,
        "name": one.key,
        "percent": one.percent,
        "amount": f"{one.amount:f}",
        "currency": one.currency,
    }
    row |= {"cycles": one.cycles, "charges": ";".join(one.charges), "combinable": str(one.combinable).lower()}
    return row | {"most": one.most, "valid_to": one.until or ""}


def _meter(meter: Meter) -> Row:
    row = {"key": meter.key, "unit": "piece", "aggregation": meter.aggregation, "dimensions": "region:text;user:text"}
    row["dimension"] = "user" if meter.aggregation == "unique" else ""
    row["percentile"] = "95" if meter.aggregation == "percentile" else ""
    row["filter"] = f'dim.region == "{meter.only}"' if meter.only else ""
    return row


def _rules(company: Company) -> dict[str, str]:
    """Rule files beside those that come with the engine, which they go before."""

    def ruleset(name: str, rules: Iterable[str], hit: str = "first") -> str:
        head = f"ruleset: {name}\neffective: {{from: 2000-01-01}}\npriority: 10\nhit: {hit}\nrules:\n"
        return head + "".join(f"  - {{{rule}}}\n" for rule in rules)

    methods = {c.plan: c.proration for c in company.catalogue.charges}
    return {
        "proration/sim.yaml": ruleset(
            "proration/sim",
            (f'id: {plan}, when: plan == "{plan}", then: {{method: {how}}}' for plan, how in methods.items()),
        ),
        "invoicing/sim.yaml": ruleset(
            "invoicing/sim",
            (
                f'id: {e.key.lower()}, when: entity.key == "{e.key}", then: {{group_by: {e.group_by}}}'
                for e in company.entities
            ),
        ),
        "routing/sim.yaml": ruleset(
            "routing/sim",
            (
                f'id: {port}, when: port == "{port}", then: {{adapter: {adapter}}}'
                for port, adapter in (("tax", "sim_tax"), ("delivery", "sim_post"))
            ),
        ),
        "tax/sim.yaml": ruleset(
            "tax/sim",
            (
                f'id: {code}, when: tax_code == "{code}", '
                f"then: {{rate: {percent(rate)}, category: {'S' if rate else 'Z'}}}"
                for code, rate in RULED.items()
            ),
        ),
        "tax_rounding/sim.yaml": ruleset("tax_rounding/sim", ("id: lines, then: {by: line}",)),
        "lateness/sim.yaml": ruleset(
            "lateness/sim", (rule for one in company.lateness for rule in _late(one, company))
        ),
        "crediting/sim.yaml": ruleset(
            "crediting/sim",
            (
                "id: anew, when: memo == 'credit' and reason == 'billed_wrong', then: {decision: allow, rebill: true, revenue: correction}",
                "id: money, when: memo == 'credit', then: {decision: allow, rebill: false, revenue: price_concession}",
                "id: others, then: {decision: allow}",
            ),
        ),
        "revrec/sim.yaml": ruleset("revrec/sim", ("id: now, then: {method: now}",)),
        "posting/sim.yaml": ruleset(
            "posting/sim",
            (
                f'id: {role.replace("_", "-")}, when: role == "{role}", then: {{account: "{code}"}}'
                for role, code in ROLES.items()
            ),
            "unique",
        ),
    }


def _late(one: Lateness, company: Company) -> list[str]:
    under = f", drop_under: {_worth(one.drop_under, company.currencies)}" if one.drop_under is not None else ""
    then, charge = f"grace: {one.grace} days{under}, policy: ", f'charge == "{one.charge}"'
    gone = f"id: {one.charge}-gone, when: {charge} and days_late > {one.gone_after}, then: {{{then}drop}}"
    return [gone, f"id: {one.charge}, when: {charge}, then: {{{then}{one.policy}}}"]


def _worth(euros: Decimal, currencies: Iterable[str]) -> str:
    return "[" + ", ".join(f"{in_currency(euros, c):f} {c}" for c in sorted(currencies)) + "]"


def publish(folder: Path, eras: Iterable[Era], currencies: Iterable[str]) -> None:
    """The price lists that are known, each in force until the next one."""
    ordered = sorted(eras, key=lambda era: era.on)
    ends: list[date | None] = [*(era.on for era in ordered[1:]), None]
    target = folder / "rules" / "pricing"
    target.mkdir(parents=True, exist_ok=True)
    for era, end in zip(ordered, ends, strict=True):
        until = f", to: {end}" if end else ""
        name = f"list-{era.on}"
        lines = [f"ruleset: pricing/{name}", f"effective: {{from: {era.on}{until}}}", "hit: first", "rules:"]
        for (plan, charge, segment), price in sorted(
            era.prices.items(), key=lambda item: (item[0][:2], -len(item[0][2]))
        ):
            when = f'plan == "{plan}" and charge.key == "{charge}"'
            when += f' and account.segment == "{segment}"' if segment else ""
            ident = "-".join(filter(None, (plan, charge, segment)))
            lines.append(f"  - {{id: {ident}, when: '{when}', then: {{{_terms(price, sorted(currencies))}}}}}")
        (target / f"{name}.yaml").write_text("\n".join(lines) + "\n")


def _terms(price: Price, currencies: list[str]) -> str:
    def worth(euros: Decimal) -> str:
        return _worth(euros, currencies)

    terms = f"method: {price.method}, rounding: {price.rounding}"
    if price.ramp:
        phases = (f"{{{unit}: {length}, pays: {pays * 100:f} %}}" for unit, length, pays in price.ramp)
        terms += f", ramp: [{', '.join(phases)}, {{}}]"
    if price.divide > 1:
        terms += f", before: [{{divide: {price.divide}, round: ceiling}}]"
    if price.steps:
        more = {"commitment": f", overage: {price.overage}"}
        said = (
            f"{{{name}: {f'{value * 100:f} %' if name == 'discount' else worth(value)}{more.get(name, '')}}}"
            for name, value in price.steps
        )
        terms += f", after: [{', '.join(said)}]"
    if price.method == "flat":
        return f"{terms}, price: {worth(price.unit)}"
    if price.method == "per_unit":
        return f"{terms}, unit: {worth(price.unit)}, included: {price.included}"
    if price.method == "package":
        return f"{terms}, size: {price.size}, price: {worth(price.unit)}, included: {price.included}"
    tiers = []
    for tier in price.tiers:
        parts = [f"up_to: {tier.up_to}"] if tier.up_to is not None else []
        parts += [f"unit: {worth(tier.unit)}"] if tier.unit is not None else []
        parts += [f"flat: {worth(tier.flat)}"] if tier.flat is not None else []
        tiers.append("{" + ", ".join(parts) + "}")
    return f"{terms}, tiers: [{', '.join(tiers)}], zero_usage: {price.zero_usage}"


# Import files -----------------------------------------------------------------------------------------------------------


def row_of(fact: Any, random: Random) -> tuple[str, Row]:
    """The kind of import file and the row of a fact."""
    if isinstance(fact, Account):
        row = {"entity": fact.entity, "key": fact.key, "name": fact.key, "country": fact.country}
        row |= {"currency": fact.currency, "zone": fact.zone, "payer": fact.payer, "segment": fact.segment}
        return "accounts", row
    if isinstance(fact, Contract):
        row = {"entity": fact.entity, "key": fact.key, "account": fact.account, "signed_on": "2020-01-01"}
        return "contracts", row | {"payment_days": fact.days}
    if isinstance(fact, Agreed):
        row = {"entity": fact.entity, "contract": fact.contract, "plan": fact.plan, "charge": fact.charge}
        return "contract_lines", row | {
            "unit_price": f"{fact.unit:f}",
            "currency": fact.currency,
            "valid_from": fact.on or "",
        }
    if isinstance(fact, Subscription):
        row = {"entity": fact.entity, "key": fact.key, "account": fact.account, "contract": fact.contract}
        return "subscriptions", row | {"anchor_day": fact.anchor}
    if isinstance(fact, Event):
        row = {"entity": fact.entity, "subscription": fact.subscription, "key": fact.key, "kind": fact.kind}
        quantity = "" if fact.quantity is None else str(fact.quantity)
        return "subscription_events", row | {"on": fact.on, "plan": fact.plan or "", "quantity": quantity, "coupon": ""}
    if isinstance(fact, Redemption):
        row = {"entity": fact.entity, "subscription": fact.subscription, "key": fact.key, "kind": "redeem"}
        return "subscription_events", row | {"on": fact.on, "plan": "", "quantity": "", "coupon": fact.coupon.key}
    if isinstance(fact, Usage):
        at = fact.at.astimezone(ZoneInfo(random.choice(["UTC", "Asia/Kolkata", "America/New_York"])))
        row = {"entity": fact.entity, "subscription": fact.subscription, "meter": fact.meter, "key": fact.key}
        named = {name: value for name, value in (("region", fact.region), ("user", fact.user)) if value}
        return "usage", row | {"at": at.isoformat(), "quantity": str(fact.quantity), "dimensions": json.dumps(named)}
    if isinstance(fact, Reversal):
        return "usage_reversals", {"entity": fact.entity, "key": fact.key}
    assert isinstance(fact, Rate)
    return "rates", {"base": fact.base, "quote": fact.quote, "rate": f"{fact.value:f}", "source": "ECB", "on": fact.on}


def tables(batch: Batch) -> dict[str, list[Row]]:
    """The rows of a batch by kind, in another order than they became known in where the order does not matter."""
    random = Random(batch.salt)
    made: dict[str, list[Row]] = defaultdict(list)
    for fact in (*batch.facts, *batch.again, *batch.wrong):
        kind, row = row_of(fact, random)
        made[kind].append(row)
    events = defaultdict(list)
    for row in made.pop("subscription_events", []):
        events[row["subscription"]].append(row)
    groups = list(events.values())
    random.shuffle(groups)
    if groups:
        made["subscription_events"] = [row for group in groups for row in group]
    return made


def write(folder: Path, made: Mapping[str, list[Row]], split: bool = False) -> Path:
    """Import files of these rows; ``split``: each kind in two files of different formats, a part of the usage in both."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, rows in made.items():
        half = len(rows) // 2 if split and kind == "usage" else len(rows)
        if split and kind == "subscription_events":
            subject = rows[len(rows) // 2]["subscription"]
            half = next(place for place, row in enumerate(rows) if row["subscription"] == subject)
        first, second = rows[:half], rows[half:]
        if first:
            _csv(folder / f"{kind}-1.csv", first)
        if second:
            repeated = first[:3] if kind == "usage" else []
            _jsonl(folder / f"{kind}-2.jsonl", [*second, *repeated])
    return folder


def _csv(path: Path, rows: list[Row]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _jsonl(path: Path, rows: list[Row]) -> None:
    lines = [
        json.dumps({k: json.loads(v) if k == "dimensions" else str(v) for k, v in row.items() if v != ""})
        for row in rows
    ]
    path.write_text("\n".join(lines) + "\n")
