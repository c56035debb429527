"""How much of a body is taken in."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.web.body import Body, Room, State
from mytracks.web.limits import Limits

SMALL = Limits(
    max_body_size=100, max_publish_size=200, max_publish_read=1000, oversize_kept=50, max_bodies=300
)
PIECES = st.lists(st.binary(min_size=1, max_size=120), max_size=15)


def body(*, publishing: bool, room: Room | None = None) -> Body:
    return Body(SMALL, room or Room(SMALL.max_bodies), publishing=publishing)


class BodyTests(SynchronousTestCase):
    """The limits, at each and one past it."""

    def test_a_body_up_to_the_limit_is_taken_and_one_byte_more_is_not(self) -> None:
        """413 comes exactly where the setting says, announced or not."""
        self.assertIs(State.TAKING, body(publishing=False).announced(100))
        self.assertIs(State.TOO_LARGE, body(publishing=False).announced(101))
        chunked = body(publishing=False)
        self.assertIs(State.TAKING, chunked.received(b"x" * 100))
        self.assertIs(State.TOO_LARGE, chunked.received(b"x"))

    def test_a_publish_above_its_limit_keeps_its_beginning_and_is_read_to_its_end(self) -> None:
        """The phone gets its 200 and goes on with the next message."""
        large = body(publishing=True)
        self.assertIs(State.TAKING, large.received(b"a" * 200))
        self.assertIs(State.SKIMMING, large.received(b"b" * 300))
        self.assertIs(State.SKIMMING, large.received(b"c" * 500))
        self.assertEqual(b"a" * 50, large.content.getvalue())
        self.assertEqual((1000, True), (large.size, large.oversized))

    def test_a_publish_beyond_all_measure_is_cut(self) -> None:
        """Nobody keeps a connection busy for ever with one message."""
        endless = body(publishing=True)
        endless.received(b"a" * 1000)
        self.assertIs(State.CUT, endless.received(b"a"))
        self.assertTrue(endless.oversized)

    def test_a_publish_announced_beyond_all_measure_is_cut_as_soon_as_its_beginning_is_there(
        self,
    ) -> None:
        """There is no point in reading what will not be read to its end."""
        announced = body(publishing=True)
        self.assertIs(State.TAKING, announced.announced(1001))
        self.assertIs(State.TAKING, announced.received(b"a" * 50))
        self.assertIs(State.CUT, announced.received(b"b"))
        self.assertEqual(b"a" * 50, announced.content.getvalue())

    def test_all_bodies_together_stay_within_their_room(self) -> None:
        """A thousand slow uploads must not fill the memory."""
        room = Room(SMALL.max_bodies)
        waiting = [body(publishing=False, room=room) for _ in range(3)]
        for each in waiting:
            self.assertIs(State.TAKING, each.received(b"x" * 100))
        self.assertIs(State.NO_ROOM, body(publishing=False, room=room).received(b"x"))
        waiting[0].close()
        waiting[0].close()
        self.assertIs(State.TAKING, body(publishing=False, room=room).received(b"x" * 100))
        self.assertIs(State.NO_ROOM, body(publishing=False, room=room).received(b"x"))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(PIECES, st.booleans())
    def test_however_it_is_cut_it_keeps_a_beginning_and_gives_all_room_back(
        self, pieces: list[bytes], publishing: bool
    ) -> None:
        """Networks cut anywhere; memory is never lost on the way."""
        room = Room(SMALL.max_bodies)
        taken = body(publishing=publishing, room=room)
        for piece in pieces:
            taken.received(piece)
        whole = b"".join(pieces)
        self.assertTrue(whole.startswith(taken.content.getvalue()))
        limit = SMALL.max_publish_size if publishing else SMALL.max_body_size
        self.assertLessEqual(len(taken.content.getvalue()), limit)
        if len(whole) <= limit:
            self.assertEqual(whole, taken.content.getvalue())
        taken.close()
        self.assertTrue(room.take(SMALL.max_bodies))
