"""Settings: four places, one meaning; what cannot be meant ends the start in one line."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mytracks.settings import BadSetting, Settings, UnknownSetting, load

MIB = 1024 * 1024


class SettingsTests(SynchronousTestCase):
    """Whoever runs mytracks sets it where it suits them."""

    def written(self, text: str) -> dict[str, str | None]:
        """The flags that name a file with this text."""
        path = Path(self.mktemp())
        path.write_text(text)
        return {"config": str(path)}

    def refusal(
        self, flags: dict[str, str | None] | None = None, environment: dict[str, str] | None = None
    ) -> str:
        """The line that a bad setting ends the start with."""
        with self.assertRaises(BadSetting) as caught:
            load(flags or {}, environment or {})
        return str(caught.exception)

    def test_defaults_are_those_of_the_manual(self) -> None:
        """Nobody has to set anything."""
        settings = load({}, {"XDG_DATA_HOME": "/home/ana/.local/share"})
        self.assertEqual(
            (8080, 1883, -1, ("::",), Path("/home/ana/.local/share/mytracks"), "info"),
            (
                settings.http_port,
                settings.mqtt_port,
                settings.https_port,
                settings.bind,
                settings.data_dir,
                settings.log_level,
            ),
        )

    def test_the_flag_wins_over_the_environment_over_the_file(self) -> None:
        """The nearer to the hand, the stronger."""
        flags = self.written("http_port = 1\nmqtt_port = 2\nmqtt_tls_port = 3\n")
        environment = {"MYTRACKS_HTTP_PORT": "11", "MYTRACKS_MQTT_PORT": "12"}
        settings = load({**flags, "http-port": "21"}, environment)
        self.assertEqual(
            (21, 12, 3), (settings.http_port, settings.mqtt_port, settings.mqtt_tls_port)
        )

    def test_systemd_names_the_data_directory(self) -> None:
        """A unit with StateDirectory= needs no more."""
        settings = load({}, {"STATE_DIRECTORY": "/var/lib/mytracks"})
        self.assertEqual(Path("/var/lib/mytracks"), settings.data_dir)

    def test_limits_come_from_a_table_or_the_environment(self) -> None:
        """`[mqtt] max_inflight` and MYTRACKS_MQTT__MAX_INFLIGHT are one thing."""
        flags = self.written('[mqtt]\nmax_inflight = 5\nmax_packet_size = "2MiB"\n')
        settings = load(flags, {"MYTRACKS_MQTT__MAX_INFLIGHT": "7"})
        self.assertEqual((7, 2 * MIB), (settings.mqtt.max_inflight, settings.mqtt.max_packet_size))
        settings = load(self.written("[phones]\nmax_parsed = 1000\n"), {})
        self.assertEqual(1000, settings.phones.max_parsed)
        settings = load({}, {"MYTRACKS_CONTROL__REQUEST_TIME": "2.5"})
        self.assertEqual(2.5, settings.control.request_time)

    def test_what_mqtt_opens_is_a_list_of_filters_and_a_name(self) -> None:
        """As a list in the file, separated by commas in the environment."""
        written = '[mqtt]\nfree_topics = ["home/#", "+"]\nanonymous_user = "Guest"\n'
        settings = load(self.written(written), {})
        self.assertEqual(("home/#", "+"), settings.mqtt.free_topics)
        self.assertEqual("guest", settings.mqtt.anonymous_user)
        settings = load({}, {"MYTRACKS_MQTT__FREE_TOPICS": "a/#,b"})
        self.assertEqual(
            (("a/#", "b"), ""), (settings.mqtt.free_topics, settings.mqtt.anonymous_user)
        )

    def test_a_bad_value_is_named_with_what_was_expected(self) -> None:
        """One line, so that it is read."""
        for flags, environment, expected in (
            ({"http-port": "99999"}, {}, ("--http-port", "'99999'", "a port")),
            ({"http-port": "web"}, {}, ("--http-port", "'web'", "a port")),
            ({}, {"MYTRACKS_BIND": "nowhere"}, ("MYTRACKS_BIND", "'nowhere'", "IP addresses")),
            ({"log-level": "loud"}, {}, ("--log-level", "'loud'", "debug, info")),
            ({"public-url": "tracks.example"}, {}, ("--public-url", "https://")),
            ({"trusted-proxies": "10.0.0.0/99"}, {}, ("--trusted-proxies", "10.0.0.0/8")),
            ({"database": "mysql://ana:secret@x"}, {}, ("--database", "mysql", "sqlite")),
            ({}, {"MYTRACKS_MQTT__MAX_INFLIGHT": "many"}, ("MAX_INFLIGHT", "whole number")),
            ({}, {"MYTRACKS_MQTT__CONNECT_TIMEOUT": "-1"}, ("CONNECT_TIMEOUT", "seconds")),
            ({}, {"MYTRACKS_MQTT__FREE_TOPICS": "a,b/#/c"}, ("free_topics", "'b/#/c'", "#")),
            (self.written("[mqtt]\nfree_topics = ['']"), {}, ("free_topics", "''", "empty")),
            (self.written("[mqtt]\nfree_topics = [7]"), {}, ("mqtt.free_topics", "a list")),
            (self.written("[mqtt]\nanonymous_user = 7"), {}, ("mqtt.anonymous_user", "a text")),
        ):
            with self.subTest(flags=flags, environment=environment):
                line = self.refusal(dict(flags), dict(environment))
                self.assertNotIn("\n", line)
                self.assertNotIn("secret", line)
                for part in expected:
                    self.assertIn(part, line)

    def test_an_unknown_name_is_refused_wherever_it_stands(self) -> None:
        """A misspelt setting that is silently ignored costs an evening."""
        for flags, environment in (
            (self.written("htp_port = 1"), {}),
            (self.written("[mqtt]\nmax_inflght = 1"), {}),
            ({}, {"MYTRACKS_HTP_PORT": "1"}),
            ({}, {"MYTRACKS_MQTT__MAX_INFLGHT": "1"}),
        ):
            with self.subTest(environment=environment), self.assertRaises(UnknownSetting):
                load(flags, environment)

    def test_a_file_that_is_named_must_be_there_and_be_toml(self) -> None:
        """Defaults in place of somebody's own settings would be worse than no start."""
        self.assertIn("/nowhere.toml", self.refusal({"config": "/nowhere.toml"}))
        self.assertIn("TOML", self.refusal(self.written("http_port = = 1")))

    def test_a_database_is_sqlite_or_a_url_as_libpq_reads_it(self) -> None:
        """Hosts of any kind, sockets, encoded passwords, libpq's parameters."""
        for given, kept in (
            ("sqlite", "sqlite"),
            ("postgres://ana:pw@db/tracks", "postgresql://ana:pw@db/tracks"),
            ("postgresql://ana:p%40%2F@[::1]:5433/tracks", None),
            ("postgresql:///tracks?host=/run/postgresql&user=ana", None),
            ("postgresql://db.example/tracks?sslmode=verify-full&options=-csearch_path%3Dmt", None),
            ("postgresql://one:5432,two:5433/tracks?target_session_attrs=read-write", None),
        ):
            with self.subTest(given=given):
                self.assertEqual(kept or given, load({"database": given}, {}).database)

    def test_a_bad_database_is_refused_without_its_password(self) -> None:
        """The line ends up in a log, or in a question to others."""
        for given, expected in (
            ("mysql://ana:secret@x/tracks", "'mysql://…'"),
            ("sqllite", "'sqllite'"),
            ("host=x password=secret", "'…'"),
            ("postgresql:secret", "sqlite or postgresql://"),
            ("postgresql://ana:secret@host", "name of a database"),
            ("postgresql://ana:secret@host/", "name of a database"),
            ("postgresql://ana:secret@host:0/tracks", "a port"),
            ("postgresql://ana:secret@host:99999/tracks", "a port"),
            ("postgresql://ana:%zzsecret@host/tracks", "sqlite or postgresql://"),
            ("postgresql://ana:secret@[::1/tracks", "sqlite or postgresql://"),
            ("postgresql://ana:secret@host/tracks?sslmod=require", "sqlite or postgresql://"),
            ("postgresql://ana:se/cret@host/tracks", "a port"),
            ("postgresql://ana:se@cret@host/tracks", "%40"),
        ):
            with self.subTest(given=given):
                line = self.refusal({"database": given})
                self.assertIn("--database", line)
                self.assertIn(expected, line)
                self.assertNotIn("secret", line)
                self.assertNotIn("cret@", line)
                self.assertNotIn("\n", line)

    def test_a_secret_is_not_shown(self) -> None:
        """Settings end up in logs and reports."""
        url = "postgresql://ana:s3cret@db/tracks"
        settings = load({"database": url}, {"COMMAND_API_KEY": "s3cret"})
        self.assertEqual("s3cret", settings.command_api_key)
        self.assertEqual(url, settings.database)
        self.assertNotIn("s3cret", repr(settings))

    def test_lists_and_networks_are_read_from_text_and_toml(self) -> None:
        """Commas on a command line, a list in a file."""
        flags = self.written('bind = ["127.0.0.1", "::1"]\n')
        settings: Settings = load({**flags, "trusted-proxies": "10.0.0.0/8, ::1/128"}, {})
        self.assertEqual(("127.0.0.1", "::1"), settings.bind)
        self.assertEqual(2, len(settings.trusted_proxies))
