"""What phones needs stored beyond the broker's journal. `store/quarantine.py` implements it."""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from mytracks.phones.facts import Fact, Kept
from mytracks.sharing.identity import Door
from mytracks.tracks.ports import Look
from mytracks.transaction import Transaction


@frozen(kw_only=True)
class Aside:
    """A message that was set aside. `user`: the account's number, `user_name` its name; None where
    it is known no more. `device`: the name of its device; None: it had no usable one. `received`:
    UTC seconds; `size`: bytes of what is kept; `body`: all of that, in a list its beginning."""

    number: int
    received: int
    door: Door
    user: int | None
    user_name: str | None
    device: str | None
    topic: str
    reason: str
    size: int
    body: bytes


@frozen(kw_only=True)
class Which:
    """Which of the messages. `user`: an account's number; None: everybody's. `reason`: a text that
    the reason has in it, in whatever case. `since`: UTC seconds, `through`: the highest number."""

    user: int | None = None
    reason: str = ""
    since: int | None = None
    through: int | None = None


class Quarantine(Protocol):
    """What was set aside, read back and done with. Setting aside is part of a message's commit."""

    async def count(self, tx: Transaction, which: Which) -> int:
        """How many there are."""

    async def page(
        self, tx: Transaction, which: Which, *, limit: int, offset: int, preview: int
    ) -> Sequence[Aside]:
        """The newest first, each with at most `preview` bytes of its body."""

    async def one(self, tx: Transaction, number: int) -> Aside | None:
        """All of one."""

    async def replace(self, tx: Transaction, number: int, fact: Fact) -> Kept:
        """Store `fact` in the place of the message, which is then no longer there. Raises NotFound
        when it was not, or whose it is is not there any more."""

    async def explain(self, tx: Transaction, number: int, reason: str) -> None:
        """Keep it for another reason. Raises NotFound when it is not there."""

    async def delete(self, tx: Transaction, number: int) -> None:
        """It is no longer there. Raises NotFound when it was not."""

    async def clear(self, tx: Transaction, which: Which) -> int:
        """The same for several; how many there were."""


@frozen(kw_only=True)
class Message:
    """What a phone said beside its places. `kind`: its `_type`, `other` where we do not know it.
    `received`: UTC seconds."""

    number: int
    received: int
    kind: str
    topic: str
    body: bytes


class Messages(Protocol):
    """Messages of devices, as they came."""

    async def count(self, tx: Transaction, device: int) -> int:
        """How many of the device with this number are kept."""

    async def page(
        self, tx: Transaction, device: int, *, limit: int, offset: int
    ) -> Sequence[Message]:
        """Those of the device, the newest first."""


class Desk(Protocol):
    """What an owner does with a device. `store/desk.py` implements it."""

    async def dress(self, tx: Transaction, number: int, look: Look, now: int) -> None:
        """The owner of the device with this number wants to see it so; `sealed` is not looked at.
        Raises NotFound. `now`: UTC seconds."""

    async def keep_key(self, tx: Transaction, number: int, sealed: bytes | None) -> None:
        """The sealed key for what it encrypts; None: there is none. Raises NotFound."""

    async def leave(self, tx: Transaction, number: int) -> int:
        """Make the device nobody's: its name is free, its password gone. It becomes that of an
        account that leaves, whose number this is; the rest goes with that. Raises NotFound."""
