"""Recovery codes and passkeys, stored and read back; whether anything is sealed."""

from functools import partial

from attrs import evolve
from sqlalchemy import func, select

from mytracks.errors import Conflict
from mytracks.people.factor_ports import Passkey
from mytracks.people.ports import Account
from mytracks.store.database import sql
from mytracks.store.open import Store
from mytracks.store.schema import passkey as passkey_table
from mytracks.store.sealed import SEALED
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction
from tests.store.cases import NOW, StoreCase, account, remove

PASSKEYS = Statement(select(func.count()).select_from(passkey_table))


def passkey(owner: Account, credential: bytes = b"one") -> Passkey:
    """A passkey of `owner`."""
    return Passkey(
        number=0,
        user=owner.number,
        credential=credential,
        public_key=b"public",
        handle=b"handle",
        sign_count=0,
        aaguid=None,
        transports=("hybrid", "internal"),
        backed_up=True,
        label="Phone",
        created=NOW,
    )


class RecoveryCodeTests(StoreCase):
    """Good once, of one account, all replaced at once."""

    async def replace(self, store: Store, owner: Account, *hashes: bytes) -> list[int]:
        """Store these; their numbers."""
        made = await store.database.commit(
            lambda tx: store.recovery_codes.replace(tx, owner.number, hashes, NOW)
        )
        return [code.number for code in made]

    async def test_what_is_stored_is_read_back(self) -> None:
        """Both accounts' codes, and nobody else's."""
        store, ana = await self.with_ana()
        ben = await store.database.commit(lambda tx: store.accounts.add(tx, account("ben")))
        await self.replace(store, ana, b"a" * 32, b"b" * 32)
        await self.replace(store, ben, b"c" * 32)
        found = await store.database.read(store.recovery_codes.all)
        self.assertEqual(
            [(ana.number, b"a" * 32), (ana.number, b"b" * 32), (ben.number, b"c" * 32)],
            [(code.user, code.secret_hash) for code in found],
        )

    async def test_new_ones_replace_all_of_one_account(self) -> None:
        """Used ones as well; those of others stay."""
        store, ana = await self.with_ana()
        ben = await store.database.commit(lambda tx: store.accounts.add(tx, account("ben")))
        await self.replace(store, ana, b"a" * 32, b"b" * 32)
        await self.replace(store, ben, b"c" * 32)
        await self.replace(store, ana, b"d" * 32)
        found = await store.database.read(store.recovery_codes.all)
        self.assertEqual({b"c" * 32, b"d" * 32}, {code.secret_hash for code in found})
        await self.replace(store, ana)
        self.assertEqual(1, len(await store.database.read(store.recovery_codes.all)))

    async def test_a_code_is_used_once(self) -> None:
        """Whoever comes second is told."""
        store, ana = await self.with_ana()
        first, second = await self.replace(store, ana, b"a" * 32, b"b" * 32)
        use = store.recovery_codes.used
        self.assertTrue(await store.database.commit(lambda tx: use(tx, first, NOW)))
        self.assertFalse(await store.database.commit(lambda tx: use(tx, first, NOW)))
        found = await store.database.read(store.recovery_codes.all)
        self.assertEqual([second], [code.number for code in found])

    async def test_device_passwords_and_codes_leave_each_other_alone(self) -> None:
        """They share a table."""
        store, ana = await self.with_ana()
        await store.database.commit(
            lambda tx: store.device_passwords.replace(tx, ana.number, "phone", b"p" * 32, NOW)
        )
        await self.replace(store, ana, b"a" * 32)
        await self.replace(store, ana, b"b" * 32)
        self.assertEqual(1, len(await store.database.read(store.device_passwords.all)))
        self.assertEqual(1, len(await store.database.read(store.recovery_codes.all)))


class PasskeyTests(StoreCase):
    """Added, used, removed, gone with their account."""

    async def test_what_is_stored_is_read_back(self) -> None:
        """With and without what not every authenticator tells."""
        store, ana = await self.with_ana()
        bare = evolve(passkey(ana, b"two"), transports=(), backed_up=False, aaguid=b"a" * 16)
        made = [
            await store.database.commit(partial(store.passkeys.add, passkey=one))
            for one in (passkey(ana), bare)
        ]
        self.assertEqual(made, await store.database.read(store.passkeys.all))
        self.assertEqual(2, len({one.number for one in made}))

    async def test_a_credential_is_stored_once(self) -> None:
        """Whosever it would be."""
        store, ana = await self.with_ana()
        await store.database.commit(lambda tx: store.passkeys.add(tx, passkey(ana)))
        with self.assertRaises(Conflict):
            await store.database.commit(lambda tx: store.passkeys.add(tx, passkey(ana)))

    async def test_its_use_is_noted_and_it_can_be_removed(self) -> None:
        """The count tells copies apart."""
        store, ana = await self.with_ana()
        made = await store.database.commit(lambda tx: store.passkeys.add(tx, passkey(ana)))
        await store.database.commit(lambda tx: store.passkeys.used(tx, made.number, 7, NOW + 1))
        (found,) = await store.database.read(store.passkeys.all)
        self.assertEqual((7, NOW + 1), (found.sign_count, found.last_used))
        await store.database.commit(lambda tx: store.passkeys.remove(tx, made.number))
        self.assertEqual([], await store.database.read(store.passkeys.all))

    async def test_those_of_a_deleted_account_go_at_once(self) -> None:
        """Before all of the account is gone, and for good."""
        store, ana = await self.with_ana()
        await store.database.commit(lambda tx: store.passkeys.add(tx, passkey(ana)))
        await store.database.commit(lambda tx: store.accounts.leave(tx, ana.number))
        self.assertEqual([], await store.database.read(store.passkeys.all))

        async def rows(tx: Transaction) -> int:
            row = await sql(tx).one(PASSKEYS)
            return 0 if row is None else int(row[0])

        self.assertEqual(0, await store.database.read(rows))
        await remove(store, ana.number)


class SealedTests(StoreCase):
    """Whether the key ring is needed."""

    async def test_a_new_store_holds_nothing_sealed(self) -> None:
        """Nor does an account."""
        store, _ = await self.with_ana()
        self.assertFalse(await store.sealed_exists())

    async def test_a_second_factor_is_sealed(self) -> None:
        """From its first to its last day."""
        store, ana = await self.with_ana()
        for totp, expected in ((b"sealed", True), (None, False)):
            new = evolve(ana, totp=totp)
            await store.database.commit(partial(store.accounts.change, account=new))
            self.assertIs(expected, await store.sealed_exists())

    def test_every_sealed_column_is_asked(self) -> None:
        """Those that the schema's first lines name."""
        names = {f"{column.table.name}.{column.name}" for column in SEALED}
        self.assertEqual(
            {
                "user_account.totp",
                "device.encryption_key",
                "authority.sealed_key",
                "leaf.sealed_key",
                "server_certificate.sealed_key",
            },
            names,
        )
