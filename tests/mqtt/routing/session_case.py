"""What the tests of sessions stand on: clients that come and go, and what they are told."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode
from tests.mqtt.routing.rig import Rig

NEW = Connack(False, ConnackCode.ACCEPTED)
PRESENT = Connack(True, ConnackCode.ACCEPTED)
UNAVAILABLE = Connack(False, ConnackCode.SERVER_UNAVAILABLE)
DAY = 24 * 60 * 60


class SessionCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.rig = Rig()

    def told(self, client_id: str = "phone", *, clean: bool = False, level: int = 4) -> Connack:
        """What a client that connects is told; it stays."""
        (connack,) = self.rig.connect(client_id, clean=clean, level=level).hear()
        assert isinstance(connack, Connack)
        return connack

    def publish(self, topic: str = "a", payload: bytes = b"x", user: str = "bob") -> None:
        publisher = self.rig.phone("publisher", user=user)
        publisher.publish(topic, payload)
        publisher.leave()
        publisher.hang_up()

    def restart(self) -> None:
        self.rig.restart()
