"""Figures of revenue cases that come from one function of the engine, each by the terms of a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from msgspec.structs import replace

from engine.base.money import ZERO, minor_unit, round_to
from engine.base.period import add_months
from engine.ledger.fx import convert
from engine.model.journal import FxRate
from engine.model.revenue_contract import Occurrence, PromiseTerms
from engine.revenue import allocation, balances, costs, financing, obligations, price
from engine.revenue.contract_balances import BALANCES, Standing, billed
from engine.revenue.spread import by_month, cents
from tests.vectors.reading import number
from tests.vectors.revrec_books import delivered, held, promise, standing, variable
from tests.vectors.revrec_world import World

Figure = Callable[[World], Any]
WHOLE = "JPY"
"""A currency without minor units stands for figures that the standards print in whole units."""
COSTS = {
    "commission": "obtain",
    "sales_commission": "obtain",
    "design": "fulfil",
    "migration_testing": "fulfil",
    "hardware": "other_standard",
    "software": "other_standard",
}


def whole(amount: Decimal) -> Decimal:
    """An amount in whole units."""
    return cents(Fraction(amount), WHOLE)


def of(world: World, key: str) -> Decimal:
    """A number of the contract."""
    return number(world.contract[key])


def stated(world: World) -> Decimal:
    """What the promises' prices add up to."""
    return sum((world.stated(one) for one in world.elements), ZERO)


# --- price


def transaction_price(world: World) -> Decimal:
    """The transaction price at inception."""
    if "expected_concession" in world.contract:
        worst = max(number(end) for end in world.contract["market_range"])
        return conceded(World(world.case, constraint="certain"), -worst * stated(world))
    if "penalty" in world.contract:
        return penalised(world, "none")
    if "concession_per_unit" in world.contract:
        lost = of(world, "concession_per_unit") * number(world.elements[0]["qty"])
        return standing(world, *promises(world), variable=(variable("concession", -lost),)).account.price
    return world.account.price


def promises(world: World) -> list[PromiseTerms]:
    """All promises of a case."""
    return [promise(world, one) for one in world.elements]


def conceded(world: World, certain: Decimal | None = None) -> Decimal:
    """The price after a concession that is expected, as far as no more than that is certain."""
    lost = variable("concession", -of(world, "expected_concession") * stated(world), certain=certain)
    return standing(world, *promises(world), variable=(lost,)).account.price


def unconstrained(world: World) -> Decimal:
    """The price before the constraint."""
    return conceded(World(world.case, constraint="none"))


def penalised(world: World, constraint: str) -> Decimal:
    """The price of something that is most likely delivered without the penalty."""
    lost = variable("penalty", ZERO, -of(world, "penalty"))
    return standing(World(world.case, constraint=constraint), *promises(world), variable=(lost,)).account.price


def methods(world: World) -> dict[str, str]:
    """How each variable amount is estimated: by the rule that decides it."""
    names = {"most_likely": "most_likely_amount", "expected_value": "expected_value"}
    return {one["kind"]: names[world.terms(estimate=one["method"])["estimate"]] for one in world.contract["variable"]}


def performance_fee(world: World) -> Decimal:
    """What counts, before it is settled, of a fee on what assets have gained."""
    fee = world.contract["performance_fee"]
    first, *_, last = (number(value) for value in world.contract["assets"])
    sure = price.Variable("performance", (price.Outcome((last - first) * number(fee["rate"]), Decimal(1)),))
    return price.variable_amount(world.terms(constraint="excluded" if fee["constrained"] else "none"), sure)


def returned(world: World) -> Standing:
    """A sale of which some comes back, or with a part of the price that is owed back; all was billed."""
    element = world.elements[0]
    if "expected_unit_price" in world.contract:
        units = sum((one.quantity for _, one in world.happenings if one.kind == "deliver"), ZERO)
        told = [delivered(world, units, of(world, "expected_unit_price"))]
        return standing(world, *promises(world), told=told, billed=units * number(element["unit_price"]))
    goods = promise(world, element, back=of(world, "expected_returns"), carried=number(element["unit_cost"]))
    return standing(world, goods, billed=stated(world))


def cost_of_sales(world: World) -> Decimal:
    """What the goods cost that left, less those that will come back."""
    element = world.elements[0]
    return number(element["qty"]) * number(element["unit_cost"]) - held(returned(world), "return_asset")


def purchased(world: World) -> Decimal:
    """Revenue of what was invoiced, where purchases of the stated price are expected and the customer is paid something."""
    unit = {**world.elements[0], "qty": str(stated(world)), "method": "units_delivered"}
    terms, invoiced = promise(world, unit), number(world.events[0]["invoiced"])
    books = World({**world.case, "contract": {**world.contract, "elements": [unit]}})
    paid = of(world, "payment_to_customer")
    found = standing(books, terms, told=[delivered(world, invoiced)], billed=invoiced, payable=paid)
    assert held(found, "refund_liability") == invoiced - found.account.recognised(date.max)
    return found.account.recognised(date.max)


def in_kind(world: World, when: str) -> list[Decimal]:
    """Revenue of weeks that are paid for in shares."""
    ends = [number(one) for one in world.contract["price_at_week_end"]]
    return price.in_kind(world.terms(in_kind=when), of(world, "shares_per_week"), of(world, "price_at_inception"), ends)


# --- financing


def instalment(world: World) -> Decimal:
    """The monthly payment that the contract's rate makes of its price; not rounded."""
    rate = financing.monthly(of(world, "contract_rate"))
    return financing.level_payment(stated(world), rate, int(world.contract["months"]))


def financed(world: World) -> Decimal:
    """Revenue without interest, or with the interest on what was paid before."""
    if "borrowing_rate" in world.contract:
        return financing.grown(stated(world), of(world, "borrowing_rate"), years_to_delivery(world))
    rate = world.contract.get("market_rate", world.contract["contract_rate"])
    return financing.present_value(instalment(world), financing.monthly(number(rate)), int(world.contract["months"]))


def years_to_delivery(world: World) -> int:
    """Whole years from payment to delivery."""
    return world.at(world.elements[0]["at"]).year - world.start.year


def is_financed(world: World) -> bool:
    """Whether interest is apart; a price that can only be paid before has other reasons than financing."""
    rates = {"rate_month", "borrowing_rate", "market_rate", "contract_rate"} & set(world.contract)
    terms = world.terms(financing="by_term" if rates else "never")
    return financing.significant(terms, world.start, world.end_of(world.elements[0]))


def steps(world: World) -> list[financing.Step]:
    """A service paid before, month by month."""
    return financing.prepaid(stated(world), of(world, "rate_month"), int(world.elements[0]["months"]), world.currency)


# --- costs and others


def cost_terms(world: World, **more: Any) -> dict[str, Mapping[str, Any]]:
    """The rule of each cost."""
    return {key: world.terms(cost=COSTS.get(key, "expense"), **more) for key in world.contract["costs"]}


def costs_of(world: World, treatment: str) -> dict[str, Decimal]:
    """The costs of which a rule makes that."""
    terms = cost_terms(world)
    return {key: number(value) for key, value in world.contract["costs"].items() if terms[key]["cost"] == treatment}


def cost_sum(world: World, treatment: str) -> Decimal:
    """What they add up to."""
    return sum(costs_of(world, treatment).values(), ZERO)


def amortised(world: World, amount: Decimal, commensurate: bool, count: int) -> Decimal:
    """What the first ``count`` months bear of a cost."""
    contract = world.contract
    months = int(contract.get("contract_months", 12 * contract.get("contract_years", 0)))
    life = int(contract.get("customer_life_months", 12 * contract.get("expected_years", 0)))
    facts = replace(world.facts({"id": "cost"}), amount=amount)
    terms = world.terms(commensurate=commensurate)
    items = costs.amortised(facts, costs.lasts(terms, months, life))
    end = add_months(facts.service_from, count)
    return sum((item.amount for item in items if item.on < end), ZERO)


def presented(world: World) -> obligations.Presented:
    """A sale as its seller shows it."""
    terms = world.terms(role=world.contract["role"])
    return obligations.presented(terms, of(world, "gross"), of(world, "commission"), world.currency)


def looked_through(world: World) -> obligations.LookedThrough:
    """Renewal options as if they were sold."""
    efforts = [number(world.contract["expected_cost"][year]) for year in _years(world)]
    return obligations.look_through(of(world, "price_per_year"), of(world, "renewal_probability"), efforts)


def by_year(world: World, values: Any) -> dict[str, Decimal]:
    """Values by the names of the years."""
    return dict(zip(_years(world), values, strict=True))


def _years(world: World) -> list[str]:
    """The names of the years, such as Y1 and Y10, in their order and not in that of the file."""
    return sorted(world.contract["expected_cost"], key=lambda year: (len(year), year))


def renewed(world: World) -> dict[str, Decimal]:
    """Balances after the first year, in the whole units of the example."""
    count, first = of(world, "contracts"), looked_through(world).shares(WHOLE)[0]
    cash = count * of(world, "price_per_year")
    held = balances.daily(
        [balances.Movement(world.start, "paid", cash), balances.Movement(world.start, "revenue", count * first)]
    )
    return {
        "cash": held[-1].cash,
        "revenue_year_1": held[-1].revenue,
        "contract_liability": held[-1].contract_liability,
    }


def called(world: World) -> Standing:
    """A sale that may be taken back for a year, and is not."""
    sold = {"id": "sold", "price": world.contract["sale"], "years": 1}
    terms = promise(world, sold, call=of(world, "call"))
    lapsed = Occurrence("lapsed", "expire", terms.service_to, terms.service_to)
    return standing(world, terms, told=[lapsed], billed=terms.price)


def at_sale(world: World) -> dict[str, Decimal]:
    """What the sale itself is."""
    found = called(world)
    standing_then = BALANCES["repurchase_liability"].wanted(found, world.start)
    return {"revenue": found.account.recognised(world.start), "financial_liability": standing_then}


def loss(world: World) -> costs.Loss:
    """The contract at the end of its events."""
    spent = sum((one.quantity for _, one in world.happenings if one.kind == "cost"), ZERO)
    last = max(one.on for _, one in world.happenings)
    expected = number(world.elements[0]["expected_cost"])
    return costs.onerous(world.account.price, world.account.recognised(last), spent, expected, world.currency)


def functional_month(world: World) -> Decimal:
    """Revenue of a month at the rate of the payment."""
    facts = replace(world.facts(world.elements[0]), amount=deferred(world), currency=world.currency)
    return by_month({}, facts)[0].amount


def deferred(world: World) -> Decimal:
    """An advance in functional currency: at the rate of its payment, as it is not money and is not revalued (IFRIC 22)."""
    contract = world.contract
    base, quote = contract["transaction_currency"], contract["functional_currency"]
    return convert(world.account.price, FxRate(base, quote, of(world, "rate_at_payment"), "case", world.start))


def royalty_shares(world: World) -> dict[str, Decimal]:
    """What each obligation has of the first royalty, where it belongs to all."""
    due = next(number(event["royalty_due"]) for event in world.events if "royalty_due" in event)
    return spread_to_all(world, due)


def spread_to_all(world: World, amount: Decimal) -> dict[str, Decimal]:
    """An amount by selling prices, or all of it with its own promise where the criterion says so."""
    fixed, variable = ([one for one in world.elements if ("royalty" in one) == royal] for royal in (False, True))
    known = {one["id"]: number(one["ssp"]) for one in world.elements}
    expected = sum((number(one["royalty_estimate"]) for one in variable), ZERO)
    alone = [sum((known[one["id"]] for one in some), ZERO) for some in (variable, fixed)]
    where = allocation.variable_to(world.terms(), expected, alone[0], stated(world), alone[1])
    among = {one["id"]: known[one["id"]] for one in (fixed if where == "one" else world.elements)}
    return allocation.relative(amount, among, world.currency)


def naive(world: World) -> Decimal:
    """What shares that are each rounded would add up to."""
    known = [Fraction(number(one["ssp"])) for one in world.elements]
    return sum((cents(Fraction(of(world, "price")) * one / sum(known), world.currency) for one in known), ZERO)


def as_cents(world: World, amount: Decimal) -> Decimal:
    """An exact figure in minor units."""
    return round_to(amount, world.currency) + 0 * minor_unit(world.currency)


FIGURES: Mapping[str, Figure] = {
    "transaction_price": transaction_price,
    "implicit_price_concession": lambda w: stated(w) - w.account.price,
    "unconstrained": unconstrained,
    "fixed": lambda w: penalised(w, "certain"),
    "variable": lambda w: penalised(w, "none") - penalised(w, "certain"),
    "transaction_price_if_constrained": lambda w: penalised(w, "certain"),
    "transaction_price_if_not": lambda w: penalised(w, "none"),
    "methods": methods,
    "performance_fee_revenue_before_settlement": performance_fee,
    "refund_liability": lambda w: held(returned(w), "refund_liability"),
    "return_asset": lambda w: held(returned(w), "return_asset"),
    "cost_of_sales": cost_of_sales,
    "receivable": lambda w: billed(returned(w), date.max),
    "ifrs15_revenue_by_week": lambda w: in_kind(w, "performance"),
    "asc606_revenue_by_week": lambda w: in_kind(w, "inception"),
    "reduction_rate": lambda w: 1 - purchased(w) / number(w.events[0]["invoiced"]),
    "revenue_month_1": purchased,
    "instalment": lambda w: whole(instalment(w)),
    "instalment_exact": lambda w: as_cents(w, instalment(w)),
    "revenue_exact": lambda w: as_cents(w, financed(w)),
    "discount": lambda w: stated(w) - as_cents(w, financed(w)),
    "significant_financing": is_financed,
    "contract_liability_start": lambda w: (
        balances.daily([balances.Movement(w.start, "paid", stated(w))])[0].contract_liability
    ),
    "total_interest": lambda w: sum((one.interest for one in steps(w)), ZERO),
    "liability_after_month_1": lambda w: steps(w)[0].liability,
    "liability_end": lambda w: steps(w)[-1].liability,
    "capitalised": lambda w: cost_sum(w, "obtain"),
    "expensed": lambda w: cost_sum(w, "expense"),
    "fulfilment_asset": lambda w: cost_sum(w, "fulfil"),
    "other_standards": lambda w: costs_of(w, "other_standard"),
    "fulfilment_amortisation_per_year": lambda w: amortised(w, cost_sum(w, "fulfil"), False, 12),
    "commission_amortisation_per_year": lambda w: amortised(w, cost_sum(w, "obtain"), False, 12),
    "commensurate_per_month": lambda w: amortised(w, cost_sum(w, "obtain"), True, 1),
    "not_commensurate_per_month": lambda w: amortised(w, cost_sum(w, "obtain"), False, 1),
    "payable_to_supplier": lambda w: presented(w).payable,
    "expected_consideration": lambda w: cents(
        Fraction(of(w, "contracts")) * looked_through(w).consideration, w.currency
    ),
    "per_contract_consideration": lambda w: cents(looked_through(w).consideration, w.currency),
    "adjusted_cost": lambda w: by_year(w, [cents(one, w.currency) for one in looked_through(w).efforts]),
    "stated_allocation": lambda w: by_year(w, looked_through(w).shares(WHOLE)),
    "inception": renewed,
    "at_sale": at_sale,
    "if_lapsed_revenue": lambda w: called(w).account.recognised(date.max),
    "revenue_to_date": lambda w: loss(w).revenue,
    "cost_to_date": lambda w: loss(w).cost,
    "loss_provision": lambda w: loss(w).provision,
    "deferred_eur": deferred,
    "revenue_per_month_eur": functional_month,
    "fixed_allocation": lambda w: {key: whole(one) for key, one in spread_to_all(w, stated(w)).items()},
    "fixed_exact": lambda w: spread_to_all(w, stated(w)),
    "royalty_exact": royalty_shares,
    "naive_rounded_sum": naive,
    "voucher_ssp": lambda w: next(w.selling(one).observable for one in w.elements if "estimate" in one),
}
