"""Customers with a past: they came over from Skyline's old billing system, with all that such a system leaves behind.

What the old system billed, and what it would bill for the first month (its preview), is computed here from its own price
list, apart from the engine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any, NamedTuple

from examples.skyline import parties
from examples.skyline.deliveries import CUTOVER, INITIAL, MONTHS, Deliveries
from examples.skyline.world import AMERICAS, COUNTRIES, ENTITY_COUNTRIES, EUROPE, FIRST_WORDS, SECOND_WORDS

SHARE = 0.15
"""Customers that came over with a past, of all."""
FIRST_NUMBER = 60_001
PREVIEW = "old-system-preview-2024-02-01.csv"
PREVIEW_COLUMNS = ("entity", "account", "subscription", "charge", "service_from", "service_to", "currency", "amount")
FIRST_RUN = date(2024, 2, 1)
EVE = CUTOVER - timedelta(1)
KEY, SYSTEM = "main", "Meridian Billing 7"
CALLS, MINUTES = 12, Decimal("23.5")
"""Voice calls of a moved customer in January, and the minutes of each."""

EURO_RATES = {
    "EUR": Decimal(1),
    "USD": Decimal("1.1050"),
    "GBP": Decimal("0.86905"),
    "JPY": Decimal("156.33"),
}
"""Rates of the European Central Bank on 29 December 2023, at which the old books were closed."""
FUNCTIONAL = {EUROPE: "EUR", AMERICAS: "USD"}
TAXES = {"NL": "0.21", "DE": "0.19", "FR": "0.20", "GB": "0.20", "JP": "0.10", "US": "0"}
"""Rate of the tax of the old system's lines, by country."""


class Offer(NamedTuple):
    """What the old system sold: prices by currency, then what it had charged, cycle in months and whether in advance."""

    plan: str
    charge: str
    months: int
    advance: bool
    quantities: tuple[int, int]
    old: dict[str, str]
    new: dict[str, str]
    product: str


_SEATS = {"EUR": "12.00", "USD": "13.00", "GBP": "10.40", "JPY": "1900"}
OFFERS = (
    Offer("connect-home", "line", 1, True, (1, 1), {"EUR": "36.50", "GBP": "32.00"}, {"EUR": "39.00", "GBP": "34.00"}, "access"),
    Offer("connect-business", "line", 1, True, (1, 1), {"EUR": "85.00", "GBP": "75.00"}, {"EUR": "89.00", "GBP": "77.00"}, "access"),
    Offer("workspace", "seats", 1, True, (3, 40), {"EUR": "11.50", "USD": "12.40", "GBP": "9.90", "JPY": "1800"}, _SEATS, "workspace"),
    Offer(
        "workspace-yearly", "seats", 12, True, (2, 25),
        {"EUR": "117.00", "USD": "127.00", "GBP": "101.00", "JPY": "18600"},
        {"EUR": "122.40", "USD": "132.60", "GBP": "106.00", "JPY": "19400"}, "workspace",
    ),
    Offer(
        "managed-hosting", "servers", 1, False, (1, 4),
        {"EUR": "149.00", "USD": "161.00", "GBP": "128.00", "JPY": "23500"},
        {"EUR": "149.00", "USD": "161.00", "GBP": "128.00", "JPY": "23500"}, "hosting",
    ),
)  # fmt: skip
PLANS_OF = {EUROPE: OFFERS, AMERICAS: OFFERS[2:]}
VOICE = {"EUR": ("0.040", "0.030"), "GBP": ("0.034", "0.026")}
"""Price of a minute up to 200 a month, and above."""


class Taken(NamedTuple):
    """A subscription of a moved customer."""

    entity: str
    account: str
    country: str
    currency: str
    offer: Offer
    quantity: int
    start: date

    @property
    def key(self) -> str:
        """Key of the subscription."""
        return f"{self.account}-S1"


def _round(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(1) if currency == "JPY" else Decimal("0.01"), ROUND_HALF_UP)


def _functional(entity: str, amount: Decimal, currency: str) -> Decimal | str:
    """What an amount was worth in the old books; empty in functional currency."""
    own = FUNCTIONAL[entity]
    return "" if currency == own else _round(amount * EURO_RATES[own] / EURO_RATES[currency], own)


def _rate(entity: str, currency: str) -> Decimal | str:
    own = FUNCTIONAL[entity]
    return "" if currency == own else (EURO_RATES[own] / EURO_RATES[currency]).quantize(Decimal("1e-9"))


class OldSystem:
    """The old system's books of the moved customers, written as the opening files."""

    def __init__(self, out: Deliveries) -> None:
        self.out = out
        self.preview: list[tuple[Any, ...]] = []
        self.totals: dict[tuple[str, str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        self.documents = 0

    def balance(self, entity: str, account: str, currency: str, amount: Decimal, worth: Decimal | str) -> None:
        """Add to a control total: a debit if above zero."""
        sums = self.totals[entity, account, currency]
        sums[0] += amount
        sums[1] += amount if worth == "" else Decimal(worth).copy_sign(amount)

    def line(self, taken: Taken, start: date, end: date, day: date) -> Decimal:
        """An invoice line of the old system, on an invoice of its own; the invoice's total."""
        self.documents += 1
        document, price = f"M-{self.documents:06}", Decimal(taken.offer.old[taken.currency])
        amount, rate = price * taken.quantity, Decimal(TAXES[taken.country])
        tax, category = _round(amount * rate, taken.currency), "S" if rate else "O"
        self.out.add(INITIAL, "opening_lines", [(
            taken.entity, f"{document}/1", taken.key, taken.offer.charge, taken.offer.plan, start, end, taken.currency,
            taken.quantity, amount, rate, tax, category, "", "" if rate else "no tax was charged", _rate(taken.entity, taken.currency), "",
            document, day, "", KEY,
        )])  # fmt: skip
        return amount + tax

    def would_bill(self, taken: Taken, charge: str, start: date, end: date, amount: Decimal) -> None:
        """A line of the preview."""
        row = (taken.entity, taken.account, taken.key, charge, start, end, taken.currency, amount)
        self.preview.append(row)

    def close(self) -> None:
        """The rows that are written once: cut-overs, control totals, the last number, the preview."""
        for entity in (EUROPE, AMERICAS):
            self.out.add(INITIAL, "cutovers", [(entity, KEY, CUTOVER, SYSTEM)])
        for (entity, account, currency), (amount, worth) in sorted(self.totals.items()):
            self.out.add(INITIAL, "opening_balances", [(entity, account, currency, amount, worth, KEY)])
        self.out.add(INITIAL, "opening_numbers", [(AMERICAS, "SKA-FY2024", 4711, EVE, KEY)])
        self.out.beside.append((PREVIEW, PREVIEW_COLUMNS, sorted(self.preview)))


def moved_customers(seed: int, count: int, out: Deliveries) -> int:
    """``count`` accounts with one subscription each and a past, added to ``out``; how many usage events they have."""
    random, old, events = Random(f"skyline/{seed}/moved"), OldSystem(out), 0
    in_europe = round(count * 0.62)
    for entity, number in ((EUROPE, in_europe), (AMERICAS, count - in_europe)):
        for index in range(number):
            taken = _account(random, entity, index, out)
            _balances(random, taken, _billed(taken, old), old)
            events += _life(random, taken, old)
    old.close()
    return events


def _account(random: Random, entity: str, index: int, out: Deliveries) -> Taken:
    key = f"{'E' if entity == EUROPE else 'A'}-{FIRST_NUMBER + index}"
    places = ENTITY_COUNTRIES[entity]
    code = places[index % len(places)][0]
    country, offer = COUNTRIES[code], PLANS_OF[entity][random.randrange(len(PLANS_OF[entity]))]
    city, postcode, region, zone = random.choice(country.cities)
    consumer, street = offer.plan == "connect-home", f"{random.choice(country.streets)} {random.randrange(1, 180)}"
    name = f"Household {street}, {city}" if consumer else _name(random, index, city, country.forms)
    row = (
        *(entity, key, name, code, region, country.currency, zone, "", "", "consumer" if consumer else "business"),
        *(country.language, "", "false", f"accounts-{key.lower()}@post.test"),
        f"{street}\n{postcode} {city}\n{country.name}",
    )
    out.add(INITIAL, "accounts", [parties.account(row)])
    start = date(random.choice((2022, 2023)), random.randint(1, 12), 1)
    quantity = random.randint(*offer.quantities)
    taken = Taken(entity, key, code, country.currency, offer, quantity, start)
    out.add(INITIAL, "subscriptions", [(entity, taken.key, key, "", 1)])
    out.add(INITIAL, "subscription_events", [(entity, taken.key, "e1", "start", start, offer.plan, quantity)])
    return taken


def _name(random: Random, index: int, city: str, forms: Sequence[str]) -> str:
    return f"Old {random.choice(FIRST_WORDS)} {random.choice(SECOND_WORDS)} {city} {index} {random.choice(forms)}"


def _billed(taken: Taken, old: OldSystem) -> tuple[date, date, Decimal]:
    """What the old system billed last: the service period and the total of the invoice."""
    offer, out = taken.offer, old.out
    if offer.months == 12:
        start, end = date(2023, taken.start.month, 1), date(2024, taken.start.month, 1)
        total = old.line(taken, start, end, start)
    elif offer.advance:
        start, end = MONTHS[0], MONTHS[1]
        total = old.line(taken, start, end, EVE - timedelta(3))
    else:
        start, end = date(2023, 12, 1), CUTOVER
        out.add(INITIAL, "billed_through", [(taken.entity, taken.key, offer.charge, CUTOVER, KEY)])
        total = Decimal(offer.old[taken.currency]) * taken.quantity
    if offer.plan == "connect-business":
        out.add(INITIAL, "billed_through", [(taken.entity, taken.key, "voice", CUTOVER, KEY)])
    return start, end, total


def _balances(random: Random, taken: Taken, billed: tuple[date, date, Decimal], old: OldSystem) -> None:
    """What is open between the customer and the company on the last day of the old system."""
    entity, currency, (start, end, total) = taken.entity, taken.currency, billed
    chance = random.random()
    if chance < 0.45:
        kept = total if random.random() < 0.8 else _round(total * Decimal("0.4"), currency)
        worth = _functional(entity, kept, currency)
        row = (entity, f"M-OPEN-{taken.account}", taken.account, "invoice", date(2023, 12, 5), date(2024, 1, 4))
        old.out.add(INITIAL, "opening_receivables", [(*row, currency, total, kept, worth, KEY)])
        old.balance(entity, "1200", currency, kept, worth)
    elif chance < 0.50:
        back = -_round(total * Decimal("0.1"), currency)
        worth = _functional(entity, back, currency)
        row = (entity, f"M-CN-{taken.account}", taken.account, "credit_note", date(2023, 11, 20), "")
        old.out.add(INITIAL, "opening_receivables", [(*row, currency, back, back, worth, KEY)])
        old.balance(entity, "1200", currency, back, worth)
    elif chance < 0.60:
        worth = _functional(entity, total, currency)
        row = (entity, f"BANK/2023/{taken.account}", taken.account, date(2023, 12, 28), currency, total, worth, KEY)
        old.out.add(INITIAL, "opening_cash", [row])
        old.balance(entity, "2400", currency, -total, worth)
    elif chance < 0.68:
        granted = _round(total * 4, currency)
        left = _round(granted * Decimal("0.35"), currency)
        worth = _functional(entity, left, currency)
        row = (entity, f"W-{taken.account}", taken.account, date(2023, 6, 1), date(2024, 12, 31), 1, currency)
        old.out.add(INITIAL, "opening_wallets", [(*row, granted, left, worth, KEY)])
        old.balance(entity, "2350", currency, -left, worth)
    if end > CUTOVER:
        amount = Decimal(taken.offer.old[currency]) * taken.quantity
        left = _round(amount * (end - CUTOVER).days / (end - start).days, currency)
        worth = _functional(entity, left, currency)
        row = (entity, f"D-{taken.account}", taken.account, "", taken.key, taken.offer.product, currency, left, worth)
        old.out.add(INITIAL, "opening_deferred", [(*row, start, end, KEY)])
        old.balance(entity, "2300", currency, -left, worth)


def _life(random: Random, taken: Taken, old: OldSystem) -> int:
    """What happens in January, and what the old system would bill on the first of February; usage events."""
    offer, chance, quantity = taken.offer, random.random(), taken.quantity
    change: Callable[[str, Any], None] = lambda kind, amount: old.out.add(  # noqa: E731
        "2024-01", "subscription_events", [(taken.entity, taken.key, "e2", kind, date(2024, 1, 16), "", amount)]
    )
    served_to = None
    if chance < 0.05:
        change("cancel", "")
        served_to = date(2024, 1, 16)
    elif chance < 0.12 and offer.plan == "workspace":
        quantity += 3
        change("change", quantity)
    for charge, start, end, amount in _first_month(taken, quantity, served_to):
        if amount:
            old.would_bill(taken, charge, start, end, amount)
    return _calls(taken, old, served_to)


def _first_month(taken: Taken, quantity: int, served_to: date | None) -> Iterator[tuple[str, date, date, Decimal]]:
    """(charge, from, to, amount) that the old system would bill on the first of February."""
    offer, currency = taken.offer, taken.currency
    old, new = Decimal(offer.old[currency]) * taken.quantity, Decimal(offer.new[currency])
    first, second, third = MONTHS[0], MONTHS[1], MONTHS[2]
    if not offer.advance:
        days, charge = ((served_to or second) - first).days, offer.charge
        share = Decimal(days) / (30 if served_to else 31)
        yield charge, first, served_to or second, _round(new * quantity * share, currency)
        return
    if offer.months == 12:
        begins = date(2024, taken.start.month, 1)
        if served_to and begins != first:
            yield (
                offer.charge,
                served_to,
                begins,
                -_round(old * _days_360(served_to, begins) / _days_360(date(2023, begins.month, 1), begins), currency),
            )
        elif begins in (first, second) and not served_to:
            yield offer.charge, begins, date(2025, begins.month, 1), _round(new * quantity, currency)
        elif begins == first and served_to:
            yield offer.charge, first, served_to, _round(new * quantity * Decimal(15) / 360, currency)
        return
    middle = date(2024, 1, 16)
    if served_to or quantity != taken.quantity:
        back, share = -_round(old * Decimal(16) / 31, currency), Decimal(16) / 31
        again = Decimal(0) if served_to else _round(new * quantity * share, currency)
        yield offer.charge, middle, second, back + again
    if not served_to:
        yield offer.charge, second, third, _round(new * quantity, currency)


def _days_360(start: date, end: date) -> int:
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + end.day - start.day


def _calls(taken: Taken, old: OldSystem, served_to: date | None) -> int:
    """Voice calls of January, one a day at noon, and what they would cost; how many there are."""
    if taken.offer.plan != "connect-business":
        return 0
    days = [MONTHS[0] + timedelta(n) for n in range(CALLS)]
    rows = [
        (taken.entity, taken.key, "voice_minutes", f"{taken.key}/{day}", f"{day}T12:00:00+00:00", MINUTES, "moved")
        for day in days
    ]
    old.out.add("2024-01", "usage", rows, "moved")
    low, high = map(Decimal, VOICE[taken.currency])
    minutes = MINUTES * CALLS
    amount = _round(min(minutes, Decimal(200)) * low + max(minutes - 200, Decimal(0)) * high, taken.currency)
    old.would_bill(taken, "voice", MONTHS[0], served_to or MONTHS[1], amount)
    return CALLS
