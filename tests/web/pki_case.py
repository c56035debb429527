"""An administrator, ana, and certificates that are made in earnest, in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from tests.people.room import GOOD
from tests.pki import lab
from tests.web.callers import ADMIN, PROBLEM, Caller, administrator, by_password, signed_in
from tests.web.door import Door, Reply

PKI = "/api/admin/pki"
CA = f"{PKI}/ca"
SERVER = f"{PKI}/server-cert"
CLIENTS = f"{PKI}/client-certs"
CRL = f"{PKI}/crl"
OWN = "/api/account/certificates"
QUICK = {"key_type": "p256"}
"""A key that is made at once."""
PASSPHRASE = "open it, phone"

Shown = dict[str, Any]


class PKICase(TestCase):
    """Root, by a session; ana, by her password."""

    async def setUp(self) -> None:  # type: ignore[override]
        self.door = Door()
        # The certificates of the lab and of the `openssl` program are of today.
        self.door.room.began = lab.now().timestamp()
        await self.door.open()
        self.addCleanup(self.close)
        self.pki = await self.door.open_pki()
        await administrator(self.door)
        self.root: Caller = await signed_in(self.door, ADMIN)
        self.ana: Caller = by_password(self.door, "ana", GOOD)
        self.ana_number = self.door.people.accounts.named("ana").number

    async def close(self) -> None:
        await self.door.close()

    async def made(self, path: str, **body: Any) -> Shown:
        """What a POST there made."""
        reply = await self.root.call("POST", path, QUICK | body)
        self.assertEqual(201, reply.status, reply.body)
        return dict(reply.json())

    async def authority(self, **body: Any) -> Shown:
        """One that signs from now on."""
        return await self.made(CA, **body)

    async def server(self, **body: Any) -> Shown:
        """A server certificate."""
        return await self.made(SERVER, **{"common_name": "nas", "san_entries": ["nas"]} | body)

    async def client(self, **body: Any) -> Shown:
        """A client certificate, ana's."""
        return await self.made(CLIENTS, **{"user_id": self.ana_number} | body)

    async def shown(self, path: str, caller: Caller | None = None) -> Any:
        """The JSON at that path."""
        reply = await (caller or self.root).call("GET", path)
        self.assertEqual(200, reply.status, reply.body)
        return reply.json()

    async def results(self, path: str, caller: Caller | None = None) -> list[Shown]:
        """The one page at that path, of the promised shape."""
        page = await self.shown(path, caller)
        self.assertEqual({"count", "next", "previous", "results"}, set(page))
        self.assertEqual(page["count"], len(page["results"]))
        return list(page["results"])

    async def refused(
        self, status: int, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> set[str]:
        """A problem document; the fields that it names."""
        sent = {} if body is None and method != "GET" else body
        reply = await self.root.call(method, path, sent)
        self.assert_problem(reply, status)
        return set(reply.json()["errors"])

    async def done(self, method: str, path: str) -> None:
        """Without a word."""
        reply = await self.root.call(method, path, {})
        self.assertEqual((204, b""), (reply.status, reply.body))

    async def downloaded(self, path: str, **body: Any) -> Reply:
        """A bundle."""
        reply = await self.root.call("POST", path, {"password": PASSPHRASE} | body)
        self.assertEqual(200, reply.status, reply.body)
        return reply

    def written(self, content: bytes | str) -> Path:
        """A file with this content."""
        path = Path(self.mktemp())
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def assert_problem(self, reply: Reply, status: int) -> None:
        """RFC 9457."""
        self.assertEqual((status, PROBLEM), (reply.status, reply.headers.get("content-type")))

    def assert_file(self, reply: Reply, kind: str, name: str) -> None:
        """To be saved under that name, by nobody in between."""
        self.assertEqual(200, reply.status, reply.body)
        self.assertEqual(
            (kind, f'attachment; filename="{name}"', "no-store"),
            tuple(
                reply.headers.get(header)
                for header in ("content-type", "content-disposition", "cache-control")
            ),
        )
