"""How a client certificate and its key leave the house, and what is forgotten then."""

from attrs import evolve
from cryptography import x509

from mytracks.errors import Conflict, NotFound
from mytracks.pki import bundles, certificates
from mytracks.pki.book import Book, Change, note
from mytracks.pki.bundles import Format
from mytracks.pki.holders import Holders
from mytracks.pki.keys import Keys
from mytracks.pki.ports import Leaf
from mytracks.pki.signing import Signing
from mytracks.sharing.identity import Actor


class Downloads:
    """Writes bundles; each is noted in the audit log before it is handed out."""

    def __init__(self, book: Book, keys: Keys, signing: Signing, holders: Holders) -> None:
        self._book = book
        self._keys = keys
        self._signing = signing
        self._holders = holders

    async def bundle(
        self, leaf: Leaf, password: str, form: Format, by: Actor, forget: bool | None
    ) -> bytes:
        """See `Clients.bundle`."""
        secret = bundles.check_password(password)
        self._check(leaf)
        made = await self._signing.slowly(lambda: self._written(leaf, secret, form))
        forgetting = self._book.limits.forget_client_keys if forget is None else forget
        await self._book.take(lambda: self._handed_out(leaf.number, form, forgetting, by))
        return made

    def _check(self, leaf: Leaf) -> None:
        why = self._holders.why_not(leaf)
        if why is not None:
            raise Conflict(f"This client certificate lets nobody in: {why}.")
        if leaf.sealed_key is None:
            raise Conflict("The private key of this certificate is not kept here (any more).")

    def _written(self, leaf: Leaf, password: bytes, form: Format) -> bytes:
        assert leaf.certificate is not None
        made = x509.load_der_x509_certificate(leaf.certificate)
        authority = self._book.certificate(self._book.authorities[leaf.authority])
        name = certificates.part(leaf.subject) or "mytracks"
        return bundles.bundle(form, name, self._keys.of(leaf), made, authority, password)

    async def _handed_out(self, number: int, form: Format, forget: bool, by: Actor) -> None:
        leaf = self._book.leaves.get(number)
        if leaf is None:
            raise NotFound("There is no such client certificate.")
        # Somebody may have revoked it, or taken the last copy of the key, meanwhile.
        self._check(leaf)
        told = form.value + (", and the key forgotten" if forget else "")
        entry = note(by, "pki.client.download", leaf, f"{leaf.subject}: {told}")
        rows = [evolve(leaf, sealed_key=None)] if forget else []
        await self._book.commit(Change(rows=rows, notes=[entry]))
