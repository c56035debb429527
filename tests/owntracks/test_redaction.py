"""Secrets that phones send about themselves are not kept."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.owntracks.redaction import REMOVED, redacted, redacted_text

DUMP: dict[str, Any] = {
    "_type": "dump",
    "configuration": {
        "_type": "configuration",
        "host": "example.org",
        "username": "jane",
        "password": "hunter2",
        "encryptionKey": "hunter2",
        "passphrase": "hunter2",
        "tlsClientCrtPassword": "hunter2",
        "httpHeaders": "Authorization:hunter2",
        "url": "https://jane:hunter2@example.org/pub",
        "waypoints": [{"desc": "Home", "password": "hunter2"}],
    },
}


class RedactionTests(SynchronousTestCase):
    def test_a_dump_loses_its_secrets_and_nothing_else(self) -> None:
        """The owner can look at the configuration; nobody can sign in with it (OwnTracks 7.12)."""
        body = redacted(DUMP)
        self.assertNotIn(b"hunter2", body)
        kept = orjson.loads(body)["configuration"]
        self.assertEqual(
            ("example.org", "jane", REMOVED, "https://example.org/pub"),
            (kept["host"], kept["username"], kept["password"], kept["url"]),
        )
        self.assertEqual("Home", kept["waypoints"][0]["desc"])

    def test_a_broken_dump_loses_them_too(self) -> None:
        """Cut off on the way, it goes to quarantine, where administrators read it."""
        whole = orjson.dumps(DUMP | {"x": 'pass"word\\'})
        for cut in range(len(whole)):
            body = redacted_text(whole[:cut])
            for name in (b"password", b"encryptionKey", b"passphrase", b"httpHeaders"):
                self.assertNotIn(b'"%s":"h' % name, body)
        self.assertEqual(b'{"Password" : "(removed)"}', redacted_text(b'{"Password" : "a\\"b"}'))

    def test_other_text_stays_as_it_came(self) -> None:
        """Quarantine shows what really arrived."""
        for body in (b"", b"\xff\x00junk", b'{"_type":"location","lat":"password"}'):
            self.assertEqual(body, redacted_text(body))

    @settings(derandomize=True, deadline=None, max_examples=60)
    @given(st.binary(max_size=60))
    def test_any_bytes_are_taken(self, body: bytes) -> None:
        """It stands on the way of all junk."""
        redacted_text(b'{"password":"' + body)
        redacted_text(body)
