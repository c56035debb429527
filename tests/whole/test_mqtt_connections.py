"""`GET /api/admin/connections`, as an administrator asks why a phone does not report."""

from typing import Any

from tests.whole.cases import ADMIN, ANA, BEN, PASSWORDS, WholeCase
from tests.whole.daemon import Daemon
from tests.whole.fixes import fix, wire
from tests.whole.patience import until

PATH = "/api/admin/connections"


class ConnectionsTests(WholeCase):
    """One daemon in each state that there is."""

    def entries(self, daemon: Daemon, state: str) -> list[dict[str, Any]]:
        found = self.web(daemon, ADMIN).get(f"{PATH}?state={state}").json()
        results: list[dict[str, Any]] = found["results"]
        return results

    def test_phones_in_every_state_are_shown_to_administrators_only(self) -> None:
        """Connected, away, refused and fighting; over a restart as well."""
        daemon = self.new_daemon().start()
        self.assertEqual(403, self.web(daemon, ANA).get(PATH).status)
        self.assertEqual(401, self.web(daemon).get(PATH).status)
        away = self.phone(daemon)
        away.connect("away", ANA, PASSWORDS[ANA], clean=False)
        away.subscribe(f"owntracks/{ANA}/+")
        away.close()
        until(lambda: self.entries(daemon, "offline"), 5, "the session without its client")
        phone = self.signed_in(daemon, ANA, "here")
        phone.publish(f"owntracks/{ANA}/p", wire(fix()))
        phone.publish(f"owntracks/{BEN}/p", wire(fix()))
        (here,) = self.entries(daemon, "connected")
        self.assertEqual(
            ("here", ANA, "127.0.0.1", "mqtt", 4, 60, 1, f"owntracks/{BEN}/p"),
            tuple(here[name] for name in HERE),
        )
        self.assertEqual(4, self.phone(daemon).connect("lost", BEN, "wrong"))
        (refusal,) = self.entries(daemon, "refused")
        self.assertEqual(
            ("lost", BEN, "bad_credentials"),
            (refusal["client_id"], refusal["user"], refusal["code"]),
        )
        for _ in range(3):
            self.signed_in(daemon, BEN, "twin")
        (fight,) = self.entries(daemon, "contended")
        self.assertEqual(("twin", BEN, 2), (fight["client_id"], fight["user"], fight["takeovers"]))
        told = [line for line in daemon.lines if "gives way" in line]
        self.assertEqual(1, len(told), told)
        everything = self.web(daemon, ADMIN).get(PATH).json()
        links = (everything["next"], everything["previous"])
        self.assertEqual((5, (None, None)), (everything["count"], links))
        daemon.kill()
        daemon.start()
        (session,) = self.entries(daemon, "offline")
        self.assertEqual(("away", ANA, 1, 1, 0), tuple(session[name] for name in SESSION), session)


HERE = (
    *("client_id", "user", "address", "listener", "protocol_level", "keepalive"),
    *("refused_publishes", "last_refused_topic"),
)
SESSION = ("client_id", "user", "subscriptions", "queued", "dropped")
