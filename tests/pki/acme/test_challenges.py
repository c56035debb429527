"""Proofs: which are answered, by the web door and within a handshake."""

import hashlib
import ssl

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from mytracks.pki.acme.challenges import ACME_IDENTIFIER, Challenge, Challenges, prove
from mytracks.pki.acme.limits import HTTP_01, TLS_ALPN_01
from mytracks.pki.tls import Asks, Examined, Switch
from tests.pki import lab
from tests.pki.lab import BOTH, Handshake, Lab, client

NOW = lab.now().timestamp()
NAME = "track.example.test"
ACME = "acme-tls/1"


def by_http(token: str = "abc") -> Challenge:
    """One for the web door."""
    return Challenge(HTTP_01, NAME, token, f"{token}.thumb")


def by_tls(name: str = NAME) -> Challenge:
    """One for a handshake."""
    return Challenge(TLS_ALPN_01, name, "abc", "abc.thumb", prove(name, "abc.thumb", NOW))


class ChallengesTests(SynchronousTestCase):
    """What is open is answered, and nothing else."""

    def setUp(self) -> None:
        self.challenges = Challenges()
        self.told = 0
        self.challenges.watch(self._tell)

    def _tell(self) -> None:
        self.told += 1

    def test_nothing_is_answered_while_nothing_is_open(self) -> None:
        """Before and after."""
        self.challenges.open([by_http(), by_tls()])
        self.challenges.close()
        self.assertIsNone(self.challenges.answer("abc"))
        self.assertIsNone(self.challenges.proof(NAME))
        self.assertIsNone(self.challenges.stand_in())

    def test_each_is_answered_where_it_is_asked(self) -> None:
        """By its token there, by its name here; never one kind for the other."""
        self.challenges.open([by_http("one"), by_http("two"), by_tls("other.example.test")])
        self.assertEqual("two.thumb", self.challenges.answer("two"))
        self.assertIsNone(self.challenges.answer("abc"))
        self.assertIsNotNone(self.challenges.proof("Other.Example.test"))
        self.assertIsNone(self.challenges.proof(NAME))
        self.assertIsNone(self.challenges.proof(None))

    def test_whoever_watches_hears_of_it(self) -> None:
        """And hears nothing where nothing changes."""
        self.challenges.close()
        self.assertEqual(0, self.told)
        self.challenges.open([by_http()])
        self.challenges.close()
        self.challenges.close()
        self.assertEqual(2, self.told)

    def test_a_proof_is_as_the_authority_wants_it(self) -> None:
        """One name, and the digest in a critical extension [RFC 8737 3]."""
        found = by_tls().proof
        assert found is not None
        made = found.certificate
        extensions = made.extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual([NAME], names.get_values_for_type(x509.DNSName))
        mark = extensions.get_extension_for_oid(ACME_IDENTIFIER)
        self.assertTrue(mark.critical)
        digest = hashlib.sha256(b"abc.thumb").digest()
        assert isinstance(mark.value, x509.UnrecognizedExtension)
        self.assertEqual(b"\x04\x20" + digest, mark.value.value)
        self.assertEqual(made.public_key(), found.key.public_key())


class HandshakeTests(SynchronousTestCase):
    """At a TLS listener, in both versions."""

    def setUp(self) -> None:
        self.lab = Lab()
        self.challenges = Challenges()

    def switch(self, asks: Asks = Asks.NOTHING) -> Switch:
        """A listener that proves what is open."""
        switch = Switch(lambda shown: shown in self.lab.known, self.challenges.proof)
        switch.replace(self.lab.snapshot(asks))
        return switch

    def shake(
        self, switch: Switch, version: ssl.TLSVersion, *protocols: str, asked: str = NAME
    ) -> tuple[lab.Outcome, bool]:
        """A handshake, and whether nobody hears what is said over it."""
        handshake = Handshake(switch, client(version, protocols=protocols), asked)
        outcome = handshake.finish()
        assert isinstance(handshake.server, Examined)
        return outcome, handshake.server.deaf

    def test_the_proof_is_shown_to_whoever_asks_for_it(self) -> None:
        """And to nobody else; no certificate is asked for, wherever it is."""
        for version in BOTH:
            for asks in Asks:
                proof = by_tls()
                assert proof.proof is not None
                self.challenges.open([proof])
                switch = self.switch(asks)
                outcome, deaf = self.shake(switch, version, ACME)
                self.assertEqual("", outcome.error, (version, asks))
                self.assertEqual(
                    x509.load_der_x509_certificate(outcome.shown), proof.proof.certificate
                )
                self.assertEqual(ACME, outcome.protocol)
                self.assertTrue(deaf)
            switch = self.switch()
            outcome, deaf = self.shake(switch, version, "http/1.1")
            self.assertEqual(self.lab.server.der, outcome.shown)
            self.assertFalse(deaf)

    def test_it_is_refused_while_there_is_nothing_to_prove(self) -> None:
        """Of that name, or at all."""
        for version in BOTH:
            for open_ in ([], [by_tls("other.example.test")], [by_http()]):
                self.challenges.open(open_)
                outcome, deaf = self.shake(self.switch(), version, ACME)
                self.assertFalse(outcome.let_in, (version, open_))
                self.assertIn("nothing to prove", outcome.fault)
                self.assertTrue(deaf)

    def test_a_listener_without_challenges_refuses_it(self) -> None:
        """MQTT over TLS has none."""
        outcome, _ = self.shake(self.lab.switch(Asks.NOTHING), BOTH[1], ACME)
        self.assertFalse(outcome.let_in)

    def test_a_stand_in_is_heard_by_nobody(self) -> None:
        """A listener without a certificate of its own opens for the proof alone."""
        self.challenges.open([by_tls()])
        switch = Switch(lambda _: False, self.challenges.proof)
        stand_in = self.challenges.stand_in()
        assert stand_in is not None
        switch.replace(stand_in, deaf=True)
        for version in BOTH:
            self.assertEqual("", self.shake(switch, version, ACME)[0].error)
            self.assertTrue(self.shake(switch, version, "http/1.1")[1])
            self.assertTrue(self.shake(switch, version)[1])
