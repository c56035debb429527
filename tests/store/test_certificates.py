"""Certificates, authorities and revocation lists, stored and read back."""

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from mytracks.errors import Conflict, NotFound
from mytracks.people.ports import Account
from mytracks.pki.ports import (
    Authority,
    AuthorityState,
    Leaf,
    Reason,
    RevocationList,
    ServerCertificate,
    ServerState,
    Source,
    Use,
)
from mytracks.store.open import Store
from tests.store.cases import NOW, StoreCase, remove

LARGEST = (1 << 159) - 1
"""A serial of as many bits as there may be."""


def values(mark: int, **changes: Any) -> dict[str, Any]:
    """What rows of all certificates have."""
    common = {
        "number": 0,
        "serial": LARGEST - mark,
        "fingerprint": bytes([mark]) * 32,
        "subject": "CN=ana,O=My Tracks",
        "sealed_key": b"sealed",
        "key_type": "rsa",
        "key_size": 2048,
        "created": NOW,
        "not_before": NOW - 3600,
        "not_after": NOW + 86400,
    }
    return common | changes


def authority(mark: int = 1, **changes: Any) -> Authority:
    """One that signs."""
    given = {"certificate": b"der", "state": AuthorityState.ACTIVE}
    return Authority(**values(mark, **(given | changes)))


def server(mark: int = 2, **changes: Any) -> ServerCertificate:
    """One that is shown everywhere."""
    given = {
        "authority": None,
        "name": "nas",
        "names": ("nas", "192.0.2.1"),
        "use": Use.EVERYWHERE,
        "source": Source.OWN,
        "state": ServerState.ACTIVE,
        "chain": b"pem",
    }
    return ServerCertificate(**values(mark, **(given | changes)))


def leaf(owner: Account, signer: Authority, mark: int = 3, **changes: Any) -> Leaf:
    """A client's."""
    given = {"authority": signer.number, "user": owner.number, "certificate": b"der"}
    return Leaf(**values(mark, **(given | changes)))


def made_list(signer: Authority, number: int = 1) -> RevocationList:
    """A list."""
    return RevocationList(
        authority=signer.number, number=number, this_update=NOW, next_update=NOW + 1, der=b"der"
    )


def put(store: Store, made: RevocationList) -> Deferred[None]:
    """Store a list."""
    return store.database.commit(lambda tx: store.revocation_lists.put(tx, made))


class CertificateCase(StoreCase):
    """A store with one account and one authority that signs."""

    async def furnished(self) -> tuple[Store, Account, Authority]:
        """The three of them."""
        store, ana = await self.with_ana()
        signer = await store.database.commit(lambda tx: store.authorities.add(tx, authority()))
        return store, ana, signer


class AuthoritiesTests(CertificateCase):
    """Implements `pki.ports.Authorities`."""

    async def test_it_comes_back_as_it_was_stored(self) -> None:
        """A serial of 159 bits among the rest."""
        store, _, signer = await self.furnished()
        self.assertEqual(evolve(authority(), number=signer.number), signer)
        self.assertEqual([signer], await store.database.read(store.authorities.all))

    async def test_no_two_are_active(self) -> None:
        """Whatever a service believes: the database itself refuses the second."""
        store, _, signer = await self.furnished()
        second = store.database.commit(lambda tx: store.authorities.add(tx, authority(9)))
        await self.assertFailure(second, Conflict)
        other = await store.database.commit(
            lambda tx: store.authorities.add(tx, authority(9, state=AuthorityState.TRUSTED))
        )
        risen = evolve(other, state=AuthorityState.ACTIVE)
        change = store.database.commit(lambda tx: store.authorities.change(tx, risen))
        await self.assertFailure(change, Conflict)
        self.assertEqual([signer, other], await store.database.read(store.authorities.all))

    async def test_its_state_and_key_change(self) -> None:
        """And an unknown one is told."""
        store, _, signer = await self.furnished()
        ended = evolve(signer, state=AuthorityState.ENDED, sealed_key=None)
        await store.database.commit(lambda tx: store.authorities.change(tx, ended))
        self.assertEqual([ended], await store.database.read(store.authorities.all))
        nobody = store.database.commit(
            lambda tx: store.authorities.change(tx, evolve(ended, number=99))
        )
        await self.assertFailure(nobody, NotFound)

    async def test_what_it_signed_goes_with_it(self) -> None:
        """Nothing of it is good for anything."""
        store, ana, signer = await self.furnished()
        await store.database.commit(lambda tx: store.leaves.add(tx, leaf(ana, signer)))
        of_it = server(authority=signer.number)
        await store.database.commit(lambda tx: store.server_certificates.add(tx, of_it))
        await store.database.commit(lambda tx: store.revocation_lists.put(tx, made_list(signer)))
        await store.database.commit(lambda tx: store.authorities.remove(tx, signer.number))
        for port in (store.authorities, store.leaves, store.server_certificates):
            self.assertEqual([], await store.database.read(port.all))
        self.assertEqual([], await store.database.read(store.revocation_lists.all))


class ServerCertificatesTests(CertificateCase):
    """Implements `pki.ports.ServerCertificates`."""

    async def test_it_comes_back_as_it_was_stored(self) -> None:
        """With its names."""
        store, _, signer = await self.furnished()
        wanted = server(authority=signer.number, use=Use.MQTT, source=Source.ACME)
        made = await store.database.commit(lambda tx: store.server_certificates.add(tx, wanted))
        self.assertEqual(evolve(wanted, number=made.number), made)
        self.assertEqual([made], await store.database.read(store.server_certificates.all))

    async def test_no_two_are_active_for_one_use(self) -> None:
        """Each use may have one of its own."""
        store, _, _ = await self.furnished()
        one = await store.database.commit(lambda tx: store.server_certificates.add(tx, server()))
        second = store.database.commit(lambda tx: store.server_certificates.add(tx, server(9)))
        await self.assertFailure(second, Conflict)
        for_web = server(9, use=Use.WEB)
        two = await store.database.commit(lambda tx: store.server_certificates.add(tx, for_web))
        self.assertEqual([one, two], await store.database.read(store.server_certificates.all))

    async def test_none_becomes_active_beside_another(self) -> None:
        """A change is refused as a new one is."""
        store, _, _ = await self.furnished()
        await store.database.commit(lambda tx: store.server_certificates.add(tx, server()))
        idle = server(9, state=ServerState.INACTIVE)
        other = await store.database.commit(lambda tx: store.server_certificates.add(tx, idle))
        risen = evolve(other, state=ServerState.ACTIVE)
        change = store.database.commit(lambda tx: store.server_certificates.change(tx, risen))
        await self.assertFailure(change, Conflict)

    async def test_it_is_revoked_expunged_and_removed(self) -> None:
        """Its serial stays as long as it has to."""
        store, _, signer = await self.furnished()
        of_it = server(authority=signer.number)
        made = await store.database.commit(lambda tx: store.server_certificates.add(tx, of_it))
        gone = evolve(
            made,
            state=ServerState.INACTIVE,
            revoked=NOW,
            reason=Reason.SUPERSEDED,
            expunged=NOW,
            chain=None,
            sealed_key=None,
        )
        await store.database.commit(lambda tx: store.server_certificates.change(tx, gone))
        self.assertEqual([gone], await store.database.read(store.server_certificates.all))
        await store.database.commit(lambda tx: store.server_certificates.remove(tx, gone.number))
        self.assertEqual([], await store.database.read(store.server_certificates.all))


class LeavesTests(CertificateCase):
    """Implements `pki.ports.Leaves`."""

    async def test_it_comes_back_as_it_was_stored(self) -> None:
        """Whose it is, too."""
        store, ana, signer = await self.furnished()
        wanted = leaf(ana, signer, revoked=NOW, reason=Reason.KEY_COMPROMISE)
        made = await store.database.commit(lambda tx: store.leaves.add(tx, wanted))
        self.assertEqual(evolve(wanted, number=made.number), made)
        self.assertEqual([made], await store.database.read(store.leaves.all))

    async def test_a_serial_is_given_once_by_one_authority(self) -> None:
        """And nothing else of that commit is stored."""
        store, ana, signer = await self.furnished()
        made = await store.database.commit(lambda tx: store.leaves.add(tx, leaf(ana, signer)))
        again = leaf(ana, signer, 9, serial=made.serial)
        adding = store.database.commit(lambda tx: store.leaves.add(tx, again))
        await self.assertFailure(adding, Conflict)
        self.assertEqual([made], await store.database.read(store.leaves.all))

    async def test_nobody_has_none(self) -> None:
        """An account deleted meanwhile."""
        store, ana, signer = await self.furnished()
        await remove(store, ana.number)
        adding = store.database.commit(lambda tx: store.leaves.add(tx, leaf(ana, signer)))
        await self.assertFailure(adding, NotFound)

    async def test_it_outlives_its_account(self) -> None:
        """The revocation list needs it; a late change does not fail over who it was."""
        store, ana, signer = await self.furnished()
        made = await store.database.commit(lambda tx: store.leaves.add(tx, leaf(ana, signer)))
        await remove(store, ana.number)
        self.assertEqual([evolve(made, user=None)], await store.database.read(store.leaves.all))
        late = evolve(made, certificate=None, sealed_key=None, expunged=NOW)
        await store.database.commit(lambda tx: store.leaves.change(tx, late))
        self.assertEqual([evolve(late, user=None)], await store.database.read(store.leaves.all))

    async def test_it_can_become_nobodys(self) -> None:
        """While the account is being removed in pieces."""
        store, ana, signer = await self.furnished()
        made = await store.database.commit(lambda tx: store.leaves.add(tx, leaf(ana, signer)))
        orphan = evolve(made, user=None, revoked=NOW, reason=Reason.PRIVILEGE_WITHDRAWN)
        await store.database.commit(lambda tx: store.leaves.change(tx, orphan))
        self.assertEqual([orphan], await store.database.read(store.leaves.all))
        await store.database.commit(lambda tx: store.leaves.remove(tx, orphan.number))
        self.assertEqual([], await store.database.read(store.leaves.all))


class RevocationListsTests(CertificateCase):
    """Implements `pki.ports.RevocationLists`."""

    async def test_only_the_newest_stays_and_the_authority_counts_it(self) -> None:
        """A number is never given twice, not even after a restore of nothing but rows."""
        store, _, signer = await self.furnished()
        for number in (1, 2, 7):
            made = made_list(signer, number)
            await put(store, made)
        self.assertEqual([made], await store.database.read(store.revocation_lists.all))
        (read,) = await store.database.read(store.authorities.all)
        self.assertEqual(7, read.crl_number)

    async def test_a_number_grows(self) -> None:
        """One that does not is refused."""
        store, _, signer = await self.furnished()
        first = made_list(signer, 5)
        await store.database.commit(lambda tx: store.revocation_lists.put(tx, first))
        for number in (4, 5):
            late = made_list(signer, number)
            putting = put(store, late)
            await self.assertFailure(putting, Conflict)
        self.assertEqual([first], await store.database.read(store.revocation_lists.all))

    async def test_each_authority_has_its_own(self) -> None:
        """While one is being replaced by another."""
        store, _, signer = await self.furnished()
        old = authority(9, state=AuthorityState.TRUSTED)
        other = await store.database.commit(lambda tx: store.authorities.add(tx, old))
        lists = [made_list(signer, 3), made_list(other, 1)]
        for made in lists:
            await put(store, made)
        self.assertEqual(lists, await store.database.read(store.revocation_lists.all))
