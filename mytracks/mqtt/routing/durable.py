"""A session that outlasts its connections, as the broker knows it: all but the queue itself.

The queue is in the journal. Here it is known how long it is, which places in it were given away,
and which were on the wire or are done with: enough to decide what is sent, displaced or trimmed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Generic, TypeAlias

from mytracks.mqtt.routing.changes import Reference, Sent, Trim, weight
from mytracks.mqtt.routing.journal import Queued, Removed, StoredSession
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.owners import Owner
from mytracks.mqtt.routing.ports import Message, Standing, Who

if TYPE_CHECKING:
    from mytracks.mqtt.routing.outgoing import DurableOutgoing

PACKET_IDS: Final = 65_535

_Amount: TypeAlias = tuple[int, int]
_NOTHING: Final = 0, 0


def _plus(one: _Amount, other: _Amount) -> _Amount:
    return one[0] + other[0], one[1] + other[1]


def packet_id_of(ordinal: int) -> int:
    """The packet id of the message with this place in the queue, in every connection and after
    every restart [MQTT-4.4.0-1]."""
    return ordinal % PACKET_IDS + 1


class DurableSession(Generic[Who]):
    """`number`: the journal's. `who`: whose it is, as they last came; None: not let in any more.

    `seen`: UTC epoch seconds when the client was last here. `unreleased`: QoS 2 packet ids that
    arrived. `sent`: the highest ordinal that was ever sent, or may have been before we started;
    `marked`: up to which it is durable that it may be sent, so that it gets DUP after a restart
    [MQTT-3.3.1-1]. `settling`: ordinals done with, while the journal still has them.
    `unshown`: filters, and QoS, for which what is retained was not shown to the end.
    `queued`, `queued_size`: of the queue, by `weight`. `trimmed`: how many messages were lost to a
    full queue, ever; `trimming`: some are about to be. `displaced`: by newer ones, since we
    started. `told`: whether the log says since the client was last here that messages are lost.
    `ended`: it is no more.

    `_coming`: count and weight of what is being stored, `_going`: of what goes by that, by the
    ordinal that it goes for (0: for none). `_under_way`: weights of what was sent and is still in
    the queue. `_marks`: what `marked` becomes by records under way, by ordinals that they bring or
    else numbers below 0; `_asked`: the highest of all. `_listed`: what `losses` said before.
    """

    __slots__ = (
        "_asked",
        "_asks",
        "_coming",
        "_going",
        "_listed",
        "_marks",
        "_newest",
        "_under_way",
        "client_id",
        "displaced",
        "ended",
        "level",
        "marked",
        "namespace",
        "next_ordinal",
        "number",
        "outgoing",
        "queued",
        "queued_size",
        "seen",
        "sent",
        "settling",
        "told",
        "trimmed",
        "trimming",
        "unreleased",
        "unshown",
        "who",
    )

    def __init__(
        self,
        number: int,
        namespace: str,
        client_id: str,
        who: Who | None,
        level: int,
        seen: float,
    ) -> None:
        self.number = number
        self.namespace = namespace
        self.client_id = client_id
        self.who = who
        self.level = level
        self.seen = seen
        self.outgoing: DurableOutgoing[Who] | None = None
        self.unreleased: set[int] = set()
        self.next_ordinal = 1
        self.sent = 0
        self.marked = 0
        self.settling: set[int] = set()
        self.unshown: dict[str, int] = {}
        self.queued = 0
        self.queued_size = 0
        self.trimmed = 0
        self.displaced = 0
        self.told = False
        self.ended = False
        self.trimming = False
        self._newest: dict[str, list[int]] = {}
        self._coming = _NOTHING
        self._going: dict[int, _Amount] = {}
        self._under_way: dict[int, int] = {}
        self._marks: dict[int, int] = {}
        self._asked = 0
        self._asks = 0
        self._listed = 0, 0

    @classmethod
    def restored(cls, stored: StoredSession, who: Who | None) -> "DurableSession[Who]":
        """As it is remembered."""
        session = cls(
            stored.number, stored.namespace, stored.client_id, who, stored.level, stored.seen
        )
        session.unreleased = set(stored.unreleased)
        session.next_ordinal = max(stored.next_ordinal, stored.sent + 1)
        session.sent = session.marked = session._asked = stored.sent
        session._under_way = dict(stored.under_way)
        session.queued, session.queued_size = stored.queued, stored.queued_size
        session.trimmed = stored.trimmed
        session._listed = stored.trimmed, 0
        for ordinal, topic in stored.replaceable:
            if ordinal > stored.sent:  # Else the client may know its packet id.
                session._newest.setdefault(topic, []).append(ordinal)
        return session

    @property
    def online(self) -> bool:
        """Whether its client is connected."""
        return self.outgoing is not None

    # A message that will wait.

    def refer(self, message: Message, qos: int, retain: bool, standing: Standing) -> Reference:
        """A place at the end of the queue. `stored` and `committed`, or `uncommitted`, have to
        follow.
        """
        ordinal = self.next_ordinal
        self.next_ordinal += 1
        self._coming = _plus(self._coming, (1, weight(message)))
        return Reference(self.number, ordinal, qos, retain, standing)

    def displace(self, topic: str, reference: Reference, most: int) -> Sequence[int]:
        """The places that `reference`, a newer message of `topic`, makes worthless: those that
        were never sent, while the client is away. At most `most` topics are known.
        """
        if reference.standing is not Standing.REPLACED:
            return ()
        older = self._newest.pop(topic, [])
        if self.online:
            self._newest[topic] = [reference.ordinal]
            older = []
        else:
            # Until it is stored the older ones may be all there is.
            self._newest[topic] = [*older, reference.ordinal]
        if len(self._newest) > most:
            del self._newest[next(iter(self._newest))]
        if older:
            self._going[reference.ordinal] = len(older), 0
        return older

    def stored(self, reference: Reference, message: Message) -> None:
        """It is durable, and counts; `committed` follows."""
        self.may_send(reference.ordinal)
        self._arrived(reference.ordinal, message)
        self.queued += 1
        self.queued_size += weight(message)

    def committed(self, reference: Reference, owner: Owner, message: Message) -> None:
        """It is durable, and goes out now if it can."""
        ordinal = reference.ordinal
        if reference.standing is Standing.REPLACED:
            places = self._newest.get(message.topic)
            if places is not None and ordinal in places:
                del places[: places.index(ordinal)]
        if self.outgoing is not None and not owner.gone:
            placed = Message(message.topic, message.payload, reference.qos, reference.retain)
            self.outgoing.take(Queued(ordinal, owner.name, placed, released=False))

    def uncommitted(self, reference: Reference, message: Message) -> None:
        """It was not stored: its place stays empty."""
        self._arrived(reference.ordinal, message)
        if self._marks.pop(reference.ordinal, None) is not None:
            self._asked = max([self.marked, *self._marks.values()])
        self._drop(reference.ordinal, message.topic)

    # How far it is sent.

    def will_send(self, ordinal: int, lead: int) -> Sent | None:
        """What has to be recorded with the message at `ordinal`, if it is to be sent at once; the
        next `lead` ones need nothing then."""
        if self.outgoing is None or ordinal <= self._asked or not self.outgoing.idle:
            return None
        return self._mark(ordinal, ordinal + lead)

    def ask(self, ordinal: int) -> tuple[Sent, int]:
        """What has to be recorded, and `may_send` told of, before all up to `ordinal` is sent."""
        self._asks += 1
        return self._mark(-self._asks, ordinal), -self._asks

    def may_send(self, key: int) -> None:
        """It is recorded."""
        self.marked = max(self.marked, self._marks.pop(key, 0))

    def unmark(self) -> Sent | None:
        """What has to be recorded once the client is gone: so far was sent, and no further."""
        if self.online or self.ended or self._asked <= self.sent:
            return None
        self._marks.clear()  # They are recorded before this.
        self.marked = self._asked = self.sent
        return Sent(self.number, self.sent)

    def _mark(self, key: int, ordinal: int) -> Sent:
        self._marks[key] = self._asked = ordinal
        return Sent(self.number, ordinal)

    # A message on its way out.

    def sending(self, queued: Queued) -> None:
        """It is sent, for the first time or again."""
        self.sent = max(self.sent, queued.ordinal)
        self._under_way[queued.ordinal] = weight(queued.message)
        self._drop(queued.ordinal, queued.message.topic)

    def settled(self, ordinals: Sequence[int]) -> None:
        """They are gone from the queue, durably."""
        self.settling.difference_update(ordinals)
        for ordinal in ordinals:
            self._under_way.pop(ordinal, None)

    def begins_with(self, page: Sequence[Queued]) -> None:
        """This is what the queue begins with now, all of it if there is nothing: what else was sent
        is not in it any more, as what was cut off when it was just being sent."""
        there = {each.ordinal for each in page}
        last = page[-1].ordinal if page else self.sent
        for ordinal in list(self._under_way):
            if ordinal <= last and ordinal not in there:
                del self._under_way[ordinal]

    def forget(self, publisher: str, topic_filter: str | None = None) -> None:
        """Nothing of theirs is sent any more, or nothing of these topics; it goes from the queue by
        itself."""
        if self.outgoing is not None:
            self.outgoing.forget(publisher, topic_filter)

    def deliver(self, owner: Owner, message: Message, granted: int) -> None:
        """A live message that is not in the queue."""
        if self.outgoing is not None:
            self.outgoing.deliver(owner, message, granted)

    # How long the queue is.

    def removed(self, removed: Removed) -> None:
        """So much is gone from the queue."""
        self.queued -= removed.count
        self.queued_size -= removed.size
        self.trimmed += removed.trimmed

    def losses(self) -> tuple[int, int]:
        """How many messages were lost to a full queue, and displaced by newer ones, since this was
        last asked or we started."""
        listed, self._listed = self._listed, (self.trimmed, self.displaced)
        self.told = False
        return self.trimmed - listed[0], self.displaced - listed[1]

    def excess(self, limits: Limits) -> Trim | None:
        """What has to go once all is done that is being recorded. Messages that may be on the wire
        stay, as the client may know their ids, and do not count: they are on their way out.
        """
        count, size = _plus(self._coming, (self.queued, self.queued_size))
        count, size = count - limits.max_queued, size - limits.max_queued_bytes
        if count <= 0 and size <= 0:
            return None
        count -= len(self._under_way)
        size -= sum(self._under_way.values())
        for going, going_size in self._going.values():
            count, size = count - going, size - going_size
        if count <= 0 and size <= 0:
            return None
        return Trim(self.number, max(0, count), max(0, size), self.sent)

    def trim(self, trim: Trim | None, ordinal: int = 0) -> None:
        """It is about to be recorded with the message at `ordinal`, or with none: what goes by it
        is not in excess any more. None: it was recorded, alone."""
        if trim is None:
            self._going.pop(ordinal, None)
        else:
            going = self._going.get(ordinal, _NOTHING)
            self._going[ordinal] = _plus(going, (trim.count, trim.size))

    def _arrived(self, ordinal: int, message: Message) -> None:
        self._coming = _plus(self._coming, (-1, -weight(message)))
        self._going.pop(ordinal, None)

    def _drop(self, ordinal: int, topic: str) -> None:
        places = self._newest.get(topic)
        if places is not None and ordinal in places:
            places.remove(ordinal)
            if not places:
                del self._newest[topic]
