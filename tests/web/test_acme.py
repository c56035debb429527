"""The web door's answers to a public authority."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.web.door import Door

PATH = "/.well-known/acme-challenge/"


class ACMETests(TestCase):
    """Open to all, by plain HTTP, and only while somebody should ask."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = Door(public_url="https://track.example.test")
        self.door.acme["abc-DEF_1"] = "abc-DEF_1.thumb"
        await self.door.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.door.close()))

    async def test_a_token_is_answered_as_it_is_by_plain_http(self) -> None:
        """No redirect to HTTPS, whatever the public URL is; nothing remembers it."""
        reply = await self.door.ask("GET", PATH + "abc-DEF_1", {"Host": "track.example.test"})
        self.assertEqual((200, b"abc-DEF_1.thumb"), (reply.status, reply.body))
        self.assertEqual("application/octet-stream", reply.headers["content-type"])
        self.assertEqual("no-store", reply.headers["cache-control"])

    async def test_any_other_is_not_there(self) -> None:
        """Nor is a list of them, nor a way around."""
        for path in ("nope", "", "..%2f..%2fetc", "abc-DEF_1%00", "%C3%A9"):
            reply = await self.door.ask("GET", PATH + path)
            self.assertEqual(404, reply.status, path)

    async def test_nothing_can_be_put_there(self) -> None:
        """It is only looked at."""
        for method in ("POST", "PUT", "DELETE"):
            reply = await self.door.ask(method, PATH + "abc-DEF_1")
            self.assertIn(reply.status, (403, 405), method)
