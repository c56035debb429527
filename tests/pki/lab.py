"""Certificates of every kind, right and wrong, and handshakes with them in memory.

The client's end is Python's `ssl`, which is another OpenSSL than the one that ours stands on.
"""

import ssl
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from mytracks.pki.state import PrivateKey
from mytracks.pki.tls import Asks, Examined, Snapshot, Switch, fingerprint

DAY = timedelta(days=1)
BOTH = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
CLIENT = (Purpose.CLIENT_AUTH,)
SERVER = (Purpose.SERVER_AUTH,)


def now() -> datetime:
    """In whole seconds, as certificates tell times."""
    return datetime.now(UTC).replace(microsecond=0)


@frozen(eq=False)
class Made:
    """A certificate and its key; `above`: what is sent with it."""

    certificate: x509.Certificate
    key: PrivateKey
    above: tuple[x509.Certificate, ...] = ()

    @property
    def fingerprint(self) -> bytes:
        """Its SHA-256."""
        return fingerprint(self.certificate)

    @property
    def der(self) -> bytes:
        """As it is shown to a peer."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """With all above it, as files hold it."""
        every = (self.certificate, *self.above)
        return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in every)

    @property
    def key_pem(self) -> bytes:
        """Its key in clear, for clients of tests."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def file(self) -> str:
        """The path of a file with all of it."""
        return _file(self.pem + self.key_pem)


@cache
def _folder() -> Path:
    kept = tempfile.TemporaryDirectory(prefix="mt-lab-")
    _KEPT.append(kept)
    return Path(kept.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


@cache
def _file(content: bytes) -> str:
    path = _folder() / f"{abs(hash(content)):x}.pem"
    path.write_bytes(content)
    return str(path)


def key(bits: int = 0) -> PrivateKey:
    """P-256, or RSA with so many bits."""
    if bits:
        return rsa.generate_private_key(65_537, bits)
    return ec.generate_private_key(ec.SECP256R1())


def usage(*on: str) -> x509.KeyUsage:
    """These and no others."""
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in on for name in names})


def make(
    name: str = "ana",
    issuer: Made | None = None,
    *,
    own: PrivateKey | None = None,
    authority: bool = False,
    path: int | None = None,
    purposes: Sequence[x509.ObjectIdentifier] = CLIENT,
    uses: x509.KeyUsage | None = None,
    begin: timedelta = -timedelta(hours=1),
    end: timedelta = 30 * DAY,
    names: Sequence[str] = (),
    identifiers: bool = True,
    extra: Sequence[x509.UnrecognizedExtension] = (),
) -> Made:
    """One signed by `issuer`, or by itself. `begin` and `end`: from now; `extra`: critical ones."""
    private = own or key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.key if issuer is not None else private
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer is not None else subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() + begin)
        .not_valid_after(now() + end)
        .add_extension(x509.BasicConstraints(authority, path if authority else None), True)
    )
    default = usage("key_cert_sign", "crl_sign") if authority else usage("digital_signature")
    builder = builder.add_extension(uses or default, True)
    if purposes and not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), False)
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(each) for each in names]), False
        )
    if identifiers:
        mine = x509.SubjectKeyIdentifier.from_public_key(private.public_key())
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(mine, False).add_extension(above, False)
    for extension in extra:
        builder = builder.add_extension(extension, True)
    return Made(builder.sign(signer, hashes.SHA256()), private)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def authority(name: str = "Lab CA", uses: x509.KeyUsage | None = None) -> Made:
    """A certificate authority."""
    return make(name, authority=True, uses=uses, end=3650 * DAY)


def revocations(
    of: Made,
    revoked: Sequence[Made] = (),
    *,
    signer: Made | None = None,
    begin: timedelta = -timedelta(minutes=5),
    end: timedelta = 7 * DAY,
    number: int = 1,
) -> x509.CertificateRevocationList:
    """A list of `of`'s, signed by it or by somebody else."""
    private = (signer or of).key
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(of.certificate.subject)
        .last_update(now() + begin)
        .next_update(now() + end)
        .add_extension(x509.CRLNumber(number), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(of.key.public_key()), False
        )
    )
    for each in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(each.certificate.serial_number)
            .revocation_date(now() - timedelta(minutes=1))
            .build()
        )
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(private, hashes.SHA256())


@frozen
class Outcome:
    """How a handshake went. `let_in`: both sides could speak. `fault`: what our side found wrong
    with the certificate; `error`: what the client was told."""

    let_in: bool
    fault: str
    error: str
    shown: bytes = b""
    protocol: str | None = None
    resumed: bool = False
    session: ssl.SSLSession | None = None


def client(
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    shows: Made | None = None,
    protocols: Sequence[str] = (),
) -> ssl.SSLContext:
    """A client that believes whatever it is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    # The client is to show what our side has to refuse.
    context.set_ciphers("ALL:@SECLEVEL=0")
    if shows is not None:
        context.load_cert_chain(shows.file())
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


class Handshake:
    """One in memory, step by step."""

    def __init__(
        self,
        switch: Switch,
        context: ssl.SSLContext,
        asked: str | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self._to_client, self._to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(
            self._to_client, self._to_server, server_hostname=asked, session=session
        )
        self.server = switch.serverConnectionForTLS(None)
        assert isinstance(self.server, Examined)
        self.server.set_accept_state()
        self.error = ""
        self.refusal: SSL.Error | None = None
        self.heard = False

    def hello(self) -> None:
        """The client's first words arrive; the server has answered."""
        self._client()
        self._pass_on()
        self._server()

    def finish(self) -> Outcome:
        """All the rest, and a word from either side."""
        for _ in range(8):
            self._client()
            self._pass_on()
            self._server()
            self._pass_back()
        fault = self.server.fault if isinstance(self.server, Examined) else ""
        let_in = self.heard and not self.error
        return Outcome(
            let_in,
            fault,
            self.error,
            self.client.getpeercert(binary_form=True) or b"" if let_in else b"",
            self.client.selected_alpn_protocol(),
            bool(self.client.session_reused),
            self.client.session if let_in else None,
        )

    def _client(self) -> None:
        if self.error:
            return
        try:
            self.client.do_handshake()
            self.client.write(b"ping")
            self.client.read(100)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = str(error.reason or error)

    def _pass_on(self) -> None:
        if data := self._to_server.read():
            self.server.bio_write(data)

    def _server(self) -> None:
        if self.refusal is not None:
            return
        try:
            self.server.do_handshake()
            if self.server.recv(100):
                self.heard = True
                self.server.send(b"pong")
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            self.refusal = error

    def _pass_back(self) -> None:
        with suppress(SSL.WantReadError):
            self._to_client.write(self.server.bio_read(65_536))


def attempt(
    switch: Switch,
    shows: Made | None = None,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    protocols: Sequence[str] = (),
) -> Outcome:
    """A whole handshake."""
    return Handshake(switch, client(version, shows, protocols)).finish()


class Lab:
    """An authority with a server and two clients, as a listener knows them."""

    def __init__(self) -> None:
        self.ca = authority()
        self.server = make("server", self.ca, purposes=SERVER, names=["server.test", "192.0.2.1"])
        self.ana = make("ana", self.ca)
        self.ben = make("ben", self.ca)
        self.known = {self.ana.fingerprint, self.ben.fingerprint}

    def switch(self, asks: Asks = Asks.OPTIONAL, *revoked: Made) -> Switch:
        """A listener that begins with this."""
        switch = Switch(lambda shown: shown in self.known)
        switch.replace(self.snapshot(asks, *revoked))
        return switch

    def snapshot(self, asks: Asks = Asks.OPTIONAL, *revoked: Made) -> Snapshot:
        """What it serves."""
        return Snapshot(
            leaf=self.server.certificate,
            key=self.server.key,
            asks=asks,
            anchors=(self.ca.certificate,),
            lists=(revocations(self.ca, revoked),),
        )
