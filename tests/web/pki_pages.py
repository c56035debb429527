"""A case with a browser of an administrator, at pages of certificates made in earnest."""

import re

from tests.pki import lab
from tests.web.admin import AdminCase
from tests.web.door import Reply

PASSPHRASE = "open it, phone"
QUICK = {"key": "p256-256"}
"""A key that is made at once."""


class PKICase(AdminCase):
    """Root's browser, and certificates that are made in earnest, in memory."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        # Certificates of the lab are of today.
        self.door.room.began = lab.now().timestamp()
        self.pki = await self.door.open_pki()
        self.browser = await self.signed_in("root")

    async def authority(self, name: str = "Home CA", **fields: str) -> str:
        """Made by the form; what the next page says."""
        return await self.done("pki/authority/new/", {"common_name": name, **QUICK, **fields})

    async def server(self, names: str = "nas", **fields: str) -> str:
        """The same of the server's certificate."""
        return await self.done("pki/server/new/", {"san_entries": names, **QUICK, **fields})

    async def client(self, user: str = "ana", **fields: str) -> str:
        """The same of a client's."""
        return await self.done("pki/clients/new/", {"user": user, **QUICK, **fields})

    def told_of(self) -> list[str]:
        """What was done to certificates, says the audit log."""
        return self.door.certificates.audit.actions()

    def assert_field(self, reply: Reply, field: str) -> None:
        """The page again, with that field marked and told about."""
        self.assertEqual(422, reply.status, reply.body)
        marked = re.findall(rb'<\w+ id="([a-z_0-9]+)"[^>]*aria-invalid="true"', reply.body)
        self.assertEqual([field.encode()], marked)
        self.assertIn(f'id="{field}-errors"'.encode(), reply.body)
