"""Which certificates get in, on TLS 1.2 and 1.3 alike, between two implementations of TLS."""

import gc
import ssl
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from mytracks.pki.handshakes import explain
from mytracks.pki.ports import Use
from mytracks.pki.state import Identity, Trusted
from mytracks.pki.tls import Asks, Snapshot, Switch, names, snapshot
from tests.pki import lab
from tests.pki.lab import BOTH, CLIENT, DAY, SERVER, Lab, Made, attempt, make

UNKNOWN = "we did not issue it, or it is no longer in force"


class TLSCase(SynchronousTestCase):
    """A lab, and two versions."""

    def setUp(self) -> None:
        self.lab = Lab()

    def let_in(self, switch: Switch, shows: Made | None = None) -> None:
        """It gets in, in both versions."""
        for version in BOTH:
            outcome = attempt(switch, shows, version)
            self.assertTrue(outcome.let_in, f"{version.name}: {outcome}")

    def refused(self, switch: Switch, shows: Made | None, fault: str) -> None:
        """It does not; nothing that it said was heard, and the reason is told."""
        for version in BOTH:
            handshake = lab.Handshake(switch, lab.client(version, shows))
            outcome = handshake.finish()
            self.assertFalse(outcome.let_in, version.name)
            self.assertFalse(handshake.heard, version.name)
            self.assertEqual(fault, outcome.fault)
            self.assertNotEqual("", outcome.error)


class AdmittanceTests(TLSCase):
    """The table of security.md 1.2."""

    def test_a_good_certificate_gets_in_and_an_empty_list_blocks_nobody(self) -> None:
        """In either mode."""
        for asks in (Asks.OPTIONAL, Asks.REQUIRED):
            self.let_in(self.lab.switch(asks), self.lab.ana)

    def test_the_list_blocks_whom_it_names_and_nobody_else(self) -> None:
        """Checked by OpenSSL itself, before we are asked."""
        switch = self.lab.switch(Asks.OPTIONAL, self.lab.ana)
        self.refused(switch, self.lab.ana, "it is revoked")
        self.let_in(switch, self.lab.ben)

    def test_without_a_certificate_it_depends_on_the_mode(self) -> None:
        """`required`: no entry. `optional`: user and password decide, later."""
        self.let_in(self.lab.switch(Asks.OPTIONAL))
        for version in BOTH:
            handshake = lab.Handshake(self.lab.switch(Asks.REQUIRED), lab.client(version))
            self.assertFalse(handshake.finish().let_in)
            told, advice = explain(handshake.refusal, "")
            self.assertEqual("it showed no certificate, and one is required", told)
            self.assertNotEqual("", advice)

    def test_what_is_not_ours_or_not_in_order_is_refused_even_where_none_is_asked_for(self) -> None:
        """A bad certificate is worse than none. All of these are known to us by their fingerprint:
        OpenSSL alone keeps them out."""
        ca, none = self.lab.ca, "its issuer is none that we trust"
        leaf = self.lab.ben
        under = make("eve", leaf)
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\5\0")
        cases: Mapping[str, tuple[Callable[[], Made], str]] = {
            "another CA": (lambda: make("eve", lab.authority("Other CA")), none),
            "another CA of the same name": (lambda: make("eve", lab.authority("Lab CA")), none),
            "signed by itself": (make, "it is signed by itself"),
            "expired": (
                lambda: make("ana", ca, begin=-9 * DAY, end=-DAY),
                "it has expired",
            ),
            "not yet valid": (
                lambda: make("ana", ca, begin=DAY, end=9 * DAY),
                "it is not valid yet",
            ),
            "for servers": (lambda: make("ana", ca, purposes=SERVER), "it is not for clients"),
            "for code": (
                lambda: make("ana", ca, purposes=[Purpose.CODE_SIGNING]),
                "it is not for clients",
            ),
            "for anything": (
                lambda: make("ana", ca, purposes=[Purpose.ANY_EXTENDED_KEY_USAGE]),
                "it is not for clients",
            ),
            "not for signatures": (
                lambda: make("ana", ca, own=lab.key(2048), uses=lab.usage("key_encipherment")),
                "it is not for clients",
            ),
            "an extension nobody knows": (
                lambda: make("ana", ca, extra=[unknown]),
                "it has a critical extension that nobody knows",
            ),
            "issued by a client": (
                lambda: Made(under.certificate, under.key, (leaf.certificate,)),
                "it was issued by a certificate that may not issue any (a certificate above it)",
            ),
            "a weak key": (lambda: make("ana", ca, own=lab.key(1024)), "its key is too weak"),
            "the CA itself": (lambda: ca, "it is not for clients"),
        }
        for case, (making, fault) in cases.items():
            made = making()
            self.lab.known.add(made.fingerprint)
            with self.subTest(case):
                self.refused(self.lab.switch(Asks.OPTIONAL), made, fault)
                self.refused(self.lab.switch(Asks.REQUIRED), made, fault)

    def test_what_openssl_would_let_in_but_we_did_not_issue_is_refused(self) -> None:
        """Our CA's key may have signed it elsewhere; without any purpose OpenSSL takes it for
        one of all, and a CA that may sign other things than certificates for a client."""
        ca = self.lab.ca
        signing = lab.authority("Signing CA", lab.usage("key_cert_sign", "digital_signature"))
        for made in (make("ana", ca), make("ana", ca, purposes=())):
            self.refused(self.lab.switch(), made, UNKNOWN)
        switch = Switch(lambda _: False)
        switch.replace(
            evolve(
                self.lab.snapshot(),
                anchors=(signing.certificate,),
                lists=(lab.revocations(signing),),
            )
        )
        for version in BOTH:
            self.assertFalse(attempt(switch, signing, version).let_in)

    def test_certificates_made_in_other_ways_get_in_if_we_know_them(self) -> None:
        """RSA keys, both purposes, no key identifiers: as other tools make them."""
        ca = self.lab.ca
        for made in (
            make("ana", ca, own=lab.key(2048)),
            make("ana", ca, purposes=(*CLIENT, *SERVER)),
            make("ana", ca, identifiers=False),
        ):
            self.lab.known.add(made.fingerprint)
            self.let_in(self.lab.switch(Asks.REQUIRED), made)

    def test_by_the_strict_rules_key_identifiers_have_to_be_there(self) -> None:
        """All of our own making have them."""
        bare = make("ana", self.lab.ca, identifiers=False)
        self.lab.known.add(bare.fingerprint)
        switch = self.lab.switch()
        switch.replace(evolve(self.lab.snapshot(), strict=True))
        self.let_in(switch, self.lab.ana)
        for version in BOTH:
            self.assertFalse(attempt(switch, bare, version).let_in)

    def test_an_intermediate_authority_can_be_trusted_by_itself(self) -> None:
        """Imported without the one above it, which it is."""
        above = lab.authority("Root")
        between = make("Between", above, authority=True, end=365 * DAY)
        made = make("ana", between)
        self.lab.known.add(made.fingerprint)
        switch = self.lab.switch()
        switch.replace(
            evolve(
                self.lab.snapshot(),
                anchors=(between.certificate,),
                lists=(lab.revocations(between),),
            )
        )
        self.let_in(switch, made)
        self.let_in(switch)

    def test_a_lapsed_list_locks_everybody_out_unless_forgiven(self) -> None:
        """Forgiven, it still keeps out whom it names."""
        lapsed = lab.revocations(self.lab.ca, [self.lab.ben], begin=-9 * DAY, end=-2 * DAY)
        coming = lab.revocations(self.lab.ca, [self.lab.ben], begin=DAY, end=2 * DAY)
        for made, fault in (
            (lapsed, "its issuer's revocation list is out of date"),
            (coming, "its issuer's revocation list is not valid yet"),
        ):
            switch = self.lab.switch()
            switch.replace(evolve(self.lab.snapshot(), lists=(made,)))
            self.refused(switch, self.lab.ana, fault)
            switch.replace(evolve(self.lab.snapshot(), lists=(made,), forgiving=True))
            self.let_in(switch, self.lab.ana)
            self.refused(switch, self.lab.ben, "it is revoked")

    def test_without_a_list_of_its_issuer_nobody_gets_in_by_it(self) -> None:
        """Rather nobody than somebody who was revoked."""
        switch = self.lab.switch()
        switch.replace(evolve(self.lab.snapshot(), lists=()))
        self.refused(switch, self.lab.ana, "there is no revocation list of its issuer")
        forged = lab.revocations(self.lab.ca, signer=self.lab.ben)
        switch.replace(evolve(self.lab.snapshot(), lists=(forged,)))
        self.refused(switch, self.lab.ana, "the signature of its issuer's revocation list is wrong")


class ReplacingTests(TLSCase):
    """What changes while the listener runs."""

    def test_a_revocation_counts_from_the_next_handshake_on(self) -> None:
        """Also where it was accepted before, and within the same second."""
        switch = self.lab.switch()
        self.let_in(switch, self.lab.ana)
        switch.replace(self.lab.snapshot(Asks.OPTIONAL, self.lab.ana))
        self.refused(switch, self.lab.ana, "it is revoked")
        switch.replace(self.lab.snapshot(Asks.OPTIONAL, self.lab.ana, self.lab.ben))
        self.refused(switch, self.lab.ben, "it is revoked")
        self.assertEqual(3, switch.generation)

    def test_no_session_is_resumed_not_even_one_of_before(self) -> None:
        """Resuming skips the list. The client's attempt is answered with a whole handshake."""
        for version in BOTH:
            switch = self.lab.switch()
            context = lab.client(version, self.lab.ana)
            first = lab.Handshake(switch, context).finish()
            self.assertTrue(first.let_in)
            again = lab.Handshake(switch, context, session=first.session).finish()
            self.assertTrue(again.let_in, again.error)
            self.assertFalse(again.resumed)
            switch.replace(self.lab.snapshot(Asks.OPTIONAL, self.lab.ana))
            for session in (first.session, again.session):
                later = lab.Handshake(switch, context, session=session).finish()
                self.assertEqual((False, "it is revoked"), (later.let_in, later.fault))

    def test_a_handshake_held_open_over_a_revocation_is_looked_at_again(self) -> None:
        """It goes on with the list of before: what is in force is asked at its end."""
        for version in BOTH:
            made = make("ana", self.lab.ca)
            self.lab.known.add(made.fingerprint)
            switch = self.lab.switch()
            handshake = lab.Handshake(switch, lab.client(version, made))
            handshake.hello()
            self.lab.known.discard(made.fingerprint)
            switch.replace(self.lab.snapshot(Asks.OPTIONAL, made))
            outcome = handshake.finish()
            self.assertEqual((False, UNKNOWN), (outcome.let_in, outcome.fault))

    def test_a_new_server_certificate_is_shown_to_whoever_comes_next(self) -> None:
        """The connections of before are not touched."""
        switch = self.lab.switch()
        before = lab.Handshake(switch, lab.client())
        before.hello()
        new = make("server", self.lab.ca, purposes=SERVER, names=["new.test"])
        switch.replace(evolve(self.lab.snapshot(), leaf=new.certificate, key=new.key))
        self.assertEqual(self.lab.server.der, before.finish().shown)
        self.assertEqual(new.der, attempt(switch).shown)
        self.assertEqual(("new.test",), switch.names)

    def test_two_authorities_overlap_until_one_is_taken_away(self) -> None:
        """Phones of the old one go on working. Both may have the same name."""
        new_ca = lab.authority("Lab CA")
        new = make("ana", new_ca)
        self.lab.known.add(new.fingerprint)
        switch = self.lab.switch()
        both = evolve(
            self.lab.snapshot(),
            anchors=(new_ca.certificate, self.lab.ca.certificate),
            lists=(lab.revocations(new_ca), lab.revocations(self.lab.ca, [self.lab.ben])),
        )
        switch.replace(both)
        self.let_in(switch, self.lab.ana)
        self.let_in(switch, new)
        self.refused(switch, self.lab.ben, "it is revoked")
        switch.replace(evolve(both, anchors=both.anchors[:1], lists=both.lists[:1]))
        self.let_in(switch, new)
        self.refused(switch, self.lab.ana, "its issuer is none that we trust")

    def test_what_cannot_be_served_leaves_all_as_it_was(self) -> None:
        """A key of another certificate: a mistake must not end the service."""
        switch = self.lab.switch()
        with self.assertRaises(ValueError):
            switch.replace(evolve(self.lab.snapshot(), key=self.lab.ana.key))
        self.let_in(switch, self.lab.ana)
        self.assertEqual((1, ("server.test", "192.0.2.1")), (switch.generation, switch.names))

    def test_contexts_of_before_are_freed(self) -> None:
        """500 revocations must not cost 500 contexts."""
        switch = self.lab.switch()
        gc.collect()
        before = _contexts()
        for _ in range(5):
            self.let_in(switch, self.lab.ana)
            switch.replace(self.lab.snapshot())
        gc.collect()
        self.assertEqual(before, _contexts())


class OfferTests(TLSCase):
    """What is offered to clients."""

    def test_no_version_before_1_2_is_spoken(self) -> None:
        """They are broken."""
        context = lab.client()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        self.assertFalse(lab.Handshake(self.lab.switch(), context).finish().let_in)

    def test_only_ciphers_with_forward_secrecy_are_agreed_to(self) -> None:
        """An old list gets nothing."""
        context = lab.client(ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("AES128-SHA:AES256-SHA256:ECDHE-ECDSA-AES128-SHA")
        handshake = lab.Handshake(self.lab.switch(), context)
        self.assertFalse(handshake.finish().let_in)
        self.assertEqual(("it knows no cipher that we do", ""), explain(handshake.refusal, ""))

    def test_a_protocol_of_ours_is_agreed_to_and_others_refuse_nobody(self) -> None:
        """A client that offers another one may speak ours all the same."""
        switch = self.lab.switch()
        switch.replace(evolve(self.lab.snapshot(), protocols=(b"mqtt",)))
        for offered, agreed in ((["mqtt"], "mqtt"), (["h2", "mqtt"], "mqtt"), (["h2"], None)):
            outcome = attempt(switch, protocols=offered)
            self.assertEqual((True, agreed), (outcome.let_in, outcome.protocol))

    def test_the_name_that_a_client_asks_for_is_known(self) -> None:
        """It is told beside ours, when something went wrong."""
        for version in BOTH:
            for name in ("server.test", None):
                handshake = lab.Handshake(self.lab.switch(), lab.client(version), name)
                handshake.finish()
                self.assertEqual(name, getattr(handshake.server, "asked", ""))

    def test_all_keys_that_we_make_can_be_served(self) -> None:
        """RSA for old phones."""
        for bits in (0, 2048, 3072):
            made = make("server", self.lab.ca, own=lab.key(bits), purposes=SERVER)
            switch = self.lab.switch()
            switch.replace(evolve(self.lab.snapshot(), leaf=made.certificate, key=made.key))
            self.let_in(switch, self.lab.ana)

    def test_what_stands_between_the_server_and_its_root_is_sent_as_well(self) -> None:
        """Phones know the root only."""
        between = make("Between", self.lab.ca, authority=True, path=0)
        made = make("server", between, purposes=SERVER, names=["server.test"])
        switch = self.lab.switch()
        switch.replace(
            evolve(
                self.lab.snapshot(),
                leaf=made.certificate,
                key=made.key,
                chain=(between.certificate,),
            )
        )
        context = ssl.create_default_context(cadata=self.lab.ca.pem.decode())
        handshake = lab.Handshake(switch, context, "server.test")
        self.assertTrue(handshake.finish().let_in)

    def test_the_authority_that_clients_are_checked_against_is_not_sent(self) -> None:
        """A root that is sent persuades nobody, and costs each handshake a kilobyte."""
        for version in lab.BOTH:
            handshake = lab.Handshake(self.lab.switch(), lab.client(version, self.lab.ana))
            self.assertTrue(handshake.finish().let_in)
            inner: Any = handshake.client
            self.assertEqual(1, len(inner._sslobj.get_unverified_chain()))


class SnapshotTests(TLSCase):
    """What the certificates room says becomes what a listener serves."""

    def identity(self, made: Made, number: int) -> Identity:
        """It is shown."""
        return Identity(
            number=number,
            fingerprint=made.fingerprint,
            certificate=made.certificate,
            key=made.key,
            names=names(made.certificate),
        )

    def test_each_use_has_its_own_certificate_or_that_for_all(self) -> None:
        """Public for the web, private for phones."""
        everywhere, web = self.identity(self.lab.server, 1), self.identity(self.lab.ben, 2)
        trusted = Trusted(
            anchors=(self.lab.ca.certificate,),
            lists=(lab.revocations(self.lab.ca),),
            identities={Use.EVERYWHERE: everywhere, Use.WEB: web},
        )

        def made(use: Use) -> Snapshot:
            found = snapshot(trusted, use, Asks.OPTIONAL, (b"mqtt",))
            assert found is not None
            return found

        self.assertIs(web.certificate, made(Use.WEB).leaf)
        mqtt = made(Use.MQTT)
        self.assertIs(everywhere.certificate, mqtt.leaf)
        self.assertEqual(
            (Asks.OPTIONAL, (b"mqtt",), False, False),
            (mqtt.asks, mqtt.protocols, mqtt.forgiving, mqtt.strict),
        )
        switch = Switch(lambda shown: shown in self.lab.known)
        switch.replace(mqtt)
        self.let_in(switch, self.lab.ana)

    def test_without_a_certificate_there_is_nothing_to_serve(self) -> None:
        """The listener is closed then."""
        self.assertIsNone(snapshot(Trusted(), Use.MQTT, Asks.OPTIONAL, ()))
        self.assertNotIn("PRIVATE", repr(self.lab.snapshot()))


def _contexts() -> int:
    return sum(isinstance(each, SSL.Context) for each in gc.get_objects())
