"""Whether a plug-in keeps to the contract of its ports, seen before anything of it is called."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import pluggy

from engine.base.errors import Code, Finding, Where, did_you_mean
from engine.ports.aging import aging, leaving
from engine.ports.hookspecs import PORTS
from engine.ports.hookspecs.plugin import PROJECT, Port
from engine.ports.manifest import Manifest

UNKNOWN_HOOK = Code("plugin.unknown-hook", "A method that is marked or named as a hook and is none.")
UNMARKED_HOOK = Code("plugin.unmarked-hook", "A method with the name of a hook that is not marked with @hookimpl.")
MISSING_HOOK = Code("plugin.missing-hook", "A plug-in that lacks a hook of a port which it serves.")
WRONG_ARGUMENT = Code("plugin.wrong-argument", "A hook with an argument that the contract does not have.")
MISSING_ARGUMENT = Code("plugin.missing-argument", "A hook that does not take an argument that the contract gives it.")
NOT_PLAIN = Code("plugin.not-plain", "A hook that is a generator or a coroutine; a hook answers by what it returns.")
WRAPPER = Code("plugin.wrapper", "A hook that wraps others; no hook may stop or rewrite what another answers.")
OTHER_PORT = Code("plugin.other-port", "A hook of a port that plugin.yaml does not name.")


def manager(ports: Iterable[str]) -> pluggy.PluginManager:
    """A manager that knows the hooks of the ports of these names."""
    plugins = pluggy.PluginManager(PROJECT)
    for name in ports:
        plugins.add_hookspecs(PORTS[name].spec)
    return plugins


def check_hooks(plugins: pluggy.PluginManager, cls: type, manifest: Manifest) -> list[Finding]:
    """Everything that is wrong with the hooks of a plug-in's class: their names, arguments and markers."""
    hooks = {hook: port for port in PORTS.values() for hook in port.hooks}
    findings: list[Finding] = []
    done: set[str] = set()
    for attribute, function in _methods(cls):
        options = plugins.parse_hookimpl_opts(cls, attribute)
        hook = (options and options.get("specname")) or attribute
        prefixed = any(attribute.startswith(port.prefix) for port in PORTS.values())
        if options is None and not prefixed:
            continue
        done.add(hook)
        old = _old(manifest, hook, function) if options is not None else []
        findings += old
        if not any(finding.level == "error" for finding in old):
            findings += _check_hook(manifest, hook, hooks, function, options)
    for name in manifest.ports:
        port = PORTS[name]
        misspelt = any(hook.startswith(port.prefix) and hook not in hooks for hook in done)
        spared = {*done, *port.optional, *(one.hook for one in port.deprecated if not one.argument)}
        missing = [] if misspelt else [hook for hook in port.hooks if hook not in spared]
        findings += [_missing(manifest, port, hook, cls) for hook in missing]
    return findings


def _old(manifest: Manifest, hook: str, function: Callable[..., Any]) -> list[Finding]:
    """What the contracts that the plug-in is written for give up of a hook."""
    arguments, where = _arguments(function), _where(function)
    return [finding for name in manifest.ports for finding in aging(manifest.name, PORTS[name], hook, arguments, where)]


def _methods(cls: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    for attribute in dir(cls):
        member = inspect.getattr_static(cls, attribute)
        function = inspect.unwrap(getattr(member, "__func__", member)) if not isinstance(member, type) else member
        if inspect.isfunction(function) and not attribute.startswith("__"):
            yield attribute, function


def _check_hook(
    manifest: Manifest, hook: str, hooks: dict[str, Port], function: Callable[..., Any], options: Any
) -> list[Finding]:
    where = _where(function)
    name = f"plug-in {manifest.name!r}"
    if hook not in hooks:
        prefixes = ", ".join(sorted(port.prefix for port in PORTS.values()))
        why = f"the names {prefixes}… are for hooks" if options is None else "the contract has no such hook"
        return [Finding(UNKNOWN_HOOK, where, f"{name} has the hook {hook!r}", why, did_you_mean(hook, hooks))]
    if options is None:
        return [
            Finding(
                UNMARKED_HOOK,
                where,
                f"{name} has {hook!r} without @hookimpl",
                "it would never be called",
                "mark it with engine.ports.hookspecs.hookimpl",
            )
        ]
    findings = []
    port = hooks[hook]
    if port.name not in manifest.ports:
        mend = f'add {port.name}: "{port.version}" to ports in {manifest.file}, or remove the hook'
        findings.append(Finding(OTHER_PORT, where, f"{name} has the hook {hook!r} of port {port.name!r}", mend=mend))
    if options.get("wrapper") or options.get("hookwrapper"):
        findings.append(
            Finding(WRAPPER, where, f"{name} wraps the hook {hook!r}", "no hook rewrites what another answers")
        )
    elif inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        what = f"{name}, hook {hook!r} is a {'coroutine' if inspect.iscoroutinefunction(function) else 'generator'}"
        mend = "write it as a plain function that returns its answers"
        findings.append(Finding(NOT_PLAIN, where, what, "the host takes what it returns for the answer", mend))
    return [*findings, *_check_arguments(name, hook, port, function)]


def _check_arguments(name: str, hook: str, port: Port, function: Callable[..., Any]) -> Iterator[Finding]:
    """What is wrong with the arguments of a hook: pluggy gives those that it has by name and without a default."""
    where, known, given = _where(function), _arguments(getattr(port.spec, hook)), _arguments(function)
    of_contract = f"version {port.version} of the port {port.name!r}"
    strange = [argument for argument, kind in given.items() if argument not in known and kind != "default"]
    for argument in strange:
        what = f"{name}, hook {hook!r} has the argument {argument!r}, which {of_contract} does not have"
        yield Finding(WRONG_ARGUMENT, where, what, mend=did_you_mean(argument, known) or "remove it")
    for argument, kind in given.items():
        if argument in known and kind != "given":
            found, mend = _NEVER_GIVEN[kind]
            what = f"{name}, hook {hook!r} {found} the argument {argument!r}"
            yield Finding(MISSING_ARGUMENT, where, what, "such an argument is never given", mend)
    for argument in (
        () if strange else [one for one in known if one not in leaving(port, hook)]
    ):  # what is lacking is most likely there under another name
        if argument not in given:
            what = f"{name}, hook {hook!r} has no argument {argument!r}, which {of_contract} gives"
            near = difflib.get_close_matches(argument, [*given], n=1)
            yield Finding(MISSING_ARGUMENT, where, what, mend=f"rename {near[0]!r}" if near else "add it")


_NEVER_GIVEN: Final = {
    "default": ("has a default for", "remove the default"),
    "keyword": ("takes by keyword only", "remove the * before it"),
}
"""How an argument may stand so that pluggy does not give it, and what to do."""


def _missing(manifest: Manifest, port: Port, hook: str, cls: type) -> Finding:
    return Finding(
        MISSING_HOOK,
        Where(manifest.file),
        f"plug-in {manifest.name!r} serves the port {port.name!r}, and its class {cls.__name__!r} has no hook {hook!r}",
        mend=f"add it, or remove {port.name!r} from ports",
    )


def _arguments(function: Callable[..., Any]) -> dict[str, str]:
    """The arguments of a method but for ``self`` -> how they stand: ``given`` by place, with a ``default``, by
    ``keyword`` only."""
    parameters = list(inspect.signature(function).parameters.values())
    if parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    return {
        parameter.name: "default"
        if parameter.default is not parameter.empty
        else "keyword"
        if parameter.kind is parameter.KEYWORD_ONLY
        else "given"
        for parameter in parameters
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }


def _where(function: Callable[..., Any]) -> Where:
    code = function.__code__
    return Where(code.co_filename, code.co_firstlineno)
