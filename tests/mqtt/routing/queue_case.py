"""What the tests of queues stand on: somebody who publishes, and somebody who is away."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.routing.limits import Limits
from tests.mqtt.routing.rig import Phone, Rig


class QueueCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.begin(Limits())

    def begin(self, limits: Limits) -> None:
        self.rig = Rig(limits)
        self.publisher = self.rig.phone("publisher", user="pub")

    def restart(self, limits: Limits | None = None) -> None:
        self.rig.restart(limits)
        self.publisher = self.rig.phone("publisher", user="pub")

    def publish(self, *payloads: bytes, topic: str = "a", qos: int = 1) -> None:
        for payload in payloads:
            self.publisher.publish(topic, payload, qos=qos)
            self.rig.turn()

    def away(self, topic_filter: str = "#", qos: int = 1, client_id: str = "phone") -> None:
        phone = self.rig.resident(topic_filter, qos, client_id=client_id)
        phone.leave()
        phone.hang_up()

    def drain(self, phone: Phone) -> list[bytes]:
        """All that comes, acknowledged as it comes."""
        taken: list[bytes] = []
        while came := phone.take():
            taken += came
            self.rig.turn(2)
        return taken

    def queued(self) -> int:
        return self.rig.broker.counters.queued

    def number(self, payloads: range) -> list[bytes]:
        return [b"%d" % number for number in payloads]
