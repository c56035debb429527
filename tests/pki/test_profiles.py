"""How certificates and lists look, and that two other verifiers agree with us."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from mytracks.errors import Invalid
from mytracks.pki import bundles, certificates, revocation
from mytracks.pki.certificates import Issuer
from mytracks.pki.limits import DAY
from mytracks.pki.ports import KeyKind, Reason
from mytracks.pki.revocation import BadList, Entry
from tests.pki import elsewhere
from tests.pki.room import BEGAN, openssl

HOSTS: Final = ("nas.local", "*.example.org", "192.0.2.1", "2001:db8::1")
KEYS: Final = {kind: certificates.make_key(kind) for kind in KeyKind if kind.size <= 2048}
"""One of each quick kind: making them takes most of the time."""
VALID: Final = certificates.validity(BEGAN, 90, 3600)


def authority(kind: KeyKind = KeyKind.P256, name: str = "CA", mark: str = "1") -> Issuer:
    """One that signs."""
    key = KEYS[kind]
    return Issuer(certificates.authority(name, mark, key, 1, VALID), key)


def server(issuer: Issuer, kind: KeyKind = KeyKind.P256) -> x509.Certificate:
    """A server's."""
    return certificates.server("nas", HOSTS, KEYS[kind].public_key(), issuer, 2, VALID)


def client(issuer: Issuer, kind: KeyKind = KeyKind.P256, serial: int = 3) -> x509.Certificate:
    """A client's."""
    public = KEYS[kind].public_key()
    return certificates.client("ana@home", "my phone", public, issuer, serial, VALID)


def usage(certificate: x509.Certificate) -> set[str]:
    """What its key is for."""
    found = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
    )
    assert found.critical
    return {name for name in names if getattr(found.value, name)}


def purposes(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    """Its extended key usage."""
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


class ProfileTests(SynchronousTestCase):
    """Extension by extension (security 1.2, 2)."""

    def test_an_authority_signs_certificates_and_lists_and_nothing_else(self) -> None:
        """With digitalSignature it would be let in as a client."""
        made = authority().certificate
        self.assertEqual({"key_cert_sign", "crl_sign"}, usage(made))
        basic = made.extensions.get_extension_for_class(x509.BasicConstraints)
        self.assertEqual((True, True, 0), (basic.critical, basic.value.ca, basic.value.path_length))
        with self.assertRaises(x509.ExtensionNotFound):
            purposes(made)

    def test_a_server_is_named_by_its_alternatives_only_and_serves_only(self) -> None:
        """Host names as such, addresses as such."""
        for kind, wanted in (
            (KeyKind.P256, {"digital_signature"}),
            (KeyKind.RSA_2048, {"digital_signature", "key_encipherment"}),
        ):
            made = server(authority(), kind)
            self.assertEqual(wanted, usage(made))
            self.assertEqual([ExtendedKeyUsageOID.SERVER_AUTH], purposes(made))
            found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            self.assertEqual(
                ["nas.local", "*.example.org"], found.get_values_for_type(x509.DNSName)
            )
            addresses = map(str, found.get_values_for_type(x509.IPAddress))
            self.assertEqual(["192.0.2.1", "2001:db8::1"], list(addresses))

    def test_a_client_is_a_client_only(self) -> None:
        """With an alternative name, which some verifiers want to see."""
        made = client(authority())
        self.assertEqual({"digital_signature"}, usage(made))
        self.assertEqual([ExtendedKeyUsageOID.CLIENT_AUTH], purposes(made))
        found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(
            ["mytracks://user/ana%40home/my%20phone"],
            found.get_values_for_type(x509.UniformResourceIdentifier),
        )
        self.assertEqual("CN=ana@home,OU=my phone,O=My Tracks", made.subject.rfc4514_string())

    def test_every_one_tells_its_key_and_its_issuers(self) -> None:
        """So that two authorities of one name are told apart."""
        issuer = authority()
        own = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        for made in (issuer.certificate, server(issuer), client(issuer)):
            theirs = made.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
            self.assertEqual(own.value.digest, theirs.key_identifier)
            made.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
            self.assertIsInstance(made.signature_hash_algorithm, SHA256)
            self.assertEqual(x509.Version.v3, made.version)

    def test_all_begin_an_hour_ago(self) -> None:
        """Clocks of phones lag."""
        for made in (authority().certificate, server(authority()), client(authority())):
            self.assertEqual(BEGAN - 3600, made.not_valid_before_utc.timestamp())

    def test_a_row_tells_what_it_says(self) -> None:
        """Names, key, dates; parts of a name are found again."""
        made = server(authority(), KeyKind.RSA_2048)
        said = certificates.describe(made)
        self.assertEqual(
            ("CN=nas,O=My Tracks", "rsa", 2048, 2),
            (said.subject, said.key_type, said.key_size, said.serial),
        )
        self.assertEqual(90 * DAY, said.not_after - said.not_before)
        self.assertEqual("nas", certificates.part(said.subject))
        self.assertEqual("My Tracks", certificates.part(said.subject, NameOID.ORGANIZATION_NAME))

    def test_a_name_of_odd_characters_is_read_back(self) -> None:
        """Commas, quotes and umlauts are allowed to people."""
        for name in ('Müller, "Tom"', "a+b=c", "#1", " x"):
            made = certificates.authority(name, "1", KEYS[KeyKind.P256], 1, VALID)
            self.assertEqual(name, certificates.part(certificates.describe(made).subject))

    def test_an_authority_of_ours_is_known_by_all_its_marks(self) -> None:
        """Only what it signed has key identifiers for certain."""
        self.assertTrue(certificates.is_ours(authority().certificate))
        marked = x509.Name(
            [
                *elsewhere.name("CA"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "2026-11-24 00000000"),
            ]
        )
        for other in (
            elsewhere.authority("CA", path_length=0),
            elsewhere.authority("CA", subject=marked),
            elsewhere.made("CA", ca=None, subject=marked),
        ):
            self.assertFalse(certificates.is_ours(other.certificate))

    def test_a_key_of_an_unusual_kind_is_not_described(self) -> None:
        """Phones would not know it either; the larger ones of the usual kind are."""
        odd = elsewhere.made("x", key=ec.generate_private_key(ec.SECP256K1()))
        with self.assertRaises(ValueError):
            certificates.describe(odd.certificate)
        large = elsewhere.made("x", key=ec.generate_private_key(ec.SECP384R1()))
        said = certificates.describe(large.certificate)
        self.assertEqual(("p384", 384), (said.key_type, said.key_size))

    def test_keys_are_asked_for_by_type_and_size(self) -> None:
        """What is unknown is refused by its field."""
        self.assertIs(KeyKind.RSA_3072, certificates.key_kind("key_type", "rsa", 3072))
        self.assertIs(KeyKind.RSA_2048, certificates.key_kind("key_type", "rsa"))
        self.assertIs(KeyKind.P256, certificates.key_kind("key_type", "p256", 4096))
        for type_, size, field in (("dsa", None, "key_type"), ("rsa", 1024, "key_size")):
            with self.assertRaises(Invalid) as caught:
                certificates.key_kind("key_type", type_, size)
            self.assertEqual([field], list(caught.exception.errors))


class SecondOpinionTests(SynchronousTestCase):
    """What `cryptography` and the `openssl` program say of them."""

    def test_cryptography_takes_our_servers_and_clients(self) -> None:
        """Each for its own purpose, with either key."""
        for signer in KEYS:
            for kind in KEYS:
                issuer = authority(signer)
                builder = (
                    verification.PolicyBuilder()
                    .store(verification.Store([issuer.certificate]))
                    .time(datetime.fromtimestamp(BEGAN, UTC))
                )
                for name in (x509.DNSName("nas.local"), x509.DNSName("a.example.org")):
                    builder.build_server_verifier(name).verify(server(issuer, kind), [])
                verified = builder.build_client_verifier().verify(client(issuer, kind), [])
                self.assertEqual(2, len(verified.chain))
                with self.assertRaises(verification.VerificationError):
                    builder.build_client_verifier().verify(server(issuer, kind), [])
                with self.assertRaises(verification.VerificationError):
                    builder.build_client_verifier().verify(issuer.certificate, [])

    def test_openssl_takes_them_with_a_list_and_strictly(self) -> None:
        """And refuses the revoked, the wrong purpose, and the authority itself."""
        for signer in KEYS:
            issuer = authority(signer)
            made = revocation.build(
                issuer, 7, [Entry(5, int(BEGAN), Reason.SUPERSEDED)], BEGAN, DAY
            )
            files = {
                "ca": bundles.pem(issuer.certificate),
                "crl": made.public_bytes(Encoding.PEM),
                "server": bundles.pem(server(issuer)),
                "client": bundles.pem(client(issuer)),
                "revoked": bundles.pem(client(issuer, serial=5)),
            }
            paths = {name: self.written(content) for name, content in files.items()}
            for name, purpose, wanted in (
                ("server", "sslserver", "OK"),
                ("client", "sslclient", "OK"),
                ("server", "sslclient", "unsuitable certificate purpose"),
                ("client", "sslserver", "unsuitable certificate purpose"),
                ("revoked", "sslclient", "certificate revoked"),
            ):
                told = self.verify(paths, name, purpose)
                self.assertIn(wanted, told, (signer, name, purpose))

    def test_openssl_reads_the_list(self) -> None:
        """Its number, its issuer's key, who is on it and why."""
        issuer = authority()
        entries = [
            Entry(5, int(BEGAN), Reason.KEY_COMPROMISE),
            Entry(4, int(BEGAN), Reason.UNSPECIFIED),
        ]
        made = revocation.build(issuer, 4711, entries, BEGAN, DAY)
        path = self.written(made.public_bytes(Encoding.PEM))
        told = openssl("crl", "-in", path, "-noout", "-text")
        for wanted in ("4711", "Authority Key Identifier", "Key Compromise", "Serial Number: 04"):
            self.assertIn(wanted, told)
        self.assertEqual(1, told.count("CRL Reason Code"))
        pem = self.written(bundles.pem(issuer.certificate))
        self.assertIn("verify OK", openssl("crl", "-in", path, "-CAfile", pem, "-noout"))

    def verify(self, paths: dict[str, Path], name: str, purpose: str) -> str:
        """What `openssl verify` says."""
        words = ["-x509_strict", "-crl_check", "-attime", str(int(BEGAN)), "-purpose", purpose]
        files = ("-CAfile", paths["ca"], "-CRLfile", paths["crl"], paths[name])
        return openssl("verify", *words, *files, check=False)

    def written(self, content: bytes) -> Path:
        """A file with this content."""
        path = Path(self.mktemp())
        path.write_bytes(content)
        return path


class ListTests(SynchronousTestCase):
    """What is looked at before a list is used."""

    def test_only_its_own_authoritys_newer_list_is_used(self) -> None:
        """Each fault is told by its name."""
        issuer, other = authority(), authority(KeyKind.RSA_2048)
        renamed = authority(name="Other")
        made = revocation.build(issuer, 7, (), BEGAN, DAY)
        revocation.check(made, issuer.certificate, 6)
        for authority_, earlier, wanted in (
            (issuer, 7, "has not grown"),
            (renamed, 0, "of another authority"),
            (other, 0, "signature is wrong"),
        ):
            with self.assertRaisesRegex(BadList, wanted):
                revocation.check(made, authority_.certificate, earlier)

    def test_a_list_without_a_number_is_not_used(self) -> None:
        """As the original makes them."""
        issuer = authority()
        builder = x509.CertificateRevocationListBuilder(
            issuer.certificate.subject,
            datetime.fromtimestamp(BEGAN, UTC),
            datetime.fromtimestamp(BEGAN + DAY, UTC),
        )
        made = builder.sign(issuer.key, SHA256())
        with self.assertRaisesRegex(BadList, "no number"):
            revocation.check(made, issuer.certificate)

    def test_ten_thousand_entries_are_written_and_found(self) -> None:
        """In order; the library's own way of adding them would take minutes."""
        issuer = authority()
        entries = [Entry(n, int(BEGAN), Reason.SUPERSEDED) for n in range(10_000, 0, -1)]
        made = revocation.build(issuer, 1, entries, BEGAN, DAY)
        self.assertEqual(10_000, len(made))
        self.assertIsNotNone(made.get_revoked_certificate_by_serial_number(9_999))
        self.assertIsNone(made.get_revoked_certificate_by_serial_number(10_001))


class BundleTests(SynchronousTestCase):
    """The forms that phones and programs open."""

    def test_the_compatible_one_is_sealed_as_old_phones_want_it(self) -> None:
        """Triple DES and SHA-1, no RC2; the modern one AES and SHA-256."""
        for form, wanted in (
            (bundles.Format.P12, ("pbeWithSHA1And3-KeyTripleDES-CBC", "MAC: sha1")),
            (bundles.Format.P12_MODERN, ("AES-256-CBC", "MAC: sha256")),
        ):
            told = self.told(form)
            for each in wanted:
                self.assertIn(each, told)
            self.assertNotIn("RC2", told)

    def test_it_holds_certificate_key_and_authority(self) -> None:
        """And its name is the person's."""
        told = self.told(bundles.Format.P12)
        self.assertEqual(2, told.count("BEGIN CERTIFICATE"))
        self.assertEqual(1, told.count("BEGIN PRIVATE KEY"))
        self.assertIn("friendlyName: ana", told)

    def test_a_wrong_password_opens_nothing(self) -> None:
        """In no form."""
        for form in bundles.Format:
            path = Path(self.mktemp())
            path.write_bytes(self.bundle(form))
            program = "pkey" if form is bundles.Format.PEM else "pkcs12"
            words = ("-in", path, "-passin", "pass:wrong password")
            self.assertNotIn("PRIVATE KEY", openssl(program, *words, check=False))

    def test_java_opens_it(self) -> None:
        """As Android's key store is written in it; both flavours."""
        program = shutil.which("keytool")
        if program is None:
            raise SkipTest("there is no Java here")
        for form in (bundles.Format.P12, bundles.Format.P12_MODERN):
            path = Path(self.mktemp())
            path.write_bytes(self.bundle(form))
            words = ["-list", "-storetype", "PKCS12", "-storepass", "long enough"]
            done = subprocess.run(
                [program, *words, "-keystore", str(path)],
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            self.assertIn("PrivateKeyEntry", done.stdout, done.stdout + done.stderr)

    def test_our_passphrase_has_enough_chance_in_it(self) -> None:
        """31 letters, 20 of them: 99 bits; and it may be a password."""
        made = {bundles.passphrase() for _ in range(100)}
        self.assertEqual(100, len(made))
        for each in made:
            self.assertRegex(each, r"\A[a-z2-9]{5}(-[a-z2-9]{5}){3}\Z")
            bundles.check_password(each)

    def test_a_file_is_called_and_served_as_phones_know_it(self) -> None:
        """Else they do not offer to install it."""
        suffixes = [each.suffix for each in bundles.Format]
        self.assertEqual([".p12", ".p12", ".pem"], suffixes)
        self.assertEqual("application/x-pkcs12", bundles.Format.P12.media_type)
        self.assertEqual("application/x-pem-file", bundles.Format.PEM.media_type)

    def test_passwords_of_the_shortest_and_the_longest_kind_will_do(self) -> None:
        """One character less, or more, will not."""
        for length in (bundles.SHORTEST, bundles.LONGEST):
            self.assertEqual(length, len(bundles.check_password("x" * length)))
        for length in (bundles.SHORTEST - 1, bundles.LONGEST + 1):
            with self.assertRaises(Invalid):
                bundles.check_password("x" * length)

    def bundle(self, form: bundles.Format) -> bytes:
        """One of ana's."""
        issuer = authority()
        key = KEYS[KeyKind.P256]
        made = client(issuer)
        return bundles.bundle(form, "ana", key, made, issuer.certificate, b"long enough")

    def told(self, form: bundles.Format) -> str:
        """What `openssl pkcs12` says of it."""
        path = Path(self.mktemp())
        path.write_bytes(self.bundle(form))
        return openssl("pkcs12", "-in", path, "-passin", "pass:long enough", "-nodes", "-info")
