"""Rows that are wrong, as real deliveries have them: each is to be set aside with a reason while the rest loads."""

from __future__ import annotations

from examples.skyline.deliveries import INITIAL, Deliveries, Row
from examples.skyline.world import EUROPE

JANUARY, FEBRUARY, MARCH = "2024-01", "2024-02", "2024-03"
_NONE = ("",) * 10
_LONDON = ("GBP", "Europe/London", "", "", "business", "en", "", "false", "", "", *_NONE)
_UTRECHT = ("EURO", "Europe/Amsterdam", "", "", "business", "nl", "", "false", "", "", *_NONE)
_VOICE = (EUROPE, "E-00004-S2", "voice_minutes")
_HOURS = (EUROPE, "E-00001-S1", "compute_hours")
_KNOWN = "2024-01-12T10:00:00+00:00"
FLAWS: tuple[tuple[str, str, Row], ...] = (
    # a country and a currency that do not exist
    (INITIAL, "accounts", (EUROPE, "E-90001", "Isle of Wight Kites Ltd", "UK", "", *_LONDON)),
    (INITIAL, "accounts", (EUROPE, "E-90002", "Old Money N.V.", "NL", "", *_UTRECHT)),
    # an account that is not there, an event of an unknown kind
    (INITIAL, "subscriptions", (EUROPE, "E-90003-S1", "E-90003", "", 1)),
    (INITIAL, "subscription_events", (EUROPE, "E-00001-S1", "e9", "upgrade", "2024-01-20", "", "")),
    # an unknown subscription, a day that the calendar does not have, a time without its offset, no meter
    (
        JANUARY,
        "usage-switch",
        (EUROPE, "E-90004-S1", "voice_minutes", "bad-1", "2024-01-09T10:00:00Z", "3.5", "switch"),
    ),
    (JANUARY, "usage-switch", (*_VOICE, "bad-2", "2024-01-32T10:00:00Z", "3.5", "switch")),
    (JANUARY, "usage-switch", (*_VOICE, "bad-3", "2024-01-09T10:00:00", "3.5", "switch")),
    (MARCH, "usage-switch", (EUROPE, "E-00004-S2", "", "bad-4", "2024-03-09T10:00:00Z", "3.5", "switch")),
    # quantities that are none, a meter that nobody has declared
    (JANUARY, "usage-cloud-meter", (*_HOURS, "bad-1", "2024-01-14T10:00:00Z", "-5", "cloud-meter")),
    (JANUARY, "usage-cloud-meter", (*_HOURS, "bad-2", "2024-01-14T11:00:00Z", "NaN", "cloud-meter")),
    (JANUARY, "usage-iot-core", (EUROPE, "E-00011-S1", "data_gb", "bad-1", "2024-01-09T10:00:00Z", "1", "iot-core")),
    # a key that has come before, with ten times the quantity
    (FEBRUARY, "usage-stories", (*_HOURS, f"E-00001-S1/compute_hours/{_KNOWN}", _KNOWN, "65", "stories")),
    # no rate at all
    (FEBRUARY, "rates", ("EUR", "HRK", "N/A", "ECB", "2024-02-15")),
)
"""(folder, file, row)."""


def flaws(out: Deliveries) -> int:
    """Add the wrong rows behind the good ones of their files; how many there are."""
    for folder, file, row in FLAWS:
        out.files[folder, file].append(row)
        out.kinds.setdefault((folder, file), "csv")
    return len(FLAWS)
