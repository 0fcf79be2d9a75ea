"""Port ``einvoice``: kinds of files that documents can be written as: pages, PDF, the syntaxes of EN 16931."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""


class Format(msgspec.Struct, frozen=True):
    """A kind of file."""

    write: Annotated[
        Callable[..., bytes],
        Meta(
            description="a document as the bytes of a file; raises TollbookError where it cannot be written as one."
            " Files of the kinds of `of` come behind the document, in that order"
        ),
    ]
    media_type: Annotated[str, Meta(description="such as application/xml")]
    suffix: Annotated[str, Meta(description="how names of such files end, such as .xml")]
    text: Annotated[str, Meta(description="what it is, in a few words")]
    of: Annotated[
        tuple[str, ...],
        Meta(description="kinds, of any adapter, whose files of the same document it is made of, such as cii"),
    ] = ()
    stamped: Annotated[bool, Meta(description="whether the time at which it is made is in it, as in a signature")] = (
        False
    )
    notices: Annotated[
        bool,
        Meta(
            description="whether `write` also takes letters that ask for payment (`engine.ports.hookspecs.notice`), not only invoices"
        ),
    ] = False


class EinvoicePort(Protocol):
    """Verb: provide.  Kinds of files, each made from a document alone."""

    @hookspec(firstresult=True)
    def einvoice_formats(self) -> Mapping[str, Format]:
        """The kinds of files that the plug-in adds, by name.

        When: once, when the host loads.

        With: nothing; the plug-in has its settings from its context.

        Answers: at least one :class:`Format`.  The same document gives the same bytes always, but for a kind that is
        ``stamped``: no clock, network or state takes part.  What a document lacks, or what the norm of the format does not allow, is refused by a
        ``TollbookError`` that names the term of the norm; no file is ever made that is not valid.

        May not: take the name of another plug-in's format; answer anything else the next time.
        """
        ...


PORT: Final = Port(name="einvoice", contract=CONTRACT, verb="provide", prefix="einvoice_", spec=EinvoicePort)
