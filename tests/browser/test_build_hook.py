"""The build hook builds when it must, and only then."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from static import hatch_build

ROOT: Final = Path(__file__).resolve().parents[2]


class DigestTests(SynchronousTestCase):
    """Whether `static/dist` is what the sources would give."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.static = Path(folder.name)
        (self.static / "src/map").mkdir(parents=True)
        (self.static / "src/map/a.ts").write_text("1")
        (self.static / "package-lock.json").write_text("{}")

    def build(self) -> str:
        """Leave behind what a build leaves behind."""
        digest = hatch_build.digest_of(self.static)
        (self.static / "dist").mkdir(exist_ok=True)
        (self.static / "dist/manifest.json").write_text("{}")
        (self.static / ".built").write_text(digest + "\n")
        return digest

    def is_built(self) -> bool:
        """Whether nothing has to be done."""
        return hatch_build.is_built(self.static, hatch_build.digest_of(self.static))

    def test_a_second_install_builds_nothing(self) -> None:
        """`make run` serves within three seconds when nothing changed."""
        self.build()
        self.assertTrue(self.is_built())
        self.build()
        hatch_build.build_front_end(self.static, with_tools=False)

    def test_any_change_of_a_source_is_noticed(self) -> None:
        """Content, name, a new file, the lock: each changes what is built."""
        changes = (
            lambda: (self.static / "src/map/a.ts").write_text("2"),
            lambda: (self.static / "src/map/a.ts").rename(self.static / "src/b.ts"),
            lambda: (self.static / "src/c.ts").write_text(""),
            lambda: (self.static / "package-lock.json").write_text("{ }"),
        )
        for change in changes:
            self.build()
            change()
            self.assertFalse(self.is_built())

    def test_what_the_build_made_is_no_source(self) -> None:
        """Otherwise each build would call for the next."""
        before = hatch_build.digest_of(self.static)
        self.build()
        (self.static / "node_modules").mkdir()
        (self.static / "node_modules/x.js").write_text("x")
        self.assertEqual(before, hatch_build.digest_of(self.static))

    def test_a_half_deleted_build_is_made_again(self) -> None:
        """Somebody tidied up: the digest alone does not serve pages."""
        self.build()
        (self.static / "dist/manifest.json").unlink()
        self.assertFalse(self.is_built())

    def test_a_failing_step_stops_the_install_and_says_what_it_said(self) -> None:
        """An install that goes on without pages would fail much later, and elsewhere."""
        with self.assertRaises(hatch_build.FrontEndError) as refused:
            hatch_build.run_node(self.static, ["node", "there-is-no-such.mjs"])
        self.assertIn("there-is-no-such.mjs", str(refused.exception))


class PackedTests(SynchronousTestCase):
    """What a wheel gets besides our Python."""

    def test_everything_that_is_packed_is_there(self) -> None:
        """A wheel without its pages installs well and serves nothing."""
        for source, place in hatch_build.packed(ROOT).items():
            self.assertTrue(Path(source).exists(), source)
            self.assertTrue(place.startswith(("mytracks/", "twisted/plugins/")), place)
