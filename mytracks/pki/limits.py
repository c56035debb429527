"""The limits of the certificates room; as settings they are the table `[pki]`."""

from typing import Final

from attrs import field, frozen
from attrs.validators import and_, ge, le

DAY: Final = 24 * 60 * 60

SERVER_DAYS: Final = 825
"""iPhones refuse a private authority's server certificate that is good for longer."""
CLIENT_DAYS: Final = 1826
AUTHORITY_DAYS: Final = 36_500


def _days(default: int, most: int) -> int:
    days: int = field(default=default, validator=and_(ge(1), le(most)))
    return days


@frozen(kw_only=True)
class Limits:
    """Lifetimes, bounds and times; times are seconds where they are not called days."""

    server_days: int = _days(397, SERVER_DAYS)
    """How long a new server certificate is good, where nobody says otherwise."""
    client_days: int = _days(730, CLIENT_DAYS)
    """The same for a client's."""
    authority_days: int = _days(3650, AUTHORITY_DAYS)
    """The same for a certificate authority."""
    backdate: int = field(default=60 * 60, validator=le(DAY))
    """Certificates begin so long before they are made: clocks of phones lag."""
    renew_at: float = field(default=2 / 3, validator=and_(ge(0.1), le(0.95)))
    """The part of its life after which a server certificate of ours is renewed by itself."""
    renew_check_every: float = field(default=60.0 * 60, validator=ge(1))
    """How often it is looked whether one is due."""

    crl_days: int = field(default=30, validator=ge(2))
    """How long a revocation list is good."""
    crl_resign_every: int = field(default=DAY, validator=ge(60))
    """A list as old as this is signed anew."""
    crl_check_every: float = field(default=60.0, validator=ge(1))
    """How often it is looked whether one is due, or a time of grace is over."""
    crl_alarm_days: int = field(default=7, validator=ge(1))
    """A list that is good for less than this is told as a problem."""
    strict_crl: bool = True
    """Whether a list that has lapsed locks out everybody. Without it only the revoked are kept
    out: for an emergency, and logged."""

    grace_days_most: int = field(default=90, validator=ge(0))
    """For how long at most a superseded client certificate stays good."""
    max_certificates: int = field(default=10_000, validator=ge(1))
    """Client certificates that are kept; one more is refused until some have expired."""
    forget_client_keys: bool = False
    """Whether a client's private key is forgotten once its bundle was downloaded."""

    key_threads: int = field(default=1, validator=ge(1))
    """Threads that make keys; another one signs."""
    max_waiting: int = field(default=32, validator=ge(1))
    """Keys being made, or signatures, running and waiting; one more is refused as Unavailable."""
