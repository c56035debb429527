"""A certificate that expires while its phone is connected, with a clock that jumps for real."""

import os
from pathlib import Path
from unittest import SkipTest

from tests.whole.tls import ANA, BEN, Shown, TLSCase

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
LATEST = 60.0
"""Seconds from the end of a certificate until nobody is in by it."""


class ExpiryTests(TLSCase):
    """The date is not the one of a minute ago."""

    def test_whoever_came_in_by_it_is_cut_and_nobody_else(self) -> None:
        """Nothing else would end the connection: TLS looks at dates only in the beginning."""
        if not LIBRARIES:
            raise SkipTest("libfaketime is not installed")
        wrong = Path(self.mktemp()).absolute()
        wrong.write_text("+0\n")
        daemon = self.secure_daemon(
            environ={
                "LD_PRELOAD": str(LIBRARIES[0]),
                "FAKETIME_TIMESTAMP_FILE": str(wrong),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1",
            }
        )
        path = daemon.home / "short.pem"
        words = ("--days", "1", "--key", "p256", "--format", "pem", "--out", str(path))
        made = self.cli(daemon, "pki", "client", ANA, *words)
        short, long = Shown(path, made["password"], made["serial"]), self.client(daemon, BEN)
        expiring = self.secure_phone(daemon, "1.3", short)
        staying = self.secure_phone(daemon, "1.3", long)
        self.assertEqual(
            [0, 0], [each.connect("phone", keepalive=0) for each in (expiring, staying)]
        )
        other = wrong.with_suffix(".new")
        other.write_text("+2d\n")
        os.replace(other, wrong)
        self.assertEqual([], expiring.closed_within(LATEST))
        staying.ping()
        self.assert_let_in(daemon, "1.2", long)
        self.assert_refused(daemon, "1.2", short)
        daemon.expect_line("it has expired")
