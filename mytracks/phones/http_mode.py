"""OwnTracks' HTTP mode: a POST becomes the publish that the phone would have sent over MQTT.

Decides the device, the topic and what is retained (contract 5, OwnTracks 9). Whatever a body holds,
the answer is an array: phones delete or endlessly repeat what is refused in any other way.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mytracks.clock import Clock
from mytracks.mqtt.routing.journal import Recorded
from mytracks.mqtt.routing.ports import Message
from mytracks.owntracks import topics
from mytracks.owntracks.messages import COMMAND, LOCATION, answer
from mytracks.phones.facts import Fact, Kept, SetAside
from mytracks.phones.intake import Intake
from mytracks.sharing.identity import Principal

DEFAULT_DEVICE: Final = "phone"

_LONGEST_TOPIC: Final = 512
_MOST_REMEMBERED: Final = 10_000


class Publisher(Protocol):
    """Takes a message in as if it came over MQTT. `mqtt.routing.broker.Broker` implements it."""

    def publish(self, who: Principal, message: Message) -> Deferred[None]:
        """Fires once it is durable. Raises errors.Unavailable when it is not stored."""


class Keeper(Protocol):
    """Stores facts that nobody else is told of. The broker's journal implements it."""

    def record(self, facts: Sequence[Fact]) -> Deferred[Recorded[Kept]]:
        """Fires once they are durable. Raises errors.Unavailable when nothing was stored."""


@frozen(kw_only=True)
class Post:
    """What a phone sent. `limit_user`, `limit_device`: its headers X-Limit-U and X-Limit-D."""

    body: bytes
    limit_user: str | None = None
    limit_device: str | None = None
    query_device: str | None = None


class HTTPMode:
    """The door's other half: web checks credentials and sizes, here is what it means."""

    log = Logger()

    def __init__(self, publisher: Publisher, keeper: Keeper, intake: Intake, clock: Clock) -> None:
        self._publisher = publisher
        self._keeper = keeper
        self._intake = intake
        self._clock = clock
        self._differing: set[tuple[int, str]] = set()

    async def post(self, who: Principal, post: Post) -> bytes:
        """Take in one message; gives the JSON array that answers it.

        Raises errors.Unavailable when it could not be stored: the phone is to send it again.
        """
        if not post.body.strip():
            return answer([])
        reading = self._intake.read(post.body, int(self._clock.now()))
        topic, message = reading.topic, reading.said
        if message is None:
            await self._set_aside(who, post, topic, reading.problem)
            return answer([])
        device = self._device(who, post, topic)
        where = where_to(who, device, message.kind, topic)
        problem = topics.device_name_problem(device)
        if where is None or problem is not None:
            problem = problem or "a command that is not for a device of its sender"
            await self._set_aside(who, post, topic, problem)
            return answer([])
        self._tell_difference(who, post, device)
        retain = message.kind == LOCATION
        await self._publisher.publish(who, Message(where, post.body, 1, retain))
        return answer([])

    async def too_large(self, who: Principal, post: Post, size: int) -> bytes:
        """A body of `size` bytes, more than is taken; `post.body` holds how it begins."""
        await self._set_aside(who, post, None, f"too large: {size} bytes")
        return answer([])

    def _device(self, who: Principal, post: Post, topic: object) -> str:
        """Whose message it is: a device's password speaks for that device alone."""
        if who.device is not None:
            return who.device
        place = topics.place(topic) if isinstance(topic, str) else None
        named = post.limit_device or post.query_device or (place.device if place else "")
        return named or DEFAULT_DEVICE

    async def _set_aside(self, who: Principal, post: Post, topic: object, reason: str) -> None:
        device = self._device(who, post, topic)
        usable = topics.device_name_problem(device) is None
        where = topics.base(who.name, device if usable else DEFAULT_DEVICE)
        name = device if usable else None
        await self._keep(self._intake.set_aside(who, name, where, reason, post.body))

    def _keep(self, fact: SetAside) -> Deferred[None]:
        """Fires once it is durable; to give up waiting for that does not undo it."""
        done: Deferred[None] = Deferred()
        kept = self._keeper.record([fact])
        kept.addCallback(self._kept)
        kept.addCallbacks(done.callback, done.errback)
        return done

    def _kept(self, recorded: Recorded[Kept]) -> None:
        for one in recorded.kept:
            self._intake.announce(one)

    def _tell_difference(self, who: Principal, post: Post, device: str) -> None:
        """Once for a device: the user name in its settings is not the one it signs in with."""
        if not post.limit_user or post.limit_user.lower() in (who.name, "user"):
            return
        if (who.user, device) in self._differing or len(self._differing) >= _MOST_REMEMBERED:
            return
        self._differing.add((who.user, device))
        self.log.info(
            "{user}/{device} says it is somebody else's; who signed in is what counts",
            user=who.name,
            device=device,
        )


def where_to(who: Principal, device: str, kind: str, topic: object) -> str | None:
    """The topic to publish on: the phone's own where that is this device's, else the usual one.

    A command goes where it is addressed, within the sender's own devices; None: it cannot.
    """
    place = topics.place(topic) if isinstance(topic, str) and _publishable(topic) else None
    mine = place is not None and place.user == who.name
    if kind == COMMAND:
        return str(topic) if place is not None and mine and place.commands else None
    if place is not None and mine and place.device == device and not place.commands:
        return str(topic)
    return topics.of_kind(who.name, device, kind)


def _publishable(topic: str) -> bool:
    """A topic that MQTT could carry: short, without wildcards and zero characters."""
    return len(topic) <= _LONGEST_TOPIC and not any(character in "+#\x00" for character in topic)
