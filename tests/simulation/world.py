"""A simulated company: who sells, what, to whom, and at which prices.  Drawn from the seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from tests.simulation.facts import (
    ALWAYS,
    DIGITS,
    Account,
    Agreed,
    Catalogue,
    Charge,
    Contract,
    Coupon,
    Entity,
    Era,
    Lateness,
    Meter,
    Price,
    Tier,
    in_currency,
)

SELLERS = (
    ("NL", "EUR", "Europe/Amsterdam"),
    ("US", "USD", "America/New_York"),
    ("AU", "AUD", "Australia/Sydney"),
    ("JP", "JPY", "Asia/Tokyo"),
)
BUYERS = (
    ("NL", "EUR", "Europe/Amsterdam"),
    ("DE", "EUR", "Europe/Berlin"),
    ("GB", "GBP", "Europe/London"),
    ("US", "USD", "America/New_York"),
    ("BR", "BRL", "America/Sao_Paulo"),
    ("AU", "AUD", "Australia/Lord_Howe"),
    ("AU", "AUD", "Australia/Sydney"),
    ("JP", "JPY", "Asia/Tokyo"),
    ("KW", "KWD", "Asia/Kuwait"),
    ("CL", "USD", "America/Santiago"),
    ("NZ", "AUD", "Pacific/Auckland"),
)
METERS = {
    meter.key: meter
    for meter in (
        Meter("calls", "sum"),
        Meter("logins", "count"),
        Meter("peak", "max"),
        Meter("abroad", "sum", "US"),
        Meter("users", "unique"),
        Meter("level", "latest"),
        Meter("floor", "min"),
        Meter("load", "percentile"),
        Meter("stored", "time_weighted"),
    )
}
REGIONS = ("EU", "EU", "US", "AP", "")
USERS = ("ada", "bob", "cyd", "dan", "eve", "")
PLANS = ("basic", "team", "pro", "metered")
SEGMENTS = ("business", "business", "enterprise")


@dataclass
class Company:
    """What the simulation begins with; ``agreed`` grows as contracts are amended."""

    start: date
    entities: list[Entity]
    accounts: list[Account]
    catalogue: Catalogue
    contracts: list[Contract]
    agreed: list[Agreed]
    era: Era
    lateness: list[Lateness]
    coupons: list[Coupon]

    @property
    def plans(self) -> list[str]:
        """Keys of the plans."""
        return list(dict.fromkeys(charge.plan for charge in self.catalogue.charges))

    @property
    def currencies(self) -> set[str]:
        """All that occur."""
        return {a.currency for a in self.accounts} | {e.functional for e in self.entities} | {"EUR"}


def company(random: Random, accounts: int, plans: int, year: int) -> Company:
    """A company of that many accounts and plans, whose story begins in January of a year."""
    groups = random.sample(["payer", "payer", "subscription", "account"], 2)
    sellers = random.sample(SELLERS, 2)
    entities = [
        Entity(f"E{n}", *seller, group) for n, (seller, group) in enumerate(zip(sellers, groups, strict=True), 1)
    ]
    buyers = _accounts(random, entities, accounts)
    catalogue = Catalogue(tuple(c for plan in PLANS[:plans] for c in _charges(random, plan)), METERS)
    contracts = [
        Contract(a.entity, f"C-{a.key}", a.key, random.choice([14, 30, 60])) for a in buyers if random.random() < 0.4
    ]
    era = Era(ALWAYS, {key: price for c in catalogue.charges for key, price in _prices(random, c)})
    late, coupons = _lateness(random, catalogue), _coupons(random, date(year, 1, 1), buyers, catalogue)
    made = Company(date(year, 1, 1), entities, buyers, catalogue, contracts, [], era, late, coupons)
    made.agreed.extend(_agreed(random, made))
    return made


def _accounts(random: Random, entities: list[Entity], count: int) -> list[Account]:
    made: list[Account] = []
    for number in range(1, count + 1):
        entity = random.choice(entities).key
        key = f"A{number:02}"
        payers = [a.key for a in made if a.entity == entity and a.payer == a.key]
        payer = random.choice(payers) if payers and random.random() < 0.25 else key
        made.append(Account(entity, key, *random.choice(BUYERS), payer, random.choice(SEGMENTS)))
    return made


def _charges(random: Random, plan: str) -> list[Charge]:
    proration = random.choice(["actual_days", "actual_days", "d30_360", "fixed_days"])

    def charge(key: str, kind: str, timing: str, months: int = 1, meter: str = "") -> Charge:
        return Charge(plan, key, kind, timing, months, meter, random.choice(["standard", "reduced", "zero"]), proration)

    made = [
        charge("fee", "recurring", "advance"),
        charge("calls", "usage", "arrears", random.choice([1, 1, 3]), "calls"),
    ]
    timing, months = random.choice(["advance", "arrears"]), random.choice([1, 3, 12])
    made.append(charge("seats", "recurring", timing, months))
    if random.random() < 0.5:
        made.append(charge("setup", "one_time", "advance"))
    for meter in random.sample([key for key in METERS if key != "calls"], random.choice([1, 2, 3])):
        made.append(charge(meter, "usage", "arrears", random.choice([1, 1, 1, 3]), meter))
    if random.random() < 0.5:
        region = random.choice(["EU", "US"])
        made.append(
            replace(charge("regional", "usage", "arrears", 1, random.choice(["calls", "peak", "load"])), only=region)
        )
    return made


def _prices(random: Random, charge: Charge) -> list[tuple[tuple[str, str, str], Price]]:
    made = [((charge.plan, charge.key, ""), _price(random, charge))]
    if random.random() < 0.3:
        made.append(((charge.plan, charge.key, "enterprise"), _price(random, charge)))
    return made


def _price(random: Random, charge: Charge) -> Price:
    """Dear enough that a day of it is worth a minor unit; usage is cheap and has high tiers."""
    usage = charge.kind == "usage"
    scale = Decimal("0.013") if usage else Decimal(charge.months)
    steps_at = (100, 1000) if usage else (3, 10)

    def euros(low: int, high: int) -> Decimal:
        return (Decimal(random.randint(low * 100, high * 100)) / 100 * scale).quantize(Decimal("0.0001"))

    method = random.choice(["flat", "per_unit", "graduated", "volume", "package", "stairstep"])
    steps, ramp, overage = _steps(random, charge), _ramp(random, charge), random.choice([Decimal(1), Decimal("1.5")])
    divide = random.choice([1, 1, 1, 10]) if usage else 1
    if charge.kind != "recurring" and method == "flat":
        method = "per_unit"
    rounding = random.choice(["half_up", "half_up", "half_even"])
    if method == "stairstep":
        tiers = tuple(
            Tier(top, None, euros(low, low + 200))
            for top, low in ((Decimal(steps_at[0]), 300), (Decimal(steps_at[1]), 900), (None, 1500))
        )
        return Price(
            method, rounding, tiers=tiers, zero_usage="nothing", divide=divide, steps=steps, overage=overage, ramp=ramp
        )
    if method in ("graduated", "volume"):
        flat = euros(300, 900) if usage else euros(5, 20)
        tiers = (
            Tier(Decimal(steps_at[0]), euros(20, 40), None),
            Tier(Decimal(steps_at[1]), euros(15, 20), random.choice([flat, None])),
            Tier(None, euros(8, 15), random.choice([flat, None])),
        )
        if random.random() < 0.3:
            tiers = (replace(tiers[0], flat=flat), *tiers[1:])
        zero = random.choice(["nothing", "first_tier"])
        return Price(
            method, rounding, tiers=tiers, zero_usage=zero, divide=divide, steps=steps, overage=overage, ramp=ramp
        )
    included = Decimal(random.choice([0, 0, 50 if usage else 1]))
    size = Decimal(random.choice([10, 100]) if usage else random.choice([2, 5]))
    if method == "package":
        return Price(
            method, rounding, euros(20, 90), included, size, divide=divide, steps=steps, overage=overage, ramp=ramp
        )
    included = included if method == "per_unit" else Decimal(0)
    return Price(method, rounding, euros(20, 90), included, divide=divide, steps=steps, overage=overage, ramp=ramp)


def _ramp(random: Random, charge: Charge) -> tuple[tuple[str, int, Decimal], ...]:
    """A trial, a lower price at first, both, or most often nothing of that."""
    if charge.kind == "one_time" or random.random() > 0.3:
        return ()
    trial, cheap = ("days", random.choice([7, 14, 30]), Decimal(0)), ("months", random.choice([1, 3]), Decimal("0.5"))
    return random.choice([(trial,), (cheap,), (trial, cheap)])


def _steps(random: Random, charge: Charge) -> tuple[tuple[str, Decimal], ...]:
    """What is done to the money after the method: less a share, at least, at most."""
    months, steps = Decimal(charge.months), []
    if random.random() < 0.2:
        steps.append(("discount", Decimal(random.choice(["0.1", "0.075", "0.3333"]))))
    if random.random() < 0.25:
        steps.append(("minimum", Decimal(random.choice(["8.5", "15", "29.99"])) * months))
    if random.random() < 0.25:
        steps.append(("maximum", Decimal(random.choice(["45", "90.01", "120"])) * months))
    if random.random() < 0.15:
        steps.append(("commitment", Decimal(random.choice(["20", "60.5"])) * months))
    random.shuffle(steps)
    return tuple(steps)


def _coupons(random: Random, start: date, accounts: list[Account], catalogue: Catalogue) -> list[Coupon]:
    """Percentages and money, for all charges, some or one."""
    keys = sorted({charge.key for charge in catalogue.charges})
    made = []
    for number in range(1, 7):
        percent, amount, currency = Decimal(random.choice(["10", "20", "33.333", "100"])), Decimal(0), ""
        charges = random.choice([(), tuple(random.sample(keys, 3)), (random.choice(keys),)])
        if number % 2:
            currency, charges = (
                random.choice(accounts).currency,
                random.choice([("fee", "seats"), ("fee",), ("seats",), ("calls",)]),
            )
            worth = in_currency(Decimal(random.choice(["3", "8.35", "40"])), currency)
            percent, amount = Decimal(0), round(worth, DIGITS[currency])
        cycles, most = random.choice([0, 0, 1, 2, 3]), random.choice([0, 0, 2])
        until = random.choice([None, None, start + timedelta(days=random.randint(20, 200))])
        alone = random.random() < 0.2
        made.append(Coupon(f"K{number}", percent, amount, currency, cycles, charges, not alone, most, until))
    return made


def reprice(random: Random, before: Era, on: date) -> Era:
    """A price list with some other prices, in force from a day on."""
    changed = {}
    for key, price in before.prices.items():
        factor = random.choice([Decimal(1), Decimal(1), Decimal("1.05"), Decimal("1.1"), Decimal("0.93")])

        def times(euros: Decimal | None, factor: Decimal = factor) -> Decimal | None:
            return None if euros is None else (euros * factor).quantize(Decimal("0.0001"))

        tiers = tuple(Tier(t.up_to, times(t.unit), times(t.flat)) for t in price.tiers)
        changed[key] = replace(price, unit=times(price.unit) or Decimal(0), tiers=tiers)
    return Era(on, changed)


def _lateness(random: Random, catalogue: Catalogue) -> list[Lateness]:
    made = []
    for key in sorted({charge.key for charge in catalogue.charges if charge.kind == "usage"}):
        policy = random.choice(["next_bill", "next_bill", "credit_and_rebill", "drop"])
        under = random.choice([None, None, Decimal("0.75"), Decimal(20)])
        made.append(Lateness(key, random.choice([0, 0, 0, 2, 5]), policy, random.choice([1000, 1000, 45]), under))
    return made


def _agreed(random: Random, made: Company) -> list[Agreed]:
    agreed = []
    currency = {a.key: a.currency for a in made.accounts}
    for contract in made.contracts:
        for charge in made.catalogue.charges:
            if charge.kind != "one_time" and random.random() < 0.3:
                price = made.era.prices[charge.plan, charge.key, ""]
                euros = price.unit or price.tiers[0].unit or Decimal(1)
                unit = in_currency(euros * Decimal("0.8"), currency[contract.account]).quantize(Decimal("0.0001"))
                item = (contract.entity, contract.key, charge.plan, charge.key, unit, currency[contract.account], None)
                agreed.append(Agreed(*item))
    return agreed
