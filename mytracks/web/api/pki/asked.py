"""What is sent to make, bring and revoke certificates, and how its refusals are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final, Literal

from msgspec import Meta

from mytracks.errors import Conflict, Invalid
from mytracks.pki import certificates
from mytracks.pki.ports import KeyKind
from mytracks.web import json_body
from mytracks.web.api.account import Password
from mytracks.web.routes import Visit

PATIENCE: Final = 60.0
"""Seconds that an answer may take for which a key has to be made: RSA keys take long, and wait for
each other."""

Name = Annotated[str, Meta(max_length=200)]
File = Annotated[str, Meta(max_length=128 * 1024)]
Hosts = Annotated[list[Annotated[str, Meta(max_length=300)]], Meta(max_length=200)]
KeyType = Literal["rsa", "p256"]
Use = Literal["everywhere", "web", "mqtt"]
Reason = Literal[
    "unspecified",
    "key-compromise",
    "affiliation-changed",
    "superseded",
    "cessation-of-operation",
    "privilege-withdrawn",
]


class NewKey(json_body.Body, frozen=True, kw_only=True):
    """What all new certificates may have. `validity_days` null: as the settings say."""

    validity_days: int | None = None
    key_type: KeyType | None = None
    key_size: int | None = None

    def kind(self, usual: KeyKind) -> KeyKind:
        """The key that is asked for; `usual`: what it is where nothing is. Raises Invalid."""
        if self.key_type is None and self.key_size is None:
            return usual
        type_ = self.key_type or ("p256" if self.key_size == KeyKind.P256.size else "rsa")
        size = self.key_size
        if size is None and usual.type == type_:
            return usual
        return certificates.key_kind("key_type", type_, size)


class NewAuthority(NewKey, frozen=True, kw_only=True):
    """An authority to be made, RSA with 4096 bits if not said otherwise."""

    common_name: Name = "My Tracks CA"


class BroughtAuthority(json_body.Body, frozen=True, kw_only=True):
    """An authority made elsewhere, in PEM. `password`: of its key."""

    certificate: File
    key: File
    password: Password | None = None


class NewServer(NewKey, frozen=True, kw_only=True):
    """A server certificate to be made, P-256 if not said otherwise. `san_entries`: host names and
    addresses; null: what this machine is called."""

    common_name: Name
    san_entries: Hosts | None
    use: Use = "everywhere"


class BroughtServer(json_body.Body, frozen=True, kw_only=True):
    """A server certificate made elsewhere, in PEM, itself first and then what is sent with it."""

    certificate: File
    key: File
    password: Password | None = None
    use: Use = "everywhere"


class NewClient(NewKey, frozen=True, kw_only=True):
    """A client certificate to be made, RSA with 2048 bits if not said otherwise. `grace_days`: for
    how long the one before stays good."""

    user_id: int
    grace_days: int = 0


class BroughtClient(json_body.Body, frozen=True, kw_only=True):
    """A client certificate that one of our authorities signed elsewhere, in PEM."""

    user_id: int
    certificate: File
    key: File | None = None
    password: Password | None = None


class Revocation(json_body.Body, frozen=True, kw_only=True):
    """Why."""

    reason: Reason = "unspecified"


def wait_for_a_key(visit: Visit) -> None:
    """This answer may take as long as a key does."""
    visit.request.patience.allow(PATIENCE)


@contextmanager
def as_invalid() -> Iterator[None]:
    """What cannot be done to what is there, as it is now, is a mistake in what was asked for
    (original 1.7: 400)."""
    try:
        yield
    except Conflict as refused:
        raise Invalid(str(refused), refused.errors) from refused
