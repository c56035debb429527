"""All durable sessions: found by user and client id, begun, resumed, and ended when nobody needs
them any more.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Generic

from attrs import define
from twisted.logger import Logger

from mytracks.mqtt.routing.changes import Began, Change, Ended, Seen
from mytracks.mqtt.routing.durable import DurableSession
from mytracks.mqtt.routing.journal import StoredSession
from mytracks.mqtt.routing.ports import Who
from mytracks.mqtt.routing.subscriptions import Subscriptions
from mytracks.mqtt.routing.terms import Terms

SEEN_EVERY: Final = 24 * 60 * 60.0
"""Seconds after which it is noted that a client is still here."""


@define
class Opening(Generic[Who]):
    """`session`: None: a clean one. `present`: there was one [MQTT-3.2.2-2]. `changes`: to be
    durable before the client is told."""

    session: DurableSession[Who] | None
    present: bool
    changes: Sequence[Change]


class Sessions(Generic[Who]):
    """The durable sessions of one broker."""

    log = Logger()

    def __init__(self, terms: Terms[Who], subscriptions: Subscriptions[Who]) -> None:
        self._terms = terms
        self._subscriptions = subscriptions
        self._by_number: dict[int, DurableSession[Who]] = {}
        self._by_name: dict[str, dict[str, DurableSession[Who]]] = {}
        self.next_number = 1

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[DurableSession[Who]]:
        """A snapshot."""
        return iter(list(self._by_number.values()))

    def numbered(self, number: int) -> DurableSession[Who] | None:
        """The session with this number, unless it ended."""
        return self._by_number.get(number)

    def find(self, namespace: str, client_id: str) -> DurableSession[Who] | None:
        """The session of this client."""
        return self._by_name.get(namespace, {}).get(client_id)

    def restore(self, stored: StoredSession, who: Who | None) -> None:
        """It was there before we started, whatever the limits are now."""
        session = DurableSession.restored(stored, who)
        self._add(session)
        for topic_filter, qos in stored.subscriptions.items():
            self._subscriptions.add(session, topic_filter, qos)

    def open(
        self, who: Who, mark: str, namespace: str, client_id: str, level: int, clean: bool
    ) -> Opening[Who] | None:
        """The session for a client that connects; None: its user has too many.

        A clean one throws the old one away [MQTT-3.1.2-6]; else it is resumed [MQTT-3.1.2-4].
        """
        session = self.find(namespace, client_id)
        if clean:
            ended = () if session is None else (self.end(session),)
            return Opening(None, False, ended)
        now = self._terms.clock.now()
        lapsed: Sequence[Change] = ()
        if session is not None and self._has_lapsed(session, now):
            lapsed, session = (self._lapse(session),), None
        if session is not None:
            self._tell_losses(session)
            return Opening(session, True, [self._seen(session, who, mark, level, now)])
        room = self._make_room(namespace)
        if room is None:
            return None  # A session that lapsed makes room by itself.
        session = DurableSession(self.next_number, namespace, client_id, who, level, now)
        self.next_number += 1
        self._add(session)
        began = Began(session.number, namespace, client_id, level, mark, now)
        return Opening(session, False, [*lapsed, *room, began])

    def unopened(self, opening: Opening[Who]) -> Sequence[Change]:
        """Its changes could not be stored: what there was ends all the same, a new one is not
        begun. What is returned has to be recorded some time.
        """
        if opening.session is not None and not opening.present and not opening.session.ended:
            self.end(opening.session)
        return [change for change in opening.changes if isinstance(change, Ended)]

    def end(self, session: DurableSession[Who]) -> Ended:
        """It is no more; what is returned has to be recorded."""
        session.ended = True
        del self._by_number[session.number]
        theirs = self._by_name[session.namespace]
        del theirs[session.client_id]
        if not theirs:
            del self._by_name[session.namespace]
        self._subscriptions.leave(session)
        return Ended(session.number)

    def left(self, session: DurableSession[Who]) -> Change | None:
        """Its client is gone: to be recorded some time."""
        if session.ended or session.who is None:
            return None
        return self._still_seen(session, session.who)

    def sweep(self) -> Sequence[Change]:
        """End those whose client was not here for too long; note who is. To be recorded."""
        now = self._terms.clock.now()
        changes: list[Change] = []
        for session in self:
            if session.online:
                if session.who is not None and now - session.seen >= SEEN_EVERY:
                    changes.append(self._still_seen(session, session.who))
            elif self._has_lapsed(session, now):
                changes.append(self._lapse(session))
        return changes

    def _has_lapsed(self, session: DurableSession[Who], now: float) -> bool:
        return not session.online and session.seen < now - self._terms.limits.session_expiry

    def _lapse(self, session: DurableSession[Who]) -> Ended:
        self._told(session, "it was not here for too long")
        self._terms.counters.lapsed += 1
        return self.end(session)

    def forget(self, namespace: str) -> None:
        """Somebody is no more. What the journal has of them goes by itself."""
        for session in list(self._by_name.get(namespace, {}).values()):
            self.end(session)

    def _add(self, session: DurableSession[Who]) -> None:
        self._by_number[session.number] = session
        self._by_name.setdefault(session.namespace, {})[session.client_id] = session

    def _still_seen(self, session: DurableSession[Who], who: Who) -> Seen:
        mark = self._terms.gatekeeper.mark(who)
        return self._seen(session, who, mark, session.level, self._terms.clock.now())

    def _seen(
        self, session: DurableSession[Who], who: Who, mark: str, level: int, now: float
    ) -> Seen:
        session.who, session.level, session.seen = who, level, now
        return Seen(session.number, level, mark, now)

    def _make_room(self, namespace: str) -> Sequence[Change] | None:
        """For one more session: phones that were given away count less than a new one."""
        theirs = self._by_name.get(namespace, {})
        excess = len(theirs) + 1 - self._terms.limits.max_sessions
        if excess <= 0:
            return ()
        away = sorted(
            (each for each in theirs.values() if not each.online), key=lambda each: each.seen
        )
        if len(away) < excess:
            return None
        for session in away[:excess]:
            self._told(session, "its user has too many, and it was not here for longest")
            self._terms.counters.lapsed += 1
        return [self.end(session) for session in away[:excess]]

    def _tell_losses(self, session: DurableSession[Who]) -> None:
        dropped, displaced = session.losses()
        if dropped or displaced:
            (self.log.warn if dropped else self.log.info)(
                "{dropped} messages for {client} of {user} were dropped for want of room, "
                "{displaced} places replaced by newer ones",
                dropped=dropped,
                displaced=displaced,
                client=session.client_id,
                user=session.namespace,
            )

    def _told(self, session: DurableSession[Who], reason: str) -> None:
        self.log.info(
            "the session of {client} of {user} ends: {reason}; {count} messages waited",
            client=session.client_id,
            user=session.namespace,
            reason=reason,
            count=session.queued,
        )
