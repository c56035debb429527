"""What TLS believes and shows at this moment: one frozen value, replaced after each change.

Decides nothing: the services say what is in it, the listeners build their contexts from it.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509 import Certificate, CertificateRevocationList
from twisted.logger import Logger

from mytracks.pki.ports import Use

PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey
Watcher: TypeAlias = Callable[[], object]


@frozen(kw_only=True, eq=False)
class Identity:
    """A certificate that we show, with its key. `number`: its row. `chain`: what is sent with it,
    itself not included. `names`: the host names and addresses it is good for."""

    number: int
    fingerprint: bytes
    certificate: Certificate
    key: PrivateKey = field(repr=False)
    chain: tuple[Certificate, ...] = ()
    names: tuple[str, ...] = ()


@frozen(kw_only=True, eq=False)
class Trusted:
    """All that a TLS context of ours is made of. `generation` grows with each change.

    `anchors`: the authorities whose clients are let in, the active one first. `lists`: one
    revocation list for each of them. `identities`: by use, see `identity`. `strict_profile`: all
    anchors are of our own making, so that every client certificate has key identifiers
    (X509_STRICT may be on). `strict_lists`: a lapsed list locks everybody out.
    """

    generation: int = 0
    anchors: tuple[Certificate, ...] = ()
    lists: tuple[CertificateRevocationList, ...] = ()
    identities: Mapping[Use, Identity] = field(factory=dict)
    strict_profile: bool = False
    strict_lists: bool = True

    def identity(self, use: Use) -> Identity | None:
        """What is shown there: a certificate of its own, else that for everywhere."""
        return self.identities.get(use) or self.identities.get(Use.EVERYWHERE)


@frozen
class Holder:
    """Whose a client certificate is that lets in: the account's number, and the row's."""

    user: int
    number: int


class Trust:
    """Holds the value in force and tells of its replacement."""

    log = Logger()

    def __init__(self) -> None:
        self._now = Trusted()
        self._watchers: list[Watcher] = []

    @property
    def now(self) -> Trusted:
        """What is in force."""
        return self._now

    @property
    def generation(self) -> int:
        """That of `now`: it grows with each change, so that who remembers it sees that there was
        one."""
        return self._now.generation

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` after each change: the change is durable, in memory and in `now`."""
        self._watchers.append(watcher)

    def replace(self, new: Trusted) -> None:
        """Put `new` in force and tell everybody; one watcher's mistake costs the others nothing."""
        self._now = new
        for watcher in list(self._watchers):
            try:
                watcher()
            except Exception:  # noqa: BLE001 - whoever else watches has to know of it
                self.log.failure("not everybody took over a change of certificates")
