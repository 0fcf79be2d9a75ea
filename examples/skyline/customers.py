"""Ordinary customers: accounts, contracts, subscriptions and what happens to them, drawn from a seeded generator."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple, TypeVar

from examples.skyline import parties
from examples.skyline.catalog import (
    NOT_IN_POUNDS,
    ONLY_IN_EUROPE,
    PLANS_OF_SEGMENT,
    QUANTITIES,
)
from examples.skyline.deliveries import CUTOVER, END, Deliveries, folder_of, next_folder
from examples.skyline.world import (
    AMERICAS,
    COUNTRIES,
    ENTITY_COUNTRIES,
    EUROPE,
    FIRST_WORDS,
    OTHER_CURRENCIES,
    PUBLIC_BODIES,
    SECOND_WORDS,
    SEGMENTS,
)

FIRST_NUMBER = 101
"""Numbers below are the customers of ``stories``."""
PREFIX = {EUROPE: "E", AMERICAS: "A"}
EUROPE_SHARE = 0.62
PORT_PRICES = {"EUR": 850, "USD": 918, "GBP": 731, "JPY": 136000}
"""Usual price of a backbone port a month."""
SEAT_PRICES = {"EUR": "10.80", "USD": "11.70", "GBP": "9.36", "JPY": "1710"}
"""Agreed prices of a workspace seat a month."""
SIZES = {"consumer": 0.2, "business": 1.0, "enterprise": 9.0, "public": 1.5}
"""How much customers of a segment use, as against a business."""
UPGRADES = {"cloud-start": "cloud-scale", "cloud-scale": "cloud-start", "connect-home": "connect-business"}
T = TypeVar("T")


class Spell(NamedTuple):
    """Days from ``start`` up to, not including, ``end`` on which a subscription has a plan."""

    start: date
    end: date
    plan: str


class Served(NamedTuple):
    """A subscription as the makers of usage see it; ``size`` scales how much it uses."""

    entity: str
    key: str
    zone: str
    spells: tuple[Spell, ...]
    size: float


class Customer(NamedTuple):
    """An account with what its subscriptions need to know."""

    entity: str
    key: str
    segment: str
    currency: str
    zone: str
    since: date
    contract: str


def pick(random: Random, weighted: Sequence[tuple[T, int]]) -> T:
    """One of ``weighted`` values, by weight."""
    place = random.random() * sum(weight for _, weight in weighted)
    for value, weight in weighted:
        place -= weight
        if place < 0:
            return value
    return weighted[-1][0]


def ordinary_customers(seed: int, count: int, out: Deliveries) -> list[Served]:
    """``count`` accounts and their subscriptions in both legal entities, added to ``out``."""
    random = Random(f"skyline/{seed}/customers")
    names = [f"{first} {second}" for first in FIRST_WORDS for second in SECOND_WORDS]
    random.shuffle(names)
    served: list[Served] = []
    in_europe = round(count * EUROPE_SHARE)
    for entity, accounts in ((EUROPE, in_europe), (AMERICAS, count - in_europe)):
        parents: list[str] = []
        for index in range(accounts):
            customer = _account(random, entity, index, names, parents, out)
            served += _subscriptions(random, customer, out)
    return served


def _account(
    random: Random, entity: str, index: int, names: Sequence[str], parents: list[str], out: Deliveries
) -> Customer:
    key = f"{PREFIX[entity]}-{FIRST_NUMBER + index:05}"
    code = pick(random, ENTITY_COUNTRIES[entity])
    country, segment = COUNTRIES[code], pick(random, SEGMENTS[entity])
    city, postcode, region, zone = random.choice(country.cities)
    street = f"{random.choice(country.streets)} {random.randrange(1, 180)}"
    name = _name(random, segment, index, f"{street}, {city}", city, names, country.forms)
    odd = OTHER_CURRENCIES[code] if segment in ("business", "enterprise") and random.random() < 0.06 else ()
    currency = random.choice(odd) if odd else country.currency
    since = CUTOVER if random.random() < 0.92 else _day(random, CUTOVER + timedelta(1), END - timedelta(5))
    company = segment in ("business", "enterprise")
    tax_id = country.tax_id.format(digits=random.randrange(100000, 999999)) if company or random.random() < 0.02 else ""
    parent = payer = ""
    if company and parents and random.random() < 0.1:
        parent = random.choice(parents)
        payer = parent if random.random() < 0.6 else ""
    elif company and since == CUTOVER:
        parents.append(key)
    exempt = segment == "public" and random.random() < 0.3
    domain = re.sub("[^a-z0-9]+", "-", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower())
    mail = f"household-{key.lower()}@post.test" if segment == "consumer" else f"invoices@{domain.strip('-')}.test"
    address = f"{street}\n{postcode} {city}\n{country.name}"
    row = (
        *(entity, key, name, code, region, currency, zone, parent, payer, segment, country.language, tax_id),
        *("true" if exempt else "false", mail, address),
    )
    out.add(folder_of(since), "accounts", [parties.account(row)])
    contract = _contract(random, entity, key, segment, since, out)
    return Customer(entity, key, segment, currency, zone, since, contract)


def _name(
    random: Random, segment: str, index: int, place: str, city: str, names: Sequence[str], forms: Sequence[str]
) -> str:
    if segment == "consumer":
        return f"Household {place}"
    if segment == "public":
        return f"{random.choice(PUBLIC_BODIES).format(city=city)}, department {index}"
    turn = f" {city}" if index >= len(names) else ""
    return f"{names[index % len(names)]}{turn} {random.choice(forms)}"


def _contract(random: Random, entity: str, account: str, segment: str, since: date, out: Deliveries) -> str:
    """The key of the account's contract, empty if it has none."""
    if segment == "consumer" or (segment == "business" and random.random() > 0.12):
        return ""
    key = f"{account}-C1"
    signed = since - timedelta(random.randrange(10, 700))
    days = {"enterprise": (45, 60), "public": (30,), "business": (14, 30)}[segment]
    order = f"PO-{random.randrange(10000, 99999)}" if segment != "business" else ""
    out.add(folder_of(since), "contracts", [(entity, key, account, signed, random.choice(days), order)])
    return key


def _subscriptions(random: Random, customer: Customer, out: Deliveries) -> list[Served]:
    least, most = {"consumer": (1, 1), "business": (1, 2), "enterprise": (2, 4), "public": (1, 2)}[customer.segment]
    plans: list[str] = []
    for _ in range(random.randint(least, most)):
        plan = pick(random, PLANS_OF_SEGMENT[customer.segment])
        while plan in ONLY_IN_EUROPE and customer.entity != EUROPE:
            plan = "cloud-start" if customer.segment != "business" else "workspace"
        if customer.currency == "GBP" and plan in NOT_IN_POUNDS:
            plan = "connect-home" if customer.segment == "consumer" else "workspace"
        if plan not in plans:
            plans.append(plan)
    return [_subscription(random, customer, number, plan, out) for number, plan in enumerate(plans, 1)]


def _subscription(random: Random, customer: Customer, number: int, plan: str, out: Deliveries) -> Served:
    key = f"{customer.key}-S{number}"
    start, anchor = _beginning(random, plan, customer.since)
    quantity = random.randint(*QUANTITIES[plan]) if plan in QUANTITIES else 1
    if plan == "workspace" and customer.segment == "enterprise":
        quantity *= 9
    contract = customer.contract
    _agreed(random, customer, plan, contract, start, out)
    events, spells = _life(random, plan, start, quantity)
    out.add(folder_of(start), "subscriptions", [(customer.entity, key, customer.key, contract, anchor)])
    for place, (folder, kind, on, new_plan, new_quantity) in enumerate(events, 1):
        row = (customer.entity, key, f"e{place}", kind, on, new_plan, new_quantity)
        out.add(folder, "subscription_events", [row])
    size = SIZES[customer.segment] * random.lognormvariate(0, 0.6)
    return Served(customer.entity, key, customer.zone, tuple(spells), size)


def _beginning(random: Random, plan: str, since: date) -> tuple[date, int]:
    """First day and anchor day.

    Most come over at the cut-over with cycles by calendar month, some with another anchor, and some are new.
    """
    if plan in ("domains", "workspace-yearly"):
        start = _day(random, since, END - timedelta(10))
        return start, start.day
    chance = random.random()
    if chance < 0.68:
        return since, 1
    if chance < 0.84:
        return since, random.randint(1, 31)
    start = _day(random, since, END - timedelta(4))
    return start, random.choice((1, start.day))


def _agreed(random: Random, customer: Customer, plan: str, contract: str, start: date, out: Deliveries) -> None:
    """A line of the contract: always for backbone ports, sometimes for seats."""
    price: Any = ""
    if plan == "backbone":
        price, charge = PORT_PRICES[customer.currency] * random.randint(80, 110) // 100, "port"
    elif plan == "workspace" and contract and random.random() < 0.4:
        price, charge = Decimal(SEAT_PRICES[customer.currency]), "seats"
    if price != "":
        row = (customer.entity, contract, plan, charge, price, customer.currency, "", "")
        out.add(folder_of(start), "contract_lines", [row])


def _life(random: Random, plan: str, start: date, quantity: int) -> tuple[list[tuple[Any, ...]], list[Spell]]:
    """Events (folder, kind, day, plan, quantity) of a subscription, and the spells that they amount to."""
    events: list[tuple[Any, ...]] = [(folder_of(start), "start", start, plan, quantity)]
    spells = [Spell(start, END, plan)]
    chance = random.random()
    if start + timedelta(8) >= END:
        return events, spells
    day = _day(random, start + timedelta(5), END - timedelta(2))
    folder = folder_of(day)
    known = next_folder(folder) if random.random() < 0.06 else None
    if chance < 0.04:
        events.append((known or folder, "cancel", day, "", ""))
        return events, [Spell(start, day, plan)]
    if chance < 0.07 and plan != "domains":
        back = day + timedelta(random.randint(6, 35))
        events.append((folder, "pause", day, "", ""))
        spells = [Spell(start, day, plan)]
        if back < END:
            events.append((folder_of(back), "resume", back, "", ""))
            spells.append(Spell(back, END, plan))
    elif chance < 0.12 and plan in UPGRADES:
        events.append((folder, "change", day, UPGRADES[plan], ""))
        spells = [Spell(start, day, plan), Spell(day, END, UPGRADES[plan])]
    elif chance < 0.24 and plan in QUANTITIES and plan != "domains":
        changed = max(1, quantity + random.choice((-2, -1, 1, 2, 3, 5)) * max(1, quantity // 10))
        events.append((known or folder, "change", day, "", changed))
    return events, spells


def _day(random: Random, first: date, last: date) -> date:
    return first + timedelta(random.randrange(max(1, (last - first).days)))
