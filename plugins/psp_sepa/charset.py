"""The characters that every bank in SEPA takes, and what stands for the others.

Messages may hold all of UTF-8, but banks need not carry more than these: letters of the Latin alphabet without marks, digits, and
``/ - ? : ( ) . , ' +`` and the blank.  What cannot be written in them is replaced, letter by letter, so that names stay legible.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_FIT: Final = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]*", re.ASCII)
_UNFIT: Final = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]", re.ASCII)

_LETTERS: Final = {
    "ß": "ss",
    "ẞ": "SS",
    "æ": "ae",
    "Æ": "AE",
    "œ": "oe",
    "Œ": "OE",
    "ø": "o",
    "Ø": "O",
    "đ": "d",
    "Đ": "D",
    "ð": "d",
    "Ð": "D",
    "þ": "th",
    "Þ": "TH",
    "ł": "l",
    "Ł": "L",
    "ı": "i",
    "ħ": "h",
    "Ħ": "H",
    "ŋ": "n",
    "Ŋ": "N",
    "ŧ": "t",
    "Ŧ": "T",
    "ĸ": "k",
    "ə": "e",
    "Ə": "E",
    "€": "E",
    "&": "+",
    "@": "(at)",
    "_": "-",
    "–": "-",
    "—": "-",
    "‐": "-",
    "‑": "-",
    "−": "-",
    "‘": "'",
    "’": "'",
    "`": "'",
    "´": "'",
    "“": "'",
    "”": "'",
    "„": "'",
    '"': "'",
    "«": "'",
    "»": "'",
    "[": "(",
    "]": ")",
    "{": "(",
    "}": ")",
    "<": "(",
    ">": ")",
    ";": ",",
    "!": ".",
    "*": ".",
    "#": ".",
    "%": ".",
    "=": "-",
    "\\": "/",
    "|": "/",
    "~": "-",
    "^": ".",
    "$": ".",
    "£": ".",
    "·": ".",
    "•": ".",
    "\u00a0": " ",
    "\t": " ",
    "\n": " ",
    "\r": " ",
}
_GREEK: Final = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψως",
        "a v g d e z i th i k l m n x o p r s t y f ch ps o s".split(),
        strict=True,
    )
)
_CYRILLIC: Final = {
    **dict(
        zip(
            "абвгдежзийклмнопрстуфхцчшщъыьэюя",
            "a b v g d e zh z i y k l m n o p r s t u f h ts ch sh sht a y y e yu ya".split(),
            strict=True,
        )
    ),
    "є": "ye",
    "і": "i",
    "ї": "yi",
    "ґ": "g",
    "ђ": "dj",
    "ј": "j",
    "љ": "lj",
    "њ": "nj",
    "ћ": "c",
    "џ": "dz",
    "ѓ": "gj",
    "ќ": "kj",
    "ѕ": "dz",
    "ё": "e",
}
_TABLE: Final = {
    **_GREEK,
    **_CYRILLIC,
    **{sign.upper(): text.capitalize() for sign, text in (_GREEK | _CYRILLIC).items() if sign != "ς"},
    **_LETTERS,
}


def plain(text: str, most: int = 0) -> str:
    """A text in the characters that every bank takes, blanks joined, cut after ``most`` characters; a sign for which there is
    nothing becomes a point."""
    made = "".join(_TABLE.get(sign) or _bare(sign) for sign in unicodedata.normalize("NFC", text))
    made = " ".join(made.split())
    return made[:most].rstrip() if most else made


def _bare(sign: str) -> str:
    """A sign without its marks."""
    if sign.isascii():
        return _UNFIT.sub(".", sign)
    parts = unicodedata.normalize("NFKD", sign)
    made = "".join(_TABLE.get(part, part) for part in parts if not unicodedata.combining(part))
    return _UNFIT.sub(".", made) if made else ""


def fault(identification: str, most: int = 35) -> str:
    """What is wrong with an identification, which nobody may change on its way, in words; empty where nothing is."""
    if not identification:
        return "is empty"
    if len(identification) > most:
        return f"has {len(identification)} characters, at most {most} are carried"
    if not _FIT.fullmatch(identification):
        strange = "".join(sorted(set(_UNFIT.findall(identification))))
        return f"holds {strange!r}; letters, digits and / - ? : ( ) . , ' + are carried"
    if identification[0] == "/" or identification[-1] == "/" or "//" in identification:
        return "begins or ends with '/', or holds '//'"
    return "begins or ends with a blank" if identification != identification.strip() else ""
