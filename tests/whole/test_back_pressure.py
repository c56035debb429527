"""The store holds the broker back: a flood waits in the phones, not in our memory."""

import time

from tests.whole import packets
from tests.whole.cases import ANA, WholeCase
from tests.whole.fixes import fix, wire
from tests.whole.packets import PUBACK

FLOOD = 300


class BackPressureTests(WholeCase):
    """Refusing is the last resort, for what is refused is tried again only a second later."""

    def test_a_flood_is_held_back_before_any_of_it_is_refused(self) -> None:
        """If it were refused, 20 in a second would get through: 15 seconds."""
        store = {"MYTRACKS_STORE__PAUSE_AT": "10", "MYTRACKS_STORE__REFUSE_AT": "20"}
        daemon = self.new_daemon(environ=store).start()
        phones = [self.signed_in(daemon, ANA) for _ in range(3)]
        numbers = range(1, FLOOD // len(phones) + 1)
        topic = f"owntracks/{ANA}/flood"
        begin = time.monotonic()
        for phone in phones:
            phone.send(b"".join(packets.publish(topic, wire(fix()), n) for n in numbers))
        for phone in phones:
            for number in numbers:
                self.assertEqual(number, phone.expect(PUBACK, 30).packet_id)
        self.assertLess(time.monotonic() - begin, 5.0)
