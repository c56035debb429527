"""Where phones speak: `owntracks/<user>/<device>` and below. Decides nothing about rights."""

from functools import lru_cache
from typing import Final, NamedTuple

ROOT: Final = "owntracks"
COMMAND: Final = "cmd"
OWN: Final = "user"
"""What phones write as their user level when they know no user name (OwnTracks 2); no account has
this name."""

LONGEST_DEVICE: Final = 64
"""Characters of a device's name (contract 3)."""

BELOW: Final = {
    "location": "",
    "lwt": "",
    "transition": "event",
    "waypoint": "waypoint",
    "waypoints": "waypoints",
    "card": "info",
    "status": "status",
    "steps": "step",
    "beacon": "beacon",
    "dump": "dump",
    "request": "request",
}
"""The level below which a device publishes a kind of message (OwnTracks 2.1); empty: its base."""


class Place(NamedTuple):
    """A topic taken apart. `user`: lower case, as names are compared. `below`: what follows."""

    user: str
    device: str
    below: str

    @property
    def commands(self) -> bool:
        """Whether it is where a device listens for commands."""
        return self.below == COMMAND


_USUAL: Final = 200
"""Characters of a topic that is worth remembering: so many that the memory is bounded."""


def place(topic: str) -> Place | None:
    """Whose and which device's topic this is; None: it belongs to no device."""
    return _known(topic) if len(topic) <= _USUAL else _place(topic)


def _place(topic: str) -> Place | None:
    levels = topic.split("/", 3)
    if len(levels) < 3 or levels[0] != ROOT:
        return None
    return Place(levels[1].lower(), levels[2], levels[3] if len(levels) == 4 else "")


# Asked four times on the way of each message, of the same few topics again and again.
_known = lru_cache(maxsize=1024)(_place)


def owner(topic: str) -> str | None:
    """The user level alone, lower case; None outside `owntracks/`."""
    levels = topic.split("/", 2)
    return levels[1].lower() if len(levels) > 1 and levels[0] == ROOT else None


def moved(topic: str, user: str) -> str:
    """`topic`, or a filter, below `owntracks/`, with `user` as its user level."""
    levels = topic.split("/", 2)
    levels[1] = user
    return "/".join(levels)


def base(user: str, device: str) -> str:
    """The topic on which the device reports where it is."""
    return f"{ROOT}/{user}/{device}"


def of_kind(user: str, device: str, kind: str) -> str:
    """The topic on which the device would publish a message of this kind."""
    below = BELOW.get(kind, "")
    return f"{ROOT}/{user}/{device}/{below}" if below else base(user, device)


def device_name_problem(name: str) -> str | None:
    """Why no device can have this name, in words; None: it can (contract 3)."""
    if not name:
        return "the device has no name"
    if len(name) > LONGEST_DEVICE:
        return f"the device's name is longer than {LONGEST_DEVICE} characters"
    if any(character in "/+#" for character in name):
        return "the device's name has one of / + # in it"
    if not name.isprintable() and any(_is_control(character) for character in name):
        return "the device's name has a control character in it"
    return None


def _is_control(character: str) -> bool:
    """Controls (C0, C1) and lone surrogates, which no UTF-8 text can hold."""
    code = ord(character)
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000
