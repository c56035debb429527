"""A location, lenient in (OwnTracks 7.1, 7.2) and strict out (9.4)."""

import json
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.owntracks.location import TOLERATED, LocationMessage, write_location
from mytracks.owntracks.members import RULES
from mytracks.owntracks.messages import parse
from mytracks.owntracks.reading import Unreadable

NOW = 1_767_229_200

ANDROID = (
    b'{"_type":"location","topic":"owntracks/jane/pixel8","qos":1,"retained":true,'
    b'"created_at":1767225605,"_id":"3fa91c07","source":"fused","batt":81,"bs":1,"acc":12,"vac":3,'
    b'"lat":48.858330,"lon":2.295130,"alt":35,"tst":1767225600,"m":1,"conn":"w",'
    b'"inregions":["Home"],"BSSID":"02:00:00:00:00:00","SSID":"lan","tid":"l8"}'
)
IOS = (
    b'{"_type":"location","t":"u","lat":48.858330,"lon":2.295130,"tst":1767225600,"acc":5,"alt":35,'
    b'"vac":4,"vel":0,"cog":270,"p":101.325,"motionactivities":["stationary"],"conn":"w",'
    b'"ssid":"lan","bssid":"aa:bb:cc:dd:ee:ff","m":1,"tid":"ja","batt":80,"bs":2,'
    b'"inregions":["Home"],"inrids":["6da9cf"]}'
)
TRACKER = (
    b'{"_type":"location","tst":"1442609999","lat":"52.1","lon":"8.7","acc":"15","vel":-1,'
    b'"cog":-1,"batt":-1,"t":"T"}'
)


def read(body: bytes) -> LocationMessage:
    message = parse(body, now=NOW)
    assert isinstance(message, LocationMessage)
    return message


def location(**members: Any) -> LocationMessage:
    """A plain location with these members besides."""
    plain = {"_type": "location", "lat": 1.5, "lon": 2.5, "tst": NOW - 60}
    return read(json.dumps(plain | members).encode())


class VectorTests(SynchronousTestCase):
    """The samples of OwnTracks 18."""

    def test_a_new_android_is_understood(self) -> None:
        """Most phones in the field; its internals (`qos`, `retained`, `topic`) are not kept."""
        said = read(ANDROID)
        self.assertEqual(
            LocationMessage(
                at=1767225600,
                time_corrected=False,
                seq=said.seq,
                latitude=48.85833,
                longitude=2.29513,
                accuracy=12,
                altitude=35,
                vertical_accuracy=3,
                battery=81,
                battery_status=1,
                connection="w",
                mode=1,
                source="fused",
                tid="l8",
                message_id="3fa91c07",
                created_at=1767225605,
                in_regions=("Home",),
                ssid="lan",
                bssid="02:00:00:00:00:00",
            ),
            said,
        )

    def test_an_iphone_is_understood(self) -> None:
        """Lower-case network names, and members without a field are kept as they came."""
        said = read(IOS)
        self.assertEqual(("u", 0, 270), (said.trigger, said.velocity, said.course))
        self.assertEqual(("lan", "aa:bb:cc:dd:ee:ff"), (said.ssid, said.bssid))
        self.assertEqual(
            {"p": 101.325, "motionactivities": ["stationary"], "inrids": ["6da9cf"]}, said.extra
        )

    def test_an_old_tracker_with_numbers_in_quotes_is_understood(self) -> None:
        """Firmware that nobody updates still has a place to go."""
        said = read(TRACKER)
        self.assertEqual((1442609999, 52.1, 8.7, 15), (*_place(said), said.accuracy))
        self.assertEqual((None, None, None), (said.velocity, said.course, said.battery))
        self.assertEqual({}, said.extra)


def _place(said: LocationMessage) -> tuple[int, float, float]:
    return said.at, said.latitude, said.longitude


class TimeTests(SynchronousTestCase):
    """The time of a fix is made plausible, and what the phone wrote is kept."""

    def check(self, raw: Any, at: int, *, corrected: bool, kept: bool) -> None:
        said = location(tst=raw)
        self.assertEqual((at, corrected), (said.at, said.time_corrected), raw)
        self.assertEqual({"tst": raw} if kept else {}, said.extra, raw)

    def test_plausible_times_stay(self) -> None:
        """Old fixes come late: a phone sends a day's queue at once."""
        self.check(NOW - 86400 * 365, NOW - 86400 * 365, corrected=False, kept=False)
        self.check(1, 1, corrected=False, kept=False)
        self.check(str(NOW - 5), NOW - 5, corrected=False, kept=False)

    def test_a_fraction_is_cut_and_kept_beside(self) -> None:
        """Seconds are the order of things; nothing is lost."""
        self.check(NOW - 9.5, NOW - 10, corrected=False, kept=True)

    def test_a_clock_slightly_ahead_is_believed(self) -> None:
        """A few minutes are ordinary."""
        self.check(NOW + TOLERATED, NOW + TOLERATED, corrected=False, kept=False)

    def test_the_future_becomes_now(self) -> None:
        """Otherwise it would be the last position for years."""
        self.check(NOW + TOLERATED + 1, NOW, corrected=True, kept=True)
        self.check(2**63, NOW, corrected=True, kept=True)
        self.check(1e25, NOW, corrected=True, kept=True)

    def test_the_future_is_judged_only_by_a_clock_that_was_set(self) -> None:
        """A small computer that begins at 1970 must not put every good fix there."""
        for raw, at, corrected in (
            (NOW, NOW, False),
            (str(NOW), NOW, False),
            (NOW * 1000, NOW, True),
            (4_102_444_801, 60, True),
            (0, 60, True),
        ):
            body = json.dumps({"_type": "location", "lat": 1, "lon": 2, "tst": raw}).encode()
            said = parse(body, now=60, dated=False)
            assert isinstance(said, LocationMessage)
            self.assertEqual((at, corrected), (said.at, said.time_corrected), raw)

    def test_milliseconds_are_recognised(self) -> None:
        """A common mistake of scripts; the time in it is good."""
        self.check((NOW - 90) * 1000 + 7, NOW - 90, corrected=True, kept=True)

    def test_zero_negative_and_nonsense_become_now(self) -> None:
        """A device without a clock still says where it is."""
        for raw in (0, "0", -5, "soon", [1], True, {"a": 1}, ""):
            self.check(raw, NOW, corrected=True, kept=True)

    def test_a_missing_time_becomes_now(self) -> None:
        """There is nothing to keep then."""
        for body in (
            b'{"_type":"location","lat":1,"lon":2}',
            b'{"_type":"location","lat":1,"lon":2,"tst":null}',
        ):
            said = read(body)
            self.assertEqual((NOW, True, {}), (said.at, said.time_corrected, said.extra))


class PositionTests(SynchronousTestCase):
    def test_an_omitted_coordinate_is_zero(self) -> None:
        """New Android apps leave out what is exactly 0: on the equator, at Greenwich."""
        self.assertEqual((9, 0, 2.5), _place(read(b'{"_type":"location","lon":2.5,"tst":9}')))
        self.assertEqual((9, 2.5, 0), _place(read(b'{"_type":"location","lat":2.5,"tst":9}')))

    def test_zero_is_a_place(self) -> None:
        """Null Island has visitors."""
        self.assertEqual((9, 0, 0), _place(read(b'{"_type":"location","lat":0,"lon":0,"tst":9}')))

    def test_seven_decimals_are_kept(self) -> None:
        """About a centimetre: what is told live is what is stored."""
        said = location(lat=48.123456789, lon=-0.00000004)
        self.assertEqual((48.1234568, 0), (said.latitude, said.longitude))

    def test_the_poles_and_the_date_line_are_places(self) -> None:
        """Bounds belong to the range."""
        for lat, lon in ((90, 180), (-90, -180), ("90.0", "-180")):
            said = location(lat=lat, lon=lon)
            self.assertEqual((float(lat), float(lon)), (said.latitude, said.longitude))

    def test_the_older_name_of_longitude_is_known(self) -> None:
        """The server before us took `long` as well."""
        body = b'{"_type":"location","lat":1,"long":2,"tst":9}'
        self.assertEqual((9, 1, 2), _place(read(body)))

    def test_a_location_that_is_nowhere_is_refused_in_words(self) -> None:
        """It goes to quarantine with the reason, not on the map."""
        for members, words in (
            (b'"tst":9', "without a position"),
            (b'"lat":1', "half a position"),
            (b'"lat":91,"lon":0', "between -90 and 90"),
            (b'"lat":1,"lon":-180.1', "between -180 and 180"),
            (b'"lat":NaN,"lon":0', "not a number"),
            (b'"lat":1,"lon":Infinity', "not a number"),
            (b'"lat":1e999,"lon":0', "not a number"),
            (b'"lat":"NaN","lon":0', "not a number"),
            (b'"lat":null,"lon":0,"tst":9', "not a number"),
            (b'"lat":true,"lon":0', "not a number"),
            (b'"lat":[1],"lon":0', "not a number"),
            (b'"lat":"1_0","lon":0', "not a number"),
            (b'"lat":' + b"9" * 5000 + b',"lon":0', "latitude"),
        ):
            with self.assertRaises(Unreadable) as refused:
                read(b'{"_type":"location",' + members + b"}")
            self.assertIn(words, str(refused.exception), members)


class MemberTests(SynchronousTestCase):
    """Each row: a member, its value, its field, what is there, whether it is kept besides."""

    ROWS: tuple[tuple[str, Any, str, Any, bool], ...] = (
        ("acc", 12, "accuracy", 12, False),
        ("acc", 12.5, "accuracy", 12.5, False),
        ("acc", "15", "accuracy", 15, False),
        ("acc", " 15.5", "accuracy", 15.5, False),
        ("acc", -1, "accuracy", None, False),
        ("acc", "-1", "accuracy", None, False),
        ("acc", -7, "accuracy", None, True),
        ("acc", "wide", "accuracy", None, True),
        ("acc", 10**15, "accuracy", None, True),
        ("vac", -1.0, "vertical_accuracy", None, False),
        ("alt", -1, "altitude", -1, False),
        ("alt", -430.5, "altitude", -430.5, False),
        ("vel", 0, "velocity", 0, False),
        ("vel", -1, "velocity", None, False),
        ("cog", 360, "course", 360, False),
        ("cog", 361, "course", None, True),
        ("batt", 100, "battery", 100, False),
        ("batt", 80.4, "battery", 80, True),
        ("batt", 80.0, "battery", 80, False),
        ("batt", "55", "battery", 55, False),
        ("batt", -1, "battery", None, False),
        ("batt", 101, "battery", None, True),
        ("batt", True, "battery", None, True),
        ("bs", 3, "battery_status", 3, False),
        ("bs", 4, "battery_status", None, True),
        ("m", -1, "mode", -1, False),
        ("m", 2, "mode", 2, False),
        ("created_at", NOW, "created_at", NOW, False),
        ("created_at", 0, "created_at", None, True),
        ("created_at", 2**62, "created_at", None, True),
        ("conn", "w", "connection", "w", False),
        ("t", "", "trigger", None, False),
        ("t", "C", "trigger", "C", False),
        ("t", 1, "trigger", None, True),
        ("tid", "a" * 65, "tid", None, True),
        ("tid", 12, "tid", "12", False),
        ("tid", "a\x00", "tid", None, True),
        ("_id", "3fa91c07", "message_id", "3fa91c07", False),
        ("SSID", "lan", "ssid", "lan", False),
        ("ssid", "lan", "ssid", "lan", False),
        ("BSSID", "aa:bb", "bssid", "aa:bb", False),
        ("bssid", "aa:bb", "bssid", "aa:bb", False),
        ("inregions", ["Home", "Süd"], "in_regions", ("Home", "Süd"), False),
        ("inregions", [], "in_regions", (), False),
        ("inregions", ["Home", 1], "in_regions", (), True),
        ("inregions", "Home", "in_regions", (), True),
    )

    def test_each_member_fills_its_field_or_is_kept_as_it_came(self) -> None:
        """The normalisation of OwnTracks 7.2, row by row."""
        for name, value, field, expected, kept in self.ROWS:
            said = location(**{name: value})
            self.assertEqual(expected, getattr(said, field), (name, value))
            self.assertEqual({name: value} if kept else {}, said.extra, (name, value))

    def test_null_says_nothing(self) -> None:
        """It is how some senders write that they do not know."""
        for name in RULES:
            self.assertEqual({}, location(**{name: None}).extra, name)

    def test_two_spellings_of_the_network_that_differ_are_both_kept(self) -> None:
        """Nothing a phone says is lost."""
        said = location(SSID="one", ssid="two")
        self.assertEqual(("one", {"ssid": "two"}), (said.ssid, said.extra))

    def test_unknown_members_are_kept_as_they_came(self) -> None:
        """Trackers add odometers, voltages and whatever comes next."""
        said = location(odometer=12.5, anything={"deep": [1, None]}, poi="Bank")
        self.assertEqual(
            {"odometer": 12.5, "anything": {"deep": [1, None]}, "poi": "Bank"}, said.extra
        )

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(
        st.sampled_from([*sorted(RULES), "tst", "poi", "topic", "qos", "x"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=90)
            | st.sampled_from(["-1", "1e400", "nan", "٣", "0x10", "1_0", " 7 "]),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
            max_leaves=5,
        ),
    )
    def test_no_member_ever_costs_the_location(self, name: str, value: Any) -> None:
        """One odd member: the place is kept, and what is kept can be stored as JSON."""
        said = location(**{name: value})
        self.assertEqual((1.5, 2.5), (said.latitude, said.longitude))
        self.assertTrue(0 < said.at <= NOW + TOLERATED)
        self.assertTrue(-(2**31) <= said.seq < 2**31)
        orjson.dumps(dict(said.extra))


class SeqTests(SynchronousTestCase):
    def test_the_same_message_by_any_door_has_the_same_seq(self) -> None:
        """A phone that changes from HTTP to MQTT and sends again is recognised (storage 3.1)."""
        bare = ANDROID.replace(b'"topic":"owntracks/jane/pixel8","qos":1,"retained":true,', b"")
        self.assertNotEqual(ANDROID, bare)
        self.assertEqual(read(ANDROID).seq, read(bare).seq)

    def test_seq_is_the_same_in_all_versions(self) -> None:
        """It is part of every stored location's identity: another spelling would double them."""
        self.assertEqual(1032214217, read(ANDROID).seq)

    def test_another_id_is_another_message(self) -> None:
        """A ping repeats a fix under a new `_id`: a row of its own, flagged later."""
        self.assertNotEqual(location(_id="a").seq, location(_id="b").seq)


class WriteTests(SynchronousTestCase):
    def test_what_goes_out_is_strict(self) -> None:
        """Android refuses a whole array for one fraction or null (OwnTracks 9.4)."""
        said = location(acc=12.5, batt=80.4, vel=None, bs=9, t="", inregions=["Home"], x=1)
        self.assertEqual(
            {
                "_type": "location",
                "lat": 1.5,
                "lon": 2.5,
                "tst": NOW - 60,
                "tid": "ja",
                "acc": 12,
                "batt": 80,
                "inregions": ["Home"],
            },
            write_location(said, "ja"),
        )

    @settings(derandomize=True, deadline=None, max_examples=60)
    @given(
        st.fixed_dictionaries(
            {"lat": st.floats(-90, 90), "lon": st.floats(-180, 180)},
            optional={
                "acc": st.integers(0, 10**6),
                "alt": st.integers(-500, 9000),
                "vel": st.integers(0, 900),
                "cog": st.integers(0, 360),
                "batt": st.integers(0, 100),
                "bs": st.integers(0, 3),
                "t": st.text(min_size=1, max_size=3),
                "m": st.integers(-1, 2),
                "SSID": st.text(max_size=20),
            },
        )
    )
    def test_what_is_written_reads_as_what_it_was(self, members: dict[str, Any]) -> None:
        """Friends get what the phone said."""
        said = location(**members)
        again = read(orjson.dumps(write_location(said, "ja")))
        for name in ("at", "latitude", "longitude", "accuracy", "altitude", "velocity", "course"):
            self.assertEqual(getattr(said, name), getattr(again, name))
        for name in ("battery", "battery_status", "mode", "trigger", "ssid"):
            if "\x00" not in str(getattr(said, name)):
                self.assertEqual(getattr(said, name), getattr(again, name))
