"""The customers of a month, drawn from the seed: how each pays, and what becomes of it; and the company on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random

from tests import banks, stories
from tests.payments_simulation.money import ACCOUNTS, OWN, Rates, cut

ISSUED, DUE = date(2026, 2, 1), date(2026, 3, 3)
"""When the first invoices are issued and due."""
AGAIN, DUE_AGAIN = date(2026, 3, 1), date(2026, 3, 31)
"""The second ones: issued as the month begins, due as it ends."""
OPENING = Decimal("5000.00")
"""What is on each account at the bank before; the books do not have it."""

FATES = {
    "card": (
        "fine", "poor", "gone", "refunded", "given back", "refund fails", "disputed, won", "disputed, lost", "slow answer",
        "disputed by half, lost", "never delivered, lost", "asked, dropped", "asked, disputed, lost", "pre-arbitration, won", "pre-arbitration, half",
        "pre-arbitration, lost", "captured in part",
    ),
    "debit": ("fine", "poor", "account closed", "taken back", "fine too", "lapsed"),
    "transfer": (
        "exact", "part", "too much, kept", "too much, refunded", "twice, kept", "twice, refunded", "returned",
        "less a fee", "both at once", "in two parts", "late", "never", "promise kept", "promise broken", "bad debt",
        "both apart", "other money", "bad debt, paid", "void, refunded", "applied again", "held", "insolvent",
        "in instalments",
    ),
}  # fmt: skip
"""What becomes of customers by the way in which they pay."""

NAMES = (
    "Adler Bau", "Birch Foods", "Castor Shipping", "Delta Works", "Elm Trading", "Falcon Air", "Gamma Tools",
    "Hollow Ventures", "Iris Optics", "Juno Media", "Kestrel Parts", "Lumen Glas", "Mistral Wines", "Nordic Timber",
    "Opal Dental", "Pelican Freight", "Quartz Labs", "Raven Books", "Sable Furs", "Tundra Ice", "Umbra Film",
    "Vesper Music", "Walnut Doors", "Xenia Hotels", "Yarrow Herbs", "Zephyr Sails", "Amber Coffee", "Bison Leather",
    "Cobalt Paint", "Dahlia Garden", "Ember Stoves", "Fjord Salmon", "Ginkgo Pharma", "Heron Water", "Indigo Print",
    "Jasper Stone", "Krill Nutrition", "Lotus Yoga", "Mango Fruit", "Nimbus Weather", "Orchid Travel", "Plover Games",
    "Quince Jams", "Rowan Schools", "Sorrel Soup", "Teal Boats", "Ulmus Parquet", "Vireo Radio", "Willow Baskets",
    "Yew Archery",
)  # fmt: skip
FORMS = ("BV", "GmbH", "SA", "NV")
IBANS = (
    "NL91ABNA0417164300", "DE75512108001245126199", "AT611904300234573201", "NL20INGB0001234567",
    "BE68539007547034", "FR1420041010050500013M02606", "ES9121000418450200051332", "IT60X0542811101000000123456",
)  # fmt: skip
"""What mandates are for; several customers may share one account at a bank."""
SIGNED = {"lapsed": "2022-12-01"}
"""When mandates were signed that nobody has used for 36 months."""


PRICES = {"EUR": (10, 31, 99), "GBP": (9, 27, 85), "JPY": (1500, 5000, 15000)}
"""What a seat, the base fee and the set-up cost."""
ROUGHLY = {"EUR": 1, "GBP": 1, "JPY": 100}
"""How large amounts are in each currency beside those in euros."""


@dataclass(frozen=True)
class Customer:
    """One customer: how it pays, and what becomes of that."""

    key: str
    name: str
    way: str
    fate: str
    seats: int
    currency: str = OWN

    @property
    def token(self) -> str:
        """The card at the provider."""
        return f"pm_{self.key}"

    def owes(self, first: bool) -> Decimal:
        """What an invoice comes to, with tax of 21 %: a flat price and seats, the first one with the set-up too."""
        return sum((net + tax for net, tax in self.lines(first)), Decimal(0))

    def lines(self, first: bool) -> list[tuple[Decimal, Decimal]]:
        """Net amount and tax of each line."""
        seat, base, setup = PRICES[self.currency]
        nets = [Decimal(seat * self.seats), Decimal(base), *([Decimal(setup)] if first else [])]
        return [(net, tax_on(net, self.currency)) for net in nets]

    def some(self, amount: Decimal) -> Decimal:
        """So much money as an amount in euros is, very roughly, in the currency of the customer."""
        return cut(amount * ROUGHLY[self.currency], self.currency)


def tax_on(net: Decimal, currency: str) -> Decimal:
    """The tax of a net amount, 21 %."""
    return cut(net * 21 / 100, currency)


def people(random: Random, count: int) -> list[Customer]:
    """Customers of every fate, as far as there are enough of them."""
    fates = [(way, fate) for way, some in FATES.items() for fate in some]
    random.shuffle(fates)
    names = random.sample(NAMES, len(NAMES))
    seats = random.sample(range(8, 120), count)  # no two owe the same
    made = []
    for n in range(count):
        way, fate = fates[n % len(fates)]
        currency = OWN if way == "debit" else random.choice((OWN, OWN, "GBP", "JPY"))
        currency = "GBP" if fate == "refund fails" else currency
        made.append(Customer(f"C{n + 1:02}", f"{names[n]} {random.choice(FORMS)}", way, fate, seats[n], currency))
    return made


RULES = {
    "pricing/acme.yaml": """
ruleset: pricing/acme
effective: {from: 2020-01-01}
rules:
  - {id: seats, when: charge.key == "seats", then: {method: per_unit, unit: [10 EUR, 9 GBP, 1500 JPY]}}
  - {id: base, when: charge.key == "base", then: {method: flat, price: [31 EUR, 27 GBP, 5000 JPY]}}
  - {id: setup, when: charge.key == "setup", then: {method: flat, price: [99 EUR, 85 GBP, 15000 JPY]}}
""",
    "routing/psp.yaml": """
ruleset: routing/payments
scope: port == "psp"
effective: {from: 2000-01-01}
hit: first
priority: 10
rules:
  - {id: cards, when: method == "card", then: {adapter: stripe}}
  - {id: debits, then: {adapter: bank}}
""",
}
ADAPTERS = f"""
  - {{name: bank, port: psp, plugin: psp_sepa, timeout: 30,
     settings: {{creditor_name: Acme BV, creditor_id: DE98ZZZ09999999999, iban: {ACCOUNTS[OWN]}, folder: bank}}}}
  - {{name: stripe, port: psp, plugin: psp_stripe, timeout: 10, retries: 0, breaker_failures: 1000,
     settings: {{url: "%s", page: 7}}}}
fx:"""


def settle(folder: Path, customers: list[Customer], rates: Rates, provider: str) -> Path:
    """The company in a folder; ``provider`` is the address of the provider of cards."""
    folder.mkdir(parents=True, exist_ok=True)
    debited = [one for one in customers if one.way == "debit"]
    methods = [
        f"E1,{one.key},card-{one.key},card,stripe,{one.token},cus_{one.key},visa,4242" for one in _by(customers, "card")
    ]
    stories.write(
        folder,
        rules=RULES,
        entities=(
            "key,name,country,functional_currency,zone,registrations,bank_accounts",
            "E1,Acme BV,NL,EUR,Europe/Amsterdam,NL:vat:NL001234567B01,"
            + ";".join(f"{currency}:{currency}:{iban}" for currency, iban in ACCOUNTS.items()),
        ),
        gl_accounts=(
            *banks.CHART,
            "1050,Provider clearing,asset",
            "4800,Other income,income",
            "6800,Payment fees,expense",
            "6810,Fees of disputes,expense",
        ),
        accounts=stories.add(
            "accounts", *(f"E1,{one.key},{one.name},NL,{one.currency},Europe/Amsterdam,," for one in customers)
        ),
        rates=tuple(rates.lines()),
        charges=[line for line in stories.FILES["charges"] if not line.startswith("phone")],
        subscriptions=("entity,key,account,anchor_day", *(f"E1,S{one.key},{one.key},1" for one in customers)),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            *(f"E1,S{one.key},1,start,{ISSUED},team,{one.seats}" for one in customers),
        ),
        usage=("entity,subscription,meter,key,at,quantity",),
        mandates=(
            "entity,reference,account,debtor_name,iban,signed_on",
            *(
                f"E1,M-{one.key},{one.key},{one.name},{IBANS[n % len(IBANS)]},{SIGNED.get(one.fate, '2025-12-01')}"
                for n, one in enumerate(debited)
            ),
        ),
        payment_methods=("entity,account,key,kind,provider,token,customer,brand,last4", *methods),
    )
    config = folder / "config.yaml"
    text = config.read_text().replace("\nfx:", ADAPTERS % provider, 1)
    config.write_text(text.replace("bob: []", "bob: [controller]"))
    return folder


def _by(customers: list[Customer], way: str) -> Iterator[Customer]:
    return (one for one in customers if one.way == way)
