"""What waits to be stored: counted on the reactor, and held back before it is too much."""

from mytracks.store.database import Producer, StorageBusy
from mytracks.store.limits import Limits


class Waiting:
    """Counts units from their submission to the report of their commit."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._producers: dict[Producer, None] = {}
        self.units = 0
        self.weight = 0
        self.paused = False

    def add(self, weight: int) -> None:
        """One more, carrying `weight` bytes. Raises StorageBusy."""
        if self.units >= self._limits.refuse_at:
            raise StorageBusy("too much waits to be stored")
        self.units += 1
        self.weight += weight
        if not self.paused and self._over(1):
            self.paused = True
            for producer in list(self._producers):
                producer.pauseProducing()

    def remove(self, units: int, weight: int) -> None:
        """So many no longer wait. Answer their senders, then `relax`."""
        self.units -= units
        self.weight -= weight

    def relax(self) -> None:
        """Let producers go on if enough is gone."""
        if not self._over(2):
            self.release()

    def release(self) -> None:
        """Let them go on, whatever waits: what comes is refused for now, so nothing is added."""
        if self.paused:
            self.paused = False
            for producer in list(self._producers):
                producer.resumeProducing()

    def attach(self, producer: Producer) -> None:
        """Held back from now on, at once if need be."""
        self._producers[producer] = None
        if self.paused:
            producer.pauseProducing()

    def detach(self, producer: Producer) -> None:
        """No longer called."""
        self._producers.pop(producer, None)

    def _over(self, part: int) -> bool:
        limits = self._limits
        return self.units * part >= limits.pause_at or self.weight * part >= limits.pause_at_bytes
