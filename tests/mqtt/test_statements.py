"""Every statement of MQTT 3.1.1 that binds a broker is held by a test that names it."""

import ast
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.mqtt.statements import FOR_BROKERS, FOR_CLIENTS, ROOT, held, named_in

CONNECTING: Final = {"clientFromString", "connectProtocol", "ClientService", "connectTCP"}


class StatementTests(SynchronousTestCase):
    """Checked by reading the tests."""

    def test_all_141_statements_are_listed_once(self) -> None:
        """As many as the text has; a forgotten one would never be missed."""
        self.assertEqual((132, 9), (len(FOR_BROKERS), len(FOR_CLIENTS)))
        self.assertEqual(141, len({*FOR_BROKERS, *FOR_CLIENTS}))

    def test_every_statement_for_brokers_is_named_by_a_test(self) -> None:
        """Whoever asks whether we conform can look each of them up."""
        named = held()
        missing = [each for each in FOR_BROKERS if each not in named]
        self.assertEqual([], missing)

    def test_no_test_names_a_statement_that_does_not_exist(self) -> None:
        """A slip of the pen would leave the statement that was meant without a test."""
        known = {*FOR_BROKERS, *FOR_CLIENTS}
        strange = {each: tests for each, tests in held().items() if each not in known}
        self.assertEqual({}, strange)

    def test_names_are_found_one_by_one_in_lists_and_in_ranges(self) -> None:
        """The three ways in which docstrings name statements, and the odd spellings."""
        self.assertEqual({"3.1.2.7"}, named_in("[MQTT-3.1.2.7] Retained messages stay."))
        self.assertEqual({"3.3.1.-1", "3-8.3-4"}, named_in("[MQTT-3.3.1.-1], [MQTT-3-8.3-4]."))
        self.assertEqual({"4.6.0-2", "4.6.0-3"}, named_in("in order [MQTT-4.6.0-2, -3]"))
        named = named_in("[MQTT-3.2.2-1] to\n        [MQTT-3.2.2-3]")
        self.assertEqual({"3.2.2-1", "3.2.2-2", "3.2.2-3"}, named)
        self.assertEqual(set(), named_in("section 4.7.1, MQTT 3.1"))

    def test_the_broker_connects_to_no_other(self) -> None:
        """[MQTT-7.0.0-1] It would have to be a good client as well; so it makes no connections."""
        used = {
            node.id if isinstance(node, ast.Name) else node.attr
            for path in (ROOT / "mytracks/mqtt").rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Name | ast.Attribute)
        }
        self.assertEqual(set(), used & CONNECTING)
