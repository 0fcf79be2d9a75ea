"""What every plug-in is given, whatever its port: the marker of hooks, the context it is made with, and how it fails.

A plug-in is a folder with a ``plugin.yaml`` (see :mod:`engine.ports.manifest`) and a class.  The host makes one object
of the class for each adapter that ``config.yaml`` names, with a :class:`Context`, and calls the methods marked with
:data:`hookimpl`.  Code outside of ``engine.ports.hookspecs``, ``engine.model`` and ``engine.base`` is not for plug-ins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import pluggy

PROJECT: Final = "tollbook"

hookspec: Final = pluggy.HookspecMarker(PROJECT)
"""Marks the hooks of a port."""

hookimpl: Final = pluggy.HookimplMarker(PROJECT)
"""Marks the methods of a plug-in that the host calls.  Wrappers are refused: no hook rewrites what another answers."""

Verb = Literal["provide", "ask", "tell"]


class Deprecated(msgspec.Struct, frozen=True):
    """A hook, or an argument of one, that the contract gives up.

    In the minor version ``minor`` of the contract a plug-in that has it is warned of; from the next one on it is refused.
    ``instead`` says what to use, in a few words that follow "use".
    """

    hook: str
    minor: int
    instead: str
    argument: str = ""


class Port(msgspec.Struct, frozen=True):
    """One kind of outside world, or of pure functions, that plug-ins serve.

    Attributes:
        name: as in ``plugin.yaml``, ``config.yaml`` and routing rules.
        contract: major version of the contract; a plug-in written for another one is refused.
        minor: minor version; a plug-in written for a later one is refused, one for an earlier one is not.
        verb: ``provide`` (pure functions, called once when the host loads), ``ask`` (read-only, may be repeated) or
            ``tell`` (acts on the outside world, once for each idempotency key).
        prefix: what the names of its hooks begin with; no other method of a plug-in may.
        spec: the class whose methods are its hooks, each described in its docstring; an adapter implements all of them
            but the ``optional`` ones.
        optional: hooks that an adapter may leave out; they only ask, whatever the verb of the port, unless they are
            among ``acts``.
        acts: kind of an effect -> the optional hook that is told of it, in a port that also asks.
        status: the hook that says what became of effects, and only asks; empty where there is none.
        deprecated: what the contract gives up, or has given up.
        decides: whether anything in the books depends on the plug-in; one that does not is no part of a release.
    """

    name: str
    contract: int
    verb: Verb
    prefix: str
    spec: type
    optional: tuple[str, ...] = ()
    acts: Mapping[str, str] = {}
    status: str = ""
    minor: int = 0
    deprecated: tuple[Deprecated, ...] = ()
    decides: bool = True

    @property
    def version(self) -> str:
        """The version of the contract: ``1.0``."""
        return f"{self.contract}.{self.minor}"

    def verb_of(self, hook: str) -> Verb:
        """The verb of one of its hooks."""
        if hook in self.acts.values():
            return "tell"
        return "ask" if hook in self.optional or hook == self.status else self.verb

    def told_by(self, kind: str) -> str | None:
        """The hook that is told of effects of a kind; None where none is."""
        return self.hooks[0] if self.verb == "tell" else self.acts.get(kind)

    @property
    def hooks(self) -> tuple[str, ...]:
        """The names of its hooks."""
        return tuple(name for name in vars(self.spec) if name.startswith(self.prefix))


class Secrets(Mapping[str, str]):
    """Secrets by the name that the manifest gives them.  They are never shown: not printed, logged or recorded."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return "Secrets(" + ", ".join(f"{name}=***" for name in self._values) + ")"

    def __reduce__(self) -> Any:
        raise TypeError("secrets are not written anywhere")

    def masked(self, text: str) -> str:
        """``text`` with every secret in it replaced by ``***``."""
        for value in sorted(self._values.values(), key=len, reverse=True):
            text = text.replace(value, "***") if value else text
        return text


class Context(msgspec.Struct, frozen=True):
    """What the host gives a plug-in when it makes it.

    Attributes:
        adapter: name of the adapter in ``config.yaml``; the ``source`` of its answers.
        settings: the adapter's settings, checked by the manifest's schema, defaults filled in.
        secrets: the adapter's secrets by name.
        home: folder of ``config.yaml``; relative paths in settings start there.
        folder: folder of ``plugin.yaml``; files that the plug-in ships are there.
    """

    adapter: str
    settings: Mapping[str, Any]
    secrets: Secrets
    home: Path
    folder: Path


class PortFailure(Exception):
    """A call that failed, raised by a plug-in in the class that fits.  The text says what happened, without secrets.

    ``after`` is how many seconds the outside world wants to be left alone before it is called again; 0 where it did not say.
    """

    kind: Literal["transient", "permanent", "unknown"]

    def __init__(self, text: str = "", after: float = 0.0) -> None:
        super().__init__(text)
        self.after = after


class Transient(PortFailure):
    """Nothing was done, and the same call may work later: no connection, busy, over a limit."""

    kind = "transient"


class Permanent(PortFailure):
    """Nothing was done, and the same call will never work: refused credentials, a request that is not understood."""

    kind = "permanent"


class Unknown(PortFailure):
    """Whether it was done is not known: the connection broke after sending.  It is asked about, not repeated."""

    kind = "unknown"
