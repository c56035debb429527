"""One scheduled backup from its first look at the folder to its last: all that may have to wait for
a disk or a server, so that whoever has the schedule waits for nothing.

When the next one is due, the files themselves say: a restart neither skips nor repeats one.
"""

from pathlib import Path

from attrs import frozen

from mytracks.store.care import folder
from mytracks.store.care.archive import Progress
from mytracks.store.care.backup import Source, back_up
from mytracks.store.care.limits import HOUR, Limits
from mytracks.store.files import StoreRefused


@frozen(kw_only=True)
class Done:
    """What became of it. `newest`: UTC seconds of the newest backup that there is now."""

    newest: int
    file: Path | None = None
    """The one that was made; None: none was due."""
    size: int = 0
    """Bytes of it."""
    gone: int = 0
    """Older ones that were removed for it."""


def back_up_if_due(source: Source, limits: Limits, now: int, progress: Progress) -> Done:
    """Make one if the newest is `limits.every` old at `now` (UTC seconds), and remove old ones.

    Raises StoreRefused, whose text is one line.
    """
    place = limits.place(source.directory)
    try:
        # A clock that was ahead must not put off all that follow.
        made = [at for path in folder.backups(place, now) if (at := folder.made(path)) <= now]
        newest = max(made, default=0)
        if now - newest < limits.every * HOUR:
            return Done(newest=newest)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.clear(place)
        file = place / folder.name(now)
        back_up(source, file, now, with_keys=not limits.without_keys, progress=progress)
        size = file.stat().st_size
        gone = folder.rotate(place, limits.keep, now)
    except OSError as error:
        raise StoreRefused(f"{place}: {error.strerror or error}") from error
    return Done(newest=now, file=file, size=size, gone=len(gone))
