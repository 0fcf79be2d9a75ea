"""Attributes of a company's own: declared in ``rules/attributes.yaml``, given to records as dated values, seen as facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

OBJECTS: Final = ("account", "subscription", "charge", "contract")
"""What may have attributes."""
KINDS: Final = ("text", "decimal", "date", "boolean", "choice")
"""What an attribute may be."""

_WORDS: Final[Mapping[str, bool]] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Attribute(msgspec.Struct, frozen=True):
    """An attribute that is declared: ``values`` of a choice, and the ``default`` of records that have no value of their
    own; without one it may be null."""

    object: str
    key: str
    kind: str
    meaning: str
    values: tuple[str, ...] = ()
    default: Any = None

    def read(self, text: str) -> Any:
        """A value from its text.

        Raises:
            ValueError: what it should look like.
        """
        if self.kind == "choice":
            if text not in self.values:
                raise ValueError(f"one of {', '.join(self.values)}")
            return text
        if self.kind == "boolean":
            if text.lower() not in _WORDS:
                raise ValueError("true or false")
            return _WORDS[text.lower()]
        if self.kind == "date":
            try:
                return date.fromisoformat(text)
            except ValueError:
                raise ValueError("a day such as 2026-01-31") from None
        return _number(text) if self.kind == "decimal" else text


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("a number such as 12.50") from None
    if not number.is_finite():
        raise ValueError("a number such as 12.50")
    return number


class AttributeValue(msgspec.Struct, frozen=True, gc=False):
    """What an attribute of one record is from the day ``valid_from`` on; the text of a value, None for none.

    ``id`` grows in the order in which values became known: of two for the same day the later known counts.
    """

    id: int
    object: str
    record: str
    attribute: str
    valid_from: date
    value: str | None


class AccountAttributes(msgspec.Struct, frozen=True, gc=False):
    """The attributes of accounts that ``rules/attributes.yaml`` declares; a release has a type of its own for them."""


class SubscriptionAttributes(msgspec.Struct, frozen=True, gc=False):
    """The attributes of subscriptions that ``rules/attributes.yaml`` declares; a release has a type of its own for them."""


class ChargeAttributes(msgspec.Struct, frozen=True, gc=False):
    """The attributes of charges that ``rules/attributes.yaml`` declares; a release has a type of its own for them."""


class ContractAttributes(msgspec.Struct, frozen=True, gc=False):
    """The attributes of contracts that ``rules/attributes.yaml`` declares; a release has a type of its own for them."""


class Contracted(msgspec.Struct, frozen=True, gc=False):
    """What rules see of the contract of a subscription; of one without a contract, what is declared for all."""

    attributes: Annotated[
        ContractAttributes, Meta(description="attributes of the contract, as rules/attributes.yaml declares them")
    ] = ContractAttributes()


UNCONTRACTED: Final = Contracted()
"""A contract of which rules see nothing."""


class Subscribed(msgspec.Struct, frozen=True, gc=False):
    """What rules see of a subscription."""

    attributes: Annotated[
        SubscriptionAttributes,
        Meta(description="attributes of the subscription, as rules/attributes.yaml declares them"),
    ] = SubscriptionAttributes()


UNATTRIBUTED: Final = Subscribed()
"""A subscription of which rules see nothing."""


class Declared(msgspec.Struct, frozen=True):
    """The attributes of a release: by object and key, and the types that facts have them in."""

    attributes: Mapping[str, Mapping[str, Attribute]] = {}
    types: Mapping[str, type[msgspec.Struct]] = {}

    def __bool__(self) -> bool:
        return any(self.attributes.values())

    def find(self, object_: str, key: str) -> Attribute | None:
        """The attribute of that key, None where there is none."""
        return self.attributes.get(object_, {}).get(key)


NOTHING_DECLARED: Final = Declared()
