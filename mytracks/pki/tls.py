"""How a TLS listener of ours shakes hands: one frozen snapshot, one context, replaceable at once.

A context is built whole and then assigned, never changed: OpenSSL would keep to the older of two
lists of one second, and sessions of before would go on. Nothing resumes a session: there are no
tickets and no cache, so that each connection is examined anew. Who somebody is decides nobody here.
"""

import os
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, TypeAlias

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.logger import Logger
from zope.interface import implementer

from mytracks.pki.handshakes import certificate_fault
from mytracks.pki.ports import Use
from mytracks.pki.state import PrivateKey, Trusted

TLS12: Final = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
TLS13: Final = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
DEPTH: Final = 3
"""Certificates between a client's and a trusted one, at most."""
STALE: Final = frozenset({11, 12})
"""What OpenSSL calls a revocation list that is not yet valid, and one whose time is over."""
ACME: Final = b"acme-tls/1"
"""What an authority speaks that wants to see that a name is ours [RFC 8737]."""
_PARTIAL_CHAIN: Final = 0x80000
_NO_AUTO_CHAIN: Final = 0x8
"""SSL_MODE_NO_AUTO_CHAIN, which pyOpenSSL does not name: else OpenSSL sends along the authority
that clients are checked against, and nobody believes a root because it was sent."""

Verify: TypeAlias = Callable[[Any, Any, int, int, int], bool]
Recognise: TypeAlias = Callable[[bytes], bool]
"""Whether a certificate with this SHA-256 is one that we issued and that is in force."""


@frozen
class Proof:
    """What is shown to an authority that asks whether a name is ours."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


Prove: TypeAlias = Callable[[str | None], Proof | None]
"""By the server name that is asked for (SNI); None: nothing is to be proved."""


class Asks(Enum):
    """Whether a listener asks for a client certificate."""

    NOTHING = "none"
    OPTIONAL = "optional"
    """One that is shown must be good; without one the client is let in."""
    REQUIRED = "required"


@frozen(kw_only=True, eq=False)
class Snapshot:
    """All that one context is made of. `chain`: what is sent behind `leaf`. `anchors`: whose client
    certificates are believed; `lists`: one revocation list for each of them. `protocols`: what ALPN
    agrees to, best first. `forgiving`: a list that is not current refuses only whom it names.
    `strict`: certificates have to keep to all of RFC 5280.
    """

    leaf: x509.Certificate
    key: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()
    asks: Asks = Asks.NOTHING
    anchors: tuple[x509.Certificate, ...] = ()
    lists: tuple[x509.CertificateRevocationList, ...] = ()
    protocols: tuple[bytes, ...] = ()
    forgiving: bool = False
    strict: bool = False


def snapshot(
    trusted: Trusted, use: Use, asks: Asks, protocols: tuple[bytes, ...]
) -> Snapshot | None:
    """What a listener of this `use` serves now; None: there is no certificate to show."""
    identity = trusted.identity(use)
    if identity is None:
        return None
    return Snapshot(
        leaf=identity.certificate,
        key=identity.key,
        chain=identity.chain,
        asks=asks,
        anchors=trusted.anchors,
        lists=trusted.lists,
        protocols=protocols,
        forgiving=not trusted.strict_lists,
        strict=trusted.strict_profile,
    )


class Examined(SSL.Connection):
    """The server's end of one handshake. `fault`: what is wrong with the certificate that was
    shown, in words; empty: nothing. `generation`: of the snapshot that it began with. `deaf`: what
    is said over it nobody hears."""

    fault: str = ""
    generation: int = 0
    deaf: bool = False

    @property
    def asked(self) -> str | None:
        """The server name that the client asks for (SNI); None: it names none, or not yet."""
        name = self.get_servername()
        return None if name is None else name.decode("utf-8", "replace")


@implementer(IOpenSSLServerConnectionCreator)
class Switch:
    """The context that new connections to one listener begin with. `generation` grows with each
    replacement; `names`: what the server's certificate is for.

    `recognise` is asked last of each certificate that OpenSSL would let in, `prove` by whoever
    speaks `acme-tls/1`.
    """

    log = Logger()

    def __init__(self, recognise: Recognise, prove: Prove = lambda _: None) -> None:
        self._recognise = recognise
        self._prove = prove
        self._deaf = False
        self._context: SSL.Context | None = None
        self.generation = 0
        self.names: tuple[str, ...] = ()

    def replace(self, snapshot: Snapshot, deaf: bool = False) -> None:
        """Begin with this from now on; `deaf`: only to prove that names are ours. A snapshot that
        cannot be served leaves all as it was, and raises `OpenSSL.SSL.Error` or ValueError."""
        context = build(snapshot, self._verifier(snapshot.forgiving), self._prove)
        self.names = names(snapshot.leaf)
        self._context = context
        self._deaf = deaf
        self.generation += 1

    def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:  # noqa: N802
        """Twisted: somebody connects."""
        del protocol
        assert self._context is not None, "a listener was opened before it had a certificate"
        connection = Examined(self._context)
        connection.generation = self.generation
        connection.deaf = self._deaf
        return connection

    def _verifier(self, forgiving: bool) -> Verify:
        """What OpenSSL asks about each certificate of a chain, from the trusted one to the leaf."""

        def verify(connection: Any, shown: Any, code: int, depth: int, ok: int) -> bool:
            if not ok:
                if forgiving and code in STALE:
                    return True
                connection.fault = certificate_fault(code, depth)
                return False
            if depth == 0 and not self._recognise(fingerprint(shown.to_cryptography())):
                connection.fault = "we did not issue it, or it is no longer in force"
                return False
            return True

        return verify


def build(snapshot: Snapshot, verify: Verify, prove: Prove = lambda _: None) -> SSL.Context:
    """A context that is never changed again. Raises `OpenSSL.SSL.Error` where OpenSSL does not take
    the certificate, ValueError where key and certificate do not belong together."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS | _NO_AUTO_CHAIN)
    context.set_options(
        SSL.OP_NO_COMPRESSION
        | SSL.OP_CIPHER_SERVER_PREFERENCE
        | SSL.OP_NO_RENEGOTIATION
        | SSL.OP_NO_TICKET
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # Without one, a client that would resume is broken off instead of examined anew.
    context.set_session_id(os.urandom(16))
    context.set_cipher_list(TLS12)
    context.set_tls13_ciphersuites(TLS13)
    context.set_alpn_select_callback(_selector(snapshot.protocols, prove))
    if snapshot.leaf.public_key() != snapshot.key.public_key():
        raise ValueError("the private key is not the certificate's")
    context.use_certificate(snapshot.leaf)
    context.use_privatekey(snapshot.key)
    for issuer in snapshot.chain:
        context.add_extra_chain_cert(issuer)
    if snapshot.asks is not Asks.NOTHING:
        _ask(context, snapshot, verify)
    return context


def fingerprint(certificate: x509.Certificate) -> bytes:
    """By which we know a certificate again: its SHA-256."""
    return certificate.fingerprint(SHA256())


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names and addresses that a server's certificate is for."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(str(name.value) for name in extension.value)


def _ask(context: SSL.Context, snapshot: Snapshot, verify: Verify) -> None:
    store = context.get_cert_store()
    assert store is not None
    for anchor in snapshot.anchors:
        store.add_cert(crypto.X509.from_cryptography(anchor))
        # Phones offer their user only certificates of issuers that are named here.
        context.add_client_ca(anchor)
    for revocations in snapshot.lists:
        store.add_crl(revocations)
    flags = crypto.X509StoreFlags.CRL_CHECK
    if any(anchor.subject != anchor.issuer for anchor in snapshot.anchors):
        flags |= _PARTIAL_CHAIN  # An authority that another one, which we do not have, vouches for.
    if snapshot.strict:
        flags |= crypto.X509StoreFlags.X509_STRICT
    store.set_flags(flags)
    context.set_verify_depth(DEPTH)
    mode = SSL.VERIFY_PEER
    if snapshot.asks is Asks.REQUIRED:
        mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    context.set_verify(mode, verify)


def _selector(
    ours: tuple[bytes, ...], prove: Prove
) -> Callable[[SSL.Connection, list[bytes]], Any]:
    def select(connection: Any, offered: list[bytes]) -> Any:
        if ACME in offered:
            return _proved(connection, prove(connection.asked))
        for protocol in ours:
            if protocol in offered:
                return protocol
        # A client that offers only others is not refused: it may speak ours all the same.
        return SSL.NO_OVERLAPPING_PROTOCOLS

    return select


def _proved(connection: Examined, proof: Proof | None) -> bytes:
    """Shows it, to whoever asks: no certificate is wanted for that, and nothing else is heard."""
    connection.deaf = True
    if proof is None:
        connection.fault = "it speaks acme-tls/1, and there is nothing to prove"
        raise SSL.Error([("", "", connection.fault)])
    connection.set_verify(SSL.VERIFY_NONE)
    connection.use_certificate(proof.certificate)
    connection.use_privatekey(proof.key)
    return ACME
