"""Small companies for tests: import files and rules written into a folder, and an application over them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from engine.app import App
from engine.model.journal import Change
from engine.runs.billing.run import run_bill
from engine.runs.import_run import run_import
from engine.runs.run import Report

ROOT = Path(__file__).resolve().parents[1]
CHANGE = Change("ada", datetime(2026, 1, 1, 12, tzinfo=UTC), "test")

CONFIG = f"""
tenant: {{key: acme, name: Acme}}
rules: {{folders: [{ROOT / "rules"}, rules]}}
adapters:
  - {{name: tax_table, port: tax, plugin: tax_table}}
  - {{name: delivery_file, port: delivery, plugin: delivery_file, settings: {{folder: invoices}}}}
fx: {{max_age_days: 120}}
people: {{ada: [operator], bob: []}}
"""

PRICES = """
ruleset: pricing/acme
effective: {from: 2020-01-01}
rules:
  - {id: seats, when: charge.key == "seats", then: {method: per_unit, unit: [10 EUR, 12 USD, 1500 JPY]}}
  - {id: base, when: charge.key == "base", then: {method: flat, price: [31 EUR, 40 USD, 5000 JPY]}}
  - id: calls
    when: charge.key == "calls"
    then: {method: graduated, tiers: [{up_to: 100, unit: [0.10 EUR, 0.12 USD, 15 JPY]}, {unit: [0.05 EUR, 0.06 USD, 8 JPY]}]}
  - {id: setup, when: charge.key == "setup", then: {method: flat, price: [99 EUR, 110 USD, 15000 JPY]}}
"""

FILES: Mapping[str, Sequence[str]] = {
    "entities": (
        "key,name,country,functional_currency,zone,registrations",
        "E1,Acme BV,NL,EUR,Europe/Amsterdam,NL:vat:NL001234567B01",
    ),
    "accounts": (
        "entity,key,name,country,currency,zone,payer,parent",
        "E1,A1,One,NL,EUR,Europe/Amsterdam,,",
        "E1,A2,Two,NL,USD,America/New_York,,",
        "E1,A3,Three,NL,JPY,Asia/Tokyo,,",
        "E1,A4,Child of one,NL,EUR,Europe/Amsterdam,A1,A1",
    ),
    "meters": ("key,unit,aggregation", "calls,call,sum"),
    "plans": ("key,name", "team,Team", "phone,Phone"),
    "charges": (
        "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
        "team,base,Base fee,recurring,advance,1,,month,team,standard",
        "team,seats,Seats,recurring,advance,1,,seat,team,standard",
        "team,setup,Set-up,one_time,advance,1,,piece,services,standard",
        "phone,calls,Calls,usage,arrears,1,calls,call,voice,standard",
    ),
    "gl_accounts": (
        "code,name,kind",
        "1000,Cash,asset",
        "1200,Trade receivables,asset",
        "2200,Tax payable,liability",
        "2300,Contract liabilities,liability",
        "2350,Prepaid credits,liability",
        "2400,Unapplied cash,liability",
        "3900,Opening balances,equity",
        "4000,Revenue,income",
        "4900,Promotions,income",
        "6900,Bad debts,expense",
        "7900,FX rounding,expense",
        "7910,Exchange differences,expense",
        "7920,Realised exchange gains,income",
        "7930,Realised exchange losses,expense",
    ),
    "rates": ("base,quote,rate,source,on", "EUR,USD,1.0838,ECB,2025-12-31", "EUR,JPY,184.09,ECB,2025-12-31"),
    "subscriptions": (
        "entity,key,account,anchor_day",
        "E1,S1,A1,1",
        "E1,S2,A2,1",
        "E1,S3,A3,31",
        "E1,S4,A4,1",
        "E1,S5,A1,1",
    ),
    "subscription_events": (
        "entity,subscription,key,kind,on,plan,quantity",
        "E1,S1,1,start,2026-01-01,team,5",
        "E1,S2,1,start,2026-01-01,team,3",
        "E1,S3,1,start,2026-01-31,team,2",
        "E1,S4,1,start,2026-01-16,team,1",
        "E1,S5,1,start,2026-01-01,phone,1",
    ),
    "usage": (
        "entity,subscription,meter,key,at,quantity",
        *(f"E1,S5,calls,c{n},2026-01-{n:02d}T10:00:00+01:00,10" for n in range(1, 16)),
    ),
}


def write(folder: Path, *, rules: Mapping[str, str] | None = None, **changed: Sequence[str]) -> Path:
    """A company in ``folder``: config.yaml, rules and data; ``changed`` replaces import files, ``rules`` adds rule files."""
    (folder / "config.yaml").write_text(CONFIG)
    for name, text in {"pricing/acme.yaml": PRICES, **(rules or {})}.items():
        path = folder / "rules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    deliver(folder, "data", **{**FILES, **changed})
    return folder


def lean_rules(folder: Path) -> Path:
    """The shipped rules without their cases, written into a folder: for what is not about cases."""
    for path in (ROOT / "rules").rglob("*.*"):
        target = folder / path.relative_to(ROOT / "rules")
        target.parent.mkdir(exist_ok=True, parents=True)
        target.write_text(path.read_text(encoding="utf-8").partition("\ncases:")[0] + "\n", encoding="utf-8")
    return folder


def deliver(folder: Path, name: str, **files: Sequence[str]) -> Path:
    """A folder of import files."""
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    for table, lines in files.items():
        (target / f"{table}.csv").write_text("\n".join(lines) + "\n")
    return target


def add(table: str, *lines: str) -> Sequence[str]:
    """The company's own file with lines added."""
    return (*FILES[table], *lines)


@contextmanager
def opened(folder: Path, url: str, **settings: str) -> Iterator[App]:
    """The application over a company, with books at ``url``."""
    app = App(folder / "config.yaml", {"database.url": url, **{k.replace("__", "."): v for k, v in settings.items()}})
    try:
        yield app
    finally:
        app.close()


def load(app: App, folder: Path) -> Any:
    """Import a folder."""
    tenant, today = app.config.tenant.key, date(2026, 12, 31)
    return run_import(app.books, tenant, folder, CHANGE, today, rules=lambda: app.rulebook)


def bill(app: App, on: str, **options: Any) -> Report:
    """Bill on a date."""
    return run_bill(app.parts(), date.fromisoformat(on), CHANGE, **options)


def invoices(app: App) -> list[dict[str, Any]]:
    """All invoices with their lines, by natural key, without ids, in order."""
    with app.books.reader() as reader:
        found = []
        for head in reader.invoices(app.config.tenant.key):
            lines = [
                {k: v for k, v in line.items() if k not in ("id", "invoice_id") and not k.endswith("_id")}
                for line in reader.invoice_lines(head["id"])
            ]
            found.append(
                {k: v for k, v in head.items() if k not in ("id", "run_id", "payer_id", "seller_id")} | {"lines": lines}
            )
    return sorted(found, key=lambda i: (i["entity"], i["payer"], i["period"], i["kind"], i["group_key"]))


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
