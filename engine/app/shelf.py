"""Which rules are used: those of the folders while rules are developed, else the release in force on the day of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

from engine.base.errors import Code, TollbookError, refuse
from engine.model.release import DEVELOPMENT, ReleaseEvent, in_force
from engine.rulebook.rulebook import RuleBook

NONE_IN_FORCE = Code("release.none-in-force", "A run on a day on which no approved release of rules is in force.")
PLUGINS_MOVED = Code(
    "release.plugins-moved", "A release cannot be used, because the plug-ins are no longer those that it pinned."
)
MOST: Final = 8


class Shelf:
    """Rule books by the day or the name for which they are asked.

    Args:
        mode: what the configuration says: development or approved.
        folders: compiles the rules of the folders.
        stored: compiles a release that the books keep.
        events: everything that happened to releases.
        plugins: versions of the plug-ins as they are.
    """

    def __init__(
        self,
        mode: str,
        folders: Callable[[], RuleBook],
        stored: Callable[[str], RuleBook],
        events: Callable[[], Sequence[ReleaseEvent]],
        plugins: Callable[[], Mapping[str, str]],
    ) -> None:
        self.mode = mode
        self._folders, self._stored, self._events, self._plugins = folders, stored, events, plugins
        self._known: dict[str, RuleBook] = {}
        self.notice = ""

    def on(self, day: date) -> RuleBook:
        """The rules that a run of a day uses.

        Raises:
            TollbookError: ``release.none-in-force``, ``release.plugins-moved``, and everything that is wrong with rules of folders.
        """
        if self.mode == DEVELOPMENT:
            return self._folders()
        release = in_force(self._events(), day)
        if not release:
            raise refuse(
                NONE_IN_FORCE,
                f"no approved release of rules is in force on {day}",
                why="rules.releases is approved in the configuration",
                mend="`tollbook release propose --from DAY`, and another person approves it; `tollbook release status` shows how it "
                "stands",
            )
        return self.usable(self.named(release), f"release {release}")

    def seen(self, day: date) -> RuleBook:
        """The rules to look at on a day: those that a run uses; as long as none are in force those of the folders, and ``notice`` says so.

        Raises:
            TollbookError: ``release.plugins-moved``, and everything that is wrong with rules of folders.
        """
        try:
            return self.on(day)
        except TollbookError as error:
            if [finding.code for finding in error.findings] != [NONE_IN_FORCE]:
                raise
        book = self._folders()
        self.notice = f"rules of the folders: no approved release is in force on {day}, and no run could use these yet"
        return book

    def named(self, release: str) -> RuleBook:
        """A release by name: that of the folders while rules are developed, else as the books keep it.

        Raises:
            TollbookError: ``release.unknown``.
        """
        if self.mode == DEVELOPMENT:
            book = self._folders()
            return book if book.release == release else self._stored(release)
        if release not in self._known:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[release] = self._stored(release)
        return self._known[release]

    def usable(self, book: RuleBook, who: str) -> RuleBook:
        """The rules, where the plug-ins are those that they pinned.

        Raises:
            TollbookError: ``release.plugins-moved``.
        """
        if dict(book.plugins) == self._plugins():
            return book
        now = self._plugins()
        names = sorted({name for name in (*now, *book.plugins) if now.get(name) != book.plugins.get(name)})
        raise refuse(
            PLUGINS_MOVED,
            f"{who} pinned other plug-ins, or other settings of theirs: {', '.join(names)}",
            why="what follows would be decided otherwise than what was looked at, or billed",
            mend="put them back, or `tollbook release propose` the rules with the plug-ins as they are",
        )
