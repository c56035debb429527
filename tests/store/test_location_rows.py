"""A Location becomes a row and the same Location again."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.location_rows import (
    COLUMNS,
    EMPTY,
    context_of,
    location_of,
    row_of,
)
from mytracks.tracks.locations import Flags, Location, Via
from tests.store.cases import NOW, location

WIRE_NAMES = (
    *("acc", "t", "_id", "created_at", "received", "tid", "inrids", "tag", "$acc", "$", "p"),
    "context",
)

numbers = st.one_of(
    st.none(),
    st.integers(-(2**33), 2**33),
    st.floats(allow_nan=False, allow_infinity=False),
)
whole = st.one_of(st.none(), st.integers(-(2**40), 2**40))
# Halves of surrogate pairs are legal in JSON, and somebody will send one.
texts = st.one_of(st.none(), st.text(st.characters(), max_size=8), st.sampled_from("wmo"))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
identities = st.from_regex(r"[0-9a-f]{7,9}|[ +-]?0?[xX]?[0-9a-fA-F_]{8}", fullmatch=True)
extras = st.dictionaries(st.sampled_from(WIRE_NAMES) | st.text(max_size=6), values, max_size=5)
seconds = st.integers(0, 2**34)


def degrees(most: int) -> st.SearchStrategy[float]:
    """To seven decimals, which is what is kept."""
    return st.integers(-most * 10**7, most * 10**7).map(lambda number: number / 10**7)


locations = st.builds(
    Location,
    at=seconds,
    seq=st.integers(-(2**31), 2**31 - 1),
    latitude=degrees(90),
    longitude=degrees(180),
    received=seconds,
    via=st.sampled_from(Via),
    flags=st.sampled_from([Flags.NONE, Flags.REPEAT, Flags.TIME_CORRECTED]),
    accuracy=numbers,
    altitude=numbers,
    vertical_accuracy=numbers,
    velocity=numbers,
    course=numbers,
    battery=whole,
    battery_status=whole,
    connection=texts,
    mode=whole,
    trigger=texts,
    source=st.one_of(texts, st.sampled_from(["gps", "fused", "network"])),
    tid=texts,
    message_id=st.one_of(texts, identities),
    created_at=st.one_of(st.none(), seconds),
    in_regions=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    ssid=texts,
    bssid=texts,
    address=st.sampled_from([None, "192.0.2.1"]),
    extra=extras,
)


def there_and_back(given_location: Location) -> Location:
    """Through the row and the body of its context."""
    context = context_of(given_location)
    row = row_of(1, given_location, int(given_location.flags), None if context == EMPTY else 7)
    assert len(row) == len(COLUMNS)
    return location_of(row, None if context == EMPTY else context.body())


def kept_whole(given_location: Location) -> Location:
    """Through a row that holds its context itself."""
    row = row_of(1, given_location, int(given_location.flags), context_of(given_location))
    return location_of(row, None)


def column(name: str, **changes: Any) -> Any:
    """What a column holds for a location with these changes."""
    return row_of(1, location(**changes), 0, None)[COLUMNS.index(name)]


class LocationRowTests(SynchronousTestCase):
    """Nothing that a phone said is lost."""

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(locations)
    def test_every_location_comes_back_as_it_was(self, each: Location) -> None:
        """Whatever odd values it carries."""
        self.assertEqual(each, there_and_back(each))
        self.assertEqual(each, kept_whole(each))

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(locations)
    def test_numbers_fit_their_columns(self, each: Location) -> None:
        """PostgreSQL refuses a number beyond 32 bits, and with it the location."""
        big = {"device_id", "tst", "context_id", "extra"}
        for name, value in zip(COLUMNS, row_of(1, each, 0, None), strict=True):
            if name not in big and value is not None:
                self.assertIs(int, type(value), name)
                self.assertLessEqual(abs(value), 2**31, name)

    def test_a_plain_location_needs_no_text_at_all(self) -> None:
        """Years of them: bytes count."""
        self.assertIsNone(column("extra", accuracy=12.0, battery=80, trigger="u", connection="w"))
        self.assertEqual(12, column("acc", accuracy=12.0))
        self.assertEqual(ord("u"), column("trig", trigger="u"))

    def test_what_an_android_phone_adds_needs_no_text_either(self) -> None:
        """Its two were half of what a location took."""
        said: dict[str, Any] = {"message_id": "3fa91c07", "created_at": NOW + 5}
        self.assertIsNone(column("extra", **said))
        self.assertEqual(
            (0x3FA91C07, 5), (column("message_id", **said), column("reported", **said))
        )

    def test_an_identity_is_a_number_only_if_it_reads_back_the_same(self) -> None:
        """The number of whatever else looks like one would be somebody else's."""
        for text, number in (
            ("00000000", 0),
            ("7fffffff", 2**31 - 1),
            ("80000000", -(2**31)),
            ("ffffffff", -1),
        ):
            self.assertEqual(number, column("message_id", message_id=text))
            self.assertEqual(text, there_and_back(location(message_id=text)).message_id)
        for text in (
            "FFFFFFFF",
            "fffffff",
            "123456789",
            "+1234567",
            "0x123456",
            " 1234567",
            "é",
            "",
        ):
            self.assertIsNone(column("message_id", message_id=text), text)
            self.assertEqual(text, there_and_back(location(message_id=text)).message_id)

    def test_a_fraction_is_kept_beside_its_rounded_column(self) -> None:
        """Queries see a number, readers the very one that was sent."""
        self.assertEqual(12, column("acc", accuracy=12.5))
        self.assertEqual('{"acc":12.5}', column("extra", accuracy=12.5))

    def test_a_number_that_fits_nowhere_costs_only_its_column(self) -> None:
        """Half a universe of altitude is odd, but the place is good."""
        self.assertIsNone(column("alt", altitude=1e30))
        self.assertEqual(1e30, there_and_back(location(altitude=1e30)).altitude)

    def test_a_member_with_the_name_of_a_column_is_not_taken_for_it(self) -> None:
        """The intake keeps odd originals under their wire names."""
        odd = location(accuracy=None, extra={"acc": "twelve", "$acc": 1})
        self.assertIsNone(there_and_back(odd).accuracy)
        self.assertEqual({"acc": "twelve", "$acc": 1}, there_and_back(odd).extra)

    def test_what_repeats_is_the_context_and_not_the_row(self) -> None:
        """A phone at home says the same thing a thousand times."""
        home: dict[str, Any] = {
            "tid": "ja",
            "in_regions": ("Home",),
            "ssid": "lan",
            "bssid": "02:00",
        }
        extra = {"inrids": ["6da9cf"], "motionactivities": ["stationary"]}
        self.assertIsNone(column("extra", **home, extra=extra))
        first = context_of(location(NOW, 1, **home, extra=extra))
        second = context_of(location(NOW + 1, 2, **home, extra=extra))
        self.assertEqual(first, second)
        self.assertNotEqual(first, context_of(location(**home)))
