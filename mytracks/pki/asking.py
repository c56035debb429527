"""What is looked at before any certificate is made."""

from mytracks.clock import Clock
from mytracks.errors import Conflict, Invalid, Unavailable
from mytracks.pki.book import Book
from mytracks.pki.limits import DAY
from mytracks.pki.ports import Authority


def check_clock(clock: Clock) -> None:
    """Whether the date is to be believed. Raises Unavailable: a certificate of 1970 has expired
    before anybody sees it."""
    doubt = clock.doubt()
    if doubt is not None:
        raise Unavailable(f"{doubt[:1].upper()}{doubt[1:]}.")


def check_days(days: int, most: int, field: str = "validity_days") -> None:
    """Whether a certificate may last so long. Raises Invalid."""
    if not 1 <= days <= most:
        told = f"must be from 1 to {most}"
        raise Invalid(f"This cannot be: the days {told}.", {field: [told]})


def signing_authority(book: Book) -> Authority:
    """The authority that signs. Raises Conflict where there is none, or it ends too soon."""
    authority = book.active()
    if authority is None:
        raise Conflict("There is no active certificate authority: make one first.")
    if authority.not_after - book.clock.now() < DAY:
        raise Conflict("The certificate authority ends within a day: make a new one first.")
    return authority
