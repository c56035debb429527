"""The log: one line an event, for people or for machines."""

import io
import json

from twisted.logger import Logger, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from mytracks.host.log_observer import LevelledObserver


class LogTests(SynchronousTestCase):
    """Whoever looks for a trouble reads these lines."""

    def observe(self, level: str, form: str) -> tuple[io.StringIO, LevelledObserver]:
        """An observer of everything that is logged in this test."""
        out = io.StringIO()
        observer = LevelledObserver(out, level, form)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return out, observer

    def test_a_text_line_has_time_level_room_and_text(self) -> None:
        """It can be read without a manual."""
        out, _ = self.observe("info", "text")
        Logger("mytracks.people").info("{user} signed in", user="ana")
        self.assertRegex(
            out.getvalue(), r"^\d{4}-\d\d-\d\dT[\d:.]+Z info +mytracks.people: ana signed in\n$"
        )

    def test_a_json_line_has_the_fields_of_the_event(self) -> None:
        """A machine filters by field, not by wording."""
        out, _ = self.observe("info", "json")
        Logger("mytracks.people").info("{user} signed in", user="ana", attempts=2)
        line = json.loads(out.getvalue())
        self.assertEqual(
            ("info", "mytracks.people", "ana signed in", "ana", 2),
            (line["level"], line["room"], line["text"], line["user"], line["attempts"]),
        )

    def test_what_is_below_the_level_is_not_written(self) -> None:
        """Info is for decisions; the rest is for whoever asks for it, without a restart."""
        out, observer = self.observe("warning", "text")
        log = Logger("mytracks.mqtt")
        log.info("quiet")
        observer.set_level("debug")
        log.debug("now heard")
        self.assertNotIn("quiet", out.getvalue())
        self.assertIn("now heard", out.getvalue())

    def test_a_failure_brings_its_traceback(self) -> None:
        """Our own mistakes are told whole, in the log and nowhere else."""
        out, _ = self.observe("info", "text")
        try:
            raise ValueError("broken")
        except ValueError:
            Logger("mytracks.web").failure("a handler failed")
        self.assertIn("ValueError: broken", out.getvalue())
        self.flushLoggedErrors(ValueError)

    def test_libraries_chatter_is_left_out_at_info(self) -> None:
        """Factories that start and stop say nothing to the person who runs us."""
        out, _ = self.observe("info", "text")
        Logger("twisted.internet.protocol").emit(LogLevel.info, "Starting factory")
        self.assertEqual("", out.getvalue())
