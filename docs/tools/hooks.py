"""The page of ports and hooks: the whole contract of plug-ins."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from docs.tools.markdown import code, first_sentence, page, prose, table
from docs.tools.schemas import FIELD_HEAD, STRUCT_HEAD, schema_rows, spelled, struct_rows, structs_in
from engine.ports.hookspecs import PORTS, Context, Port, PortFailure
from engine.ports.manifest import SCHEMA


def signature(name: str, hook: Callable[..., Any]) -> str:
    """A hook as it is called."""
    hints = typing.get_type_hints(hook)
    arguments = [f"{arg}: {spelled(hints[arg])}" for arg in inspect.signature(hook).parameters if arg != "self"]
    return f"{name}({', '.join(arguments)}) -> {spelled(hints['return'])}"


def nouns(port: Port) -> Iterator[type[msgspec.Struct]]:
    """The structs that a plug-in of the port meets: those that its hooks name, then the rest of its module."""
    found: dict[type[msgspec.Struct], None] = {}
    for name in port.hooks:
        for hint in typing.get_type_hints(getattr(port.spec, name)).values():
            found |= dict.fromkeys(structs_in(hint))
    for value in vars(inspect.getmodule(port.spec)).values():
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == port.spec.__module__:
            found |= dict.fromkeys(structs_in(value))
    yield from found


def section(port: Port) -> Iterator[list[str]]:
    """The blocks of one port."""
    yield [f"## {port.name}"]
    module = inspect.getmodule(port.spec)
    yield [f"Verb: **{port.verb}**. Contract version: {port.version}. {first_sentence(module.__doc__)}"]
    for one in port.deprecated:
        yield [
            f"`{one.hook}{f'({one.argument})' if one.argument else ''}` is given up in {port.contract}.{one.minor}: use {one.instead}."
        ]
    for name in port.hooks:
        hook = getattr(port.spec, name)
        yield [f"### {name}"]
        yield ["```python", signature(name, hook), "```"]
        yield [prose(hook.__doc__)]
    for noun in nouns(port):
        yield [f"#### {port.name}: {noun.__name__}"]
        yield [prose(noun.__doc__)]
        yield table(STRUCT_HEAD, struct_rows(noun))


def text() -> str:
    """The page."""
    intro = [
        "A plug-in is a folder with a `plugin.yaml` and a class. Nothing but what stands here is for plug-ins: the",
        "hooks of the ports, the nouns that they take and give, and `engine.base`. See",
        "[how to write an adapter](../guides/write-an-adapter.md).",
    ]
    overview = table(
        ("port", "verb", "contract", "hooks"),
        (
            (f"[{name}](#{name})", port.verb, port.version, ", ".join(code(hook) for hook in port.hooks))
            for name, port in PORTS.items()
        ),
    )
    failures = [(code(kind.__name__), first_sentence(kind.__doc__)) for kind in PortFailure.__subclasses__()]
    shared = [
        ["## plugin.yaml"],
        table(FIELD_HEAD, schema_rows(SCHEMA)),
        ["## What a plug-in is made with"],
        [prose(Context.__doc__)],
        ["## How a plug-in fails"],
        [prose(PortFailure.__doc__)],
        table(("class", "meaning"), failures),
    ]
    return page(
        "Ports and hooks", intro, overview, *shared, *(block for port in PORTS.values() for block in section(port))
    )
