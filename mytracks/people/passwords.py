"""Account passwords: what a good one is, and whether the one shown is right.

A password once found right is remembered for a while, so that a thousand phones that come back
after a restart do not wait for a thousand argon2 runs. What is remembered are HMACs under a key
that dies with the process, of right passwords only; the stored hash is part of each, so that a
changed password is out at once. Equal checks under way share one run.
"""

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Collection

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mytracks.clock import Clock
from mytracks.errors import Invalid
from mytracks.people import guessing
from mytracks.people.hashing import Hashing, Urgency
from mytracks.people.limits import Limits

SHORTEST = 8
"""Characters of a new password [ASVS 5.0 6.2.1]."""
LONGEST = 1024
"""Characters of a new password; nothing is ever cut off [ASVS 5.0 6.2.9]."""
LONGEST_BYTES = 4 * LONGEST
"""No UTF-8 text of `LONGEST` characters is longer."""

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""For generated passwords: nothing that looks like something else. Five bits each."""


def generate() -> str:
    """A new password of 100 random bits that can be read out and typed."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))


class Passwords:
    """Makes hashes of new passwords and checks those that are shown."""

    def __init__(self, hashing: Hashing, clock: Clock, limits: Limits) -> None:
        self._hashing = hashing
        self._clock = clock
        self._limits = limits
        self._key = secrets.token_bytes(32)
        self._nobody = hashing.unmatchable()
        self._right: OrderedDict[bytes, float] = OrderedDict()
        self._running: dict[bytes, list[Deferred[bool]]] = {}
        self.hits = 0
        """Checks answered from memory."""

    def check_policy(self, password: str, *others: str) -> None:
        """Raises Invalid when `password` is too weak. `others`: the person's names, addresses."""
        wrong = self._weakness(password, others)
        if wrong is not None:
            raise Invalid(wrong, {"password": [wrong]})

    def strength(self, password: str, *others: str) -> str:
        """How hard it is to guess, in words: what `check_policy` says if it is refused, else weak,
        fair, good or strong. `others`: the person's names, addresses."""
        return self._weakness(password, others) or guessing.strength(password, others)

    async def hash(self, password: str, urgency: Urgency = Urgency.FAMILIAR) -> str:
        """The encoded argon2id hash of a new password. Raises Unavailable when overloaded."""
        return await self._hashing.hash(password.encode(), urgency)

    def tag(self, name: str, stored: str | None, password: bytes) -> bytes:
        """What stands for this password of this account with this hash; useless to anybody else."""
        parts = (name.encode("utf-8", "surrogatepass"), (stored or "").encode(), password)
        text = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._key, text, "sha256")

    def known(self, tag: bytes) -> bool:
        """Whether what `tag` stands for was found right a while ago. Never waits."""
        until = self._right.get(tag)
        if until is None:
            return False
        if until <= self._clock.seconds():
            del self._right[tag]
            return False
        self._right.move_to_end(tag)
        self.hits += 1
        return True

    def verify(
        self,
        tag: bytes,
        stored: str | None,
        password: bytes,
        urgency: Urgency = Urgency.REST,
        lane: int = 0,
    ) -> Deferred[bool]:
        """Whether `stored` is the hash of `password`; `tag` stands for the two and
        `lane` for the name.

        `stored` None (nobody of that name) takes as long and is never right. Raises Unavailable
        when overloaded, or fires with it.
        """
        answer: Deferred[bool] = Deferred()
        waiting = self._running.get(tag)
        if waiting is not None:
            waiting.append(answer)
            return answer
        shown = password if len(password) <= LONGEST_BYTES else b""
        run = self._hashing.verify(stored or self._nobody, shown, urgency, lane)
        self._running[tag] = [answer]
        run.addCallback(lambda right: right and stored is not None and shown is password)
        run.addBoth(self._checked, tag)
        return answer

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with other costs than are now in force."""
        return self._hashing.outdated(stored)

    def _checked(self, result: bool | Failure, tag: bytes) -> None:
        if result is True:
            self._right[tag] = self._clock.seconds() + self._limits.password_cache_time
            self._right.move_to_end(tag)
            while len(self._right) > self._limits.password_cache_size:
                self._right.popitem(last=False)
        for answer in self._running.pop(tag):
            answer.callback(result)

    def _weakness(self, password: str, others: Collection[str]) -> str | None:
        if any("\ud800" <= char <= "\udfff" for char in password):
            return "A password is text."
        if len(password) < SHORTEST:
            return f"A password has at least {SHORTEST} characters."
        if len(password) > LONGEST:
            return f"A password has at most {LONGEST} characters."
        if password.casefold() in {other.casefold() for other in others}:
            return "A password is not one's name."
        if guessing.is_common(password, others):
            return "This password is one of the first that anybody would try."
        return None
