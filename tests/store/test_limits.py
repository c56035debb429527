"""Limits with which nothing would work are refused before anything hangs on them."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.limits import Limits

LEAST: dict[str, Any] = {
    "batch": 1,
    "pause_at": 1,
    "pause_at_bytes": 1,
    "refuse_at": 1,
    "readers": 1,
    "waiting_reads": 1,
    "ballast": 0,
    "probe_after": 0.001,
    "idle_after": 0.001,
    "check_at_start": 0,
    "snapshots": 1,
    "contexts": 0,
    "quarantine_messages": 1,
    "quarantine_bytes": 1,
    "message_days": 1,
    "message_count": 1,
    "message_bytes": 1,
    "node": 1,
    "answer_within": 0.001,
    "prepare_within": 0.001,
}
MOST: dict[str, Any] = {
    "readers": 64,
    "probe_after": 86_400.0,
    "idle_after": 86_400.0,
    "node": 2**31 - 1,
    "answer_within": 86_400.0,
    "prepare_within": 86_400.0,
}


class LimitsTests(SynchronousTestCase):
    """The settings name what is wrong; a start that only hung would name nothing."""

    def test_the_least_of_each_is_taken_and_one_less_is_refused_by_name(self) -> None:
        """Zero readers never answered, a batch of none was never committed."""
        numbers = {name for name, kind in Limits.__annotations__.items() if kind is not bool}
        self.assertEqual(set(LEAST), numbers)
        for name, least in LEAST.items():
            self.assertEqual(least, getattr(Limits(**{name: least}), name))
            with self.assertRaises(ValueError) as caught:
                Limits(**{name: least - 1})
            self.assertIn(name, str(caught.exception))

    def test_beyond_the_most_is_refused_by_name(self) -> None:
        """Threads cost memory each, and the system waits for no more than some centuries."""
        for name, most in MOST.items():
            self.assertEqual(most, getattr(Limits(**{name: most}), name))
            with self.assertRaises(ValueError) as caught:
                Limits(**{name: most + 1})
            self.assertIn(name, str(caught.exception))
