"""The world that Skyline sells in: its legal entities, countries, and the words that names are made of.

Everything is fictitious.  Tax numbers have the form that each country gives them, with its check digits and a run of nines
that marks them as made up; mail goes to the domain ``.test``.
"""

from __future__ import annotations

from typing import NamedTuple

EUROPE, AMERICAS = "skyline-eu", "skyline-us"


class Country(NamedTuple):
    """A country that Skyline has customers in; ``cities`` are (name, postcode, region, IANA zone)."""

    name: str
    currency: str
    language: str
    forms: tuple[str, ...]
    tax_id: str
    streets: tuple[str, ...]
    cities: tuple[tuple[str, str, str, str], ...]


ENTITIES = (
    (
        EUROPE,
        "Skyline Europe B.V.",
        "NL",
        "EUR",
        "Europe/Amsterdam",
        "Lantaarnkade 12",
        "1",
        "NL:vat:NL999900017B36;GB:vat:GB999900015",
        "collections:EUR:NL57SKYB0999900017:SKYBNL2X;pounds:GBP:NL30SKYB0999900018:SKYBNL2X",
        *("Amsterdam", "1019 XX", "", "99900017", "0106", "99900017", "0106"),
        *("Billing desk", "+31 20 999 0017", "billing@skyline-eu.test"),
    ),
    (
        AMERICAS,
        "Skyline Americas Inc.",
        "US",
        "USD",
        "America/New_York",
        "400 Signal Pier",
        "7",
        "US:sales_tax:NY-99990017;JP:consumption_tax:T8999999900018",
        "operating:USD",
        *("New York", "10099", "NY", "", "", "", "", "Billing desk", "+1 212 555 0117", "billing@skyline-us.test"),
    ),
)
"""Rows of ``entities``: two companies that keep their books in different currencies and fiscal years."""

COUNTRIES = {
    "NL": Country(
        "Netherlands",
        "EUR",
        "nl",
        ("B.V.", "N.V.", "Coöperatie U.A."),
        "NL999{digits:06}B01",
        ("Lantaarnkade", "Zeilmakerspad", "Wilgenplein", "Molenwerf", "Regenbooglaan"),
        (
            ("Amsterdam", "1099 XA", "", "Europe/Amsterdam"),
            ("Utrecht", "3599 XB", "", "Europe/Amsterdam"),
            ("Groningen", "9799 XC", "", "Europe/Amsterdam"),
        ),
    ),
    "DE": Country(
        "Germany",
        "EUR",
        "de",
        ("GmbH", "AG", "GmbH & Co. KG", "eG"),
        "DE999{digits:06}",
        ("Laternenweg", "Segelmacherstraße", "Weidenplatz", "Mühlenzeile", "Regenbogenallee"),
        (
            ("Hamburg", "20999", "", "Europe/Berlin"),
            ("Leipzig", "04999", "", "Europe/Berlin"),
            ("München", "80999", "", "Europe/Berlin"),
        ),
    ),
    "FR": Country(
        "France",
        "EUR",
        "fr",
        ("SARL", "SAS", "SA"),
        "FR99999{digits:06}",
        ("rue des Lanternes", "quai des Voiliers", "place des Saules", "allée du Moulin", "cours de l'Arc-en-ciel"),
        (
            ("Lyon", "69099", "", "Europe/Paris"),
            ("Nantes", "44099", "", "Europe/Paris"),
            ("Lille", "59099", "", "Europe/Paris"),
        ),
    ),
    "GB": Country(
        "United Kingdom",
        "GBP",
        "en",
        ("Ltd", "plc", "LLP"),
        "GB999{digits:06}",
        ("Lantern Row", "Sailmaker Lane", "Willow Square", "Mill Terrace", "Rainbow Crescent"),
        (
            ("London", "E99 9XA", "", "Europe/London"),
            ("Leeds", "LS99 9XB", "", "Europe/London"),
            ("Cardiff", "CF99 9XC", "", "Europe/London"),
        ),
    ),
    "US": Country(
        "United States",
        "USD",
        "en",
        ("Inc.", "LLC", "Corp."),
        "",
        ("Lantern Street", "Sailmaker Avenue", "Willow Plaza", "Mill Road", "Rainbow Boulevard"),
        (
            ("New York", "10099", "NY", "America/New_York"),
            ("Boston", "02199", "MA", "America/New_York"),
            ("Philadelphia", "19199", "PA", "America/New_York"),
            ("Miami", "33199", "FL", "America/New_York"),
            ("Chicago", "60699", "IL", "America/Chicago"),
            ("Austin", "78799", "TX", "America/Chicago"),
            ("Seattle", "98199", "WA", "America/Los_Angeles"),
            ("San Francisco", "94199", "CA", "America/Los_Angeles"),
        ),
    ),
    "JP": Country(
        "Japan",
        "JPY",
        "ja",
        ("K.K.", "G.K."),
        "T9999999{digits:06}",
        ("Chochin-dori", "Hansen-dori", "Yanagi-hiroba", "Suisha-zaka", "Niji-dori"),
        (
            ("Tokyo", "199-9901", "", "Asia/Tokyo"),
            ("Osaka", "599-9902", "", "Asia/Tokyo"),
            ("Sapporo", "099-9903", "", "Asia/Tokyo"),
        ),
    ),
}
"""The six countries, by ISO 3166-1 code."""

FIRST_WORDS = tuple(
    "Amber Anchor Basalt Beacon Birch Blue Bright Cedar Clear Cobalt Copper Coral Delta Ember Fern Flint Granite"
    " Green Harbour Hazel Indigo Ivory Juniper Kestrel Larch Lumen Maple Marble Meadow Mistral Nimbus North Oak"
    " Ochre Orchid Pearl Pine Quartz Raven Reed River Rowan Saffron Sable Silver Slate Solar Stone Summit Swift"
    " Tidal Topaz Umber Velvet Vertex Willow Winter Zephyr Zinc".split()
)
SECOND_WORDS = tuple(
    "Analytics Apparel Avionics Bakery Bicycles Biotech Bottling Brewing Cargo Ceramics Chemistry Clinics Coatings"
    " Components Diagnostics Drones Dynamics Energy Engineering Fabrics Farms Ferries Fittings Foods Freight"
    " Furniture Games Gardens Glass Hotels Imaging Instruments Insurance Labs Laundry Learning Lighting Logistics"
    " Machines Media Metals Mobility Motors Optics Packaging Paper Pharmacy Photonics Plastics Press Pumps Rail"
    " Recycling Robotics Sensors Software Sports Studios Systems Textiles Tools Tours Travel Turbines"
    " Ventures Water".split()
)
PUBLIC_BODIES = (
    "City of {city}",
    "{city} University",
    "{city} Regional Hospital",
    "{city} Port Authority",
    "{city} Library Network",
)
ENTITY_COUNTRIES = {EUROPE: (("NL", 26), ("DE", 32), ("FR", 19), ("GB", 23)), AMERICAS: (("US", 76), ("JP", 24))}
"""Where each entity's ordinary customers are, with weights."""
OTHER_CURRENCIES = {"NL": ("USD",), "DE": ("USD",), "FR": ("GBP", "USD"), "GB": ("EUR",), "US": (), "JP": ("USD",)}
"""Currencies other than their country's that some customers are invoiced in."""
SEGMENTS = {
    EUROPE: (("consumer", 36), ("business", 47), ("enterprise", 7), ("public", 10)),
    AMERICAS: (("consumer", 10), ("business", 68), ("enterprise", 12), ("public", 10)),
}
"""Commercial segments, with weights."""
