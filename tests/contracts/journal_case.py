"""What the batteries for a Journal stand on: values, and how a journal is opened and asked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve
from twisted.trial.unittest import TestCase

from mytracks.mqtt.routing.changes import Began, Change, Enqueued, Reference
from mytracks.mqtt.routing.journal import Journal, Recorded, Remembered
from mytracks.mqtt.routing.journal import StoredSession as Session
from mytracks.mqtt.routing.ports import Message, Standing

if TYPE_CHECKING:
    _Case = TestCase
else:
    _Case = object

AT: Final = 1_700_000_000.0
ANA: Final = "ana"
BEN: Final = "ben"
ALL: Final = 1_000_000


def began(session: int, namespace: str = ANA, client_id: str | None = None) -> Began:
    """A session of somebody; its client id tells its number."""
    return Began(session, namespace, client_id or f"phone {session}", 4, "1/phone", AT)


def said(topic: str = "a/b", payload: bytes = b"x", qos: int = 1, retain: bool = False) -> Message:
    """A message."""
    return Message(topic, payload, qos, retain)


def place(
    session: int, ordinal: int, standing: Standing = Standing.ORDINARY, qos: int = 1
) -> Reference:
    """In a queue."""
    return Reference(session, ordinal, qos, False, standing)


def queued(message: Message, *references: Reference, publisher: str = ANA) -> Enqueued:
    """A message that waits."""
    return Enqueued(publisher, message, AT, references)


class JournalCase(_Case):
    """`open` gives a journal of its own to each test, in which `ANA` and `BEN` are somebody."""

    async def open(self) -> Journal[Any, Any]:
        """A new one, empty."""
        raise NotImplementedError

    async def reopen(self) -> Journal[Any, Any]:
        """The same after a restart."""
        raise NotImplementedError

    def fact(self) -> Any:
        """One that can be stored, another each time."""
        raise NotImplementedError

    def poison(self) -> Any:
        """One that cannot be stored, at any time."""
        raise NotImplementedError

    async def stored(self) -> Sequence[Any]:
        """The facts that are stored, to be counted."""
        raise NotImplementedError

    # How it is asked.

    async def record(self, journal: Journal[Any, Any], *changes: Change) -> Recorded[Any]:
        return await journal.record((), changes)

    async def fill(self, journal: Journal[Any, Any], count: int) -> None:
        """One session, number 1, with ordinals from 1."""
        messages = [queued(said(), place(1, ordinal)) for ordinal in range(1, count + 1)]
        await self.record(journal, began(1), *messages)

    async def ordinals(
        self, journal: Journal[Any, Any], session: int, *, after: int = 0, most: int = 100
    ) -> list[int]:
        return [one.ordinal for one in await journal.queued(session, after, most, ALL)]

    async def restarted(self) -> Remembered:
        return await (await self.reopen()).load()


def empty(number: int, namespace: str = ANA, client_id: str | None = None) -> Session:
    """A session of which nothing but its beginning is known."""
    return Session(
        number=number,
        namespace=namespace,
        client_id=client_id or f"phone {number}",
        level=4,
        mark="1/phone",
        seen=AT,
        subscriptions={},
        unreleased=[],
        next_ordinal=1,
        queued=0,
        queued_size=0,
        replaceable=[],
        trimmed=0,
        sent=0,
        under_way=[],
    )


def sessions(remembered: Remembered) -> list[Session]:
    """By number; sequences as lists, so that they compare."""
    return [
        evolve(
            each,
            subscriptions=dict(each.subscriptions),
            unreleased=list(each.unreleased),
            replaceable=list(each.replaceable),
            under_way=sorted(each.under_way),
        )
        for each in sorted(remembered.sessions, key=lambda each: each.number)
    ]
