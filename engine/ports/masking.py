"""Hiding in texts and JSON what must not be kept: secrets by value, by the name that stands before them, by their form."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "***"

_NAMES: Final = (
    r"authorization|passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|credential|cookie|iban|"
    r"account[_-]?number|card[_-]?number|cvc|cvv|\bpin\b|\bpan\b"
)
"""What the names of secret or payment data contain."""

_NAMED: Final = re.compile(_NAMES, re.IGNORECASE)
_WRITTEN: Final = re.compile(
    rf"((?:{_NAMES})[\"']?\s*[:=]\s*[\"']?)((?:bearer|basic|digest)\s+)?[^\s\"',;&<>)}}\]]+", re.IGNORECASE
)
_IBAN: Final = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD: Final = re.compile(r"(?<![\w-])(?<![0-9]\.)[0-9](?:[ -]?[0-9]){12,18}(?![\w-]|\.[0-9])")


class Mask:
    """Hides known secrets, values under names such as ``password`` or ``iban``, and numbers of accounts and cards."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        longest = sorted(forms, key=lambda form: (-len(form), form))
        self._secrets = re.compile("|".join(map(re.escape, longest))) if longest else None

    def secrets(self, text: str) -> str:
        """``text`` without known secrets, as they are or in the forms that they travel in."""
        return self._secrets.sub(HIDDEN, text) if self._secrets else text

    def text(self, text: str) -> str:
        """``text`` without anything that is or looks secret; NUL, which databases do not hold, is replaced."""
        text = self.secrets(text).replace("\0", "\N{REPLACEMENT CHARACTER}")
        text = _WRITTEN.sub(lambda match: f"{match[1]}{HIDDEN}", text)
        text = _IBAN.sub(lambda match: HIDDEN if _is_iban(match[0]) else match[0], text)
        return _CARD.sub(lambda match: HIDDEN if _is_card(match[0]) else match[0], text)

    def tree(self, value: Any) -> Any:
        """Data of lists, mappings and plain values, masked throughout."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self.text(str(name)): HIDDEN if inner and _NAMED.search(str(name)) else self.tree(inner)
                for name, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return type(value)(self.tree(inner) for inner in value)
        if isinstance(value, int) and not isinstance(value, bool) and self.text(str(value)) != str(value):
            return HIDDEN
        return value

    def secrets_in(self, value: Any) -> Any:
        """Data with known secrets replaced in its texts, and nothing else."""
        if isinstance(value, str):
            return self.secrets(value)
        if isinstance(value, Mapping):
            return {name: self.secrets_in(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.secrets_in(inner) for inner in value)
        return value


def _forms(secret: str) -> set[str]:
    """A secret as it is, in an address, and in base64."""
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, quote(secret, safe=""), quote_plus(secret), encoded, encoded.rstrip("=")}


def _is_iban(text: str) -> bool:
    """Whether the check digits of an IBAN are right."""
    plain = text.replace(" ", "")
    number = "".join(str(int(character, 36)) for character in plain[4:] + plain[:4])
    return 15 <= len(plain) <= 34 and int(number) % 97 == 1


def _is_card(text: str) -> bool:
    """Whether the last digit of a card's number is right (Luhn)."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4) for place, digit in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0
