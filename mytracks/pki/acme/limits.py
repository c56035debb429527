"""What is asked of a public authority, and how often; as settings they are the table `[acme]`."""

from typing import Final
from urllib.parse import urlsplit

from attrs import field, frozen
from attrs.validators import and_, ge, in_, le

HTTP_01: Final = "http-01"
TLS_ALPN_01: Final = "tls-alpn-01"
DIRECTORIES: Final = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}


@frozen(kw_only=True)
class Limits:
    """A public certificate by ACME, off by default; times are seconds."""

    directory: str = ""
    """Where certificates are fetched: the URL of an ACME directory, or `letsencrypt`, or
    `letsencrypt-staging` to try it out. Empty: nobody is contacted."""
    terms_agreed: bool = False
    """That you agree to the terms of that authority. It makes no account without."""
    names: tuple[str, ...] = ()
    """Host names that the certificate is for; none: the one of `public_url`."""
    email: str = ""
    """Where the authority may write to. Not needed."""
    challenge: str = field(default=HTTP_01, validator=in_((HTTP_01, TLS_ALPN_01)))
    """How we prove that the names are ours: `http-01` (port 80 of the world leads to our
    `http_port`) or `tls-alpn-01` (port 443 leads to our `https_port`)."""
    for_mqtt: bool = False
    """Whether MQTT over TLS shows it as well, unless that has a certificate of its own. Without, it
    is for HTTPS only."""
    profile: str = ""
    """Which of the authority's profiles to ask for, such as `shortlived`; empty: its usual one."""
    ca_file: str = ""
    """PEM file of whoever vouches for the directory itself, where no public authority does."""
    renew_at: float = field(default=2 / 3, validator=and_(ge(0.1), le(0.9)))
    """The part of its life after which it is renewed, where the authority suggests no time."""
    check_every: float = field(default=60.0 * 60, validator=ge(1))
    """How often it is looked whether that is due. The authority is asked every six hours."""
    retry_first: float = field(default=60.0 * 60, validator=ge(1))
    """After a failure it is tried again so much later; each further one doubles it. Two
    certificates are never fetched within less."""
    retry_most: float = field(default=24.0 * 60 * 60, validator=ge(1))
    """The longest that doubling leads to."""
    timeout: float = field(default=30.0, validator=ge(1))
    """How long one request to the authority may take."""
    patience: float = field(default=180.0, validator=ge(1))
    """How long an order may take, from the proof to the certificate."""

    def __attrs_post_init__(self) -> None:
        """Raises ValueError: it could never work."""
        if not self.directory:
            return
        parts = urlsplit(self.url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError("directory must be a URL that begins with https://")
        if not self.terms_agreed:
            raise ValueError("terms_agreed must be true: read the authority's terms first")

    @property
    def url(self) -> str:
        """The directory's URL; empty: ACME is off."""
        return DIRECTORIES.get(self.directory, self.directory)
