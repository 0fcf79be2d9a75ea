"""The page of licences: what the product stands on, and under which terms."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.tools.markdown import code, page, table

ROOT = Path(__file__).parents[2]
DEVELOPMENT = "dev"
"""The extra that holds tools; everything else of pyproject.toml is part of the product."""

SPDX = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "mit": "MIT",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "lgplv3": "LGPL-3.0-only",
}
"""How older packages spell what they now name by SPDX identifier."""

UNSAID = {"currencyconverter": "Apache-2.0", "saxonche": "MPL-2.0"}
"""Distributions whose metadata name no licence: what the licence file that they ship is."""


CHOSEN = {"pyphen": "MPL-1.1"}
"""Distributions that are offered under several licences: the one that they are used under."""


class Part(NamedTuple):
    """A distribution of the product: its licence, and what asks for it (empty for what pyproject.toml names itself)."""

    name: str
    licence: str
    needed_by: str
    extra: str


def licence(part: Distribution) -> str:
    """The licence of a distribution as an SPDX expression where it can be told, as its metadata has it elsewhere."""
    chosen = CHOSEN.get(canonicalize_name(part.metadata["Name"]))
    if chosen:
        return chosen
    said = part.metadata.get("License-Expression") or ""
    named = [c.rpartition(" :: ")[2] for c in part.metadata.get_all("Classifier", []) if c.startswith("License ::")]
    for text in (said, *named, part.metadata.get("License") or ""):
        line = text.strip().partition("\n")[0]
        if line and line not in ("OSI Approved", "UNKNOWN"):
            return SPDX.get(line.lower(), line)
    return UNSAID.get(canonicalize_name(part.metadata["Name"]), "unknown")


def asked_for() -> Iterator[tuple[Requirement, str]]:
    """The requirements of the product in pyproject.toml, with the extra that each belongs to."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for line in project["dependencies"]:
        yield Requirement(line), ""
    for extra, lines in project["optional-dependencies"].items():
        if extra != DEVELOPMENT:
            for line in lines:
                yield Requirement(line), extra


def needs(part: Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    """What an installed distribution asks for on this interpreter, with these extras."""
    for line in part.requires or ():
        need = Requirement(line)
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield need


def parts() -> tuple[Part, ...]:
    """Every distribution that the product needs, by name."""
    found: dict[str, Part] = {}
    waiting = [(need, "", extra) for need, extra in asked_for()]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        need, by, extra = waiting.pop(0)
        name = canonicalize_name(need.name)
        if (name, frozenset(need.extras)) in seen:
            continue
        seen.add((name, frozenset(need.extras)))
        part = distribution(name)
        found.setdefault(name, Part(name, licence(part), by, extra))
        waiting += [(inner, name, extra) for inner in needs(part, need.extras)]
    return tuple(sorted(found.values()))


def text() -> str:
    """The page."""
    rows = [(code(part.name), part.licence, code(part.extra), code(part.needed_by)) for part in parts()]
    intro = [
        "Tollbook is under the Apache License 2.0. It stands on these distributions; none of them is under the GPL or",
        "the AGPL. Libraries under the LGPL are used unchanged, as separate packages that can be replaced.",
    ]
    tools = [
        "Tools of development and tests are not part of the product and not listed. One of them, `beancount`, is under",
        "the GPL: it is run on exported journals to check them, and is neither imported by the product nor shipped",
        "with it.",
    ]
    return page("Licences", intro, table(("distribution", "licence", "extra", "needed by"), rows), tools)


def is_copyleft_of_the_whole(name: str) -> bool:
    """Whether a licence would reach the product itself: GPL or AGPL, but not the LGPL."""
    return bool(re.search(r"(?<!l)gpl|affero|(?<!lesser )general public", name.lower()))
