"""Whether a plug-in keeps to the contract of its ports, seen before anything of it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pluggy

from engine.base.errors import Code, Finding, Where, did_you_mean
from engine.ports.hookspecs import PORTS
from engine.ports.hookspecs.plugin import PROJECT, Port
from engine.ports.manifest import Manifest

UNKNOWN_HOOK = Code("plugin.unknown-hook", "A method that is marked or named as a hook and is none.")
UNMARKED_HOOK = Code("plugin.unmarked-hook", "A method with the name of a hook that is not marked with @hookimpl.")
MISSING_HOOK = Code("plugin.missing-hook", "A plug-in that lacks a hook of a port which it serves.")
WRONG_ARGUMENT = Code("plugin.wrong-argument", "A hook with an argument that the contract does not have.")
WRAPPER = Code("plugin.wrapper", "A hook that wraps others; no hook may stop or rewrite what another answers.")
OTHER_PORT = Code("plugin.other-port", "A hook of a port that plugin.yaml does not name.")


def manager() -> pluggy.PluginManager:
    """A manager that knows the hooks of every port."""
    plugins = pluggy.PluginManager(PROJECT)
    for port in PORTS.values():
        plugins.add_hookspecs(port.spec)
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
        findings += _check_hook(manifest, hook, hooks, function, options)
    for name in manifest.ports:
        port = PORTS[name]
        misspelt = any(hook.startswith(port.prefix) and hook not in hooks for hook in done)
        missing = [] if misspelt else [hook for hook in port.hooks if hook not in done]
        findings += [_missing(manifest, port, hook, cls) for hook in missing]
    return findings


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
        mend = f"add {port.name}: {port.contract} to ports in {manifest.file}, or remove the hook"
        findings.append(Finding(OTHER_PORT, where, f"{name} has the hook {hook!r} of port {port.name!r}", mend=mend))
    if options.get("wrapper") or options.get("hookwrapper"):
        findings.append(
            Finding(WRAPPER, where, f"{name} wraps the hook {hook!r}", "no hook rewrites what another answers")
        )
    known = _arguments(getattr(port.spec, hook))
    for argument, required in _arguments(function).items():
        if argument not in known and required:
            findings.append(
                Finding(
                    WRONG_ARGUMENT,
                    where,
                    f"{name}, hook {hook!r} has the argument {argument!r}, which version {port.contract} of the "
                    f"port {port.name!r} does not have",
                    mend=did_you_mean(argument, known) or "remove it",
                )
            )
    return findings


def _missing(manifest: Manifest, port: Port, hook: str, cls: type) -> Finding:
    return Finding(
        MISSING_HOOK,
        Where(manifest.file),
        f"plug-in {manifest.name!r} serves the port {port.name!r}, and its class {cls.__name__!r} has no hook {hook!r}",
        mend=f"add it, or remove {port.name!r} from ports",
    )


def _arguments(function: Callable[..., Any]) -> dict[str, bool]:
    """The arguments of a method but for ``self`` -> whether the caller has to give them."""
    parameters = list(inspect.signature(function).parameters.values())
    if parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    return {
        parameter.name: parameter.default is parameter.empty
        for parameter in parameters
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }


def _where(function: Callable[..., Any]) -> Where:
    code = function.__code__
    return Where(code.co_filename, code.co_firstlineno)
