"""What the broker asks of its host.

`Who` is the host's idea of a person, `Facts` what it wants stored along with a message, `Kept`
what became of those facts. The broker carries them and never looks inside.
"""

from enum import Enum
from typing import Protocol, TypeVar

from attrs import frozen

from mytracks.mqtt.protocol.packets.connect import Connect

Who = TypeVar("Who")
Facts = TypeVar("Facts")
Kept = TypeVar("Kept")
_Who_contra = TypeVar("_Who_contra", contravariant=True)
Facts_contra = TypeVar("Facts_contra", contravariant=True)
_Kept_contra = TypeVar("_Kept_contra", contravariant=True)


@frozen
class Message:
    """An application message. `retain` is the flag as the publisher set it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Standing(Enum):
    """What a message is worth to a receiver who is away."""

    __hash__ = object.__hash__

    REPLACED = "nothing any more once a newer one of its topic has come"
    ORDINARY = "it waits, and goes when the queue is too long and it is the oldest"
    KEPT = "it waits, and goes after those"
    LAST = "it waits, and goes last of all"


@frozen
class Peer:
    """Where a connection comes from: the address it shows and the listener it reached.

    `certificate`: the SHA-256 of the client certificate that it showed; None: it showed none.
    """

    address: str
    port: int
    listener: str
    certificate: bytes | None = None


class Verdict(Enum):
    """What becomes of a PUBLISH. A refused one is acknowledged all the same [MQTT-3.3.5-2]."""

    ALLOWED = "allowed"
    DROPPED = "dropped"


class Gatekeeper(Protocol[Who]):
    """Who may connect, publish and receive. Rights are asked at every door and every delivery."""

    async def admit(self, connect: Connect, peer: Peer) -> Who:
        """Decide once who this is. Raises errors.Refused; the door's table makes it a CONNACK."""

    def namespace(self, who: Who) -> str:
        """Client ids of different namespaces never meet: one user cannot take over another's."""

    def mark(self, who: Who) -> str:
        """A short text by which `recall` knows them again after a restart. Never waits."""

    async def recall(self, mark: str) -> Who | None:
        """Whose mark this is; None: they would not be let in any more.

        Asked once for each session and Will, when the broker starts. Raises errors.Unavailable.
        """

    def meant_topic(self, who: Who, topic: str) -> str:
        """The topic that is meant where this client publishes to `topic`. Never waits."""

    def meant_filter(self, who: Who, topic_filter: str) -> str:
        """The same where it subscribes to `topic_filter`. Never waits."""

    def may_publish(self, who: Who, topic: str, payload: bytes) -> Verdict:
        """Asked for each PUBLISH and for a Will, at CONNECT and when it is due. Never waits."""

    def may_receive(self, who: Who, message: Message) -> Message | None:
        """What of `message` this person gets: all, a changed copy, or None. Never waits."""


class Intake(Protocol[_Who_contra, Facts, _Kept_contra]):
    """What the host makes of an accepted message."""

    def facts(self, who: _Who_contra, message: Message) -> Facts | None:
        """What to store along with it; None: nothing. Never waits, never raises."""

    def oversize(self, who: _Who_contra, topic: str, head: bytes, size: int) -> Facts | None:
        """What to store of a PUBLISH too large to take (contract 4); None: nothing.

        `head`: the first bytes of its payload, `size`: the bytes it had. Never waits, never raises.
        """

    def retains(self, message: Message, facts: Facts | None) -> bool:
        """Whether `message`, which asks for it and is not empty, becomes what its topic holds.

        `facts`: what was made of it. Never waits, never raises.
        """

    def standing(self, message: Message) -> Standing:
        """What `message` is worth to somebody who is away. Never waits, never raises."""

    def announce(self, kept: _Kept_contra) -> None:
        """The facts are durable: tell whoever may know. Called once for each, in commit order."""
