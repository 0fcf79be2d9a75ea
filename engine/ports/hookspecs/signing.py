"""Port ``signing``: signatures over texts, such as those that chain the documents of a series."""

from __future__ import annotations

from typing import Final, Protocol

from engine.model.numbering import Signer
from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""


class SigningPort(Protocol):
    """Verb: provide.  One key, named by its adapter; it never leaves the plug-in."""

    @hookspec(firstresult=True)
    def signing_signer(self) -> Signer:
        """The key of this adapter at work.

        When: once, when the host loads.

        With: nothing; the plug-in has its key from its secrets.

        Answers: a :class:`Signer`.  ``sign`` is pure: the same text has the same signature always, in printable ASCII without
        ``;``; it is called while a series is locked, so it waits for nobody.  ``good`` never raises: what is no signature is
        not good.

        May not: show its key in an answer or an error; answer anything else the next time.
        """
        ...


PORT: Final = Port(name="signing", contract=CONTRACT, verb="provide", prefix="signing_", spec=SigningPort)
