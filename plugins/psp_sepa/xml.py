"""Messages of ISO 20022 as trees: written from nested tuples, and read with care."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from lxml import etree

Node = tuple[Any, ...]
"""A tag, then texts, attributes (dicts) and further nodes; None and empty nodes are left out."""

Element = Any

_DECLARED: Final = re.compile(rb"urn:iso:std:iso:20022:tech:xsd:([a-z]{4}\.\d{3})\.\d{3}\.\d{2}")
_HEAD: Final = 4096


def written(message: str, root: Node) -> bytes:
    """A document of a message such as ``pain.008.001.08``."""
    space = f"urn:iso:std:iso:20022:tech:xsd:{message}"
    document = etree.Element(f"{{{space}}}Document", nsmap={None: space})
    _add(document, space, root)
    return bytes(etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _add(parent: Element, space: str, node: Node) -> None:
    tag, *parts = node
    made = etree.SubElement(parent, f"{{{space}}}{tag}")
    for part in parts:
        if isinstance(part, dict):
            made.attrib.update(part)
        elif isinstance(part, tuple):
            if len(part) > 1:
                _add(made, space, part)
        elif part is not None:
            made.text = str(part)


def kind_of(body: bytes) -> str:
    """Which message bytes are, such as ``pain.002``; empty where they are none of ISO 20022."""
    found = _DECLARED.search(body[:_HEAD])
    return found[1].decode() if found else ""


def read(body: bytes) -> Element:
    """The root of a document.  Entities and anything outside of it are left alone.

    Raises:
        ValueError: it is no XML.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"line {error.lineno}: the XML is broken: {error.msg}") from None


def text(element: Element, *paths: str) -> str:
    """The text of the first of some paths that has one, stripped; empty where none has."""
    for path in paths:
        found = (element.findtext(_path(path)) or "").strip()
        if found:
            return str(found)
    return ""


def every(element: Element, path: str) -> Iterator[Element]:
    """All elements of a path."""
    return iter(element.iterfind(_path(path)))


def first(element: Element, path: str) -> Element | None:
    """The first element of a path."""
    return element.find(_path(path))


def _path(path: str) -> str:
    return "/".join(f"{{*}}{step}" for step in path.split("/"))
