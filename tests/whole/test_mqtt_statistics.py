"""`$SYS/broker/…`: how the broker fares, for administrators and for nobody else (contract 3)."""

from tests.whole.cases import ADMIN, ANA, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.phone import Phone

UPTIME = "$SYS/broker/uptime"


class StatisticsTests(WholeCase):
    """Told every second here."""

    def daemon(self) -> Daemon:
        return self.new_daemon(environ={"MYTRACKS_MQTT__SYS_INTERVAL": "1"}).start()

    def heard(self, phone: Phone) -> dict[str, bytes]:
        """Until the uptime, which is told first, comes for the third time: once retained, then
        with all that has changed."""
        told: dict[str, bytes] = {}
        times = 0
        while times < 3:
            message = phone.delivery()
            self.assertEqual(0, message.qos)
            told[message.topic] = message.payload
            times += message.topic == UPTIME
        return told

    def test_an_administrator_is_told_and_nobody_else(self) -> None:
        """At once and from then on; durable sessions neither store it nor miss it."""
        daemon = self.daemon()
        root, ana = self.signed_in(daemon, ADMIN), self.signed_in(daemon, ANA)
        ana.subscribe("$SYS/#", "$SYS/broker/uptime", "#")
        root.subscribe("$SYS/#", qos=1)
        told = self.heard(root)
        self.assertIn(b"mytracks version", told["$SYS/broker/version"])
        for name in ("clients/connected", "messages/received", "bytes/sent", "subscriptions/count"):
            self.assertGreater(int(told["$SYS/broker/" + name]), 0, name)
        for name in ("retained messages/count", "clients/maximum", "load/bytes/sent/1min"):
            self.assertIn("$SYS/broker/" + name, told)
        ana.ping()
        self.assertRaises(TimeoutError, ana.delivery, 1.5)

    def test_a_wildcard_does_not_begin_with_it_and_nobody_publishes_there(self) -> None:
        """[MQTT-4.7.2-1]; acknowledged and dropped, whoever tries."""
        daemon = self.daemon()
        root = self.signed_in(daemon, ADMIN)
        root.subscribe("#", "+/broker/uptime")
        root.publish(UPTIME, b"for ever", retain=True)
        root.publish("$other", b"x", retain=True)
        self.assertRaises(TimeoutError, root.delivery, 1.5)
        again = self.signed_in(daemon, ADMIN)
        again.subscribe(UPTIME, "$other")
        self.assertIn(b"seconds", again.delivery().payload)
        self.assertEqual(UPTIME, again.delivery().topic)
