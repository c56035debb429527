"""What a phone's message becomes: facts to store, and what became of them.

The store keeps them in one commit (`store/mqtt_sessions.py`); `intake.py` makes them.
"""

from attrs import frozen

from mytracks.sharing.identity import Device, Door
from mytracks.tracks.locations import Location


@frozen(kw_only=True)
class Source:
    """The device that a fact is about. `device` is None until its first message is stored."""

    owner: int
    owner_name: str
    name: str
    device: Device | None


@frozen(kw_only=True)
class Reported:
    """A location report. `may_repeat`: not newer than what this device sent before, so look."""

    source: Source
    location: Location
    may_repeat: bool


@frozen(kw_only=True)
class Noted:
    """Any other OwnTracks message, kept as it came (secrets removed). `kind`: its `_type`."""

    source: Source
    kind: str
    topic: str
    body: bytes
    received: int


@frozen(kw_only=True)
class SetAside:
    """What cannot be understood: acknowledged, kept for the administrator, never lost."""

    user: int
    device_name: str | None
    door: Door
    topic: str
    reason: str
    body: bytes
    received: int


Fact = Reported | Noted | SetAside


@frozen(kw_only=True)
class Kept:
    """A fact after its commit. `device`: whose it is, made now if need be (None: set aside
    without a usable device). `new`: False when the very same was stored before. `repeat`: a
    location that a phone repeated."""

    fact: Fact
    device: Device | None
    new: bool
    repeat: bool = False
