"""`/ws/locations/` for scripts with an API token: who gets in, and when they have to go."""

from mytracks.clock import iso
from mytracks.people.tokens import IssuedToken
from mytracks.sharing.identity import COMMAND_LINE, Scope
from mytracks.web.live import SIGNED_OUT
from tests.web.callers import administrator, by_device
from tests.web.door import basic
from tests.web.test_live import HANDSHAKE, PATH, LiveCase


class TokenSocketTests(LiveCase):
    """Ana's scripts."""

    async def token(self, *scopes: Scope, expires: int | None = None) -> IssuedToken:
        """A new one of hers."""
        ana = self.door.people.accounts.named("ana")
        return await self.door.people.tokens.issue(
            ana, "script", scopes or [Scope.READ], expires, by=COMMAND_LINE
        )

    def bearer(self, issued: IssuedToken) -> dict[str, str]:
        """What such a script shows."""
        return {"Authorization": f"Bearer {issued.text}"}

    async def test_one_that_reads_hears_what_happens(self) -> None:
        """Without a cookie and without an Origin."""
        client = await self.connect(self.bearer(await self.token()))
        self.assertEqual("welcome", (await client.messages.get())["type"])
        self.happen()
        self.assertEqual("location", (await client.messages.get())["type"])

    async def test_one_for_anything_else_does_not(self) -> None:
        """Nor does a password alone where there is a second factor; a phone's own does."""
        others = [each for each in Scope if each not in (Scope.READ, Scope.ADMIN, Scope.METRICS)]
        for scope in others:
            headers = self.bearer(await self.token(scope)) | HANDSHAKE
            self.assertEqual(403, (await self.door.ask("GET", PATH, headers)).status, scope)
        ana = self.door.people.accounts.named("ana")
        await self.door.people.accounts.set_second_factor(
            ana.number, b"sealed", None, by=COMMAND_LINE
        )
        reply = await self.door.ask("GET", PATH, basic() | HANDSHAKE)
        self.assertEqual(403, reply.status)
        client = await self.connect((await by_device(self.door)).headers)
        self.assertEqual("welcome", (await client.messages.get())["type"])

    async def test_revoked_it_is_cut_at_once_and_no_other_is(self) -> None:
        """With the code that says: sign in again before you come back."""
        first, second = await self.token(), await self.token()
        clients = [await self.connect(self.bearer(each)) for each in (first, second)]
        for client in clients:
            await client.messages.get()
        ana = self.door.people.accounts.named("ana")
        await self.door.people.tokens.revoke(ana.number, first.token.number, by=COMMAND_LINE)
        self.assertEqual((True, SIGNED_OUT), await clients[0].closed)
        self.happen()
        self.assertEqual("location", (await clients[1].messages.get())["type"])

    async def test_expired_it_is_cut_soon(self) -> None:
        """Though nothing happened."""
        expires = int(self.door.room.clock.now()) + 60
        issued = await self.token(expires=expires)
        client = await self.connect(self.bearer(issued))
        await client.messages.get()
        self.door.room.timers.advance(80)
        self.assertEqual((True, SIGNED_OUT), await client.closed, iso(expires))

    async def test_who_is_demoted_is_cut_and_may_come_back(self) -> None:
        """What they hold of an administrator is asked for anew."""
        root = await administrator(self.door)
        issued = await self.door.people.tokens.issue(
            root, "script", [Scope.READ, Scope.ADMIN], None, by=COMMAND_LINE
        )
        client = await self.connect(self.bearer(issued))
        await client.messages.get()
        ana = self.door.people.accounts.named("ana")
        await self.door.people.accounts.promote(ana.number, by=COMMAND_LINE)
        await self.door.people.accounts.demote(root.number, by=COMMAND_LINE)
        self.assertEqual((True, SIGNED_OUT), await client.closed)
        again = await self.connect(self.bearer(issued))
        self.assertEqual("welcome", (await again.messages.get())["type"])
