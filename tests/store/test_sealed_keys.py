"""Which keys are in use, and sealing anew, on the real databases."""

import base64

from attrs import evolve

from mytracks.pki.keyring import FILE, KeyRing, key_of, open_keyring
from mytracks.store.database import sql
from mytracks.store.notes import NOTE
from mytracks.store.open import Store
from mytracks.store.sealed_keys import EVERY, keys_in_use, reseal_payload_keys
from mytracks.transaction import Transaction
from tests.store.cases import StoreCase

PLACE = "user_account/{}/totp"


class SealedKeysTests(StoreCase):
    """A key that something names is not forgotten."""

    async def furnished(self) -> tuple[Store, KeyRing, int]:
        """A store where ana has a second factor, sealed with the ring's first key."""
        store, ana = await self.with_ana()
        ring = open_keyring(self.folder / FILE, sealed_exists=False)
        sealed = ring.seal(PLACE.format(ana.number), b"JBSWY3DP")
        changed = evolve(ana, totp=sealed, totp_step=5)
        await store.database.commit(lambda tx: store.accounts.change(tx, changed))
        return store, ring, ana.number

    async def test_all_keys_that_are_named_are_found(self) -> None:
        """In columns and in texts, by whatever they were written."""
        store, ring, _ = await self.furnished()
        first = ring.current
        self.assertEqual({first}, await store.database.read(keys_in_use))
        second = ring.add_key()
        for name, text in (
            ("acme.account", base64.b64encode(ring.seal("x/y/z", b"key")).decode()),
            ("acme.order", "no base64 at all!"),
            ("else", base64.b64encode(b"mtk1" + b"\7" * 40).decode()),
        ):

            async def put(tx: Transaction, name: str = name, text: str = text) -> None:
                await sql(tx).run(NOTE, name=name, value=text, changed=1)

            await store.database.commit(put)
        self.assertEqual({first, second}, await store.database.read(keys_in_use))

    async def test_payload_keys_are_sealed_anew(self) -> None:
        """The same secret under another key."""
        store, ring, ana = await self.furnished()
        made = await store.database.commit(
            lambda tx: store.device_passwords.replace(tx, ana, "phone", b"hash", 1)
        )
        phone = made.device
        place = f"device/{phone}/encryption_key"
        sealed = ring.seal(place, b"secret")
        await store.database.commit(lambda tx: store.desk.keep_key(tx, phone, sealed))
        first, new = ring.current, ring.add_key()
        self.assertEqual(1, await reseal_payload_keys(store.database, ring.reseal))
        ((number, after),) = await store.database.read(lambda tx: sql(tx).all(EVERY))
        self.assertEqual((phone, new), (number, key_of(bytes(after))))
        self.assertEqual(b"secret", ring.unseal(place, bytes(after)))
        # What others seal anew themselves is not touched.
        self.assertEqual({first, new}, await store.database.read(keys_in_use))
