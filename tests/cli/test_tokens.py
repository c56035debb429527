"""`mytracks token …`."""

from collections.abc import Mapping
from typing import Any

from tests.cli.test_command import CommandCase

SCRIPT: Mapping[str, Any] = {
    "id": 7,
    "user": "ana",
    "name": "my script",
    "scopes": ["ingest", "read"],
    "created": 1_700_000_000,
    "last_used": None,
    "expires": 1_800_000_000,
    "expired": False,
}


class TokenTests(CommandCase):
    """What is asked for and what is written."""

    def test_add_shows_the_token_as_the_last_word(self) -> None:
        """A script takes it with `tail`, a person from the end of the line."""
        made = {**SCRIPT, "token": "mt_u_7_x_y"}
        words = ("token", "add", "ana", "--name", "my script", "--scope", "ingest,read")
        out = self.answered(made, *words, "--expires", "90d")
        self.assertEqual("mt_u_7_x_y", out.split()[-1])
        self.assertIn("it expires on 2027-01-15", out)
        asked = {
            "user": "ana",
            "name": "my script",
            "scopes": ["ingest", "read"],
            "expires_in": 90 * 24 * 3600,
        }
        self.assertEqual([("token.add", asked)], self.store.asked)
        self.assertIn('"token": "mt_u_7_x_y"', self.answered(made, *words, "--json"))

    def test_scopes_can_be_given_together_or_one_by_one(self) -> None:
        """As one is used to."""
        made = {**SCRIPT, "expires": None, "token": "t"}
        words = ("token", "add", "ana", "--name", "x")
        out = self.answered(made, *words, "--scope", "read, ingest", "--scope", "admin")
        self.assertEqual(["read", "ingest", "admin"], self.store.asked[0][1]["scopes"])
        self.assertIsNone(self.store.asked[0][1]["expires_in"])
        self.assertIn("does not expire", out)

    def test_lengths_of_time(self) -> None:
        """Hours, days, weeks; anything else is told with the way to write it."""
        words = ("token", "add", "ana", "--name", "x", "--scope", "read", "--expires")
        for written, seconds in (("12h", 43_200), ("1d", 86_400), ("4w", 2_419_200)):
            self.answered({**SCRIPT, "token": "t"}, *words, written)
            self.assertEqual(seconds, self.store.asked[-1][1]["expires_in"])
        for wrong in ("0d", "90", "d", "-1d", "1.5h", "90 d", "²d", "9999999d"):
            done = self.run_it(*words, wrong)
            self.assertEqual(2, done.exit_code, wrong)
            self.assertIn("90d", done.stderr)

    def test_what_is_missing_is_told(self) -> None:
        """Before anything is asked."""
        incomplete = ("add", "add ana --name x", "add ana --scope read")
        for line in (*incomplete, "revoke", "revoke x", "revoke 0"):
            self.assertEqual(2, self.run_it("token", *line.split()).exit_code, line)
        self.assertEqual([], self.store.asked)

    def test_list_shows_dates_and_no_secret(self) -> None:
        """Of one account or of all."""
        gone = {**SCRIPT, "id": 12, "expired": True, "last_used": 1_700_100_000, "scopes": []}
        out = self.answered([SCRIPT, gone], "token", "list")
        self.assertEqual(
            "ID  USER  SCOPES       CREATED     LAST USED   EXPIRES     NAME\n"
            "7   ana   ingest,read  2023-11-14  -           2027-01-15  my script\n"
            "12  ana   -            2023-11-14  2023-11-16  expired     my script\n",
            out,
        )
        self.answered([], "token", "list", "ana")
        self.assertEqual(
            [("token.list", {"user": None}), ("token.list", {"user": "ana"})], self.store.asked
        )

    def test_revoke_says_which_one(self) -> None:
        """By its number."""
        out = self.answered(SCRIPT, "token", "revoke", "7")
        self.assertEqual("Token 7 of ana (my script) was revoked.\n", out)
        self.assertEqual([("token.revoke", {"number": 7})], self.store.asked)
