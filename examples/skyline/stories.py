"""Customers with a story: each shows one feature of billing.  README.md says which.

A story is data: the account, its subscriptions with their events, and every usage event.  Story customers have numbers
below 100; nothing about them is drawn, so their invoices are the same with every seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from examples.skyline import parties
from examples.skyline.deliveries import INITIAL, Deliveries, Row, folder_of
from examples.skyline.world import AMERICAS, COUNTRIES, EUROPE

JANUARY, FEBRUARY, MARCH = "2024-01", "2024-02", "2024-03"
SOURCE = "stories"


class Event(NamedTuple):
    """An event of a subscription, in the folder of its day unless it is known later; ``folder`` empty: its day's."""

    kind: str
    on: date
    plan: str = ""
    quantity: Any = ""
    folder: str = ""


class Use(NamedTuple):
    """``times`` usage events of ``quantity`` each, a day apart from ``at`` on (an instant, or local without offset)."""

    meter: str
    at: str
    quantity: str
    times: int = 1
    folder: str = ""


class Taken(NamedTuple):
    """A subscription of a story."""

    events: tuple[Event, ...]
    usage: tuple[Use, ...] = ()
    anchor: int = 1
    contract: str = ""


class Story(NamedTuple):
    """A customer with a story.

    ``other`` replaces columns of its account; ``contract`` is (payment days, purchase order, lines).
    """

    entity: str
    number: int
    name: str
    country: str
    segment: str
    taken: tuple[Taken, ...]
    other: dict[str, str] = {}
    contract: tuple[int, str, tuple[Row, ...]] | None = None

    @property
    def key(self) -> str:
        """Key of its account."""
        return f"{'E' if self.entity == EUROPE else 'A'}-{self.number:05}"


def _start(day: str, plan: str, quantity: Any = "") -> Event:
    return Event("start", date.fromisoformat(day), plan, quantity)


def _then(kind: str, day: str, plan: str = "", quantity: Any = "", folder: str = "") -> Event:
    return Event(kind, date.fromisoformat(day), plan, quantity, folder)


JAN1 = "2024-01-01"
STORIES = (
    Story(EUROPE, 1, "Harbourlight Analytics Ltd", "GB", "business", (
        Taken((_start("2024-01-12", "cloud-start"),), (
            Use("compute_hours", "2024-01-12T10:00:00", "6.5", 20),
            Use("storage_gb", "2024-01-15T23:00:00", "180", 3),
            Use("compute_hours", "2024-02-01T10:00:00", "6", 29),
            Use("compute_hours", "2024-03-01T10:00:00", "7", 31),
        )),
    ), {"tax_id": "GB999100001"}),
    Story(EUROPE, 2, "Thirty-First Street Ceramics GmbH", "DE", "business", (
        Taken((_start("2024-01-31", "connect-business"),), (
            Use("voice_minutes", "2024-02-01T09:00:00", "11.5", 58),
        ), 31),
        Taken((_start("2024-01-31", "workspace", 8),), (), 31),
    ), {"tax_id": "DE999100002"}),
    Story(EUROPE, 3, "Household Regenbooglaan 29, Utrecht", "NL", "consumer", (
        Taken((_start(JAN1, "connect-home"), _then("cancel", "2024-02-29"))),
    )),
    Story(EUROPE, 4, "Greyfriars Games Ltd", "GB", "business", (
        Taken((_start(JAN1, "domains", 4),)),
        Taken((_start(JAN1, "connect-business"),), (Use("voice_minutes", "2024-01-08T14:00:00", "12", 15),)),
    ), {"tax_id": "GB999100004"}),
    Story(EUROPE, 5, "Levant Freight Desk B.V.", "NL", "enterprise", (
        Taken((_start(JAN1, "workspace", 12),), contract="C1"),
    ), {"currency": "AED", "tax_id": "NL999100005B01"}, (30, "PO-50005", (
        ("workspace", "seats", "46.50", "AED", "", ""),
    ))),
    Story(EUROPE, 6, "Backwards Clockworks SARL", "FR", "business", (
        Taken((_start(JAN1, "connect-business"), _then("resume", "2024-02-12"))),
        Taken((_start(JAN1, "support"),)),
    ), {"tax_id": "FR99999100006"}),
    Story(EUROPE, 7, "Nightshift Imaging SAS", "FR", "business", (
        Taken((_start(JAN1, "cloud-start"),), (
            Use("compute_hours", "2024-03-30T23:30:00+00:00", "40"),
            Use("compute_hours", "2024-03-31T00:59:59+00:00", "40"),
            Use("compute_hours", "2024-03-31T01:00:00+00:00", "40"),
            Use("compute_hours", "2024-03-31T21:59:59+00:00", "40"),
            Use("compute_hours", "2024-03-31T22:00:00+00:00", "1000"),
        )),
    ), {"tax_id": "FR99999100007"}),
    Story(EUROPE, 8, "Weidenplatz Optics GmbH", "DE", "business", (
        Taken((_start("2024-01-15", "connect-business"),), (Use("voice_minutes", "2024-01-15T11:00:00", "31.5", 17),)),
    ), {"tax_id": "DE999100008"}),
    Story(EUROPE, 9, "Groningen Regional Hospital", "NL", "public", (
        Taken((_start(JAN1, "workspace", 60),), contract="C1"),
        Taken((_start(JAN1, "connect-business"),), (Use("voice_minutes", "2024-01-02T08:00:00", "45", 80),)),
    ), {"tax_exempt": "true"}, (30, "PO-90009", ())),
    Story(EUROPE, 10, "Lumen Holding AG", "DE", "enterprise", (
        Taken((_start(JAN1, "cloud-scale"),), (Use("compute_hours", "2024-01-01T12:00:00", "70", 90),), 1, "C1"),
    ), {"tax_id": "DE999100010"}, (60, "PO-10010", ())),
    Story(EUROPE, 11, "Lumen Sensors GmbH", "DE", "business", (
        Taken((_start(JAN1, "iot-fleet", 120),), (
            Use("data_mb", "2024-01-01T03:00:00", "16", 90), Use("messages", "2024-01-01T04:00:00", "1", 91),
        )),
    ), {"parent": "E-00010", "payer": "E-00010", "tax_id": "DE999100011"}),
    Story(EUROPE, 12, "Lumen Lighting Ltd", "GB", "business", (
        Taken((_start(JAN1, "workspace", 9), _then("change", "2024-02-20", quantity=11))),
    ), {"parent": "E-00010", "payer": "E-00010", "tax_id": "GB999100012"}),
    Story(EUROPE, 13, "Lumen Optique SAS", "FR", "business", (
        Taken((_start(JAN1, "workspace", 5),)),
    ), {"parent": "E-00010", "tax_id": "FR99999100013"}),
    Story(EUROPE, 14, "Quartz Insurance N.V.", "NL", "enterprise", (
        Taken((_start(JAN1, "workspace", 250),), contract="C1"),
        Taken((_start(JAN1, "backbone", 2),), (Use("transit_gb", "2024-01-01T00:30:00", "420", 91),), 1, "C1"),
    ), {"tax_id": "NL999100014B01"}, (45, "PO-40014", (
        ("workspace", "seats", "8.75", "EUR", "2024-01-01", "2024-03-01"),
        ("backbone", "port", "812.50", "EUR", "", ""),
    ))),
    Story(EUROPE, 15, "Kestrel Drones SAS", "FR", "business", (
        Taken((_start(JAN1, "cloud-start"), _then("change", "2024-02-15", "cloud-scale")), (
            Use("compute_hours", "2024-01-01T15:00:00", "9", 91),
        )),
    ), {"tax_id": "FR99999100015"}),
    Story(EUROPE, 16, "Maple Studios Ltd", "GB", "business", (
        Taken((_start(JAN1, "cloud-scale"), _then("change", "2024-03-11", "cloud-start")), (
            Use("compute_hours", "2024-01-01T16:00:00", "5.25", 91),
        )),
    ), {"tax_id": "GB999100016"}),
    Story(EUROPE, 17, "Rowan Learning B.V.", "NL", "business", (
        Taken((
            _start(JAN1, "workspace", 10),
            _then("change", "2024-02-10", quantity=14),
            _then("change", "2024-03-12", quantity=9),
        )),
    ), {"tax_id": "NL999100017B01"}),
    Story(EUROPE, 18, "Winter Ferries GmbH", "DE", "business", (
        Taken((_start(JAN1, "connect-business"), _then("pause", "2024-02-10"), _then("resume", "2024-03-05")), (
            Use("voice_minutes", "2024-01-02T10:00:00", "8", 39),
            Use("voice_minutes", "2024-02-14T10:00:00", "3", 2),
            Use("voice_minutes", "2024-03-05T10:00:00", "8", 27),
        )),
    ), {"tax_id": "DE999100018"}),
    Story(EUROPE, 19, "Umber Recycling B.V.", "NL", "business", (
        Taken((_start(JAN1, "managed-hosting", 4),)),
    ), {"tax_id": "NL999100019B01"}),
    Story(EUROPE, 20, "Tidal Turbines Ltd", "GB", "business", (
        Taken((_start(JAN1, "cloud-start"),), (
            Use("compute_hours", "2024-01-06T10:00:00", "5", 19),
            Use("compute_hours", "2024-01-25T22:00:00", "6", 5, FEBRUARY),
            Use("compute_hours", "2024-02-05T10:00:00", "5", 20),
        )),
    ), {"tax_id": "GB999100020"}),
    Story(EUROPE, 21, "Household rue des Lanternes 7, Lyon", "FR", "consumer", (
        Taken((_start(JAN1, "connect-home"), _then("cancel", "2024-01-20", folder=FEBRUARY))),
    )),
    Story(EUROPE, 22, "Saffron Travel N.V.", "NL", "business", (
        Taken((_start("2024-01-17", "workspace-yearly", 6), _then("change", "2024-02-20", quantity=8)), (), 17),
        Taken((_start("2024-01-17", "domains", 3), _then("cancel", "2024-03-10")), (), 17),
        Taken((_start(JAN1, "support"), _then("cancel", "2024-02-15"))),
    ), {"tax_id": "NL999100022B01"}),
    Story(EUROPE, 23, "Echo Press GmbH", "DE", "business", (
        Taken((_start(JAN1, "api-platform"),), (
            Use("api_calls", "2024-01-10T12:00:00", "60", 5),
            Use("api_calls", "2024-01-10T12:00:00", "60", 5),
            Use("api_calls", "2024-01-10T12:00:00", "60", 5, FEBRUARY),
        )),
    ), {"tax_id": "DE999100023"}),
    Story(EUROPE, 24, "Larch Pumps GmbH", "DE", "business", (
        Taken((_start(JAN1, "managed-hosting", 3),)),
    )),
    Story(EUROPE, 25, "Molenwerf Library Friends", "NL", "consumer", (
        Taken((_start(JAN1, "cloud-start"),), (
            Use("compute_hours", "2024-01-03T19:00:00", "0.5", 20),
            Use("compute_hours", "2024-02-03T19:00:00", "0.5", 20),
        )),
    )),
    Story(AMERICAS, 1, "Eleventh Hour Robotics Inc.", "US", "business", (
        Taken((_start("2024-01-11", "cloud-start"),), (
            Use("compute_hours", "2024-02-11T12:00:00", "4", 28),
            Use("compute_hours", "2024-03-10T06:59:59+00:00", "10"),
            Use("compute_hours", "2024-03-10T07:00:00+00:00", "10"),
            Use("compute_hours", "2024-03-11T03:59:59+00:00", "10"),
            Use("compute_hours", "2024-03-11T04:00:00+00:00", "500"),
        ), 11),
    )),
    Story(AMERICAS, 2, "Granite Energy Corp.", "US", "enterprise", (
        Taken((_start(JAN1, "cloud-scale"),), (Use("compute_hours", "2024-01-01T08:00:00", "190", 91),), 1, "C1"),
        Taken((_start(JAN1, "workspace", 320),), (), 1, "C1"),
    ), {}, (60, "PO-20002", ())),
    Story(AMERICAS, 3, "Portside Media LLC", "US", "enterprise", (
        Taken((_start(JAN1, "backbone", 1),), (Use("transit_gb", "2024-01-05T09:00:00", "300", 20),)),
        Taken((_start(JAN1, "workspace", 20),)),
    )),
    Story(AMERICAS, 4, "Suisha Sensors K.K.", "JP", "business", (
        Taken((_start(JAN1, "iot-fleet", 640), _then("change", "2024-02-16", quantity=480)), (
            Use("data_mb", "2024-01-01T01:00:00", "55", 91), Use("messages", "2024-01-01T02:00:00", "1", 91),
        )),
        Taken((_start("2024-01-20", "api-platform"),), (Use("api_calls", "2024-01-20T02:00:00", "45", 72),)),
    ), {"tax_id": "T9999999100004"}),
    Story(AMERICAS, 5, "Willow State University", "US", "public", (
        Taken((_start(JAN1, "workspace", 150),), contract="C1"),
        Taken((_start(JAN1, "support"),)),
    ), {"tax_exempt": "true"}, (30, "PO-50005", ())),
    Story(AMERICAS, 6, "Redwood Bottling LLC", "US", "business", (
        Taken((_start(JAN1, "managed-hosting", 6),)),
        Taken((_start("2024-02-05", "managed-hosting", 2),)),
    ), {
        "region": "CA", "zone": "America/Los_Angeles",
        "address": "90 Mill Road\nSan Francisco, CA 94199\nUnited States",
    }),
)  # fmt: skip
"""The stories; README.md has a line for each."""


def stories(out: Deliveries) -> list[Story]:
    """Add every story to ``out``, and give them back."""
    for story in STORIES:
        out.add(INITIAL, "accounts", [parties.account(_account(story))])
        if story.contract:
            days, order, lines = story.contract
            key = f"{story.key}-C1"
            out.add(INITIAL, "contracts", [(story.entity, key, story.key, date(2023, 11, 6), days, order)])
            out.add(INITIAL, "contract_lines", [(story.entity, key, *line) for line in lines])
        for number, taken in enumerate(story.taken, 1):
            _subscription(story, f"{story.key}-S{number}", taken, out)
    # The customer of story 24 gets its tax number in February.
    late = next(story for story in STORIES if story.key == "E-00024")
    out.add(FEBRUARY, "accounts", [parties.account(_account(late, tax_id="DE999100024"))])
    return list(STORIES)


def _account(story: Story, **changed: str) -> Row:
    country = COUNTRIES[story.country]
    city, postcode, region, zone = country.cities[0]
    row = {
        "region": region, "currency": country.currency, "zone": zone, "parent": "", "payer": "", "tax_id": "",
        "tax_exempt": "false",
        "email": f"invoices@{story.key.lower()}.test",
        "address": f"{country.streets[0]} {story.number}\n{postcode} {city}\n{country.name}",
        **story.other, **changed,
    }  # fmt: skip
    return (
        *(
            story.entity,
            story.key,
            story.name,
            story.country,
            row["region"],
            row["currency"],
            row["zone"],
            row["parent"],
        ),
        *(
            row["payer"],
            story.segment,
            country.language,
            row["tax_id"],
            row["tax_exempt"],
            row["email"],
            row["address"],
        ),
    )


def _subscription(story: Story, key: str, taken: Taken, out: Deliveries) -> None:
    contract = f"{story.key}-{taken.contract}" if taken.contract else ""
    out.add(folder_of(taken.events[0].on), "subscriptions", [(story.entity, key, story.key, contract, taken.anchor)])
    for number, event in enumerate(taken.events, 1):
        row = (story.entity, key, f"e{number}", event.kind, event.on, event.plan, event.quantity)
        out.add(event.folder or folder_of(event.on), "subscription_events", [row])


def story_usage(told: Iterable[Story]) -> Iterator[tuple[str, Row]]:
    """(folder, row of ``usage``) of every usage event of the stories.  The same event twice has the same key."""
    for story in told:
        zone = ZoneInfo(story.other.get("zone", COUNTRIES[story.country].cities[0][3]))
        for number, taken in enumerate(story.taken, 1):
            key = f"{story.key}-S{number}"
            for use in taken.usage:
                first = datetime.fromisoformat(use.at)
                for turn in range(use.times):
                    # Local times move by calendar days, so that a change of clocks leaves them at their hour.
                    at = first + timedelta(turn) if first.tzinfo else (first + timedelta(turn)).replace(tzinfo=zone)
                    folder = use.folder or f"{at.astimezone(zone):%Y-%m}"
                    folder = min(folder, MARCH)
                    name = f"{key}/{use.meter}/{at.isoformat()}"
                    yield folder, (story.entity, key, use.meter, name, at.isoformat(), use.quantity, SOURCE)
