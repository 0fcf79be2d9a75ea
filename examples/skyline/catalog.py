"""What Skyline sells, without any price: meters, twelve plans and their charges; and its chart of accounts."""

from __future__ import annotations

METERS = (
    ("voice_minutes", "minute", "sum"),
    ("compute_hours", "hour", "sum"),
    ("storage_gb", "GB", "max"),
    ("api_calls", "thousand calls", "sum"),
    ("transit_gb", "GB", "sum"),
    ("data_mb", "MB", "sum"),
    ("messages", "message", "count"),
)
"""Rows of ``meters``."""

PLANS = (
    ("connect-home", "Connect Home"),
    ("connect-business", "Connect Business"),
    ("cloud-start", "Cloud Start"),
    ("cloud-scale", "Cloud Scale"),
    ("api-platform", "API Platform"),
    ("iot-fleet", "IoT Fleet"),
    ("workspace", "Workspace"),
    ("workspace-yearly", "Workspace, yearly"),
    ("managed-hosting", "Managed Hosting"),
    ("support", "Support"),
    ("backbone", "Backbone"),
    ("domains", "Domains"),
)
"""Rows of ``plans``."""

_CHARGES = """
connect-home
    line | Connect Home line | recurring advance 1 | - | line | access | telecom
    activation | Activation | one_time advance 1 | - | activation | setup | service
connect-business
    line | Connect Business line | recurring advance 1 | - | line | access | telecom
    voice | Voice minutes | usage arrears 1 | voice_minutes | minute | voice | telecom
    router | Router SR-4 | one_time advance 1 | - | router | hardware | goods
cloud-start
    compute | Compute hours | usage arrears 1 | compute_hours | hour | cloud | digital_service
    storage | Storage, highest level | usage arrears 1 | storage_gb | GB | cloud | digital_service
cloud-scale
    platform | Platform fee | recurring advance 1 | - | month | cloud | digital_service
    compute | Compute hours | usage arrears 1 | compute_hours | hour | cloud | digital_service
    storage | Storage, highest level | usage arrears 1 | storage_gb | GB | cloud | digital_service
api-platform
    calls | API calls | usage arrears 1 | api_calls | thousand calls | api | digital_service
iot-fleet
    sims | SIM cards | recurring arrears 1 | - | SIM card | iot | telecom
    data | Mobile data | usage arrears 1 | data_mb | MB | iot | telecom
    messages | Device messages | usage arrears 1 | messages | message | iot | telecom
workspace
    seats | Workspace seats | recurring advance 1 | - | seat | workspace | digital_service
workspace-yearly
    seats | Workspace seats, a year | recurring advance 12 | - | seat | workspace | digital_service
managed-hosting
    servers | Managed servers | recurring arrears 1 | - | server | hosting | digital_service
    setup | Setting up | one_time advance 1 | - | setup | setup | service
support
    fee | Support, a quarter | recurring advance 3 | - | quarter | support | service
backbone
    port | Backbone port | recurring arrears 1 | - | port | backbone | telecom
    transit | Transit | usage arrears 1 | transit_gb | GB | backbone | telecom
domains
    domain | Domain, a year | recurring advance 12 | - | domain | domains | digital_service
"""


def _charges() -> tuple[tuple[str, ...], ...]:
    rows, plan = [], ""
    for line in _CHARGES.strip().splitlines():
        if line.startswith(" "):
            key, name, cycle, meter, *rest = (cell.strip() for cell in line.split("|"))
            rows.append((plan, key, name, *cycle.split(), meter.replace("-", ""), *rest))
        else:
            plan = line
    return tuple(rows)


CHARGES = _charges()
"""Rows of ``charges``: plan, key, name, kind, timing, months, meter, unit, product, tax code."""

PLAN_METERS = {plan: tuple(charge[6] for charge in CHARGES if charge[0] == plan and charge[6]) for plan, _ in PLANS}
"""Meters that each plan bills."""

QUANTITIES = {
    "workspace": (3, 40),
    "workspace-yearly": (2, 25),
    "managed-hosting": (1, 24),
    "iot-fleet": (10, 400),
    "domains": (1, 8),
    "backbone": (1, 4),
}
"""Plans that are taken in quantities, with the usual least and most."""

PLANS_OF_SEGMENT = {
    "consumer": (("connect-home", 88), ("domains", 7), ("cloud-start", 5)),
    "business": (
        ("connect-business", 16),
        ("cloud-start", 17),
        ("cloud-scale", 10),
        ("api-platform", 10),
        ("iot-fleet", 10),
        ("workspace", 17),
        ("workspace-yearly", 6),
        ("managed-hosting", 6),
        ("support", 4),
        ("domains", 4),
    ),
    "enterprise": (
        ("cloud-scale", 26),
        ("backbone", 16),
        ("api-platform", 14),
        ("iot-fleet", 12),
        ("workspace", 18),
        ("managed-hosting", 6),
        ("support", 8),
    ),
    "public": (("connect-business", 20), ("workspace", 30), ("cloud-start", 20), ("api-platform", 15), ("support", 15)),
}
"""What customers of each segment take, with weights."""
ONLY_IN_EUROPE = frozenset(("connect-home", "connect-business"))
"""Lines in the ground."""
NOT_IN_POUNDS = frozenset(("domains",))
"""Plans without a price in GBP."""

GL_ACCOUNTS = (
    ("1000", "Bank", "asset"),
    ("1050", "Payment providers, clearing", "asset"),
    ("1090", "Bank entries, clearing", "asset"),
    ("1200", "Trade receivables", "asset"),
    ("1210", "Delivered and not billed", "asset"),
    ("1250", "Contested payments", "asset"),
    ("1290", "Allowance for credit losses", "asset"),
    ("1300", "Contract assets", "asset"),
    ("1310", "Consideration in kind", "asset"),
    ("1350", "Costs of contracts", "asset"),
    ("1360", "Right to returned goods", "asset"),
    ("1480", "Tax withheld by customers, without certificate", "asset"),
    ("1485", "Tax withheld by customers", "asset"),
    ("1500", "Owed by other companies of the group", "asset"),
    ("2200", "Sales taxes payable, other", "liability"),
    ("2210", "VAT payable, Netherlands", "liability"),
    ("2211", "VAT payable, Germany", "liability"),
    ("2212", "VAT payable, France", "liability"),
    ("2213", "VAT payable, United Kingdom", "liability"),
    ("2214", "Consumption tax payable, Japan", "liability"),
    ("2215", "Sales taxes payable, United States", "liability"),
    ("2300", "Contract liabilities", "liability"),
    ("2310", "Refund liabilities", "liability"),
    ("2320", "Owed to suppliers of agency sales", "liability"),
    ("2330", "Provision for losses of contracts", "liability"),
    ("2340", "Owed for goods that may be bought back", "liability"),
    ("2350", "Prepaid credits of customers", "liability"),
    ("2400", "Unapplied receipts", "liability"),
    ("2450", "Refunds to be paid", "liability"),
    ("2500", "Owed to other companies of the group", "liability"),
    ("3000", "Share capital", "equity"),
    ("3900", "Opening balances", "equity"),
    ("4000", "Revenue, other", "income"),
    ("4010", "Revenue, access lines", "income"),
    ("4020", "Revenue, voice", "income"),
    ("4030", "Revenue, cloud", "income"),
    ("4040", "Revenue, API", "income"),
    ("4050", "Revenue, IoT", "income"),
    ("4060", "Revenue, workspace", "income"),
    ("4070", "Revenue, hosting", "income"),
    ("4080", "Revenue, support", "income"),
    ("4090", "Revenue, backbone", "income"),
    ("4100", "Revenue, domains", "income"),
    ("4200", "Revenue, hardware", "income"),
    ("4210", "Revenue, setting up", "income"),
    ("4300", "Breakage of prepaid credits", "income"),
    ("4500", "Revenue from other companies of the group", "income"),
    ("4800", "Late interest and fees", "income"),
    ("4810", "Interest on contracts", "income"),
    ("4900", "Promotional credits", "income"),
    ("4910", "Discounts taken", "income"),
    ("5000", "Cost of goods", "expense"),
    ("6500", "Shares of other companies of the group", "expense"),
    ("6800", "Fees of payment providers", "expense"),
    ("6810", "Fees of chargebacks", "expense"),
    ("6850", "Fees of banks", "expense"),
    ("6900", "Bad debts", "expense"),
    ("6910", "Small differences", "expense"),
    ("6920", "Expected credit losses", "expense"),
    ("6950", "Amortisation of costs of contracts", "expense"),
    ("6960", "Interest on advances of customers", "expense"),
    ("6970", "Losses of contracts", "expense"),
    ("7900", "Currency rounding", "expense"),
    ("7910", "Exchange differences of prepaid credits", "expense"),
    ("7920", "Realised exchange gains", "income"),
    ("7930", "Realised exchange losses", "expense"),
    ("7940", "Unrealised exchange gains", "income"),
    ("7950", "Unrealised exchange losses", "expense"),
    ("7960", "Exchange differences of receipts", "expense"),
)
"""Rows of ``gl_accounts``: the chart that the posting rules refer to."""
