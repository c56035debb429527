"""Until the store keeps sessions: a journal that records facts and nothing else.

Sessions, queues, retained messages and Wills last as long as the process; what waits for a phone
that is away is lost, and what is sent to one that is there is not sent again.
"""

from collections.abc import Sequence

from twisted.internet.defer import Deferred, succeed

from mytracks.mqtt.routing.changes import Change
from mytracks.mqtt.routing.journal import Queued, Recorded, Remembered
from mytracks.phones.facts import Fact, Kept
from mytracks.store.mqtt_sessions import StoredJournal


class ForgetfulJournal:
    """Implements `mqtt.routing.journal.Journal` in part: only `record`, of facts."""

    def __init__(self, stored: StoredJournal) -> None:
        self._stored = stored

    def load(self) -> Deferred[Remembered]:
        """Nothing."""
        return succeed(Remembered(sessions=(), retained=(), wills=(), next_session=1))

    def record(
        self, facts: Sequence[Fact], changes: Sequence[Change] = ()
    ) -> Deferred[Recorded[Kept]]:
        """Store the facts; fires in the order of the calls."""
        return self._stored.record(facts).addCallback(Recorded)

    def queued(
        self, session: int, after: int, most: int, most_bytes: int
    ) -> Deferred[Sequence[Queued]]:
        """Nothing."""
        nothing: Sequence[Queued] = ()
        return succeed(nothing)
