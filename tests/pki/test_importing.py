"""Certificates that were made elsewhere: what is refused, and what is merely told."""

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Invalid
from mytracks.pki import importing
from tests.pki import elsewhere
from tests.pki.room import BEGAN, openssl

UNKNOWN = ((x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),)
SIGNS = elsewhere.usage(False, True, True)


def read(pair: elsewhere.Pair, password: str | None = None) -> importing.BroughtAuthority:
    """What is made of it."""
    key = elsewhere.key_pem(pair, password)
    return importing.read_authority(elsewhere.pem(pair), key, password, BEGAN)


class AuthorityTests(SynchronousTestCase):
    """An authority with its key."""

    def test_one_of_the_originals_is_taken_and_its_lacks_told(self) -> None:
        """RSA 4096 is what it makes; here a smaller key, for speed."""
        key = rsa.generate_private_key(65537, 2048)
        brought = read(elsewhere.authority("My Tracks CA", key=key), "secret")
        told = "; ".join(brought.lacks)
        for wanted in ("digitalSignature", "path length", "subjectKeyIdentifier"):
            self.assertIn(wanted, told)
        self.assertNotIn("PRIVATE", repr(brought))

    def test_one_without_key_usage_is_taken(self) -> None:
        """OpenSSL takes it, too; that is told."""
        brought = read(elsewhere.made("CA", ca=True))
        self.assertIn("keyUsage", "; ".join(brought.lacks))

    def test_what_would_not_work_is_refused_by_its_field(self) -> None:
        """Before anything is stored."""
        root, other = elsewhere.authority("CA"), elsewhere.authority("Other")
        signs: dict[str, Any] = {"ca": True, "key_usage": SIGNS}
        ed25519_key = ed25519.Ed25519PrivateKey.generate()
        for bad, field, wanted in (
            (elsewhere.made("CA", ca=None), "certificate", "not an authority"),
            (elsewhere.made("CA", ca=False), "certificate", "not an authority"),
            (elsewhere.authority("CA", key_usage=elsewhere.usage(True, False, True)),
             "certificate", "may not sign"),
            (elsewhere.authority("CA", key_usage=elsewhere.usage(True, True, False)),
             "certificate", "may not sign"),
            (elsewhere.made("CA", issuer=root, **signs), "certificate", "not signed by itself"),
            (elsewhere.made("CA", days=(-9, -1), **signs), "certificate", "expired"),
            (elsewhere.made("CA", days=(1, 9), **signs), "certificate", "not valid yet"),
            (elsewhere.made("CA", key=elsewhere.weak(), **signs), "certificate", "1024 bits"),
            (elsewhere.made("CA", key=ed25519_key, **signs), "key", "neither an RSA"),
            (elsewhere.made("CA", extra=UNKNOWN, **signs), "certificate", "nobody knows"),
            (elsewhere.Pair(root.certificate, other.key), "key", "not that of the certificate"),
        ):  # fmt: skip
            with self.assertRaisesRegex(Invalid, wanted) as caught:
                read(bad)
            self.assertEqual([field], list(caught.exception.errors))

    def test_a_certificate_that_every_handshake_would_refuse_is_refused_here(self) -> None:
        """It would be listed as in force, and let nobody in."""
        purposes = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)
        for extra, refused in (((), False), (UNKNOWN, True)):
            pair = elsewhere.made(
                "ana", issuer=ROOT, purposes=purposes, hosts=("nas.test",), extra=extra
            )
            for look in (
                lambda pair=pair: importing.check_client(pair.certificate, None, BEGAN),
                lambda pair=pair: importing.read_server(elsewhere.pem(pair), pair.key, BEGAN),
            ):
                if refused:
                    with self.assertRaisesRegex(Invalid, "nobody knows"):
                        look()
                else:
                    look()

    def test_several_certificates_are_not_one(self) -> None:
        """Nobody guesses which was meant."""
        root = elsewhere.authority("CA")
        text = elsewhere.pem(root, elsewhere.authority("Other"))
        with self.assertRaisesRegex(Invalid, "not several"):
            importing.read_authority(text, elsewhere.key_pem(root), None, BEGAN)


class KeyTests(SynchronousTestCase):
    """A private key in one of its many forms."""

    def test_every_usual_form_is_read(self) -> None:
        """PKCS#8, the older ones, DER; with and without a password."""
        key = rsa.generate_private_key(65537, 2048)
        for encoding in (Encoding.PEM, Encoding.DER):
            for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
                text = key.private_bytes(encoding, form, NoEncryption())
                self.assertEqual(key.private_numbers(), importing.read_key(text).private_numbers())
        sealed = elsewhere.key_pem(elsewhere.Pair(None, key), "pw")  # type: ignore[arg-type]
        importing.read_key(sealed, "pw")

    def test_a_password_too_many_too_few_or_wrong_is_told(self) -> None:
        """Without a word of the key."""
        pair = elsewhere.authority("CA")
        for text, password, field in (
            (elsewhere.key_pem(pair, "pw"), None, "password"),
            (elsewhere.key_pem(pair), "pw", "password"),
            (elsewhere.key_pem(pair, "pw"), "wp", "key"),
        ):
            with self.assertRaises(Invalid) as caught:
                importing.read_key(text, password)
            self.assertEqual([field], list(caught.exception.errors))

    def test_a_key_that_openssl_made_is_read(self) -> None:
        """By its own command, with a passphrase."""
        words = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes-256-cbc")
        text = openssl("genpkey", *words, "-pass", "pass:secret")
        importing.read_key(text.encode(), "secret")


class RubbishTests(SynchronousTestCase):
    """Whatever is sent."""

    @given(st.binary(max_size=300), st.sampled_from((b"", b"-----BEGIN CERTIFICATE-----\n")))
    def test_rubbish_is_refused_in_words(self, text: bytes, head: bytes) -> None:
        """Never with an error of another kind."""
        for reading in (
            importing.read_certificates,
            importing.read_key,
            importing.read_request,
        ):
            with self.assertRaises(Invalid):
                reading(head + text)

    @given(st.data())
    def test_a_damaged_certificate_is_refused_or_read(self, data: st.DataObject) -> None:
        """One byte of it changed; nothing but a refusal comes of it."""
        good = bytearray(ROOT.certificate.public_bytes(Encoding.DER))
        at = data.draw(st.integers(0, len(good) - 1))
        good[at] ^= data.draw(st.integers(1, 255))
        self.check_damaged(bytes(good))

    def test_no_bit_of_a_certificate_may_differ(self) -> None:
        """Each of them in turn, its version included."""
        good = ROOT.certificate.public_bytes(Encoding.DER)
        for bit in range(8 * len(good)):
            wrong = bytearray(good)
            wrong[bit // 8] ^= 1 << bit % 8
            self.check_damaged(bytes(wrong))

    def check_damaged(self, wrong: bytes) -> None:
        """It is refused, or says the same: how a signature is packed says nothing."""
        try:
            brought = importing.read_authority(wrong, KEY, None, BEGAN)
        except Invalid:
            return
        same = ROOT.certificate.tbs_certificate_bytes
        self.assertEqual(same, brought.certificate.tbs_certificate_bytes)

    def test_what_is_too_large_is_not_even_read(self) -> None:
        """A certificate has a kilobyte or two."""
        large = b"x" * (importing.MOST_BYTES + 1)
        for reading in (
            importing.read_certificates,
            importing.read_key,
            importing.read_request,
        ):
            with self.assertRaises(Invalid):
                reading(large)

    def test_a_purpose_is_not_assumed(self) -> None:
        """OpenSSL takes one without any for everything."""
        none = elsewhere.client("ana", ROOT, purposes=())
        self.assertFalse(importing.has_purpose(none.certificate, ExtendedKeyUsageOID.CLIENT_AUTH))


ROOT = elsewhere.authority("CA")
KEY = elsewhere.key_pem(ROOT)
