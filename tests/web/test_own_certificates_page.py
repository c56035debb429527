"""One's own certificates, on the profile and for the phone: whose, and what is handed out."""

import re

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.web.admin import words
from tests.web.door import Browser, Reply
from tests.web.pki_pages import PASSPHRASE, PKICase


class OwnTests(PKICase):
    """What everybody fetches for themselves."""

    async def own(self, fields: dict[str, str], browser: Browser) -> Reply:
        """Ana's download."""
        token = (await browser.get("/profile/certificates/")).token
        return await browser.post("/profile/download-cert/", {"csrf_token": token} | fields)

    async def test_ones_own_certificate_and_nobody_elses(self) -> None:
        """With a password; `p12_password` is what the original called it."""
        await self.authority()
        await self.client("root")
        browser = await self.signed_in("ana")
        told = words(await browser.get("/profile/certificates/"))
        self.assertIn("You have none", told)
        self.assertEqual(422, (await self.own_without_form(browser)).status)
        await self.client("ana")
        self.assertIn("Subject CN=ana", words(await browser.get("/profile/")))
        self.assert_field(await self.own({"p12_password": "short"}, browser), "p12_password")
        for name in ("p12_password", "password"):
            reply = await self.own({name: PASSPHRASE}, browser)
            told = reply.headers["content-disposition"]
            self.assertEqual((200, 'attachment; filename="ana.p12"'), (reply.status, told))
            read = pkcs12.load_key_and_certificates(reply.body, PASSPHRASE.encode())
            assert read[1] is not None
            self.assertIn("CN=ana", read[1].subject.rfc4514_string())
        reply = await self.own({"password": PASSPHRASE, "certificate": "1"}, browser)
        self.assertEqual(404, reply.status)

    async def own_without_form(self, browser: Browser) -> Reply:
        """Sent though the page offers none."""
        page = (await browser.get("/profile/")).body
        token = re.search(rb'name="csrf-token" content="([^"]+)"', page)
        assert token is not None
        fields = {"csrf_token": token[1].decode(), "password": PASSPHRASE}
        return await browser.post("/profile/download-cert/", fields)

    async def test_the_authority_is_fetched(self) -> None:
        """By whoever is signed in; there may be none."""
        browser = await self.signed_in("ana")
        self.assertEqual(404, (await browser.get("/profile/download-ca/")).status)
        await self.authority()
        reply = await browser.get("/profile/download-ca/")
        self.assertEqual('attachment; filename="Home CA.crt"', reply.headers["content-disposition"])
        x509.load_pem_x509_certificate(reply.body)
        self.assertEqual(303, (await Browser(self.door).get("/profile/download-ca/")).status)
