"""What is known of tax after the invoice: certificates of exemption, and differences to what was taken."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from engine.base.money import ZERO
from engine.model.invoice import RatedCharge
from engine.model.tax import TaxQuote, TaxRequest

TAX: Final = "tax"
"""The kind of a line that charges no net amount and corrects the tax of the line that it credits."""

RULES: Final = "rules"
LAST_GOOD: Final = "last-good:"
"""Sources of tax that the fallback decided: the rules, or the rate last quoted, with its day after the colon."""

Cause = Literal["fallback", "exemption"]
Way = Literal["document", "next_bill", "none"]


class Exemption(msgspec.Struct, frozen=True, gc=False):
    """A certificate that exempts an account from tax in a jurisdiction, in [``valid_from``, ``valid_to``).

    ``region`` is empty where it holds in the whole country; ``tax_codes`` is empty where it holds for everything.
    """

    account: str
    certificate: str
    country: str
    region: str
    reason: str
    tax_codes: tuple[str, ...]
    valid_from: date
    valid_to: date
    received_on: date | None = None

    def covers(self, country: str, region: str | None, tax_code: str, day: date) -> bool:
        """Whether it exempts what is supplied there under a tax code on a day."""
        place = (region or "").removeprefix(f"{country}-")
        return (
            self.country == country
            and (not self.region or self.region == place)
            and (not self.tax_codes or tax_code in self.tax_codes)
            and self.valid_from <= day < self.valid_to
        )


def covering(
    exemptions: Iterable[Exemption], country: str, region: str | None, tax_code: str, day: date
) -> Exemption | None:
    """The first certificate that exempts a supply; None where none does."""
    return next((one for one in exemptions if one.covers(country, region, tax_code, day)), None)


class FallbackFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule about missing tax answers may look at."""

    request: Annotated[TaxRequest, Meta(description="what the adapter was asked about one line")]
    adapter: Annotated[str, Meta(description="the adapter that the routing rules name")]
    cause: Annotated[
        Cause,
        Meta(description="fallback: the adapter gave no answer; exemption: a certificate came after the invoice"),
    ]


class Correction(msgspec.Struct, frozen=True):
    """The difference between the tax that a line was invoiced with and what it should have been.

    ``charge`` is the line's; ``net`` what was left of it, ``before`` the tax that was left with the rate and category of that
    time, ``quote`` what the tax is.  Where the price includes tax, its gross stays: the net amount gives what the tax takes.  ``reference`` is the adapter that answered, or the certificate.  ``way`` says how the
    difference reaches the buyer; ``none`` where there is none.
    """

    line_id: int
    cause: Cause
    reference: str
    entity: str
    payer: str
    invoice: str
    charge: RatedCharge
    net: Decimal
    before: Decimal
    rate_before: Decimal
    category_before: str
    reason_before: str
    quote: TaxQuote
    decision: int
    way: Way

    @property
    def difference(self) -> Decimal:
        """What is still to be taken; below zero what is to be given back."""
        return self.quote.amount - self.before

    @property
    def net_after(self) -> Decimal:
        """What is left of the line's net amount once its tax is corrected."""
        return self.net - self.moved

    @property
    def moved(self) -> Decimal:
        """What goes from the net amount to the tax: the difference where the price includes it, else nothing."""
        return self.difference if self.charge.tax_included else ZERO

    @property
    def payable(self) -> Decimal:
        """What the buyer still pays, or gets back where it is below zero."""
        return self.difference - self.moved

    def as_quote(self) -> TaxQuote:
        """The tax of the line that corrects it: the new rate, the difference."""
        return msgspec.structs.replace(self.quote, amount=self.difference)

    def as_charge(self) -> RatedCharge:
        """The line that corrects it: no price and no days, so that what is owed stays as it is; ``full`` is what the tax is
        of, or is within."""
        return msgspec.structs.replace(
            self.charge,
            kind=TAX,
            text=f"Tax corrected: {self.charge.text}",
            service_to=self.charge.service_from,
            quantity=ZERO,
            full=self.net + self.before if self.charge.tax_included else self.net,
            share="0",
            amount=ZERO,
            proration=0,
            credits=self.line_id,
            events=0,
            upon=0,
            exact="",
            discounts="",
        )
