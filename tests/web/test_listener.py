"""What one viewer of the live door is told, and in which order."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import task
from twisted.trial.unittest import SynchronousTestCase

from mytracks.clock import Clock
from mytracks.sharing.visibility import Visibility
from mytracks.tracks.limits import Limits
from mytracks.tracks.live import DeviceStatus, Live
from mytracks.tracks.locations import Recorded
from mytracks.web.listener import Listener, State, encoded
from tests.tracks.memory import ANA, BENS, NOW, PHONE, fix


class Viewer:
    """A listener and what it was told. `full_at`: stops reading at so many messages."""

    def __init__(self, live: Live) -> None:
        self.told: list[Any] = []
        self.welcome = True
        self.full_at: int | None = None
        self.listener = Listener(
            live,
            ANA,
            send=self.take,
            still_welcome=lambda: self.welcome,
            sent_away=lambda: self.listener.end(),
            encode=encoded,
        )

    def take(self, message: bytes) -> None:
        self.told.append(msgspec.json.decode(message))
        if len(self.told) == self.full_at:
            self.listener.pause()

    @property
    def kinds(self) -> list[str]:
        return [message["type"] for message in self.told]

    @property
    def times(self) -> list[int]:
        """When the locations that it was told were."""
        found = (m["data"] for m in self.told if m["type"] == "location")
        return [data["timestamp_unix"] for data in found]


class ListenerTests(SynchronousTestCase):
    """Nothing lost, nothing twice, nothing buffered."""

    def setUp(self) -> None:
        self.live = Live(Visibility, Clock(task.Clock(), lambda: NOW), Limits(max_replay=10))

    def happen(self, *times: int) -> None:
        for at in times:
            self.live.tell(Recorded(PHONE, fix(at)))

    def test_who_asks_is_told_where_one_stands(self) -> None:
        """A page that hears nothing for a while wants to know whether that is the truth."""
        viewer = Viewer(self.live)
        viewer.listener.begin(None)
        self.happen(1)
        viewer.listener.answer()
        self.assertEqual(
            ("tick", self.live.number), (viewer.told[-1]["type"], viewer.told[-1]["seq"])
        )

    def test_who_does_not_read_is_not_answered(self) -> None:
        """However often it asks: nothing is buffered for it."""
        viewer = Viewer(self.live)
        viewer.listener.begin(None)
        viewer.listener.pause()
        viewer.listener.answer()
        self.assertEqual(["welcome"], viewer.kinds)

    def test_the_welcome_comes_first_with_where_one_stands(self) -> None:
        """A page that sees another start time than before loads itself anew."""
        viewer = Viewer(self.live)
        viewer.listener.begin(None)
        self.happen(1)
        first, second = viewer.told
        self.assertEqual(("welcome", self.live.number - 1), (first["type"], first["seq"]))
        self.assertEqual({"server_startup": self.live.startup}, first["data"])
        self.assertEqual(("location", self.live.number), (second["type"], second["seq"]))

    def test_who_comes_back_is_told_what_was_missed(self) -> None:
        """In order and after the welcome, which says from where."""
        self.happen(1, 2)
        since = self.live.number
        self.happen(3, 4)
        viewer = Viewer(self.live)
        viewer.listener.begin(since)
        self.happen(5)
        self.assertEqual("welcome", viewer.kinds[0])
        self.assertEqual(since, viewer.told[0]["seq"])
        self.assertEqual([3, 4, 5], viewer.times)

    def test_who_was_away_too_long_is_told_of_the_gap(self) -> None:
        """The page then asks anew instead of showing half of it."""
        since = self.live.number
        self.happen(*range(1, 12))
        for number in (since, self.live.number + 1, -1, 2**70):
            viewer = Viewer(self.live)
            viewer.listener.begin(number)
            self.assertEqual(["welcome", "gap"], viewer.kinds)
            self.assertEqual([self.live.number] * 2, [m["seq"] for m in viewer.told])

    def test_who_does_not_read_is_left_out_and_then_told_what_it_missed(self) -> None:
        """A sleeping laptop costs no memory and loses nothing."""
        viewer = Viewer(self.live)
        viewer.listener.begin(None)
        self.happen(1)
        viewer.listener.pause()
        self.happen(2, 3)
        self.assertEqual([1], viewer.times)
        viewer.listener.resume()
        self.assertEqual([1, 2, 3], viewer.times)
        viewer.listener.pause()
        self.happen(*range(4, 20))
        viewer.listener.resume()
        self.assertEqual("gap", viewer.kinds[-1])
        self.happen(20)
        self.assertEqual([1, 2, 3, 20], viewer.times)

    def test_what_others_do_does_not_age_a_viewer(self) -> None:
        """A quiet phone's viewer must not see a gap because others were busy while it listened."""
        viewer = Viewer(self.live)
        viewer.listener.begin(None)
        self.happen(1)
        for _ in range(20):
            self.live.tell(Recorded(BENS, fix(9)))
        viewer.listener.pause()
        self.happen(2)
        viewer.listener.resume()
        self.assertEqual([1, 2], viewer.times)
        self.assertNotIn("gap", viewer.kinds)

    def test_a_viewer_that_stops_in_the_middle_of_catching_up_goes_on_there(self) -> None:
        """The replay itself may fill the socket."""
        since = self.live.number
        self.happen(1, 2, 3, 4, 5)
        viewer = Viewer(self.live)
        viewer.full_at = 3
        viewer.listener.begin(since)
        self.assertEqual([1, 2], viewer.times)
        self.happen(6)
        viewer.listener.resume()
        self.assertEqual([1, 2, 3, 4, 5, 6], viewer.times)

    def test_who_is_no_longer_signed_in_is_told_nothing_more(self) -> None:
        """Asked before each message, not when the socket was opened."""
        viewer = Viewer(self.live)
        viewer.listener.begin(None)
        viewer.welcome = False
        self.happen(1, 2)
        self.assertEqual(["welcome"], viewer.kinds)
        self.assertIs(State.GONE, viewer.listener.state)
        viewer.listener.resume()
        self.assertEqual(0, self.live.listeners)

    def test_devices_that_come_and_go_are_told(self) -> None:
        """With the words of the original, and the other half that it never had."""
        viewer = Viewer(self.live)
        viewer.listener.begin(None)
        self.live.tell(DeviceStatus(device=PHONE, online=False, at=NOW))
        self.live.tell(DeviceStatus(device=PHONE, online=True, at=NOW))
        gone, back = (message["data"] for message in viewer.told[1:])
        self.assertEqual(
            ("ana/phone", False, "device_offline", "2026-01-01T01:00:00Z"),
            tuple(gone[n] for n in ("device_id", "is_online", "event", "disconnected_at")),
        )
        self.assertEqual(("device_online", None), (back["event"], back["disconnected_at"]))

    @settings(derandomize=True, deadline=None, max_examples=150)
    @given(st.lists(st.sampled_from(["happen", "pause", "resume", "full"]), max_size=40))
    def test_whatever_happens_nothing_is_told_twice_or_out_of_order(self, steps: list[str]) -> None:
        """And nothing is missed between two messages unless a gap says so."""
        self.setUp()
        viewer = Viewer(self.live)
        viewer.listener.begin(None)
        happened = 0
        for step in steps:
            if step == "happen":
                happened += 1
                self.happen(happened)
            elif step == "full":
                viewer.full_at = len(viewer.told) + 1
            elif step == "pause":
                viewer.listener.pause()
            else:
                viewer.listener.resume()
        viewer.full_at = None
        viewer.listener.resume()
        self.assertEqual(sorted(set(viewer.times)), viewer.times)
        if "gap" not in viewer.kinds:
            self.assertEqual(list(range(1, happened + 1)), viewer.times)
