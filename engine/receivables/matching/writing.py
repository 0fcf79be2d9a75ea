"""Names and texts in a form in which they can be compared: one script, one case, no accents, legal forms apart."""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec

_DIGITS: Final = {
    point: str(unicodedata.digit(chr(point)))
    for start in (0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50, 0xED0)
    for point in range(start, start + 10)
}
"""Digits of other scripts."""


def upper(text: str) -> str:
    """A text in capitals, wide letters and other scripts' digits as those of ASCII; its other letters stay."""
    if text.isascii():
        return text.upper()
    return unicodedata.normalize("NFKC", text).translate(_DIGITS).upper()


def alphanumeric(text: str) -> str:
    """The ASCII letters and digits of a text in capitals."""
    return "".join(_RUN.findall(upper(text)))


_RUN: Final = re.compile(r"[A-Z0-9]+")
_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")


def zeroed(text: str) -> str:
    """A text with zeros for its digits: how it is written, whatever it names."""
    return text.encode().translate(_ZEROS).decode()


def _plain_ascii() -> Callable[[str], str] | None:
    try:
        found: Callable[[str], str] = importlib.import_module("anyascii").anyascii
    except ImportError:
        return None
    return found


_ANYASCII: Final = _plain_ascii()
READS_OTHER_SCRIPTS: Final = _ANYASCII is not None
"""Whether the library is there that writes other scripts in Latin letters; without it such names are unknown ones."""

_SCRIPTED_FORMS: Final = re.compile(
    "株式会社|有限会社|合同会社|股份有限公司|有限责任公司|有限公司|주식회사|유한회사|บริษัท|จำกัด|(?<![א-ת])בע[\"״']?מ(?![א-ת])|(?<!\\w)شركة(?!\\w)"
)
"""Legal forms that no transliteration leaves recognisable."""

_LEGAL: Final = {
    **{
        word: word
        for word in (
            "gmbh ag kg ohg gbr ug se mbh ek ev kgaa ltd llc llp lp inc corp co plc sa sas sarl sasu snc eurl srl spa sl slu bv nv vof "
            "cv ab as aps oy oyj kk yk gk kft zrt bt nyrt sro spol doo dd ooo zao oao pao ao too pty pte bhd sdn lda ltda eireli ae epe "
            "oe ee ike sicav pllc pc ks oü ou uab sia jsc ojsc cjsc pt tbk ood eood ad plt pvt"
        ).split()
    },
    "limited": "ltd",
    "incorporated": "inc",
    "corporation": "corp",
    "company": "co",
    "compagnie": "co",
    "aktiengesellschaft": "ag",
    "spzoo": "spzoo",
    "sadecv": "sadecv",
    "private": "pvt",
}
_PHRASES: Final = (
    (re.compile(r"\b(?:sp|spolka)\s*z\s*o\s*o(?=\s|$)"), "spzoo"),
    (re.compile(r"\bspol\s*s\s*r\s*o(?=\s|$)"), "sro"),
    (re.compile(r"\bs\s*(?:de\s*r\s*l|a\s*p\s*i|a)\s*de\s*c\s*v(?=\s|$)"), "sadecv"),
    (re.compile(r"\b(gmbh|ug|ltd|ag)\s*(?:&|und|and|u|\+)?\s*co(?:mpany)?\s*(kg|kgaa|ohg)(?=\s|$)"), r"\1 co \2"),
)
"""Legal forms of several words, points left out."""
_PARTS: Final = ("co", "z o", "z  o", "s r", "de ")
"""What stands in every one of them."""
_AND: Final = frozenset(("and", "und", "et", "y", "e", "og", "och", "i", "the"))
_CARE_OF: Final = re.compile(
    r"\b(?:c\s?/\s?o|z\.?\s?hd\.?|z\.?\s?h\.|attn\.?|att\.|i\.\s?a\.|per pro)(?=\s|$)", re.IGNORECASE
)
_OFFICES: Final = (
    "ap dept",
    "ap department",
    "accounts payable",
    "accounts dept",
    "accounting",
    "buchhaltung",
    "finanzbuchhaltung",
    "kreditorenbuchhaltung",
    "kreditoren",
    "rechnungswesen",
    "comptabilite",
    "contabilidad",
    "contabilita",
    "crediteuren",
    "crediteurenadministratie",
    "finance dept",
    "finance department",
    "finance team",
    "shared services",
    "shared service center",
    "shared service centre",
    "treasury",
    "payments",
    "head office",
)
"""What payers put behind their name; cut only where something stands before it."""
_ENDS: Final = tuple(f" {office}" for office in _OFFICES)

_WORD: Final = re.compile(r"[a-z0-9]+")
_UMLAUTS: Final = re.compile(r"([aou])e")


class Name(msgspec.Struct, frozen=True, gc=False):
    """A name made comparable: its words, those of its legal form, and keys under which to look for it.

    ``full`` has the legal form in it, ``core`` has not; both are empty where nothing can be read.
    """

    words: tuple[str, ...]
    legal: tuple[str, ...]
    full: str
    core: str


NOBODY: Final = Name((), (), "", "")


def name_of(text: str) -> Name:
    """A name with its legal form set apart: of ``TERRA MOTORS GMBH & CO. KG`` the words are ``terra`` and ``motors``."""
    return _name(_words(text))


def _name(words: Sequence[str]) -> Name:
    if not words:
        return NOBODY
    first, last = 0, len(words)
    while last - first > 1 and words[last - 1] in _LEGAL:
        last -= 1
    while last - first > 1 and words[first] in ("ooo", "zao", "oao", "pao", "ao", "pt", "sc", "uab", "sia", "too"):
        first += 1
    core = tuple(words[first:last])
    legal = tuple(sorted(_LEGAL.get(word, word) for word in (*words[:first], *words[last:])))
    joined = "".join(core)
    return Name(core, legal, f"{joined}|{' '.join(legal)}", joined)


def readings(text: str) -> Iterator[Name]:
    """A name as it is written, then without what payers add to theirs: ``c/o``, an office behind a comma."""
    words = _words(text)
    yield _name(words)
    before = _CARE_OF.split(text, 1)[0]
    for shorter in (before, text.partition(",")[0], _without_office(words if before == text else _words(before), text)):
        if shorter.strip() and shorter != text:
            found = name_of(shorter)
            if found.core:
                yield found


def _without_office(words: Sequence[str], text: str) -> str:
    spaced = " ".join(words)
    if spaced.endswith(_ENDS):
        for office in _OFFICES:
            if spaced.endswith(f" {office}"):
                return spaced.removesuffix(f" {office}")
    return text


def _words(text: str) -> list[str]:
    if not text.isascii():
        text = _SCRIPTED_FORMS.sub(" ", unicodedata.normalize("NFKC", text)).replace("ß", "ss")
        if _ANYASCII is not None:
            text = _ANYASCII(text)
    text = text.casefold().replace(".", "").replace("'", "").replace("`", "")
    if any(part in text for part in _PARTS):
        for phrase, form in _PHRASES:
            text = phrase.sub(form, text)
    found = _WORD.findall(text)
    if any(len(word) == 1 for word in found):
        found = list(_joined(found))
    return [_spelt(word) for word in found if word not in _AND]


@lru_cache(20_000)
def _spelt(word: str) -> str:
    """A word with umlauts as plain letters."""
    return word if word in _LEGAL else _UMLAUTS.sub(r"\1", word)


def _joined(words: list[str]) -> Iterator[str]:
    """Words, with letters that stand alone joined to one: ``s r o`` becomes ``sro``."""
    letters = ""
    for word in words:
        if len(word) == 1 and word.isalpha():
            letters += word
            continue
        if letters:
            yield letters
            letters = ""
        yield word
    if letters:
        yield letters


def similar(one: Name, other: Name) -> bool:
    """Whether two names are probably one: all words of the shorter are in the longer, or few letters differ.

    Words with digits must be the same in both, and names that differ by a whole word of their own are not similar.
    """
    if not one.core or not other.core:
        return False
    if {word for word in one.words if not word.isalpha()} != {word for word in other.words if not word.isalpha()}:
        return False
    mine, theirs = set(one.words), set(other.words)
    if (mine <= theirs or theirs <= mine) and len(min(one.core, other.core, key=len)) >= 5:
        return True
    short, long = sorted((one.core, other.core), key=len)
    if len(short) >= 12 and long.startswith(short):
        return True
    allowed = min(len(short) // 5, 3)
    return bool(allowed) and one.core[0] == other.core[0] and distance(short, long, allowed) <= allowed


def distance(one: str, other: str, most: int) -> int:
    """How many letters are put in, left out, changed or exchanged with their neighbour; ``most + 1`` where more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, right in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and right == one[i - 2]:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
