"""Rules that a simulation sets against those of a release: files of a folder, and values of parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from engine.app.tuning import known_values
from engine.base.errors import Code, did_you_mean, refuse
from engine.model.decision import Family
from engine.rulebook import rulebook
from engine.rulebook.rulebook import RuleBook

WHICH_PARAMETER: Final = Code(
    "simulate.which-parameter", "A parameter to set that no rule set has, or several have and none is named."
)
NO_FAMILY: Final = Code("simulate.no-family", "A family of rules to take from a folder that there is not.")

Sets = Mapping[str, str]
"""``RULESET.PARAMETER`` or ``PARAMETER`` -> the value, as a rule file would write it."""


class Other:
    """What is laid over a release.

    Args:
        families: the families by name, with the methods of plug-ins.
        folders: folders of rules, later ones over earlier ones; their files replace those of the release with the same name.
        sets: values of parameters.
        only: families whose files are taken from the folders; all where none are named.
        whole: the folders have all files of their families: a file of the release that is not in them is gone.
    """

    def __init__(
        self, families: Mapping[str, Family], folders: Sequence[Path], sets: Sets, only: Collection[str] = (), *,
        whole: bool = False,
    ) -> None:  # fmt: skip
        unknown = sorted(set(only) - set(families))
        if unknown:
            what = f"there is no family of rules {unknown[0]!r}"
            raise refuse(NO_FAMILY, what, mend=did_you_mean(unknown[0], families))
        self._families, self._sets = families, sets
        files = rulebook.read(folders) if folders else {}
        self._files = {label: content for label, content in files.items() if not only or label.split("/")[1] in only}
        self._folders, self._only, self._whole = folders, only, whole

    def __str__(self) -> str:
        """What it is, in words."""
        parts = [f"the files of {', '.join(folder.name for folder in self._folders)}"] if self._folders else []
        if self._only and parts:
            parts[0] += f" for {', '.join(sorted(self._only))}"
        parts += [f"{name} = {value}" for name, value in sorted(self._sets.items())]
        return " and ".join(parts)

    def over(self, base: RuleBook) -> RuleBook:
        """The rules of a release with this laid over them.

        Raises:
            TollbookError: ``simulate.which-parameter``, and everything that is wrong with the files and values.
        """
        overrides: dict[str, dict[str, Any]] = {name: dict(values) for name, values in base.overrides.items()}
        files = {label: text for label, text in base.files.items() if not self._gone(label)} | self._files
        made = base
        if files != base.files:
            if len(files.keys() & base.files.keys()) < len(base.files):
                overrides = known_values(rulebook.compile_book(files, self._families, lint=False), overrides)
            made = rulebook.compile_book(files, self._families, overrides, base.plugins)
        if not self._sets:
            return made
        for name, value in self._sets.items():
            ruleset, parameter = parameter_of(made, name)
            overrides.setdefault(ruleset, {})[parameter] = value
        return rulebook.compile_book(files, self._families, overrides, base.plugins)

    def _gone(self, label: str) -> bool:
        """Whether a file of a release is no longer there."""
        return self._whole and label not in self._files and (not self._only or label.split("/")[1] in self._only)


def parameter_of(book: RuleBook, name: str) -> tuple[str, str]:
    """The rule set and the parameter that ``RULESET.PARAMETER``, or ``PARAMETER`` where one rule set has it, names.

    Raises:
        TollbookError: ``simulate.which-parameter``.
    """
    known = [(one.name, key) for one in book.rulesets.values() for key in one.parameters]
    ruleset, dot, parameter = name.rpartition(".")
    found = [one for one in known if one[1] == parameter and (not dot or one[0] == ruleset)]
    if len(found) == 1:
        return found[0]
    names = sorted(f"{one}.{key}" for one, key in known)
    if found:
        several = ", ".join(f"{one}.{key}" for one, key in found)
        raise refuse(WHICH_PARAMETER, f"several rule sets have a parameter {name!r}", mend=f"name one: {several}")
    mend = did_you_mean(name, names) or "`tollbook tune list` shows them"
    raise refuse(WHICH_PARAMETER, f"no rule set has a parameter {name!r}", mend=mend)


def both_of(stored: Callable[[str], RuleBook], other: Other) -> Callable[[str], tuple[RuleBook, RuleBook]]:
    """For a release of the books: its own rules, and those with ``other`` laid over them; compiled once."""

    @cache
    def both(release: str) -> tuple[RuleBook, RuleBook]:
        base = stored(release)
        return base, other.over(base)

    return both
