"""Whom a client certificate lets in: asked in every handshake, so it never waits.

Only what is in our book, signed by an authority that is trusted, not revoked, not expired, and
somebody's, lets anybody in. Revocation lists are the second wall.
"""

from mytracks.pki.book import Book
from mytracks.pki.ports import Leaf
from mytracks.pki.state import Holder


class Holders:
    """Answers from memory."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.gone: set[int] = set()
        """Accounts that were deleted; their certificates are being revoked."""

    def holder(self, fingerprint: bytes) -> Holder | None:
        """Who comes with the certificate that has this SHA-256; None: nobody."""
        leaf = self._book.leaf_of.get(fingerprint)
        if leaf is None or leaf.user is None or self.why_not(leaf) is not None:
            return None
        return Holder(leaf.user, leaf.number)

    def why_not(self, leaf: Leaf) -> str | None:
        """Why it lets nobody in, in a few words for administrators; None: it does."""
        now = self._book.clock.now()
        if leaf.is_revoked(now):
            return "revoked"
        if leaf.user is None or leaf.user in self.gone:
            return "its account was deleted"
        if now < leaf.not_before:
            return "not valid yet"
        if now > leaf.not_after:
            return "expired"
        return None if self._book.is_trusted(leaf.authority) else "its authority was ended"
