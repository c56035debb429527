"""API tokens, stored and read back."""

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from mytracks.errors import NotFound
from mytracks.people.ports import Account, Token
from mytracks.sharing.identity import Scope
from mytracks.store.open import Store
from tests.store.cases import NOW, StoreCase, remove


def token(owner: Account, secret: bytes = b"1", **changes: Any) -> Token:
    """One of `owner`'s."""
    made = Token(
        number=0,
        user=owner.number,
        name="script",
        scopes=frozenset({Scope.INGEST, Scope.METRICS}),
        secret_hash=secret * 32,
        created=NOW,
    )
    return evolve(made, **changes)


async def all_tokens(store: Store) -> Sequence[Token]:
    """As stored."""
    return await store.database.read(store.tokens.all)


class TokensTests(StoreCase):
    """Implements `people.ports.Tokens`."""

    async def test_a_token_comes_back_as_it_was_stored(self) -> None:
        """Every field, and under a number of its own; device passwords are none."""
        store, ana = await self.with_ana()
        await store.database.commit(
            lambda tx: store.device_passwords.replace(tx, ana.number, "phone", b"d" * 32, NOW)
        )
        wanted = [
            token(ana),
            token(ana, b"2", expires=NOW + 60, name="Ätna 🌋", scopes=frozenset(Scope)),
            token(ana, b"3", scopes=frozenset({Scope.READ})),
        ]
        made = [await self.added(store, each) for each in wanted]
        self.assertEqual(
            [evolve(w, number=m.number) for w, m in zip(wanted, made, strict=True)], made
        )
        self.assertEqual(made, await all_tokens(store))
        self.assertEqual(1, len(await store.database.read(store.device_passwords.all)))

    async def added(self, store: Store, wanted: Token) -> Token:
        """As it was given back."""
        return await store.database.commit(lambda tx: store.tokens.add(tx, wanted))

    async def test_a_revoked_one_is_not_read_again(self) -> None:
        """Nor is anything else revoked with it."""
        store, ana = await self.with_ana()
        await store.database.commit(
            lambda tx: store.device_passwords.replace(tx, ana.number, "phone", b"d" * 32, NOW)
        )
        first = await store.database.commit(lambda tx: store.tokens.add(tx, token(ana)))
        second = await store.database.commit(lambda tx: store.tokens.add(tx, token(ana, b"2")))
        await store.database.commit(lambda tx: store.tokens.revoke(tx, first.number, NOW))
        self.assertEqual([second], await all_tokens(store))
        (phone,) = await store.database.read(store.device_passwords.all)
        await store.database.commit(lambda tx: store.tokens.revoke(tx, phone.number, NOW))
        self.assertEqual([phone], await store.database.read(store.device_passwords.all))

    async def test_its_last_use_is_kept(self) -> None:
        """Over a restart."""
        store, ana = await self.with_ana()
        made = await store.database.commit(lambda tx: store.tokens.add(tx, token(ana)))
        await store.database.commit(lambda tx: store.tokens.used(tx, made.number, NOW + 5))
        self.assertEqual([evolve(made, last_used=NOW + 5)], await all_tokens(store))

    async def test_nobody_has_none_and_who_leaves_takes_theirs_along(self) -> None:
        """Also while the rest of the account is still being removed."""
        store, ana = await self.with_ana()
        await store.database.commit(lambda tx: store.tokens.add(tx, token(ana)))
        await store.database.commit(lambda tx: store.accounts.leave(tx, ana.number))
        self.assertEqual([], await all_tokens(store))
        adding = store.database.commit(lambda tx: store.tokens.add(tx, token(ana, b"2")))
        await self.assertFailure(adding, NotFound)
        await remove(store, ana.number)
