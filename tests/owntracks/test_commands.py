"""Finding commands however they are spelled: a phone may carry out what we overlook."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.owntracks.commands import carries_command

CMD = b'{"_type":"cmd","action":"dump"}'


class CarriesCommandTests(SynchronousTestCase):
    def test_a_command_is_found_in_every_spelling(self) -> None:
        """Escapes, blanks, order, doubled members, arrays, broken JSON: all reach some parser."""
        for payload in (
            CMD,
            b'{"action":"dump", "_type" : "cmd"}',
            b'{"_type":"\\u0063md"}',
            b'{"\\u005ftype":"cmd"}',
            b'{"\\u005f\\u0074ype":"c\\u006dd"}',
            b'{"_type":"location","_type":"cmd"}',
            b'{"_type":"cmd","_type":"location"}',
            b"[" + CMD + b"]",
            b'{"_type":"cmd"',
            b"{_type:cmd}",
            b"\xef\xbb\xbf" + CMD,
            CMD + b"\x00",
            b'{"a":"\xff","_type":"cmd"}',
            b'{"_type":"cmd","a":NaN}',
            b'{"_type":"cmd","a":' + b"[" * 5000 + b"]" * 5000 + b"}",
            b'{"_type":"cmd","a":' + b"9" * 5000 + b"}",
            b'{"a":"cmd","b":[' + b"{}," * 20_000 + b"1]}",
            b'{"a":"cmd","b":[' + b"[]," * 20_000 + b"1]}",
            b'{"a":"cmd","b":[' + b"1," * 200_000 + b"1]}",
            b'{"image":"' + b"x" * 500_000 + b'","_type":"cmd"}',
            b'{/*"image":"*/_type:cmd,x:' + b"x" * 500_000 + b'/*"*/}',
        ):
            self.assertTrue(carries_command(payload), payload[:60])

    def test_everything_else_is_not_a_command(self) -> None:
        """A network called `cmd` or a region of that name must still reach the family."""
        for payload in (
            b"",
            b"\x00\x01",
            b'{"_type":"location","SSID":"cmd"}',
            b'{"_type":"location","inregions":["cmd"],"tid":"\\u00fc"}',
            b'{"_type":"transition","desc":"_type cmd"}',
            b"cmd",
            b'{"_type":"location","image":"' + b"cmd/" * 500_000 + b'"}',
            b'"cmd"',
        ):
            self.assertFalse(carries_command(payload), payload)

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(st.binary(max_size=40))
    def test_any_bytes_are_judged(self, payload: bytes) -> None:
        """A judgement, never an exception, on the way to every receiver."""
        carries_command(payload)
        carries_command(b"\\u" + payload)
        carries_command(b'{"_type":"cmd",' + payload)
