"""The tab PKI: who may, what is named, what is done and noted."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from mytracks.pki.acme.renewal import State
from mytracks.pki.ports import ServerState
from mytracks.sharing.identity import COMMAND_LINE
from mytracks.web.pages.admin.pki.facts import left, listed
from mytracks.web.pages.admin.pki.hosts import browsed_host, covers
from tests.pki import lab
from tests.web.admin import HOME, MARKUP, words
from tests.web.pki_pages import PASSPHRASE, QUICK, PKICase

DAY = 24 * 60 * 60


class AuthorityTests(PKICase):
    """The first card."""

    async def test_what_comes_next_is_told(self) -> None:
        """Authority, server, phones: in this order."""
        told = await self.page("pki/")
        self.assertIn("1. Authority There is none yet.", told)
        self.assertIn("2. Server There is none yet. First make the authority", told)
        told = await self.authority()
        self.assertIn("Home CA signs from now on.", told)
        self.assertIn("Home CA signs the certificates of this server and of phones;", told)
        self.assertIn("phones cannot come in over TLS", told)
        self.assertIn("No phone has a certificate yet", await self.server())
        self.assertIn("1 certificate lets phones in. Without one: root.", await self.client())

    async def test_it_is_replaced_only_by_whoever_says_so(self) -> None:
        """What is replaced is named; nothing is made before."""
        await self.authority()
        reply = await self.post("pki/authority/new/", {"common_name": "Other", **QUICK})
        self.assert_field(reply, "sure")
        self.assertIn("Replace Home CA Home CA signs nothing more, but stays trusted", words(reply))
        self.assertEqual(1, len(self.pki.authorities.all()))
        self.assertIn("Other signs from now on.", await self.authority("Other", sure="yes"))

    async def test_what_is_wrong_is_named_and_what_was_typed_stays(self) -> None:
        """Days, key and name; markup is text."""
        for field, wrong in {
            "common_name": MARKUP * 9,
            "validity_days": "36501",
            "key": MARKUP,
        }.items():
            reply = await self.post("pki/authority/new/", {**QUICK, field: wrong})
            self.assert_field(reply, field)
            self.assertNotIn(MARKUP.encode(), reply.body)
        reply = await self.post("pki/authority/new/", {**QUICK, "validity_days": "ten"})
        self.assert_field(reply, "validity_days")
        self.assertIn(b'value="ten"', reply.body)
        self.assertEqual((), tuple(self.pki.authorities.all()))

    async def test_one_is_brought_and_its_key_never_shown(self) -> None:
        """Not on the page that says what was wrong either."""
        made = lab.authority("Family CA")
        fields = {"certificate": made.pem.decode(), "key": made.key_pem.decode()}
        reply = await self.post("pki/authority/import/", fields | {"certificate": "junk"})
        self.assert_field(reply, "certificate")
        self.assertNotIn(b"PRIVATE KEY", reply.body)
        self.assertIn(
            "Family CA signs from now on.", await self.done("pki/authority/import/", fields)
        )
        self.assertIn("pki.ca.import", self.told_of())

    async def test_it_is_fetched_in_both_forms(self) -> None:
        """As text, and as phones install it."""
        await self.authority("Home / CA")
        reply = await self.browser.get(f"{HOME}pki/authority/1/certificate/")
        self.assertEqual(
            'attachment; filename="Home _ CA.pem"', reply.headers["content-disposition"][:37]
        )
        read = x509.load_pem_x509_certificate(reply.body)
        reply = await self.browser.get(f"{HOME}pki/authority/1/certificate/?format=der")
        self.assertEqual(read, x509.load_der_x509_certificate(reply.body))
        self.assertEqual("application/x-x509-ca-cert", reply.headers["content-type"])

    async def test_it_is_ended_and_deleted(self) -> None:
        """Who still comes in by it is told before; it cannot be deleted while it is in use."""
        await self.authority()
        await self.client()
        told = await self.authority("New CA", sure="yes")
        self.assertIn("Still to move to the new one: ana.", told)
        reply = await self.post("pki/authority/1/expunge/")
        self.assertEqual(422, reply.status)
        self.assertIn("is in use cannot be deleted", words(reply))
        told = await self.done("pki/authority/1/end/")
        self.assertIn("Home CA has ended. The certificates of ana let nobody in any more;", told)
        self.assertEqual(422, (await self.post("pki/authority/1/end/")).status)
        self.assertIn("Home CA is deleted", await self.done("pki/authority/1/expunge/"))
        actions = self.told_of()
        self.assertIn("pki.ca.deactivate", actions)
        self.assertIn("pki.ca.expunge", actions)


class ServerTests(PKICase):
    """The second card."""

    async def test_names_are_suggested_read_and_named_when_wrong(self) -> None:
        """One on each line, or parted by commas."""
        await self.authority()
        self.assertIn("127.0.0.1", await self.page("pki/server/new/"))
        reply = await self.post("pki/server/new/", {"san_entries": f"nas\n{MARKUP}", **QUICK})
        self.assert_field(reply, "san_entries")
        self.assertNotIn(MARKUP.encode(), reply.body)
        self.assert_field(
            await self.post("pki/server/new/", {"san_entries": " , \n"}), "san_entries"
        )
        await self.server("nas.home, 192.168.1.5\n127.0.0.1")
        (made,) = self.pki.servers.all()
        self.assertEqual(("nas.home", "192.168.1.5", "127.0.0.1"), made.names)
        self.assertEqual("nas.home", made.name)

    async def test_a_name_that_is_missing_is_warned_of(self) -> None:
        """The one by which the page is read."""
        await self.authority()
        self.assertIn("You read this page at 127.0.0.1", await self.server("nas"))
        told = await self.server("nas\n127.0.0.1", sure="yes")
        self.assertNotIn("You read this page", told)

    async def test_without_an_authority_none_is_made(self) -> None:
        """And the way to one is shown."""
        self.assertIn("make that first", await self.page("pki/server/new/"))
        reply = await self.post("pki/server/new/", {"san_entries": "nas", **QUICK})
        self.assertEqual(422, reply.status)
        self.assertIn("make one first", words(reply))

    async def test_it_is_renewed_replaced_hidden_and_deleted(self) -> None:
        """A replacement is confirmed; what is in use is not deleted."""
        await self.authority()
        await self.server()
        self.assert_field(await self.post("pki/server/new/", {"san_entries": "x", **QUICK}), "sure")
        self.assertIn("The certificate of nas is renewed.", await self.done("pki/server/1/renew/"))
        self.assertEqual(422, (await self.post("pki/server/1/renew/")).status)
        self.assertEqual(422, (await self.post("pki/server/2/expunge/")).status)
        self.assertIn("is not shown any more", await self.done("pki/server/2/deactivate/"))
        self.assertEqual(422, (await self.post("pki/server/2/deactivate/")).status)
        for number in ("1", "2"):
            self.assertIn("is deleted", await self.done(f"pki/server/{number}/expunge/"))
        self.assertEqual((), tuple(self.pki.servers.all()))

    async def test_one_that_was_made_elsewhere_is_brought(self) -> None:
        """With a use of its own; what it lacks is named."""
        ca = lab.authority("Elsewhere")
        await self.authority()
        await self.server()
        fields = {"certificate": ca.pem.decode(), "key": ca.key_pem.decode(), "use": "web"}
        self.assert_field(await self.post("pki/server/import/", fields), "certificate")
        self.assert_field(await self.post("pki/server/import/", fields | {"use": "moon"}), "use")
        shown = [one for one in self.pki.servers.all() if one.state is ServerState.ACTIVE]
        self.assertEqual(["nas"], [one.name for one in shown])


class ClientTests(PKICase):
    """The third card, and the table of users."""

    async def setUp(self) -> None:  # type: ignore[override]
        await super().setUp()
        await self.authority()

    async def test_it_is_issued_from_the_table_of_users(self) -> None:
        """To whoever is active and has none; afterwards its facts stand there."""
        reply = await self.browser.get(HOME)
        self.assertIn(b'aria-label="Issue a certificate to ana"', reply.body)
        told = await self.done("pki/clients/new/", {"user": "ana"})
        self.assertIn("ana has a new certificate", told)
        reply = await self.browser.get(HOME)
        self.assertNotIn(b'aria-label="Issue a certificate to ana"', reply.body)
        self.assertIn("expires in 2 years The certificate of ana Subject CN=ana", words(reply))
        await self.accounts.add("ben", "four plain words here", by=COMMAND_LINE)
        await self.accounts.disable(self.accounts.named("ben").number, by=COMMAND_LINE)
        self.assertNotIn(b"Issue a certificate to ben", (await self.browser.get(HOME)).body)

    async def test_what_is_wrong_is_named(self) -> None:
        """Nobody, too long, too much grace."""
        for field, wrong in {
            "user": MARKUP,
            "validity_days": "1827",
            "key": "dsa",
            "grace_days": "91",
        }.items():
            fields = {"user": "ana", **QUICK, field: wrong}
            self.assert_field(await self.post("pki/clients/new/", fields), field)
        self.assertEqual((), tuple(self.pki.clients.all()))

    async def test_a_second_one_replaces_the_first_when_that_is_meant(self) -> None:
        """Revoked at once, or after days of grace."""
        await self.client()
        reply = await self.post("pki/clients/new/", {"user": "ana", **QUICK})
        self.assert_field(reply, "sure")
        self.assertIn("the 1 certificate of ana will be revoked at once", words(reply))
        self.assertIn("replaced", await self.client(sure="yes", grace_days="7"))
        self.assertEqual(2, sum(map(self.pki.clients.is_active, self.pki.clients.all())))
        await self.client(sure="yes")
        self.assertEqual(1, sum(map(self.pki.clients.is_active, self.pki.clients.all())))

    async def test_its_bundle_needs_a_password(self) -> None:
        """In each form; noted."""
        await self.client()
        path = "pki/clients/1/download/"
        self.assert_field(await self.post(path, {"password": "short"}), "password")
        wrong = {"password": PASSPHRASE, "format": "zip"}
        self.assert_field(await self.post(path, wrong), "format")
        names = {"p12": "ana.p12", "otrp": "ana.otrp", "p12-modern": "ana.p12", "pem": "ana.pem"}
        for form, name in names.items():
            reply = await self.post(path, {"password": PASSPHRASE, "format": form})
            self.assertEqual(200, reply.status)
            told = reply.headers["content-disposition"]
            self.assertEqual(f'attachment; filename="{name}"', told)
            if form != "pem":
                read = pkcs12.load_key_and_certificates(reply.body, PASSPHRASE.encode())
                self.assertIsNotNone(read[0])
        self.assertEqual(4, self.told_of().count("pki.client.download"))

    async def test_it_is_revoked_and_deleted(self) -> None:
        """Whoever is revoked stands on the list, with the reason."""
        await self.client()
        self.assertEqual(422, (await self.post("pki/clients/1/expunge/")).status)
        reply = await self.post("pki/clients/1/revoke/", {"reason": "whim"})
        self.assertEqual(422, reply.status)
        told = await self.done("pki/clients/1/revoke/", {"reason": "lost"})
        self.assertIn("The certificate of ana is revoked. It was not connected.", told)
        self.assertIn("key compromise", told)
        self.assertIn("1 certificate is revoked.", told)
        self.assertEqual(422, (await self.post("pki/clients/1/revoke/")).status)
        self.assertIn("It lets nobody in: revoked.", await self.page("pki/clients/1/download/"))
        self.assertEqual(
            422, (await self.post("pki/clients/1/download/", {"password": PASSPHRASE})).status
        )
        self.assertIn("is deleted", await self.done("pki/clients/1/expunge/"))
        self.assertIn("1 certificate is revoked.", await self.page("pki/"))

    async def test_what_is_not_there_is_told_so(self) -> None:
        """Stale, foreign or made up."""
        for path in ("authority/9/end/", "server/9/expunge/", "clients/x/revoke/"):
            self.assertEqual(404, (await self.post(f"pki/{path}")).status, path)
        await self.page("pki/clients/9/download/", 404)

    async def test_others_may_nothing(self) -> None:
        """Pages lead them to the map; forms are refused."""
        browser = await self.signed_in("ana")
        paths = ("authority/new/", "authority/import/", "server/new/", "server/import/")
        for path in (*paths, "clients/new/"):
            reply = await browser.get(f"{HOME}pki/{path}")
            self.assertEqual((303, "/"), (reply.status, reply.headers["location"]), path)
            token = (await browser.get("/profile/")).token
            reply = await browser.post(f"{HOME}pki/{path}", {"csrf_token": token})
            self.assertEqual(403, reply.status, path)
        for path in paths:
            reply = await self.browser.post(f"{HOME}pki/{path}", {})
            self.assertEqual(403, reply.status, path)

    async def test_failed_handshakes_are_told_with_advice(self) -> None:
        """What a stranger asked for is text."""
        self.door.handshakes.note(
            address="192.0.2.1",
            port=5,
            listener="mqtts",
            asked=MARKUP,
            ours=["nas"],
            reason="it says that it does not know our CA",
            advice="Install the CA certificate on it.",
        )
        reply = await self.browser.get(f"{HOME}connections/?state=tls")
        self.assertNotIn(MARKUP.encode(), reply.body)
        told = f"{MARKUP} our certificate: nas It says that it does not know our CA. Install"
        self.assertIn(told, words(reply))


class PublicTests(PKICase):
    """The card of the certificate that a public authority gives."""

    async def test_how_it_stands_is_told_where_it_is_asked_for(self) -> None:
        """What the authority said is text; without a directory there is no card."""
        self.assertNotIn("ACME", await self.page("pki/"))
        state = State(
            on=True,
            directory="https://acme.example/directory",
            names=("home.example",),
            challenge="http-01",
            last_try=1_750_000_000,
            failures=2,
            error=MARKUP,
            alarm="it ends in 3 days",
        )
        self.patch(self.pki.acme.renewal, "state", lambda: state)
        reply = await self.browser.get(f"{HOME}pki/")
        self.assertNotIn(MARKUP.encode(), reply.body)
        told = words(reply)
        self.assertIn("Public certificate (ACME) it ends in 3 days There is none yet.", told)
        self.assertIn(f"Failed 2 times in a row {MARKUP}", told)

    async def test_it_is_fetched_when_somebody_says_so(self) -> None:
        """Nobody has to wait for the next try; here there is nobody to ask."""
        token = (await self.browser.get(f"{HOME}pki/")).token
        reply = await self.browser.post(f"{HOME}pki/acme/try/", {"csrf_token": token})
        self.assertEqual(422, reply.status)
        self.assertIn("No ACME directory is set.", words(reply))


class WordTests(PKICase):
    """Small rules."""

    def test_how_long_it_is_until_then(self) -> None:
        """As people say it."""
        for days, told in {
            12: "in 12 days",
            1: "in 1 day",
            397: "in 13 months",
            730: "in 2 years",
        }.items():
            self.assertEqual(told, left(days * DAY))
        self.assertEqual("3 days ago", left(-3 * DAY))
        self.assertEqual("today", left(60))

    def test_which_names_a_certificate_is_good_for(self) -> None:
        """A star stands for one level; addresses are compared as such."""
        self.assertEqual("::1", browsed_host("[::1]:8080"))
        self.assertEqual("nas.home", browsed_host("NAS.home:80"))
        self.assertIsNone(browsed_host("my_nas"))
        self.assertTrue(covers(["*.example.org"], "nas.example.org"))
        self.assertFalse(covers(["*.example.org"], "a.nas.example.org"))
        self.assertTrue(covers(["0:0::1"], "::1"))
        self.assertEqual("anna, ben and clara", listed(["anna", "ben", "clara"]))
