"""What payers do: one function a scenario, each makes documents, bank entries and the truth about them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from tests.cash import words
from tests.cash.world import RATES, Customer, Invoice, World, rounded

Scenario = Callable[[World], None]
ALL: dict[str, tuple[Scenario, float]] = {}
"""Scenarios by name, with how often they come."""


def scenario(weight: float) -> Callable[[Scenario], Scenario]:
    """Make a function a scenario."""

    def add(made: Scenario) -> Scenario:
        ALL[made.__name__] = made, weight
        return made

    return add


def full(one: Invoice) -> list[tuple[Invoice, Decimal]]:
    """All of a document."""
    return [(one, one.amount)]


@scenario(12)
def exact_ref(w: World) -> None:
    one = w.invoice(w.somebody())
    w.want(w.pay(one.customer, one.amount, one.number, after=[one]), full(one))


@scenario(6)
def exact_ref_in_text(w: World) -> None:
    one = w.invoice(w.somebody())
    text = f"{w.text(one.number)} vom {one.issued:%d.%m.%Y}"
    w.want(w.pay(one.customer, one.amount, text, after=[one]), full(one))


@scenario(4)
def rf_structured_ref(w: World) -> None:
    one = w.invoice(w.somebody())
    w.want(w.pay(one.customer, one.amount, structured=one.reference, after=[one]), full(one))


@scenario(1)
def rf_in_text(w: World) -> None:
    one = w.invoice(w.somebody())
    spaced = " ".join(one.reference[at : at + 4] for at in range(0, len(one.reference), 4))
    w.want(w.pay(one.customer, one.amount, w.text(spaced), after=[one]), full(one))


def garbled(w: World, number: str) -> str:
    """A number in other letters that look alike, other separators, or torn apart."""
    way = w.random.randrange(5) if len(number) > 5 else 0
    if way == 0:
        return number.lower()
    if way == 1:
        return number.replace("I", "l", 1).replace("-", ".").replace("/", " ")
    if way == 2:
        at = w.random.randrange(2, len(number) - 1)
        return f"{number[:at]} {number[at:]}"
    if way == 3:
        return number.replace("0", "O", 1)
    return number.replace("-", "").replace("/", "").replace(".", "")


@scenario(5)
def garbled_ref(w: World) -> None:
    one = w.invoice(w.somebody())
    w.want(w.pay(one.customer, one.amount, w.text(garbled(w, one.number)), after=[one]), full(one))


def cut_short(w: World, number: str) -> str:
    """A number without its leading zeros, or its last digits alone."""
    last = "".join(letter if letter.isdigit() else " " for letter in number).split()[-1]
    short = last.lstrip("0")
    if len(last) >= 8:
        short = last[-6:].lstrip("0") or short
    return short if w.random.random() < 0.5 else number.replace(last, short)


@scenario(4)
def missing_leading_zeros(w: World) -> None:
    customer = w.somebody()
    one = w.invoice(customer, w.amount(customer, 0.05))
    unsure = bool(customer.says) or len(short := cut_short(w, one.number)) < 2
    row = w.pay(
        customer, one.amount, f"{w.random.choice(words.BEFORE[:12])}{short if not unsure else one.number}", after=[one]
    )
    w.want(row, full(one))


@scenario(5)
def multi_invoice(w: World) -> None:
    customer = w.somebody()
    some = [w.invoice(customer) for _ in range(w.random.randrange(2, 6))]
    numbers = [one.number for one in some]
    way = w.random.randrange(4)
    text = ", ".join(numbers) if way == 0 else " ".join(numbers) if way == 1 else " + ".join(numbers)
    if way == 3 and not numbers[0].endswith("A") and len({len(number) for number in numbers}) == 1:
        text = numbers[0] + "".join(f"/{number[-4:]}" for number in numbers[1:])
    row = w.pay(customer, sum((one.amount for one in some), Decimal(0)), w.text(text), after=some)
    w.want(row, [(one, one.amount) for one in some])


@scenario(1)
def range_of_invoices(w: World) -> None:
    customer = w.somebody(says="", series=1)
    before = w.counts[1]
    some = [w.invoice(customer) for _ in range(w.random.randrange(3, 6))]
    del before
    text = f"{some[0].number} {w.random.choice(('-', 'bis', 'to'))} {w.random.choice((some[-1].number[-6:], some[-1].number[-3:]))}"
    row = w.pay(customer, sum((one.amount for one in some), Decimal(0)), text, after=some)
    w.want(row, [(one, one.amount) for one in some])


@scenario(2)
def multi_no_ref_sum(w: World) -> None:
    customer = w.somebody()
    some = [w.invoice(customer) for _ in range(w.random.randrange(2, 5))]
    row = w.pay(customer, sum((one.amount for one in some), Decimal(0)), "account settlement", after=some)
    w.want(row, [(one, one.amount) for one in some], ok=False)


@scenario(4)
def no_ref_unique_amount(w: World) -> None:
    customer = w.somebody()
    one = w.invoice(customer, w.amount(customer, 0))
    row = w.pay(customer, one.amount, w.random.choice(words.NOTHING), after=[one])
    w.want(row, full(one), ok=customer.known and row["payer_iban"] == customer.iban)


@scenario(4)
def partial(w: World) -> None:
    customer = w.somebody(says="")
    one = w.invoice(customer)
    money = rounded(one.amount * w.random.choice((Decimal("0.5"), Decimal("0.25"), Decimal("0.333"))), one.currency)
    row = w.pay(customer, money, w.text(one.number).rstrip() + w.random.choice(words.PART), after=[one])
    w.want(row, [(one, money)], "partial")


@scenario(1)
def two_halves(w: World) -> None:
    customer = w.somebody(says="")
    one = w.invoice(customer)
    half = rounded(one.amount / 2, one.currency)
    first = w.pay(customer, half, f"{one.number} 1/2", after=[one], days=20)
    second = w.pay(customer, one.amount - half, f"{one.number} 2/2", after=[one], days=50)
    w.want(first, [(one, half)], "partial")
    w.want(second, [(one, one.amount - half)])


def discounted(w: World, days: tuple[int, int]) -> None:
    customer = w.somebody(says="")
    one = w.invoice(customer, w.amount(customer, 0.1), terms="2/10net30")
    money = one.amount - rounded(one.amount * Decimal("0.02"), one.currency)
    row = w.pay(
        customer,
        money,
        w.text(one.number).rstrip() + w.random.choice(words.LESS),
        after=[one],
        days=w.random.randrange(*days),
    )
    w.want(row, [(one, money)], "applied" if days[1] <= 11 else "partial")


@scenario(4)
def discount_2_10(w: World) -> None:
    discounted(w, (0, 11))


@scenario(2)
def late_discount(w: World) -> None:
    discounted(w, (15, 50))


@scenario(3)
def bank_fee(w: World) -> None:
    customer = w.somebody(says="")
    if customer.currency == "JPY":
        customer = w.somebody(says="", currency="USD")
    one = w.invoice(customer, w.amount(customer) + 100)
    fee = Decimal(w.random.choice(("7.50", "12.50", "25.00", "15.00")))
    row = w.pay(customer, one.amount - fee, f"{w.text(one.number)} /CHGS/{one.currency}{fee}", after=[one])
    w.want(row, [(one, one.amount - fee)])


@scenario(3)
def overpayment(w: World) -> None:
    customer = w.somebody(says="")
    one = w.invoice(customer)
    money = one.amount + rounded(
        one.amount * w.random.choice((Decimal("0.1"), Decimal("0.01"), Decimal("0.05"))), one.currency
    )
    w.want(w.pay(customer, money, w.text(one.number), after=[one]), full(one), "overpaid")


@scenario(1)
def near_amount_transposed(w: World) -> None:
    customer = w.somebody(says="")
    one = w.invoice(customer, w.amount(customer, 0))
    digits = list(f"{one.amount:f}")
    places = [
        at
        for at in range(len(digits) - 1)
        if digits[at].isdigit() and digits[at + 1].isdigit() and digits[at] < digits[at + 1]
    ]
    if not places:
        exact_ref(w)
        return
    at = w.random.choice(places)
    digits[at], digits[at + 1] = digits[at + 1], digits[at]
    w.want(w.pay(customer, Decimal("".join(digits)), w.text(one.number), after=[one]), full(one), "overpaid")


@scenario(3)
def parent_for_child(w: World) -> None:
    child = w.random.choice(w.children)
    one, parent = w.invoice(child), w.by_id[child.parent]
    w.want(
        w.pay(parent, one.amount, f"{w.text(one.number)} {child.name}", after=[one], currency=one.currency), full(one)
    )


@scenario(2)
def duplicate_bank_entry(w: World) -> None:
    one = w.invoice(w.somebody())
    row = w.pay(one.customer, one.amount, one.number, after=[one])
    w.want(row, full(one))
    again = {**row, "payment_id": f"P{len(w.payments) + 1:07}"}
    w.payments.append(again)
    w.want(again, status="duplicate")


@scenario(2)
def double_payment(w: World) -> None:
    customer = w.somebody()
    one = w.invoice(customer)
    text = w.text(one.number)
    row = w.pay(customer, one.amount, text, after=[one])
    w.want(row, full(one))
    later = date.fromisoformat(row["booking_date"]) + timedelta(days=w.random.randrange(1, 20))
    w.want(w.pay(customer, one.amount, text, booked=later), status="overpaid", ok=False)


@scenario(2)
def unknown_payer(w: World) -> None:
    text = w.random.choice(
        ("", "payment", "INVOICE", f"ref {w.random.randrange(10**5)}", f"{w.random.randrange(2000)}")
    )
    amount = w.random.choice((Decimal("99.00"), Decimal("1190.00"), Decimal(w.random.randrange(100, 10**6)) / 100))
    name = (
        f"{w.random.choice(('Yara', 'Tom', 'Ida', 'Li', 'Mo'))} {w.random.choice(('Baum', 'Stone', 'Wang', 'Silva'))}"
    )
    w.want(w.pay(None, amount, text, iban=w.iban(), name=name), status="unidentified", ok=False)


@scenario(2)
def non_latin_payer(w: World) -> None:
    customer = w.random.choice([one for one in w.customers if one.says])
    one = w.invoice(customer)
    w.want(w.pay(customer, one.amount, w.text(one.number), after=[one]), full(one))


@scenario(2)
def currency_mismatch(w: World) -> None:
    customer = w.somebody(currency=w.random.choice(("GBP", "USD")))
    one = w.invoice(customer)
    money = rounded(one.amount * Decimal(RATES[f"{one.currency}EUR"]), "EUR")
    if w.random.random() < 0.2:
        money = one.amount
    w.want(w.pay(customer, money, w.text(one.number), currency="EUR", after=[one]), full(one), "review", ok=False)


@scenario(2)
def chargeback_return(w: World) -> None:
    one = w.invoice(w.somebody())
    end = f"E2E{one.id}"
    row = w.pay(one.customer, one.amount, one.number, after=[one], end=end)
    w.want(row, full(one))
    later = date.fromisoformat(row["booking_date"]) + timedelta(days=w.random.randrange(2, 40))
    back = w.pay(
        one.customer,
        -one.amount,
        f"RETURN MS03 {one.number}",
        booked=later,
        end=end,
        iban=row["payer_iban"],
        name=row["payer_name"],
    )
    w.want(back, [(one, -one.amount)], "return")


@scenario(0.5)
def paid_again_after_return(w: World) -> None:
    chargeback_return(w)
    back = w.payments[-1]
    one = w.invoices[-1]
    later = date.fromisoformat(back["booking_date"]) + timedelta(days=w.random.randrange(1, 20))
    w.want(w.pay(one.customer, one.amount, one.number, booked=later), full(one))


@scenario(2)
def wrong_ref_other_customer(w: World) -> None:
    mine, other = w.somebody(says=""), w.somebody()
    one = w.invoice(mine, w.amount(mine, 0))
    theirs = w.invoice(other, w.amount(other, 0))
    if mine is other or other.parent == mine.id or mine.name == other.name:
        exact_ref(w)
        return
    w.want(
        w.pay(mine, one.amount, w.text(theirs.number), after=[one, theirs], currency=one.currency),
        full(one),
        "review",
        ok=False,
    )


@scenario(2)
def ambiguous_same_amount(w: World) -> None:
    customer = w.somebody()
    amount = w.amount(customer, 0.5)
    one, two = w.invoice(customer, amount), w.invoice(customer, amount)
    row = w.pay(customer, amount, "monthly fee", after=[one, two])
    w.want(row, full(one), "review", ok=False, acceptable=[full(one), full(two)])


@scenario(3)
def credit_note_netting(w: World) -> None:
    customer = w.somebody()
    one = w.invoice(customer)
    note = w.invoice(customer, -rounded(one.amount * Decimal("0.2"), one.currency), kind="credit_note")
    row = w.pay(customer, one.amount + note.amount, f"{one.number} - {note.number}", after=[one, note])
    w.want(row, [*full(one), *full(note)])


@scenario(3)
def po_reference(w: World) -> None:
    customer = w.somebody(says="")
    one = w.invoice(customer, order=str(4500000000 + w.random.randrange(10**8)))
    w.want(
        w.pay(
            customer, one.amount, f"{w.random.choice(('PO ', 'Bestellung ', 'order no. ', ''))}{one.order}", after=[one]
        ),
        full(one),
    )


@scenario(2)
def prepayment_no_invoice(w: World) -> None:
    customer = w.somebody()
    amount = w.amount(customer, 0)
    text = w.random.choice(words.PREPAY).format(w.random.randrange(10**4, 10**5))
    w.want(w.pay(customer, amount, text), status="unidentified", ok=False)


@scenario(1)
def prepayment_of_an_open_amount(w: World) -> None:
    one = w.invoice(w.somebody())
    text = w.random.choice(words.PREPAY).format(w.random.randrange(10**4, 10**5))
    w.want(w.pay(one.customer, one.amount, text, after=[one]), status="unidentified", ok=False)


@scenario(2)
def stale_ref_same_amount(w: World) -> None:
    customer = w.somebody()
    amount = w.amount(customer, 0.5)
    old, _ = w.invoice(customer, amount, listed=False), w.invoice(customer, amount)
    way = w.random.randrange(3)
    text = old.number if way == 0 else w.text(old.number) if way == 1 else cut_short(w, old.number)
    w.want(w.pay(customer, amount, text, after=[old]), status="overpaid", ok=False)


@scenario(1)
def learnt_account_of_another(w: World) -> None:
    mine, other = w.somebody(says=""), w.somebody(known=True)
    one = w.invoice(mine)
    if mine is other or mine.parent == other.id or mine.name == other.name:
        exact_ref(w)
        return
    w.want(
        w.pay(mine, one.amount, w.text(one.number), after=[one], iban=other.iban),
        full(one),
        "review",
        ok=False,
        acceptable=[full(one)],
    )


@scenario(1)
def digit_wrong(w: World) -> None:
    customer = w.somebody()
    one = w.invoice(customer, w.amount(customer, 0))
    at = max(place for place, letter in enumerate(one.number) if letter.isdigit())
    wrong = one.number[:at] + str((int(one.number[at]) + 5) % 10) + one.number[at + 1 :]
    w.want(w.pay(customer, one.amount, wrong, after=[one]), full(one), "review", ok=False)


@scenario(1)
def order_of_several(w: World) -> None:
    customer = w.somebody(says="")
    order = str(4500000000 + w.random.randrange(10**8))
    some = [w.invoice(customer, w.amount(customer, 0), order=order) for _ in range(3)]
    w.want(w.pay(customer, some[1].amount, f"PO {order}", after=some), full(some[1]))


@scenario(1)
def advice_apart(w: World) -> None:
    customer = w.somebody()
    some = [w.invoice(customer) for _ in range(w.random.randrange(1, 5))]
    end = f"E{w.random.randrange(10**9)}"
    row = w.pay(customer, sum((one.amount for one in some), Decimal(0)), "see advice", after=some, end=end)
    lines = "".join(f"RMR*IV*{one.number}**{one.amount}~" for one in some)
    text = w.random.choice(
        (f"ST*820*0001~{lines}SE*5*0001~", "Dear all, we paid " + " and ".join(one.number for one in some))
    )
    by_end = w.random.random() < 0.5
    w.advices.append(
        {"payment_id": "" if by_end else row["payment_id"], "end_to_end_id": end if by_end else "", "text": text}
    )
    w.want(row, [(one, one.amount) for one in some])


@scenario(1)
def withholding(w: World) -> None:
    customer = w.somebody(says="")
    one = w.invoice(customer, w.amount(customer, 0))
    rate = w.random.choice((Decimal(10), Decimal(2), Decimal(15)))
    money = one.amount - rounded(one.amount * rate / 100, one.currency)
    w.want(w.pay(customer, money, f"{one.number} WHT {rate}%", after=[one]), [(one, money)], "partial")


@scenario(0.5)
def twice_the_number(w: World) -> None:
    mine, other = w.somebody(says=""), w.somebody(says="")
    one = w.invoice(mine)
    if mine is other or other.name == mine.name or mine.parent == other.id or other.parent == mine.id:
        exact_ref(w)
        return
    w.invoice(other, number=one.number, reference="")
    w.want(w.pay(mine, one.amount, w.text(one.number), after=[one]), full(one))


@scenario(1)
def own_and_foreign(w: World) -> None:
    mine, other = w.somebody(says=""), w.somebody(says="")
    one, theirs = w.invoice(mine, w.amount(mine, 0)), w.invoice(other)
    w.want(
        w.pay(mine, one.amount, f"{one.number} {theirs.number}", after=[one]),
        full(one),
        "review",
        ok=False,
        acceptable=[full(one)],
    )


def _near_twin(w: World, customer: Customer) -> Customer:
    """Another customer whose name differs by its number alone."""
    stem = customer.name.rsplit(" ", 1)[0]
    twin = Customer(
        f"C{len(w.customers):05}",
        f"{stem} {w.random.randrange(1000, 2000)}",
        customer.currency,
        w.iban(),
        True,
        series=customer.series,
    )
    w.customers.append(twin)
    w.by_id[twin.id] = twin
    return twin


@scenario(1)
def name_of_a_twin(w: World) -> None:
    mine = w.somebody(says="", parent="")
    twin = _near_twin(w, mine)
    amount = w.amount(mine, 0)
    w.invoice(twin, amount)
    row = w.pay(mine, amount, "services", iban=w.iban(), name=mine.name)
    w.want(row, status="unidentified", ok=False)
