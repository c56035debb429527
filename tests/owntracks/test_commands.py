"""Finding commands however they are spelled: a phone may carry out what we overlook."""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.owntracks.commands import carries_command

WORDS = st.sampled_from(["_type", "cmd", "a", '"', "\\", '{"_type":"cmd"}', "_type:cmd", "]", "{"])
JSON = st.recursive(
    st.one_of(WORDS, st.integers()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=8,
)
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
            b'{"b":[' + b"{}," * 20_000 + b'1],"_type":"cmd"}',
            b'{"b":[' + b'"",' * 20_000 + b'1],"_type":"cmd"}',
            b'{"b":[' + b"1," * 200_000 + b'1],"_type":"cmd"}',
            b'{"image":"' + b"x" * 500_000 + b'","_type":"cmd"}',
            b'{"_type":"cmd","image":"' + b"x" * 500_000,
            b'{"a":{"b":["]}"]},"_type"\n:\t"cmd"}',
            b'{"a":"\\\\","_type":"cmd"}',
            b"{'_type':'cmd'}",
            b'{"_type":"c\\u006Dd"}',
            b"\x00\n " + CMD + b"trailing",
            CMD.decode().encode("utf-16"),
            CMD.decode().encode("utf-16-be"),
            CMD.decode().encode("utf-32-le"),
        ):
            self.assertTrue(carries_command(payload), payload[:60])

    def test_everything_else_is_not_a_command(self) -> None:
        """A network called `cmd` or a region of that name must still reach the family, and so must
        whatever is no JSON at all: its sender was told that it arrived."""
        for payload in (
            b"",
            b"\x00\x01",
            b'{"_type":"location","SSID":"cmd"}',
            b'{"_type":"location","inregions":["cmd"],"tid":"\\u00fc"}',
            b'{"_type":"transition","desc":"_type cmd"}',
            b"cmd",
            b'{"_type":"location","image":"' + b"cmd/" * 500_000 + b'"}',
            b'"cmd"',
            b"text \\u0041",
            b"a\\ub",
            b"{broken \\u0063md",
            b"\x89PNG" + b"\\u0063md_type" * 9,
            CMD.replace(b"{", b"x{"),
            b'{"a":' + CMD + b"}",
            b'{"a":[' + CMD + b"]}",
            b'[{"a":' + CMD + b"}]",
            b'{"_type":"location"} ' + CMD,
            b'{"a":"cmd","b":[' + b"{}," * 20_000 + b"1]}",
            b'{"a":"cmd","b":[' + b"1," * 200_000 + b"1]}",
            b'{"a":' + CMD + b',"b":"' + b"x" * 500_000 + b'"}',
            b'{"note":"_type:cmd"}',
            b'{"note":"\\"_type\\":\\"cmd\\""}',
            b'{"note":"\\"","b":"{_type:cmd}"}',
            b'{"_type":"cmdr"}',
            b'{"_type":"cmd line"}',
            b'{"my_type":"cmd"}',
            b'{"type":"cmd"}',
        ):
            self.assertFalse(carries_command(payload), payload[:60])

    def test_noise_is_not_a_command(self) -> None:
        """Two thirds of the pictures of 64 KiB hold the bytes of an escape by chance."""
        noise = Random(5)
        for _ in range(50):
            self.assertFalse(carries_command(noise.randbytes(65_536)))
            self.assertFalse(carries_command(b"{" + noise.randbytes(65_536)))

    @settings(derandomize=True, deadline=None, max_examples=1000)
    @given(JSON, st.booleans())
    def test_proper_json_is_judged_exactly(self, value: Any, escaped: bool) -> None:
        """Neither is a command overlooked nor anything else taken away from its receivers."""
        payload = json.dumps(value)
        if escaped:
            payload = payload.replace("_type", "\\u005Ftyp\\u0065").replace("cmd", "c\\u006dd")
        objects = value if isinstance(value, list) else [value]
        wanted = any(isinstance(one, dict) and one.get("_type") == "cmd" for one in objects)
        self.assertEqual(wanted, carries_command(payload.encode()), payload)

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(st.binary(max_size=40))
    def test_any_bytes_are_judged(self, payload: bytes) -> None:
        """A judgement, never an exception, on the way to every receiver."""
        carries_command(payload)
        carries_command(b"\\u" + payload)
        carries_command(b'{"_type":"cmd",' + payload)
