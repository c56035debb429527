"""One setting, four places, the first that is set wins (contract 1)."""

from collections.abc import Mapping, Sequence

from tests.whole.cases import ANA, PASSWORDS, WholeCase
from tests.whole.daemon import LOCAL, Daemon
from tests.whole.fixes import fix, wire
from tests.whole.test_process import free_port

BARE = ("--bind", "127.0.0.1", "--mqtt-port", "0", "--mqtt-tls-port", "-1")


class BadSettingTests(WholeCase):
    """A bad value ends the start with one line: the setting, the value, what was expected."""

    def refused(
        self,
        *,
        flags: Sequence[str] = LOCAL,
        environ: Mapping[str, str] | None = None,
        file: str | None = None,
    ) -> str:
        daemon = self.new_daemon(accounts=False, flags=flags, environ=environ)
        if file is not None:
            config = daemon.home / "mytracks.toml"
            config.write_text(file)
            daemon.flags = ("--config", str(config), *daemon.flags)
        ended = daemon.fail_to_start()
        self.assertGreater(ended.code, 0, ended.out)
        self.assertFalse((daemon.data / "runtime.json").exists())
        self.assertNotIn("Traceback", ended.out)
        return ended.out

    def assert_named(self, log: str, name: str, value: str, expected: str) -> None:
        """One line names the setting (dashes and underscores alike), its value, the expectation."""
        lines = [line for line in log.splitlines() if value in line]
        self.assertEqual(1, len(lines), log)
        line = lines[0].lower().replace("-", "_").replace("__", ".")
        self.assertIn(name.replace("-", "_").replace("__", "."), line)
        self.assertRegex(line, expected)

    def test_a_bad_flag(self) -> None:
        """A port that is no port."""
        log = self.refused(flags=[*BARE, "--http-port", "eighty"])
        self.assert_named(log, "http-port", "eighty", r"port|number|integer")

    def test_a_port_out_of_range(self) -> None:
        """A port one past the last."""
        log = self.refused(flags=[*BARE, "--http-port", "65536"])
        self.assert_named(log, "http-port", "65536", r"65535|port")

    def test_a_bad_environment_variable(self) -> None:
        """Named as it is written in the environment or as the setting: the value shows which."""
        log = self.refused(environ={"MYTRACKS_LOG_LEVEL": "shouting"})
        self.assert_named(log, "log_level", "shouting", r"info")

    def test_a_bad_value_of_a_room_in_the_environment(self) -> None:
        """Tables of the file are two underscores in the environment."""
        log = self.refused(environ={"MYTRACKS_MQTT__MAX_INFLIGHT": "plenty"})
        self.assert_named(log, "max_inflight", "plenty", r"number|integer|whole|1")

    def test_a_bad_value_in_the_file(self) -> None:
        """The same line for the fourth place."""
        log = self.refused(file='[mqtt]\nmax_packet_size = "huge"\n')
        self.assert_named(log, "max_packet_size", "huge", r"bytes|size|number|integer")

    def test_an_unknown_setting_in_the_file(self) -> None:
        """A typing error is told, not ignored for a year."""
        log = self.refused(file='mqqt_port = "1883"\n')
        self.assert_clear(log, "mqqt_port")

    def test_an_unknown_setting_of_a_room_in_the_file(self) -> None:
        """In tables too."""
        log = self.refused(file="[mqtt]\nmax_inflihgt = 7\n")
        self.assert_clear(log, "max_inflihgt")

    def test_an_unknown_setting_in_the_environment(self) -> None:
        """`MYTRACKS_` is our own ground: whoever sets something there means us."""
        log = self.refused(environ={"MYTRACKS_HTTP_PROT": "9000"})
        self.assert_clear(log.upper(), "HTTP_PROT")

    def test_an_unknown_flag(self) -> None:
        """twistd answers with its usage; ours names the flag."""
        daemon = self.new_daemon(accounts=False, flags=[*LOCAL, "--colour", "red"])
        ended = daemon.fail_to_start()
        self.assertGreater(ended.code, 0)
        self.assertIn("colour", ended.out)
        self.assertNotIn("Traceback", ended.out)

    def test_a_file_that_is_no_toml(self) -> None:
        """It names the file and the place in it."""
        log = self.refused(file="mqtt_port = = 3\n")
        self.assert_clear(log, "mytracks.toml")

    def test_a_file_that_is_not_there(self) -> None:
        """A file that was named must exist; only the default one may be missing."""
        daemon = self.new_daemon(accounts=False)
        daemon.flags = ("--config", str(daemon.home / "none.toml"), *LOCAL)
        ended = daemon.fail_to_start()
        self.assertGreater(ended.code, 0)
        self.assert_clear(ended.out, "none.toml")

    def assert_clear(self, log: str, word: str) -> None:
        """One line says it."""
        self.assert_one_clear_line(log, word)


class PrecedenceTests(WholeCase):
    """flag > environment > file > default."""

    def started(
        self,
        flags: Sequence[str],
        environ: Mapping[str, str] | None = None,
        file: str = "",
    ) -> Daemon:
        daemon = self.new_daemon(environ=environ)
        config = daemon.home / "mytracks.toml"
        config.write_text(file)
        daemon.flags = ("--config", str(config), *BARE, *flags)
        return daemon.start()

    def test_the_file_wins_over_the_default(self) -> None:
        """A file is how a service is set up."""
        port = free_port()
        self.assertEqual(port, self.started([], file=f"http_port = {port}\n").http)

    def test_the_environment_wins_over_the_file(self) -> None:
        """A container's environment wins over the file in its image."""
        port, other = free_port(), free_port()
        environ = {"MYTRACKS_HTTP_PORT": str(port)}
        self.assertEqual(port, self.started([], environ, f"http_port = {other}\n").http)

    def test_the_flag_wins_over_all(self) -> None:
        """What was typed last, by hand, counts."""
        port, other, third = free_port(), free_port(), free_port()
        environ = {"MYTRACKS_HTTP_PORT": str(other)}
        flags = ["--http-port", str(port)]
        self.assertEqual(port, self.started(flags, environ, f"http_port = {third}\n").http)

    def test_the_file_can_be_named_by_the_environment(self) -> None:
        """`MYTRACKS_CONFIG` is the first column's twin like all others."""
        daemon = self.new_daemon()
        config, port = daemon.home / "other.toml", free_port()
        config.write_text(f"http_port = {port}\n")
        there = Daemon(daemon.home, flags=BARE, environ={"MYTRACKS_CONFIG": str(config)})
        self.addCleanup(there.close)
        self.assertEqual(port, there.start().http)

    def test_a_rooms_limit_comes_from_its_table_and_its_environment(self) -> None:
        """The environment's `MYTRACKS_MQTT__…` reaches the broker, and wins over the table."""
        daemon = self.started(
            ["--http-port", "0"],
            {"MYTRACKS_MQTT__MAX_PACKET_SIZE": "2000"},
            "[mqtt]\nmax_packet_size = 1000000\n",
        )
        phone = self.signed_in(daemon, ANA, password=PASSWORDS[ANA])
        phone.publish(f"owntracks/{ANA}/p", wire(fix(tag="x" * 3000)))
        phone.publish(f"owntracks/{ANA}/p", wire(fix()))
        self.assertEqual(1, self.web(daemon, ANA).get("/api/locations").json()["count"])
