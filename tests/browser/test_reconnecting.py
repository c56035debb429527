"""The server goes away and comes back while somebody looks."""

from tests.browser.cases import BrowserCase, is_live, map_is_idle, reads, row
from tests.whole.daemon import Daemon


class ReconnectingTests(BrowserCase):
    """Nobody reloads a page because a server was restarted."""

    def test_a_restart_is_bridged_and_nothing_of_it_is_missed(self) -> None:
        """Data stays on screen, the lamp says what is going on, and then all is as it should be."""
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.start()
        user = self.new_user(daemon)
        user.publish("phone", lat=48.14)
        guest = self.sign_in(user)
        page = guest.page
        is_live(page)
        map_is_idle(page)
        ports = ("--http-port", str(daemon.http), "--mqtt-port", str(daemon.mqtt))
        daemon.kill()
        reads(page.locator("#live-chip"), "Reconnecting")
        reads(row(page, user.name), "48.1400° N")
        daemon.flags = ("--bind", "127.0.0.1", *ports, "--mqtt-tls-port", "-1")
        daemon.start()
        user.publish("phone", lat=48.1602)
        is_live(page)
        reads(row(page, user.name), "48.1602° N")
        is_live(page)
