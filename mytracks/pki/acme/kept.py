"""What outlives a restart: the account with the authority, and how far the last order came.

Both are sealed, for they hold private keys: base64 of the sealed JSON, each as a setting of the
database under its name.
"""

import base64
import json
from functools import partial
from typing import Any, Final, TypeVar

from attrs import asdict, define, field
from twisted.logger import Logger

from mytracks.clock import Clock
from mytracks.errors import Unavailable
from mytracks.pki import ports as pki_ports
from mytracks.pki.acme.ports import Account, Order, Settings
from mytracks.pki.book import Note
from mytracks.pki.signing import Signing
from mytracks.transaction import Transaction, Transactions
from mytracks.turns import Turns

ACCOUNT: Final = "acme.account"
ORDER: Final = "acme.order"
T = TypeVar("T")


@define(kw_only=True)
class Progress:
    """How far we are. `asked`: by which settings. `order`: one that is under way. `failures`: in a
    row; `error`: of the last. `next_try`: no order before that. `issued`: fingerprint of the last
    certificate, in hex, and `issued_as`: by which settings."""

    asked: str = ""
    order: Order | None = field(default=None, repr=False)
    failures: int = 0
    error: str = ""
    last_try: int | None = None
    next_try: float = 0.0
    issued: str = ""
    issued_at: int | None = None
    issued_as: str = ""


class Kept:
    """Reads and writes both, one change at a time."""

    log = Logger()

    def __init__(
        self,
        transactions: Transactions,
        stored: Settings,
        seal: pki_ports.Seal,
        signing: Signing,
        audit: pki_ports.Audit,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._stored = stored
        self._seal = seal
        self._signing = signing
        self._audit = audit
        self._clock = clock
        self._turns = Turns()

    async def account(self) -> Account | None:
        """That of the last order; None: there is none, or it cannot be read any more."""
        told = await self._read(ACCOUNT)
        return None if told is None else Account(**told)

    async def progress(self) -> Progress:
        """As it was stored last."""
        told = await self._read(ORDER)
        if told is None:
            return Progress()
        order = told.pop("order")
        if order is not None:
            order = Order(**(order | {"names": tuple(order["names"])}))
        return Progress(order=order, **told)

    async def write(
        self, progress: Progress, account: Account | None = None, note: Note | None = None
    ) -> None:
        """Store it, with its entry in the audit log. Raises Unavailable."""
        told = {ORDER: asdict(progress)}
        if account is not None:
            told[ACCOUNT] = asdict(account)
        await self._turns.take(lambda: self._write(told, note))

    async def reseal(self) -> int:
        """Seal both anew; how many there are. Raises Unavailable."""
        done = [await self._turns.take(partial(self._reseal, name)) for name in (ACCOUNT, ORDER)]
        return sum(done)

    async def _write(self, told: dict[str, dict[str, Any]], note: Note | None = None) -> None:
        texts = {name: await self._sealed(name, each) for name, each in told.items()}
        await self._transactions.commit(lambda tx: self._store(tx, texts, note))

    async def _reseal(self, name: str) -> bool:
        """Whether there was something to seal anew. In a turn of its own: else an order that is
        written meanwhile would be replaced by the one before."""
        told = await self._read(name, strict=True)
        if told is None:
            return False
        await self._write({name: told})
        return True

    async def _store(self, tx: Transaction, texts: dict[str, str], note: Note | None) -> None:
        now = int(self._clock.now())
        for name, text in texts.items():
            await self._stored.put(tx, name, text, now)
        if note is not None:
            await self._audit.add(tx, note.by, note.action, note.what, note.detail)

    async def _read(self, name: str, strict: bool = False) -> dict[str, Any] | None:
        text = await self._transactions.read(lambda tx: self._stored.get(tx, name))
        if text is None:
            return None
        try:
            plain = await self._signing.sign(
                lambda: self._seal.unseal(_place(name), base64.b64decode(text))
            )
            told: dict[str, Any] = json.loads(plain)
        except (Unavailable, ValueError) as error:
            if strict:
                raise
            # A new account costs nothing, and a certificate that is there is not touched.
            self.log.error("{name} cannot be read: {error}", name=name, error=str(error))
            return None
        return told

    async def _sealed(self, name: str, told: dict[str, Any]) -> str:
        plain = json.dumps(told).encode()
        sealed = await self._signing.sign(lambda: self._seal.seal(_place(name), plain))
        return base64.b64encode(sealed).decode()


def _place(name: str) -> str:
    return f"setting/{name}/key"
