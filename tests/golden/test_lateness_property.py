"""Random late usage, billed by the engine and by a second model: the same money, and each late event ends exactly once."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from tests import stories
from tests.golden.test_lateness import rule, sound

USED = "entity,subscription,meter,key,at,quantity,source"
MONTHS = [(date(2026, month, 1), date(2026, month + 1, 1)) for month in range(1, 6)]


class Use(msgspec.Struct):
    """An event of the model, and whether it was taken back."""

    key: str
    day: date
    quantity: int
    back: bool = False


def price(uses: list[Use]) -> Decimal:
    """What the price of the story asks for some events: 0.10 for each of the first 100, 0.05 for others."""
    count = sum(one.quantity for one in uses)
    return Decimal(min(count, 100)) * Decimal("0.10") + Decimal(max(count - 100, 0)) * Decimal("0.05")


class Model:
    """Bills month by month: what is known in time, then what comes late as the policy says."""

    def __init__(self, grace: int, policy: str, least: Decimal) -> None:
        self.grace, self.policy, self.least = grace, policy, least
        self.counted: dict[date, list[Use]] = {}
        self.ended: Counter[tuple[str, bool, str]] = Counter()
        self.fresh: list[tuple[Use, bool]] = []
        self.waiting: list[Use] = []

    def run(self, on: date) -> Decimal:
        """Bill everything that is due; what all months come to so far."""
        late, self.fresh = self.fresh, []
        for begin, end in MONTHS:
            if end + timedelta(days=self.grace) > on:
                continue
            mine = [(use, back) for use, back in late if begin <= use.day < end]
            if begin not in self.counted:
                self.counted[begin] = [one for one in self.waiting if begin <= one.day < end and not one.back]
            elif mine:
                self._late(begin, mine)
            self.waiting = [one for one in self.waiting if not begin <= one.day < end]
        return sum((price(uses) for uses in self.counted.values()), Decimal(0))

    def _late(self, begin: date, mine: list[tuple[Use, bool]]) -> None:
        before = self.counted[begin]
        new = [use for use, back in mine if not back and not use.back]
        gone = [use for use, back in mine if back and any(use is one for one in before)]
        after = [one for one in before if not any(one is use for use in gone)] + new
        policy = self.policy
        if abs(price(after) - price(before)) < self.least:
            policy = "drop"
        if policy == "drop":
            policy = "drop" if new else "next_bill"
            after = [one for one in after if not any(one is use for use in new)]
        self.counted[begin] = after
        for use in new:
            self.ended[use.key, False, policy] += 1
        for use in gone:
            self.ended[use.key, True, policy if policy != "drop" else "next_bill"] += 1


CASES = [
    (0, "next_bill", "0"),
    (3, "credit_and_rebill", "0"),
    (5, "next_bill", "0.60"),
    (0, "drop", "0"),
    (2, "credit_and_rebill", "1"),
]


@pytest.mark.capability("A2.5")
@pytest.mark.parametrize(
    ("database_url", "case"),
    [*(("sqlite", case) for case in range(len(CASES))), ("postgresql", len(CASES) - 1)],
    indirect=["database_url"],
)
def test_each_late_event_ends_once_and_the_money_agrees(tmp_path: Path, database_url: str, case: int) -> None:
    grace, policy, least = CASES[case]
    chance, model = random.Random(case), Model(grace, policy, Decimal(least))
    then = f"{{grace: {grace} days, policy: {policy}, drop_under: {f'{least} EUR' if least != '0' else 'null'}}}"
    folder = stories.write(
        tmp_path,
        rules=rule(then),
        subscriptions=("entity,key,account,anchor_day", "E1,S5,A1,1"),
        subscription_events=("entity,subscription,key,kind,on,plan,quantity", "E1,S5,1,start,2026-01-01,phone,1"),
        usage=(USED,),
    )
    sent: list[Use] = []
    on = date(2026, 1, 20)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        for number in range(11):
            new = [
                Use(f"k{number}-{n}", on - timedelta(days=chance.randint(1, min((on - date(2026, 1, 1)).days, 75))), q)
                for n, q in enumerate(chance.choices([1, 3, 5, 20, 45], k=chance.randint(0, 5)))
            ]
            back = [one for one in chance.sample(sent, min(len(sent), chance.randint(0, 2))) if not one.back]
            rows = (f"E1,S5,calls,{u.key},{u.day}T10:00:00+00:00,{u.quantity},switch" for u in new)
            taken = (f"E1,{use.key},switch" for use in back)
            data = stories.deliver(
                folder, f"d{number}", usage=(USED, *rows), usage_reversals=("entity,key,source", *taken)
            )
            stories.load(app, data)
            for use in back:
                use.back = True
            sent += new
            model.waiting += new
            model.fresh += [(use, False) for use in new] + [(use, True) for use in back]
            on += timedelta(days=chance.randint(5, 16))
            expected = model.run(on)
            stories.bill(app, on.isoformat())
            billed = sum((one["net"] for one in stories.invoices(app)), Decimal(0))
            assert billed == expected, f"on {on}"
        with app.books.reader() as reader:
            records = [record for record, *_ in reader.late_records("acme", limit=1000)]
        ended = Counter((one.key, one.usage_id != one.event_id, one.disposition) for one in records)
        assert ended == model.ended and len(records) == len({one.usage_id for one in records}) > 5
        assert sound(app)
