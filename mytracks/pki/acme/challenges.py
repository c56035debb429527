"""Proofs that a name is ours, while an authority asks for them; in memory only.

HTTP-01 [RFC 8555 8.3] is answered by the web door, TLS-ALPN-01 [RFC 8737] within a handshake of the
HTTPS listener. While no order is under way there is nothing here, and nothing is answered.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from mytracks.pki.acme.limits import HTTP_01
from mytracks.pki.tls import Proof, Snapshot

ACME_IDENTIFIER: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
_OCTETS_32: Final = b"\x04\x20"
"""How DER writes that 32 octets follow."""
_AROUND: Final = timedelta(days=1)


@frozen
class Challenge:
    """One proof. `kind`: `http-01` or `tls-alpn-01`; `name`: whose; `authorization`: the token, a
    dot, and the thumbprint of the account's key."""

    kind: str
    name: str
    token: str
    authorization: str
    proof: Proof | None = field(default=None, repr=False)
    """What a handshake shows; None: the web door answers."""


class Challenges:
    """Those that are open."""

    def __init__(self) -> None:
        self._open: tuple[Challenge, ...] = ()
        self._watchers: list[Callable[[], object]] = []

    def watch(self, watcher: Callable[[], object]) -> None:
        """Call `watcher` whenever some were opened or closed."""
        self._watchers.append(watcher)

    def open(self, challenges: Sequence[Challenge]) -> None:
        """Answer these from now on, and no others."""
        self._replace(tuple(challenges))

    def close(self) -> None:
        """Answer none any more."""
        if self._open:
            self._replace(())

    def answer(self, token: str) -> str | None:
        """What the web door says to whoever asks for this token; None: nobody should."""
        for each in self._open:
            if each.kind == HTTP_01 and each.token == token:
                return each.authorization
        return None

    def proof(self, asked: str | None) -> Proof | None:
        """What is shown in a handshake for `acme-tls/1` with this server name; None: nothing, and
        the handshake is refused."""
        for each in self._open:
            if each.proof is not None and asked is not None and each.name == asked.lower():
                return each.proof
        return None

    def stand_in(self) -> Snapshot | None:
        """What a TLS listener opens with that has no certificate yet, so that somebody can ask for
        a proof; None: nobody will."""
        proof = next((each.proof for each in self._open if each.proof is not None), None)
        return None if proof is None else Snapshot(leaf=proof.certificate, key=proof.key)

    def _replace(self, now: tuple[Challenge, ...]) -> None:
        self._open = now
        for watcher in self._watchers:
            watcher()


def prove(name: str, authorization: str, now: float) -> Proof:
    """The certificate that is the proof [RFC 8737 3]: signed by itself, for this name alone, with
    the digest of the authorization in a critical extension. Makes a key: call in a thread."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ACME challenge")])
    moment = datetime.fromtimestamp(now, UTC)
    digest = hashlib.sha256(authorization.encode()).digest()
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - _AROUND)
        .not_valid_after(moment + _AROUND)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(
            x509.UnrecognizedExtension(ACME_IDENTIFIER, _OCTETS_32 + digest), critical=True
        )
        .sign(key, SHA256())
    )
    return Proof(made, key)
