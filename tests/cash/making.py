"""A problem of a size from a seed."""

from __future__ import annotations

from tests.cash.scenarios import ALL
from tests.cash.world import World


def make(seed: int, payments: int, open_apart: float = 0.3) -> World:
    """A world with about so many payments; ``open_apart`` are documents that nobody pays, as a part of the payments."""
    world = World(seed, max(payments // 25, 20))
    while not any(one.says for one in world.customers) or not world.children:
        seed += 1_000_000
        world = World(seed, max(payments // 25, 40))
    names = list(ALL)
    weights = [ALL[name][1] for name in names]
    for name in names:
        world.scenario = name
        ALL[name][0](world)
    while len(world.payments) < payments:
        world.scenario = world.random.choices(names, weights)[0]
        ALL[world.scenario][0](world)
    for _ in range(int(payments * open_apart)):
        world.invoice(world.somebody())
    return world
