"""What pages tell of a certificate, in words. No private key is in any of it."""

from collections.abc import Iterable
from typing import Final

from attrs import frozen

from mytracks.pki import certificates
from mytracks.pki.limits import DAY
from mytracks.pki.ports import Certified

_NAMED: Final = {"rsa": "RSA", "p256": "P-256", "p384": "P-384", "p521": "P-521"}
_YEAR: Final = 365
_MONTHS_FROM: Final = 90
_YEARS_FROM: Final = 540


@frozen(kw_only=True)
class Facts:
    """One certificate. `name`: what people call it; `left`: when it ends, as seen from now. Times
    are UTC seconds. `over`: it has ended; `soon`: it ends within a month."""

    number: int
    name: str
    subject: str
    fingerprint: str
    serial: str
    key: str
    created: int
    not_before: int
    not_after: int
    left: str
    over: bool
    soon: bool
    has_key: bool


def facts(row: Certified, now: float) -> Facts:
    """Of a row of any kind."""
    return Facts(
        number=row.number,
        name=certificates.called(row.subject),
        subject=row.subject,
        fingerprint=row.fingerprint.hex(":").upper(),
        serial=f"0x{row.serial:x}",
        key=key(row),
        created=row.created,
        not_before=row.not_before,
        not_after=row.not_after,
        left=left(row.not_after - now),
        over=row.not_after <= now,
        soon=row.not_after - now < 30 * DAY,
        has_key=row.sealed_key is not None,
    )


def key(row: Certified) -> str:
    """Its key: `RSA 2048`, `P-256`."""
    named = _NAMED.get(row.key_type, row.key_type)
    return f"{named} {row.key_size}" if row.key_type == "rsa" else named


def left(seconds: float) -> str:
    """How long from now that is: `in 12 days`, `3 days ago`."""
    days = int(abs(seconds) // DAY)
    if days == 0:
        return "today" if seconds > 0 else "just now"
    if days < _MONTHS_FROM:
        told = counted(days, "day")
    elif days < _YEARS_FROM:
        told = counted(round(days / (_YEAR / 12)), "month")
    else:
        told = counted(round(days / _YEAR), "year")
    return f"in {told}" if seconds > 0 else f"{told} ago"


def counted(number: int, what: str) -> str:
    """So many of it: `1 phone`, `2 phones`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def listed(names: Iterable[str]) -> str:
    """Names in a sentence: `anna`, `anna and ben`, `anna, ben and clara`."""
    *earlier, last = [*names] or [""]
    return f"{', '.join(earlier)} and {last}" if earlier else last
