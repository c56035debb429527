"""Accounts, their devices' passwords and their browsers' sessions, stored and read back."""

from typing import Any

from attrs import evolve
from sqlalchemy import bindparam, func, select, update
from twisted.internet.defer import Deferred

from mytracks.errors import Conflict, NotFound
from mytracks.people.factor_ports import Passkey
from mytracks.people.ports import Account, DevicePassword, Factor, WebSession
from mytracks.people.profile import Home, Profile
from mytracks.phones.facts import Noted, Reported, SetAside
from mytracks.sharing.identity import Door
from mytracks.store.database import sql
from mytracks.store.open import Store
from mytracks.store.schema import tables, user_account
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction, Unit
from tests.store.cases import NOW, StoreCase, account, location, remove, source


async def all_accounts(store: Store) -> list[Account]:
    """As stored."""
    return list(await store.database.read(store.accounts.all))


class AccountsTests(StoreCase):
    """Implements `people.ports.Accounts`."""

    async def test_an_account_comes_back_as_it_was_stored(self) -> None:
        """Every field, and under a number of its own."""
        store = await self.opened()
        wanted = account(
            admin=True,
            disabled=True,
            email="ana@example.org",
            profile=Profile(
                first_name="Ana", units="nautical", home=Home(52.5, 13.4, "where \u263a is")
            ),
            updated=NOW + 5,
            last_login=NOW + 9,
            totp=b"\0sealed",
            totp_step=2**40,
        )
        made = await store.database.commit(lambda tx: store.accounts.add(tx, wanted))
        self.assertEqual(evolve(wanted, number=made.number), made)
        self.assertEqual([made], await all_accounts(store))

    async def test_a_name_is_given_once(self) -> None:
        """Two people cannot be told apart otherwise."""
        store, ana = await self.with_ana()
        again = store.database.commit(lambda tx: store.accounts.add(tx, account(display="Other")))
        await self.assertFailure(again, Conflict)
        self.assertEqual([ana], await all_accounts(store))

    async def test_a_change_stores_every_field(self) -> None:
        """What a service decided is what is there after a restart."""
        store, ana = await self.with_ana()
        changed = evolve(ana, display="A.", admin=True, disabled=True, password="p", email="e")
        await store.database.commit(lambda tx: store.accounts.change(tx, changed))
        self.assertEqual([changed], await all_accounts(store))

    async def test_nobody_is_changed_into_somebody_else(self) -> None:
        """A name that is taken stays whose it is; who is gone is not made again."""
        store, ana = await self.with_ana()
        ben = await store.database.commit(lambda tx: store.accounts.add(tx, account("ben")))
        as_ana, nobody = evolve(ben, name="ana"), evolve(ben, number=99, name="cleo")
        taken = store.database.commit(lambda tx: store.accounts.change(tx, as_ana))
        await self.assertFailure(taken, Conflict)
        gone = store.database.commit(lambda tx: store.accounts.change(tx, nobody))
        await self.assertFailure(gone, NotFound)
        self.assertEqual([ana, ben], await all_accounts(store))

    async def test_deleting_an_account_leaves_nothing_of_it(self) -> None:
        """Neither places nor passwords nor what it sent wrongly; the neighbour keeps all."""
        store, ana = await self.with_ana()
        ben = await store.database.commit(lambda tx: store.accounts.add(tx, account("ben")))
        for owner in (ana, ben):
            await self.fill(store, owner)
        full = await store.database.read(counts)
        await remove(store, ana.number)
        left = await store.database.read(counts)
        of_people = ("user_account", "credential", "web_session", "passkey")
        for table in (*of_people, "device", "location", "context"):
            self.assertEqual(full[table], 2 * left[table], table)
        self.assertEqual((1, 1), (left["message"], left["quarantine"]))
        self.assertEqual([ben], await all_accounts(store))

    async def test_what_other_versions_wrote_of_a_profile_is_read(self) -> None:
        """Nothing yet, or what is not known here: the server starts all the same."""
        store, ana = await self.with_ana()
        for text, profile, updated in (
            ("{}", Profile(), NOW),
            ('{"theme":"dark","updated":7}', Profile(theme="dark"), 7),
            (
                '{"home":{"latitude":1,"longitude":2,"floor":3},"shoe_size":43}',
                Profile(home=Home(1, 2)),
                NOW,
            ),
        ):
            await store.database.commit(self.writing(text))
            expected = evolve(ana, profile=profile, updated=updated)
            self.assertEqual([expected], await all_accounts(store))

    def writing(self, settings: str) -> Unit[int]:
        """A unit that writes the column as it likes."""
        statement = Statement(update(user_account).values(settings=bindparam("text")))
        return lambda tx: sql(tx).run(statement, text=settings)

    async def test_whatever_opens_a_door_goes_in_the_commit_that_deletes(self) -> None:
        """Its places may take hours; its keys do not."""
        store, ana = await self.with_ana()
        await self.fill(store, ana)
        sealed = evolve(
            ana, totp=b"sealed", totp_step=1, last_login=NOW, profile=Profile(units="?")
        )
        await store.database.commit(lambda tx: store.accounts.change(tx, sealed))
        await store.database.commit(lambda tx: store.accounts.leave(tx, ana.number))
        left = await store.database.read(counts)
        for table in ("credential", "web_session", "passkey"):
            self.assertEqual(0, left[table], table)
        row = await store.database.read(lambda tx: sql(tx).one(Statement(select(user_account))))
        assert row is not None
        kept = dict(zip(user_account.columns.keys(), row, strict=True))
        for column in ("password", "email", "display"):
            self.assertEqual("", kept[column], column)
        for column in ("totp", "totp_step", "last_login"):
            self.assertIsNone(kept[column], column)
        self.assertEqual("{}", kept["settings"])

    async def test_a_number_is_never_given_twice(self) -> None:
        """Nobody inherits what still hangs on the number of an account or device that is gone."""
        store, ana = await self.with_ana()
        await self.fill(store, ana)
        (before,) = await store.database.read(store.devices.all)
        await remove(store, ana.number)
        again = await store.database.commit(lambda tx: store.accounts.add(tx, account()))
        await self.fill(store, again)
        (after,) = await store.database.read(store.devices.all)
        self.assertGreater(again.number, ana.number)
        self.assertGreater(after.device.number, before.device.number)

    async def fill(self, store: Store, owner: Account) -> None:
        """One of everything for `owner`."""
        session = web_session(owner, bytes([owner.number]))
        await store.database.commit(lambda tx: store.web_sessions.put(tx, session))
        await store.database.commit(
            lambda tx: store.device_passwords.replace(
                tx, owner.number, "phone", bytes([owner.number]), NOW
            )
        )
        await store.database.commit(lambda tx: store.passkeys.add(tx, passkey(owner)))
        phone = source(owner)
        await store.journal.record(
            [
                Reported(source=phone, location=location(ssid="lan"), may_repeat=False),
                Noted(source=phone, kind="lwt", topic="t", body=b"{}", received=NOW),
                SetAside(
                    user=owner.number,
                    device_name=None,
                    door=Door.HTTP,
                    topic="t",
                    reason="r",
                    body=b"?",
                    received=NOW,
                ),
            ]
        )


class DevicePasswordsTests(StoreCase):
    """Implements `people.ports.DevicePasswords`."""

    async def test_a_password_makes_its_device(self) -> None:
        """The phone may be set up before it has sent anything."""
        store, ana = await self.with_ana()
        made = await self.replace(store, ana, b"one")
        (state,) = await store.database.read(store.devices.all)
        self.assertEqual(("ana/phone", NOW), (state.device.path, state.created))
        self.assertEqual(state.device.number, made.device)
        self.assertEqual([made], await store.database.read(store.device_passwords.all))

    async def test_a_new_password_replaces_the_old_one(self) -> None:
        """A lost phone is locked out by making another."""
        store, ana = await self.with_ana()
        await self.replace(store, ana, b"one")
        second = await self.replace(store, ana, b"two")
        self.assertEqual([second], await store.database.read(store.device_passwords.all))

    async def test_its_use_is_noted(self) -> None:
        """So that an unused one can be found."""
        store, ana = await self.with_ana()
        made = await self.replace(store, ana, b"one")
        await store.database.commit(lambda tx: store.device_passwords.used(tx, made.number, 7))
        (read,) = await store.database.read(store.device_passwords.all)
        self.assertEqual(evolve(made, last_used=7), read)

    async def test_nobody_has_no_device(self) -> None:
        """An account deleted meanwhile."""
        store = await self.opened()
        nobody = account(number=5)
        error = await self.assertFailure(self.replacing(store, nobody, b""), NotFound)
        self.assertIn("no such account", str(error))

    async def replace(self, store: Store, owner: Account, secret: bytes) -> DevicePassword:
        return await self.replacing(store, owner, secret)

    def replacing(self, store: Store, owner: Account, secret: bytes) -> Deferred[DevicePassword]:
        return store.database.commit(
            lambda tx: store.device_passwords.replace(tx, owner.number, "phone", secret, NOW)
        )


class WebSessionsTests(StoreCase):
    """Implements `people.ports.WebSessions`."""

    async def test_sessions_outlive_a_restart_until_they_expire(self) -> None:
        """Nobody signs in again because we were updated."""
        store, ana = await self.with_ana()
        session = web_session(ana, b"a")
        await store.database.commit(lambda tx: store.web_sessions.put(tx, session))
        await store.close()
        store = await self.opened()
        self.assertEqual([session], await self.valid(store, session.expires - 1))
        self.assertEqual([], await self.valid(store, session.expires))

    async def test_nobody_has_no_session(self) -> None:
        """An account deleted in the moment of its sign-in: told so, not an error of ours."""
        store, ana = await self.with_ana()
        await remove(store, ana.number)
        put: Deferred[Any] = Deferred.fromCoroutine(self.put(store, web_session(ana, b"a")))
        error = await self.assertFailure(put, NotFound)
        self.assertIn("no such account", str(error))

    async def test_a_session_is_prolonged_and_nothing_else_of_it_changes(self) -> None:
        """Its dates move, that of its beginning too once our clock is set; whence it came stays."""
        store, ana = await self.with_ana()
        first = web_session(ana, b"a")
        later = evolve(first, created=NOW + 1, seen=NOW + 5, expires=NOW + 99)
        for each in (first, evolve(later, address="elsewhere")):
            await self.put(store, each)
        self.assertEqual([later], await self.valid(store))

    async def test_ended_and_expired_sessions_are_gone(self) -> None:
        """Signing out works, twice too."""
        store, ana = await self.with_ana()
        for token, expires in ((b"a", 10), (b"b", 20), (b"c", 30)):
            session = evolve(web_session(ana, token), expires=NOW + expires)
            await self.put(store, session)
        await store.database.commit(lambda tx: store.web_sessions.end(tx, [b"b", b"unknown"]))
        await store.database.commit(lambda tx: store.web_sessions.sweep(tx, NOW + 10))
        self.assertEqual([b"c"], [session.token_hash for session in await self.valid(store, 0)])

    async def put(self, store: Store, session: WebSession) -> None:
        await store.database.commit(lambda tx: store.web_sessions.put(tx, session))

    async def valid(self, store: Store, now: int = NOW) -> list[WebSession]:
        return list(await store.database.read(lambda tx: store.web_sessions.all(tx, now)))


def web_session(owner: Account, token: bytes) -> WebSession:
    """A browser of `owner`."""
    return WebSession(
        token_hash=token,
        user=owner.number,
        created=NOW,
        seen=NOW,
        expires=NOW + 50,
        address="192.0.2.1",
        agent="Browser",
        factors=Factor.PASSWORD | Factor.TOTP,
    )


def passkey(owner: Account) -> Passkey:
    """A security key of `owner`."""
    return Passkey(
        number=0,
        user=owner.number,
        credential=bytes([owner.number]),
        public_key=b"key",
        handle=b"handle",
        sign_count=0,
        aaguid=None,
        transports=("usb",),
        backed_up=False,
        label="",
        created=NOW,
    )


async def counts(tx: Transaction) -> dict[str, int]:
    """Rows of every table."""
    found: dict[str, int] = {}
    for table in tables("sqlite"):
        row = await sql(tx).one(Statement(select(func.count()).select_from(table)))
        assert row is not None
        found[table.name] = row[0]
    return found
