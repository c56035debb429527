"""The process as a system manager sees it: start, ready, refuse, stop (contract 1)."""

import json
import os
import signal
import socket
import stat
import threading
from pathlib import Path

from tests import databases
from tests.whole import packets
from tests.whole.cases import ANA, PASSWORDS, WholeCase
from tests.whole.daemon import LOCAL, Daemon
from tests.whole.fixes import fix, wire
from tests.whole.packets import PUBACK
from tests.whole.patience import until
from tests.whole.phone import Phone
from tests.whole.web import Web

ROOT = os.geteuid() == 0


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class ReadyTests(WholeCase):
    """What says that it is ready, and that it is gone."""

    def test_runtime_json_names_the_process_and_the_actual_ports(self) -> None:
        """Scripts that start it on port 0 have no other way to find it."""
        daemon = self.new_daemon().start()
        runtime = daemon.runtime
        keys = {"pid", "version", "started"}
        keys |= {"http_port", "https_port", "mqtt_port", "mqtt_tls_port"}
        self.assertEqual(keys, set(runtime))
        self.assertEqual(daemon.pid, runtime["pid"])
        self.assertIsNone(runtime["https_port"])
        self.assertIsNone(runtime["mqtt_tls_port"])
        self.assertTrue(runtime["version"])
        self.assertEqual(200, self.web(daemon).get("/api/health").status)
        self.assertEqual(0, self.phone(daemon).connect("one", ANA, PASSWORDS[ANA]))

    def test_runtime_json_is_complete_whenever_it_is_there_and_gone_afterwards(self) -> None:
        """A script that polls for it must never read half a file or a dead process's ports."""
        daemon = self.new_daemon()
        path, seen, over = daemon.data / "runtime.json", [], threading.Event()

        def watch() -> None:
            while not over.is_set():
                try:
                    seen.append(path.read_text())
                except FileNotFoundError:
                    continue

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            daemon.start()
            daemon.stop()
        finally:
            over.set()
            watcher.join()
        for text in set(seen):
            self.assertEqual(daemon.pid, json.loads(text)["pid"])
        self.assertTrue(seen)
        self.assertFalse(path.exists())
        self.assertEqual([], [p.name for p in daemon.data.iterdir() if "runtime" in p.name])

    def test_one_line_tells_where_it_listens(self) -> None:
        """Whoever started it by hand wants to know what to open."""
        daemon = self.new_daemon().start()
        line = daemon.expect_line(rf"127\.0\.0\.1:{daemon.http}")
        self.assertIn(str(daemon.mqtt), line)

    def test_an_explicit_port_is_taken_and_minus_one_leaves_a_listener_out(self) -> None:
        """`--mqtt-port -1` is how somebody runs HTTP mode only."""
        http, off = free_port(), ["--mqtt-port", "-1", "--mqtt-tls-port", "-1"]
        flags = ["--bind", "127.0.0.1", "--http-port", str(http), *off]
        daemon = self.new_daemon(flags=flags).start()
        self.assertEqual(http, daemon.http)
        self.assertIsNone(daemon.runtime["mqtt_port"])

    def test_a_stale_runtime_json_of_a_killed_process_is_replaced(self) -> None:
        """After a power cut the file names a process that is no more."""
        daemon = self.new_daemon().start()
        daemon.kill()
        self.assertTrue((daemon.data / "runtime.json").exists())
        first = daemon.pid
        daemon.start()
        self.assertNotEqual(first, daemon.runtime["pid"])


class BindTests(WholeCase):
    """All listeners or none."""

    def test_a_port_in_use_ends_the_start_with_one_line_naming_it(self) -> None:
        """A daemon that runs deaf on one door is found out by the phones, days later."""
        for flag, other in (("--mqtt-port", "--http-port"), ("--http-port", "--mqtt-port")):
            with self.subTest(flag), socket.create_server(("127.0.0.1", 0)) as holder:
                taken = holder.getsockname()[1]
                ports = [flag, str(taken), other, "0", "--mqtt-tls-port", "-1"]
                daemon = self.new_daemon(flags=["--bind", "127.0.0.1", *ports])
                ended = daemon.fail_to_start()
                self.assertGreater(ended.code, 0)
                self.assert_one_clear_line(ended.out, str(taken))
                self.assertFalse((daemon.data / "runtime.json").exists())

    def test_several_addresses_are_all_served(self) -> None:
        """`--bind` takes a list."""
        flags = ["--bind", "127.0.0.1,127.0.0.2", *LOCAL[2:]]
        daemon = self.new_daemon(flags=flags).start()
        for address in ("127.0.0.1", "127.0.0.2"):
            answer = Web(daemon.http, address=address).get("/api/health")
            self.assertEqual(200, answer.status, address)


class StopTests(WholeCase):
    """SIGTERM: accept nothing more, finish what was begun, go."""

    def test_sigterm_ends_it_within_five_seconds_with_connections_open(self) -> None:
        """systemd kills what dawdles; phones and browsers keep their connections open for days."""
        daemon = self.new_daemon().start()
        phones = [self.signed_in(daemon, ANA) for _ in range(5)]
        idle = socket.create_connection(("127.0.0.1", daemon.http), 5)
        half = socket.create_connection(("127.0.0.1", daemon.http), 5)
        half.sendall(b"POST /pub HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        silent = Phone(daemon.mqtt)
        for each in (idle, half, silent):
            self.addCleanup(each.close)
        self.assertLess(daemon.stop(), 5.0)
        self.assertIn(daemon.wait(), (0, -signal.SIGTERM))
        for phone in phones:
            phone.closed_within(1)
        self.assertNotIn("Traceback", daemon.log)

    def test_what_was_sent_before_sigterm_is_acknowledged_or_absent_never_lost(self) -> None:
        """Commits in progress are finished: an acknowledgement that got out is kept."""
        daemon = self.new_daemon().start()
        phone = self.signed_in(daemon, ANA)
        sent = {phone.post(f"owntracks/{ANA}/p{n}", wire(fix())): f"p{n}" for n in range(60)}
        daemon.signal(signal.SIGTERM)
        answers = phone.closed_within(10)
        acknowledged = {sent[each.packet_id] for each in answers if each.kind == PUBACK}
        daemon.wait()
        daemon.start()
        there = self.web(daemon, ANA).get("/api/locations/last-known").json()["results"]
        self.assertLessEqual({f"{ANA}/{name}" for name in acknowledged}, devices_of(there))
        self.assertNotIn("Traceback", daemon.log)

    def test_the_ports_are_free_again_at_once(self) -> None:
        """A restart must not wait for the kernel to forget the old connections."""
        http = free_port()
        flags = ["--bind", "127.0.0.1", "--http-port", str(http), *LOCAL[4:]]
        daemon = self.new_daemon(flags=flags).start()
        self.signed_in(daemon, ANA)
        self.web(daemon).get("/api/health")
        daemon.stop()
        self.assertEqual(http, daemon.start().http)


def devices_of(locations: list[dict[str, object]]) -> set[object]:
    """`user/device` of each location."""
    return {each["device_name"] for each in locations}


class SecondStartTests(WholeCase):
    """One data directory, one daemon."""

    def test_a_second_start_is_refused_with_the_pid_of_the_first(self) -> None:
        """Two writers on one database, or two brokers for one phone, would lose data."""
        first = self.new_daemon().start()
        second = Daemon(first.home)
        ended = second.fail_to_start()
        self.assertGreater(ended.code, 0)
        self.assert_one_clear_line(ended.out, str(first.pid))
        self.assertEqual(1, len(ended.out.splitlines()), ended.out)
        self.assertEqual(first.pid, json.loads((first.data / "runtime.json").read_text())["pid"])
        self.assertEqual(200, self.web(first).get("/api/health").status)

    def test_after_a_kill_it_starts_again_without_any_help(self) -> None:
        """A lock that outlives its holder keeps a household's server down over a holiday."""
        daemon = self.new_daemon().start()
        daemon.kill()
        daemon.start()


class DataDirectoryTests(WholeCase):
    """The only place that it writes to."""

    def test_the_data_directory_is_made_for_its_owner_alone(self) -> None:
        """Everybody's places lie in there."""
        daemon = self.new_daemon(accounts=False).start()
        self.assertEqual(0o700, stat.S_IMODE(daemon.data.stat().st_mode))
        for path in daemon.data.iterdir():
            self.assertFalse(stat.S_IMODE(path.stat().st_mode) & 0o007, path)

    def test_nothing_is_written_anywhere_else(self) -> None:
        """Its user finds all of it in one place, and nothing of it anywhere else."""
        daemon = self.new_daemon().start()
        self.signed_in(daemon, ANA).publish(f"owntracks/{ANA}/p", wire(fix()))
        self.web(daemon, ANA).post_json("/pub", fix())
        daemon.stop()
        for place in ("user", "tmp", "cwd"):
            self.assertEqual([], [str(p) for p in (daemon.home / place).rglob("*")])

    def test_it_finds_its_place_from_the_environment_of_a_service(self) -> None:
        """`StateDirectory=` in a systemd unit is enough."""
        daemon = self.new_daemon()
        environ = {"STATE_DIRECTORY": str(daemon.data)}
        there = Daemon(daemon.home, environ=environ, name_data_dir=False)
        self.addCleanup(there.close)
        self.assertEqual(there.start().pid, there.runtime["pid"])


class SetupURLTests(WholeCase):
    """The first run (contract 1, 7)."""

    def test_without_an_administrator_one_line_shows_a_setup_url_until_it_is_used(self) -> None:
        """The first person who can read the log becomes the administrator, and nobody after."""
        daemon = self.new_daemon(accounts=False).start()
        url = daemon.setup_url()
        self.assertEqual(1, daemon.log.count("/setup/"))
        self.assertIn(f":{daemon.http}/", url)
        path = "/setup/" + url.rstrip("/").rsplit("/", 1)[1]
        web = self.web(daemon)
        fields = {"username": "boss", "password": "a long enough word"}
        fields["csrf_token"] = web.form_token(path + "/")
        made = web.post_form(path + "/", fields)
        self.assertIn(made.status, (302, 303), made.body)
        self.assertIn(self.web(daemon).get(path + "/").status, (404, 410))
        self.assertTrue(daemon.cli("user", "show", "boss", "--json").json()["admin"])
        daemon.stop()
        daemon.start()
        self.assertNotIn("/setup/", daemon.log)

    def test_a_wrong_setup_token_opens_nothing(self) -> None:
        """The token is the only thing between a stranger and the administrator's chair."""
        daemon = self.new_daemon(accounts=False).start()
        daemon.setup_url()
        for path in ("/setup/guess/", "/setup/"):
            self.assertIn(self.web(daemon).get(path).status, (401, 403, 404), path)

    def test_with_an_administrator_there_is_no_setup_url(self) -> None:
        """Nobody is offered a chair that is taken."""
        daemon = self.new_daemon().start()
        self.assertNotIn("/setup/", daemon.log)


class CorruptDatabaseTests(WholeCase):
    """It never starts empty beside broken data."""

    skip = databases.ONLY_SQLITE

    def test_a_corrupt_database_ends_the_start_and_is_left_as_it_is(self) -> None:
        """Starting empty would hide the loss until the last backup is overwritten."""
        daemon = self.new_daemon().start()
        self.signed_in(daemon, ANA).publish(f"owntracks/{ANA}/p", wire(fix()))
        daemon.stop()
        database = daemon.data / "mytracks.sqlite3"
        whole = database.read_bytes()
        damages = {
            "its head overwritten": b"\xff" * 4096 + whole[4096:],
            "its pages overwritten": whole[:1024] + b"\xa5" * (len(whole) - 1024),
            "cut off": whole[:5000],
        }
        for damage, content in damages.items():
            with self.subTest(damage):
                database.write_bytes(content)
                ended = daemon.fail_to_start()
                self.assertGreater(ended.code, 0)
                self.assert_one_clear_line(ended.out, "mytracks.sqlite3")
                self.assertEqual(content, database.read_bytes())
        database.write_bytes(whole)
        daemon.start()
        self.assertEqual(1, self.web(daemon, ANA).get("/api/locations").json()["count"])

    def test_a_text_file_in_its_place_is_not_taken_for_an_empty_database(self) -> None:
        """Somebody's wrong copy command must not cost them their file."""
        daemon = self.new_daemon(accounts=False)
        daemon.data.mkdir(mode=0o700)
        database = daemon.data / "mytracks.sqlite3"
        database.write_text("these are my notes\n" * 300)
        ended = daemon.fail_to_start()
        self.assertGreater(ended.code, 0)
        self.assert_one_clear_line(ended.out, "mytracks.sqlite3")
        self.assertTrue(database.read_text().startswith("these are my notes"))


class HangUpTests(WholeCase):
    """SIGHUP re-reads what can be re-read."""

    def test_sighup_takes_up_a_new_log_level_and_says_what_needs_a_restart(self) -> None:
        """Looking closer at a phone's trouble must not cost all phones their connection."""
        daemon = self.new_daemon()
        config = daemon.home / "mytracks.toml"
        config.write_text('log_level = "info"\n')
        daemon.flags = ("--config", str(config), *daemon.flags)
        daemon.start()
        phone = self.signed_in(daemon, ANA)
        config.write_text('log_level = "debug"\npublic_url = "https://tracks.example.org"\n')
        before = len(daemon.lines)
        daemon.signal(signal.SIGHUP)
        until(
            lambda: any("public_url" in line for line in daemon.lines[before:]),
            5,
            "a line that public_url needs a restart",
        )
        phone.ping()
        before = len(daemon.lines)
        rude = self.phone(daemon)
        rude.send(packets.packet(0x00))
        rude.closed_within(5)
        until(lambda: daemon.lines[before:], 5, "a line at debug level about a malformed packet")

    def test_sighup_takes_up_new_limits_at_both_doors(self) -> None:
        """Whoever needs a larger limit needs it now, and not at the price of a restart."""
        daemon = self.new_daemon()
        config = daemon.home / "mytracks.toml"
        config.write_text("")
        daemon.flags = ("--config", str(config), *daemon.flags)
        daemon.start()
        held = self.signed_in(daemon, ANA)
        config.write_text("[mqtt]\nmax_connections = 1\n[http]\nmax_body_size = 10\n")
        daemon.signal(signal.SIGHUP)
        daemon.expect_line("limits")
        self.assertEqual(3, self.phone(daemon).connect("late", ANA, PASSWORDS[ANA]))
        web = self.web(daemon, ANA)
        self.assertEqual(413, web.ask("PUT", "/api/account", b"x" * 11).status)
        held.ping()

    def test_sighup_with_a_broken_file_changes_nothing_and_says_so(self) -> None:
        """A typing error in the file must not stop a running server."""
        daemon = self.new_daemon()
        config = daemon.home / "mytracks.toml"
        config.write_text("")
        daemon.flags = ("--config", str(config), *daemon.flags)
        daemon.start()
        config.write_text('log_level = "shouting"\n')
        daemon.signal(signal.SIGHUP)
        line = daemon.expect_line("shouting")
        self.assertIn("log_level", line.replace("-", "_"))
        self.assertEqual(200, self.web(daemon).get("/api/health").status)
        self.assertNotIn("Traceback", daemon.log)


class ReadOnlyHomeTests(WholeCase):
    """A data directory that cannot be used."""

    def test_a_file_in_place_of_the_data_directory_ends_the_start_with_one_line(self) -> None:
        """The commonest wrong value of `--data-dir`."""
        daemon = self.new_daemon(accounts=False)
        Path(daemon.data).write_text("a file")
        ended = daemon.fail_to_start()
        self.assertGreater(ended.code, 0)
        self.assert_one_clear_line(ended.out, str(daemon.data))
