"""API tokens, from the command line to the doors."""

import time

from tests.whole.cases import ANA, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix
from tests.whole.phone import Closed
from tests.whole.places import PlacesSocket
from tests.whole.web import Web


class TokenTests(WholeCase):
    """API tokens from the command line, while it runs."""

    def test_a_token_opens_what_it_is_for_until_it_is_revoked(self) -> None:
        """At once; and no further than its scopes."""
        daemon = self.new_daemon().start()
        made = daemon.cli("token", "add", ANA, "--name", "script", "--scope", "ingest", "--json")
        token = made.json()
        shown = daemon.cli("token", "add", ANA, "--name", "other", "--scope", "read")
        self.assertTrue(shown.last_word.startswith("mt_u_"), shown)
        web = Web(daemon.http)
        bearer = {"Authorization": f"Bearer {token['token']}"}
        reader = {"Authorization": f"Bearer {shown.last_word}"}
        self.assertEqual(200, web.post_json("/pub", fix(), bearer).status)
        self.assertEqual(403, web.ask("GET", "/api/locations", headers=bearer).status)
        self.assertEqual(200, web.ask("GET", "/api/locations", headers=reader).status)
        self.assertEqual(0, daemon.cli("token", "revoke", str(token["id"])).code)
        self.assertEqual(401, web.post_json("/pub", fix(), bearer).status)
        listed = daemon.cli("token", "list", ANA).out
        self.assertIn("other", listed)
        self.assertNotIn(shown.last_word, listed + daemon.log)
        for words in (
            ("add", ANA, "--name", "x", "--scope", "admin"),
            ("revoke", str(token["id"])),
            ("list", "nobody"),
        ):
            refused = daemon.cli("token", *words)
            self.assertEqual(1, refused.code, refused)

    def test_whoever_is_connected_by_it_is_cut_within_a_second(self) -> None:
        """A live socket, once its token is revoked; one by another token stays."""
        daemon = self.new_daemon().start()
        lost, kept = (self.opened(daemon, self.token(daemon)) for _ in range(2))
        oldest = daemon.cli("token", "list", ANA, "--json").json()[-1]
        self.assertEqual(0, daemon.cli("token", "revoke", str(oldest["id"])).code)
        begin = time.monotonic()
        self.assertRaises((Closed, ConnectionError), self.read_on, lost)
        self.assertLess(time.monotonic() - begin, 1)
        self.assertRaises(TimeoutError, kept.read, 0.5)

    def token(self, daemon: Daemon) -> str:
        """A new one of ana's that may read."""
        done = daemon.cli("token", "add", ANA, "--name", "live", "--scope", "read")
        return done.last_word

    def opened(self, daemon: Daemon, token: str) -> PlacesSocket:
        """A live socket that has said welcome."""
        live = PlacesSocket(daemon.http, {"Authorization": f"Bearer {token}"})
        self.addCleanup(live.close)
        live.expect("welcome")
        return live

    def read_on(self, live: PlacesSocket) -> None:
        """Read until something raises."""
        while True:
            live.read(5)
