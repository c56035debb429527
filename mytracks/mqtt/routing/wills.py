"""Which connections have a Will in the journal, so that it is published although we were killed."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mytracks.mqtt.routing.changes import Change, Willed, WillGone
from mytracks.mqtt.routing.ledger import Ledger
from mytracks.mqtt.routing.ports import Message


class Wills:
    """By user and client id. One whose connection ended otherwise is published by us, once."""

    def __init__(self, ledger: Ledger[Any, Any]) -> None:
        self._ledger = ledger
        self._known: set[tuple[str, str]] = set()

    def left(self, will: Willed) -> None:
        """It was there before we started."""
        self._known.add((will.namespace, will.client_id))

    def at_connect(
        self, namespace: str, client_id: str, mark: str, message: Message | None
    ) -> Sequence[Change]:
        """What has to be recorded before CONNACK [MQTT-3.1.2-8]. `message`: None: no Will."""
        key = namespace, client_id
        if message is not None:
            self._known.add(key)
            return (Willed(namespace, client_id, mark, message),)
        if key not in self._known:
            return ()
        self._known.discard(key)
        return (WillGone(namespace, client_id),)

    def with_it(self, namespace: str, client_id: str) -> Sequence[Change]:
        """What has to be recorded together with the Will when it is published.

        If that fails the Will stays in the journal: it is published after the next start.
        """
        self._known.discard((namespace, client_id))
        return (WillGone(namespace, client_id),)

    def gone(self, namespace: str, client_id: str, free: Callable[[], bool]) -> None:
        """It is not to be published [MQTT-3.1.2-10]. `free`: whether nobody has the client id."""
        key = namespace, client_id
        if key in self._known:
            gone = WillGone(namespace, client_id)
            # Once the client is back it is its CONNECT that says what there is.
            self._ledger.soon(lambda: gone if free() else None, partial(self._forgotten, key, free))

    def forget(self, namespace: str) -> None:
        """Somebody is no more."""
        self._known = {key for key in self._known if key[0] != namespace}

    def _forgotten(self, key: tuple[str, str], free: Callable[[], bool]) -> None:
        if free():
            self._known.discard(key)
