"""What makes the prices of a release turn for a customer within a billing cycle."""

from __future__ import annotations

import msgspec


class Turning(msgspec.Struct, frozen=True):
    """The ``windows`` that usage is counted over, whether there are ``ramps``, and whether conditions look at ages in
    ``months`` or ``days``; and whether prices follow ``indexes``.  ``rollovers`` are the windows that carried allowances stay within, ``pools``
    the scopes within which usage of several subscriptions is priced together, and ``pooled`` the windows that what pools carry
    over stays within."""

    windows: tuple[str, ...] = ()
    ramps: bool = False
    months: bool = False
    days: bool = False
    indexes: bool = False
    rollovers: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    pooled: tuple[str, ...] = ()
