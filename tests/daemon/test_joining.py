"""How rooms are joined: what one of them knows reaches the others."""

from typing import Any, cast

from attrs import define
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mytracks import __version__
from mytracks.daemon.ground import condition, healthy
from mytracks.errors import Unavailable
from mytracks.health import DatabaseCondition, Health
from mytracks.mqtt.protocol.packets.connect import Connect
from mytracks.mqtt.routing.ports import Peer
from mytracks.phones.gatekeeper import Gatekeeper
from mytracks.phones.limits import MQTTLimits
from mytracks.store.database import DatabaseHealth, State
from mytracks.store.open import Store


@define
class Ailing:
    """A store with nothing but a health; its own `database`."""

    health: DatabaseHealth

    @property
    def database(self) -> "Ailing":
        return self


class HealthTests(SynchronousTestCase):
    """What the store says of itself."""

    def setUp(self) -> None:
        self.ailing = Ailing(DatabaseHealth(State.OK, "", 1_767_225_600))
        self.store = cast(Store, self.ailing)

    def becomes(self, state: State, reason: str) -> None:
        """From one moment to the next."""
        self.ailing.health = DatabaseHealth(state, reason, 1_767_225_660.9)

    def test_it_is_told_with_its_reason_and_since_when(self) -> None:
        """Whoever watches must tell a full disk from a server that is away."""
        well = DatabaseCondition(state="ok", reason="", since="2026-01-01T00:00:00Z")
        self.assertEqual(
            Health(status="ok", version=__version__, database=well), condition(self.store)
        )
        for state in set(State) - {State.OK}:
            self.becomes(state, "no luck")
            told = condition(self.store)
            ill = (told.status, told.database.state, told.database.reason, told.database.since)
            self.assertEqual(("degraded", state.value, "no luck", "2026-01-01T00:01:00Z"), ill)

    def test_no_phone_is_let_in_while_nothing_can_be_stored(self) -> None:
        """It would hand over what it has and be told nothing for as long as that lasts; refused as
        our trouble, it keeps everything and comes again."""

        class Open:
            """Lets everybody in."""

            async def password(self, *_: Any, **__: Any) -> Any:
                return "in"

            def again(self, *_: Any) -> None:
                """Nobody was here before."""

            def welcome(self, _: int) -> bool:
                """Everybody is."""
                return True

            def anonymous(self, *_: Any, **__: Any) -> None:
                """Nobody is let in without credentials."""

            def certificate(self, *_: Any, **__: Any) -> Any:
                return "in"

        gatekeeper = Gatekeeper(Open(), lambda: healthy(self.store), MQTTLimits())
        connect = Connect(4, "c", True, 60, None, "ana", b"word")
        for state in (*State, State.OK):
            self.becomes(state, "")
            admitted = Deferred.fromCoroutine(gatekeeper.admit(connect, Peer("::1", 1, "mqtt")))
            if state is State.OK:
                self.assertEqual("in", self.successResultOf(admitted))
            else:
                self.failureResultOf(admitted, Unavailable)
