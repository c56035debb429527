"""What was set aside, for administrators: looked at, taken in after all, or thrown away.

Whatever is done is noted in the audit log in the same commit. To look at a message is noted as
well: it may hold where somebody was. A list is not noted, so that it shows no numbers.
"""

from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

from attrs import evolve, frozen

from mytracks.errors import Invalid, NotFound
from mytracks.mqtt.routing.ports import Message
from mytracks.owntracks import topics
from mytracks.people.ports import Account
from mytracks.phones import ports
from mytracks.phones.facts import Fact, Kept, Noted, Reported, SetAside
from mytracks.phones.http_mode import DEFAULT_DEVICE, where_to
from mytracks.phones.intake import Intake
from mytracks.phones.ports import Aside, Which
from mytracks.sharing.identity import Actor, Door, Principal
from mytracks.transaction import Transaction, Transactions

PREVIEW: Final = 256
"""Bytes of a message that a list shows."""
_COVERED: Final = bytes.maketrans(b"0123456789", b"##########")
"""No place can be told without digits."""

LATE: Final = "nothing to store: a command, which is not carried out so late, or an empty message"
STRAY: Final = "a command that is not for a device of its sender"

_CUT: Final = ("too large: ", " (all of it: ")
"""What says, in a reason, that only the beginning of the message is kept."""


class People(Protocol):
    """Whose messages they are. `people.accounts.Accounts` implements it."""

    def find(self, name: str) -> Account | None:
        """The account of this name."""

    def numbered(self, number: int) -> Account | None:
        """The account with this number."""


class Audit(Protocol):
    """Notes who did what. `people.audit.Audit` implements it."""

    def add(
        self, tx: Transaction, by: Actor, action: str, what: str, detail: str = ""
    ) -> Awaitable[None]:
        """As a part of somebody's commit."""

    def note(self, by: Actor, action: str, what: str, detail: str = "") -> Awaitable[None]:
        """In a commit of its own. Raises errors.Unavailable."""


@frozen
class Page:
    """`count`: how many there are in all."""

    count: int
    messages: Sequence[Aside]


@frozen(kw_only=True)
class Outcome:
    """What became of a message that was tried again. `stored`: it is no longer set aside, and it is
    now a message of the `kind` (`_type`) of `device` (`user/device`); `known`: the very same was
    stored before. Otherwise `reason` is why it stays."""

    stored: bool
    kind: str = ""
    device: str = ""
    known: bool = False
    reason: str = ""


class Quarantine:
    """The messages that were set aside."""

    def __init__(
        self,
        transactions: Transactions,
        stored: ports.Quarantine,
        intake: Intake,
        people: People,
        audit: Audit,
    ) -> None:
        self._transactions = transactions
        self._stored = stored
        self._intake = intake
        self._people = people
        self._audit = audit

    async def page(self, which: Which, *, limit: int, offset: int = 0) -> Page:
        """The newest first, each with the beginning of its body, where digits are covered."""

        async def unit(tx: Transaction) -> Page:
            count = await self._stored.count(tx, which)
            found = await self._stored.page(tx, which, limit=limit, offset=offset, preview=PREVIEW)
            covered = [evolve(one, body=one.body.translate(_COVERED)) for one in found]
            return Page(count, covered)

        return await self._transactions.read(unit)

    async def raw(self, number: int, *, by: Actor) -> Aside:
        """One message, all that is kept of it; that `by` looked is noted first.

        Raises NotFound, and Unavailable when it cannot be noted.
        """
        aside = await self._one(number)
        await self._audit.note(by, "quarantine.open", _what(number), _whose(aside))
        return aside

    async def replay(self, number: int, *, by: Actor, device: str | None = None) -> Outcome:
        """Take the message in as if it came now, by the rules of today; it keeps the time at which
        it came. What is still not understood stays, with the reason of today.

        `device`: `user/device`, for a message of which it is not known. Raises NotFound, Invalid.
        """
        aside = await self._one(number)
        who, name = self._sender(aside, device)
        fact = self._again(aside, who, name, chosen=device is not None)
        if isinstance(fact, SetAside):
            return await self._keep(aside, fact.reason, by)
        if fact is None:
            return await self._keep(aside, LATE, by)
        return await self._store(aside, fact, by)

    async def delete(self, number: int, *, by: Actor) -> None:
        """Throw one away. Raises NotFound."""

        async def unit(tx: Transaction) -> None:
            await self._stored.delete(tx, number)
            await self._audit.add(tx, by, "quarantine.delete", _what(number))

        await self._transactions.commit(unit)

    async def clear(self, which: Which, *, by: Actor) -> int:
        """Throw several away, at once; how many there were."""

        async def unit(tx: Transaction) -> int:
            count = await self._stored.clear(tx, which)
            if count:
                told = "1 message" if count == 1 else f"{count} messages"
                await self._audit.add(tx, by, "quarantine.delete", "quarantine", told)
            return count

        return await self._transactions.commit(unit)

    async def _one(self, number: int) -> Aside:
        aside = await self._transactions.read(lambda tx: self._stored.one(tx, number))
        if aside is None:
            raise NotFound("This message is no longer set aside.")
        return aside

    def _sender(self, aside: Aside, path: str | None) -> tuple[Principal, str]:
        """Who sent it, from which device."""
        known = None if aside.user is None else self._people.numbered(aside.user)
        if path is None:
            name = aside.device or _named_by_topic(aside)
            if known is None or topics.device_name_problem(name) is not None:
                raise _wrong("It is not known whose it is: choose a device, as user/device.")
            return _principal(known, aside.door), name
        user, _, name = path.partition("/")
        account = self._people.find(user)
        if account is None:
            raise _wrong(f"There is no user {user!r}.")
        if known is not None and account.number != known.number:
            raise _wrong(f"This message came from {known.name!r}, and stays theirs.")
        problem = topics.device_name_problem(name)
        if problem is not None:
            raise _wrong(f"{problem[0].upper()}{problem[1:]}.")
        return _principal(account, aside.door), name

    def _again(self, aside: Aside, who: Principal, name: str, *, chosen: bool) -> Fact | None:
        """What is made of it today."""
        topic = aside.topic
        if is_cut(aside.reason):
            return self._intake.set_aside(who, name, topic, aside.reason, aside.body)
        if aside.door is Door.HTTP:
            reading = self._intake.read(aside.body, aside.received)
            if reading.said is not None:
                where = where_to(who, name, reading.said.kind, reading.topic)
                if where is None:
                    return self._intake.set_aside(who, name, topic, STRAY, aside.body)
                topic = where
        elif chosen:
            place = topics.place(topic)
            below = f"/{place.below}" if place is not None and place.below else ""
            topic = topics.base(who.name, name) + below
        return self._intake.facts(who, Message(topic, aside.body, 1, False), aside.received)

    async def _store(self, aside: Aside, fact: Reported | Noted, by: Actor) -> Outcome:
        kind = "location" if isinstance(fact, Reported) else fact.kind
        path = f"{fact.source.owner_name}/{fact.source.name}"

        async def unit(tx: Transaction) -> Kept:
            kept = await self._stored.replace(tx, aside.number, fact)
            told = f"taken in as {kind} of {path}"
            await self._audit.add(tx, by, "quarantine.replay", _what(aside.number), told)
            return kept

        kept = await self._transactions.commit(unit)
        self._intake.announce(kept, present=False)
        return Outcome(stored=True, kind=kind, device=path, known=not kept.new)

    async def _keep(self, aside: Aside, reason: str, by: Actor) -> Outcome:
        async def unit(tx: Transaction) -> None:
            await self._stored.explain(tx, aside.number, reason)
            told = f"still not understood: {reason}"
            await self._audit.add(tx, by, "quarantine.replay", _what(aside.number), told)

        await self._transactions.commit(unit)
        return Outcome(stored=False, reason=reason)


def is_cut(reason: str) -> bool:
    """Whether only the beginning of a message that was set aside for `reason` is kept."""
    return reason.startswith(_CUT[0]) or _CUT[1] in reason


def _principal(account: Account, door: Door) -> Principal:
    return Principal(account.number, account.name, False, door)


def _named_by_topic(aside: Aside) -> str:
    """The device of the topic; empty: HTTP mode put the usual one there, for it had no usable."""
    place = topics.place(aside.topic)
    if place is None or (aside.door is Door.HTTP and place.device == DEFAULT_DEVICE):
        return ""
    return place.device


def _what(number: int) -> str:
    return f"quarantine:{number}"


def _whose(aside: Aside) -> str:
    if aside.user_name is None:
        return "of nobody known"
    return f"of {aside.user_name}/{aside.device or '?'}"


def _wrong(text: str) -> Invalid:
    return Invalid("The device cannot be used.", {"device": [text]})
