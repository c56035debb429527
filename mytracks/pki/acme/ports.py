"""What passes between the renewal of a public certificate and the authority that gives it out, and
what of it is stored. `client.py` speaks to the authority, `store/settings.py` stores.

Times are UTC epoch seconds.
"""

from collections.abc import Sequence
from typing import Protocol

from attrs import field, frozen
from twisted.internet.defer import Deferred

from mytracks.pki.acme.challenges import Challenge
from mytracks.transaction import Transaction


class OrderFailed(Exception):
    """There is no certificate this time; the text says why, for people. `over`: the order is of no
    use any more, and the next try begins with a new one."""

    def __init__(self, why: str, over: bool = False) -> None:
        super().__init__(why)
        self.over = over


@frozen(kw_only=True)
class Account:
    """How an authority knows us. `key`: PEM; `uri`: the account's own."""

    directory: str
    key: str = field(repr=False)
    uri: str


@frozen(kw_only=True)
class Order:
    """One that is under way. `key`: of the certificate that it is for, PEM."""

    directory: str
    names: tuple[str, ...]
    kind: str
    uri: str
    key: str = field(repr=False)


@frozen(kw_only=True)
class Wanted:
    """What is ordered. `kind`: of challenge; `profile`: empty for the usual one."""

    directory: str
    names: tuple[str, ...]
    kind: str
    profile: str = ""

    def fits(self, order: Order) -> bool:
        """Whether that order is for this."""
        told = (order.directory, order.names, order.kind)
        return told == (self.directory, self.names, self.kind)


@frozen(kw_only=True)
class Begun:
    """An order that waits for its proofs. `work`: what the client goes on with."""

    account: Account
    order: Order
    challenges: Sequence[Challenge]
    work: object = field(default=None, repr=False)


@frozen
class Suggestion:
    """When the authority would have a certificate renewed (None: it does not say), and when to ask
    again."""

    at: float | None
    ask_again: float


class Authority(Protocol):
    """An authority, asked by the `acme` thread."""

    def begin(
        self, account: Account | None, wanted: Wanted, pending: Order | None
    ) -> Deferred[Begun]:
        """Order, or go on with what was ordered before. Raises OrderFailed, Unavailable."""

    def finish(self, begun: Begun) -> Deferred[bytes]:
        """The certificate with its chain, PEM. The proofs have to be there to be seen. Raises
        OrderFailed, Unavailable."""

    def suggestion(self, chain: bytes) -> Deferred[Suggestion]:
        """When to renew this certificate (PEM). Raises OrderFailed, Unavailable."""

    def close(self) -> None:
        """Nobody waits for an answer any more."""


class Settings(Protocol):
    """Texts by name, as the store keeps them."""

    async def get(self, tx: Transaction, name: str) -> str | None:
        """That text; None: there is none."""

    async def put(self, tx: Transaction, name: str, value: str, now: int) -> None:
        """Keep it in place of the one before."""
