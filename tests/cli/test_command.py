"""The `mytracks` command as a person or a script uses it, on a real people room."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field
from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

from mytracks.cli.command import mytracks
from mytracks.cli.console import Console
from mytracks.control.wire import Answer, Refusal
from mytracks.settings import Settings

ANA: Mapping[str, Any] = {
    "name": "ana",
    "display": "Ana M.",
    "email": "ana@example.org",
    "admin": True,
    "disabled": False,
    "created": 1_700_000_000,
    "last_login": 1_700_100_000,
    "second_factor": True,
}
BEN: Mapping[str, Any] = {
    **ANA, "name": "benjamin", "display": "", "email": "", "admin": False, "disabled": True,
}  # fmt: skip


@define
class Store:
    """Stands for the store that is opened for want of a daemon."""

    answer: Answer = field(factory=Answer)
    asked: list[tuple[str, Mapping[str, Any]]] = field(factory=list)
    settings: list[Settings] = field(factory=list)

    def offline(self, settings: Settings, operation: str, arguments: Mapping[str, Any]) -> Answer:
        """The answer that the test chose."""
        self.settings.append(settings)
        self.asked.append((operation, arguments))
        return self.answer


class CommandCase(SynchronousTestCase):
    """Runs the command where no daemon is."""

    def setUp(self) -> None:
        self.store = Store()
        self.directory = Path(self.mktemp()).absolute()

    def run_it(self, *words: str, typed: str = "", environment: str | None = None) -> Result:
        """Run `mytracks WORDS`."""
        found = {"MYTRACKS_DATA_DIR": environment or str(self.directory)}
        console = Console(self.store.offline, found)
        return CliRunner().invoke(mytracks, words, obj=console, input=typed)

    def answered(self, result: Any, *words: str, typed: str = "") -> str:
        """What it writes when the operation gives `result`."""
        self.store.answer = Answer(result)
        done = self.run_it(*words, typed=typed)
        self.assertEqual((0, ""), (done.exit_code, done.stderr))
        return done.stdout


class UserTests(CommandCase):
    """`mytracks user …`."""

    def test_add_shows_a_password_that_was_made_as_the_last_word(self) -> None:
        """A script takes it with `tail`, a person from the end of the line."""
        out = self.answered({**ANA, "password": "s3cr-et"}, "user", "add", "Ana", "--admin",
                            "--email", "ana@example.org")  # fmt: skip
        self.assertEqual("s3cr-et", out.split()[-1])
        self.assertEqual(
            [("user.add", {"name": "Ana", "admin": True, "email": "ana@example.org"})],
            self.store.asked,
        )
        out = self.answered({**ANA, "password": "s3cr-et"}, "user", "add", "Ana", "--json")
        self.assertEqual("s3cr-et", json.loads(out)["password"])

    def test_a_password_is_read_from_standard_input(self) -> None:
        """Never from the arguments: those stand in the process list. One line, spaces and all."""
        for words in (["user", "add", "ana"], ["user", "password", "ana"]):
            out = self.answered(ANA, *words, "--password-stdin", typed=" a pass phrase \r\nmore\n")
            self.assertEqual(" a pass phrase ", self.store.asked[-1][1]["password"])
            self.assertNotIn("phrase", out)

    def test_list_is_a_table_for_people_and_a_list_for_machines(self) -> None:
        """Everybody, with what an administrator asks first."""
        lines = self.answered([ANA, BEN], "user", "list").splitlines()
        self.assertEqual(["NAME", "ROLE", "STATE", "CREATED", "EMAIL"], lines[0].split())
        self.assertEqual(
            ["ana", "admin", "active", "2023-11-14", "ana@example.org"], lines[1].split()
        )
        self.assertEqual(["benjamin", "user", "disabled", "2023-11-14", "-"], lines[2].split())
        self.assertEqual(lines[0].index("ROLE"), lines[2].index("user"))
        self.assertEqual(
            [ANA, BEN], json.loads(self.answered([ANA, BEN], "user", "list", "--json"))
        )

    def test_show_tells_all_of_one(self) -> None:
        """In words, and as an object."""
        out = self.answered(ANA, "user", "show", "ana")
        for word in ("ana", "Ana M.", "ana@example.org", "admin", "active"):
            self.assertIn(word, out)
        for line in ("created   2023-11-14", "signed in 2023-11-16", "2nd step  on"):
            self.assertIn(line, out.splitlines())
        never = {**ANA, "last_login": None, "second_factor": False}
        out = self.answered(never, "user", "show", "ana")
        for line in ("signed in -", "2nd step  off"):
            self.assertIn(line, out.splitlines())
        self.assertEqual(ANA, json.loads(self.answered(ANA, "user", "show", "ana", "--json")))

    def test_each_verb_asks_for_its_operation(self) -> None:
        """The words of contract 2."""
        for verb in ("show", "disable", "enable", "delete", "password"):
            self.answered(ANA, "user", verb, "ana")
            self.assertEqual((f"user.{verb}", {"name": "ana"}), self.store.asked[-1])


class DeviceTests(CommandCase):
    """`mytracks device …`."""

    def test_credential_shows_what_is_typed_into_the_phone(self) -> None:
        """The password last."""
        made = {"username": "ana", "device": "phone", "password": "mt_d_1_x_y"}
        out = self.answered(made, "device", "credential", "ana/phone")
        self.assertEqual("mt_d_1_x_y", out.split()[-1])
        self.assertIn("User name: ana", out)
        self.assertEqual([("device.credential", {"device": "ana/phone"})], self.store.asked)
        out = self.answered(made, "device", "credential", "ana/phone", "--json")
        self.assertEqual(made, json.loads(out))


class OptionTests(CommandCase):
    """Options that every command takes."""

    def test_they_stand_before_or_after_any_word(self) -> None:
        """People add `--json` at the end, scripts set the data dir at the beginning."""
        words = ["user", "list"]
        for place in range(3):
            options = ["--data-dir", f"/place{place}", "--json", "--database", "sqlite"]
            out = self.answered([], *words[:place], *options, *words[place:])
            self.assertEqual([], json.loads(out))
            self.assertEqual(Path(f"/place{place}"), self.store.settings[-1].data_dir)

    def test_the_inner_one_wins(self) -> None:
        """What is written last is what was meant."""
        self.answered([], "--data-dir", "/outer", "user", "list", "--data-dir", "/inner")
        self.assertEqual(Path("/inner"), self.store.settings[-1].data_dir)

    def test_the_environment_and_the_file_count_as_for_the_daemon(self) -> None:
        """Whoever set the daemon up that way need not say it again."""
        self.answered([], "user", "list")
        self.assertEqual(self.directory, self.store.settings[-1].data_dir)
        self.directory.mkdir()
        config = self.directory / "some.toml"
        config.write_text("[people]\nfree_failures = 7\n")
        self.answered([], "user", "list", "--config", str(config))
        self.assertEqual(7, self.store.settings[-1].people.free_failures)


class EndTests(CommandCase):
    """0, 1 refused, 2 usage."""

    def test_a_refusal_is_one_line_on_standard_error_and_1(self) -> None:
        """A script can tell it from a typing error."""
        self.store.answer = Answer(refusal=Refusal("forbidden", "It is the last administrator."))
        done = self.run_it("user", "delete", "ana")
        self.assertEqual((1, ""), (done.exit_code, done.stdout))
        self.assertEqual("Error: It is the last administrator.\n", done.stderr)

    def test_a_refusal_is_an_object_for_machines(self) -> None:
        """With the fields that are wrong; standard output stays clean."""
        self.store.answer = Answer(refusal=Refusal("invalid", "No.", {"username": ["Bad."]}))
        done = self.run_it("--json", "user", "add", "user")
        self.assertEqual((1, ""), (done.exit_code, done.stdout))
        self.assertEqual(
            {"error": {"kind": "invalid", "text": "No.", "fields": {"username": ["Bad."]}}},
            json.loads(done.stderr),
        )

    def test_wrong_usage_is_2_and_nothing_is_asked(self) -> None:
        """As every command does."""
        for words in (["user", "frobnicate"], ["user", "add"], ["device", "credential"],
                      ["user", "list", "--colour"], ["frobnicate"],
                      ["--database", "nonsense", "user", "list"]):  # fmt: skip
            done = self.run_it(*words)
            self.assertEqual(2, done.exit_code, words)
            self.assertTrue(done.stderr)
        self.assertEqual([], self.store.asked)

    def test_every_command_has_help(self) -> None:
        """`--help` wherever one is lost."""
        for words in ([], ["user"], ["user", "add"], ["device"], ["device", "credential"]):
            done = self.run_it(*words, "--help")
            self.assertEqual(0, done.exit_code)
            self.assertIn("--data-dir", done.stdout)


class LightnessTests(SynchronousTestCase):
    """A command that asks the daemon answers at once."""

    def test_neither_twisted_nor_the_store_is_loaded(self) -> None:
        """They cost half a second that nobody needs to wait."""
        found = subprocess.run(
            [sys.executable, "-c", "import sys, mytracks.cli; print(*sys.modules)"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        heavy = {"twisted", "sqlalchemy", "klein", "autobahn", "alembic", "argon2", "msgspec"}
        self.assertEqual(set(), heavy & set(found))
