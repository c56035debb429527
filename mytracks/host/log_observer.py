"""How a log event becomes a line: text for a terminal, JSON for machines. Rotating is systemd's."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO, cast

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)
from zope.interface import implementer

_BORING = (
    "log_legacy",
    "twisted.internet",
    "twisted.web",
    "twisted.application",
    "twisted.scripts",
    "autobahn",
)
"""Rooms of libraries whose chatter below a warning says nothing to the person who runs us."""


@implementer(ILogObserver)
class LevelledObserver:
    """Writes events from `level` up to `out`; the level can be changed while running."""

    def __init__(self, out: TextIO, level: str, form: str) -> None:
        self._predicate = LogLevelFilterPredicate(defaultLogLevel=LogLevel.info)
        self.set_level(level)
        line: Callable[[LogEvent], str | None] = json_line if form == "json" else text_line
        self._observer = FilteringLogObserver(FileLogObserver(out, line), [self._predicate])

    def set_level(self, level: str) -> None:
        """From now on write only events of `level` ("debug" to "critical") and worse."""
        chosen = LogLevel.levelWithName("warn" if level == "warning" else level)
        self._predicate.clearLogLevels()
        self._predicate.setLogLevelForNamespace("", chosen)
        if chosen is not LogLevel.debug:
            for room in _BORING:
                self._predicate.setLogLevelForNamespace(room, max(chosen, LogLevel.warn))

    def __call__(self, event: LogEvent) -> None:
        """Take one event."""
        self._observer(event)


def _time(event: LogEvent) -> str:
    moment = datetime.fromtimestamp(float(event.get("log_time", 0.0)), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _traceback(event: LogEvent) -> str | None:
    failure = event.get("log_failure")
    return cast(str, failure.getTraceback()) if failure is not None else None


def _level(event: LogEvent) -> str:
    level = event.get("log_level")
    return cast(str, level.name) if level is not None else "info"


def text_line(event: LogEvent) -> str | None:
    """`TIME level room: text`, and the traceback of a failure below it."""
    text = formatEvent(event)
    if not text and "log_failure" not in event:
        return None
    line = f"{_time(event)} {_level(event):<8} {event.get('log_namespace', '-')}: {text}\n"
    traceback = _traceback(event)
    return line + traceback if traceback else line


def json_line(event: LogEvent) -> str | None:
    """One object a line: time, level, room, text, the event's own simple fields, traceback."""
    text = formatEvent(event)
    if not text and "log_failure" not in event:
        return None
    fields: dict[str, Any] = {
        "time": _time(event),
        "level": _level(event),
        "room": event.get("log_namespace", "-"),
        "text": text,
    }
    for name, value in event.items():
        plain = isinstance(value, str | int | float | bool)
        if plain and not name.startswith("log_") and name not in fields:
            fields[name] = value
    traceback = _traceback(event)
    if traceback:
        fields["traceback"] = traceback
    return json.dumps(fields) + "\n"
