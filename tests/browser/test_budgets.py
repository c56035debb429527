"""What the pages may weigh, measured on what was built (web-ui.md 14)."""

import gzip
import io
import json
import zipfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.browser.cases import PASSWORD, BrowserCase, shared_daemon
from tests.whole.web import Web

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "static/dist"
KB = 1024
MB = 1024 * KB


def names() -> dict[str, str]:
    """Logical name -> built name."""
    read: dict[str, str] = json.loads((DIST / "manifest.json").read_text("utf-8"))
    return read


def weight(built: str, suffix: str) -> int:
    """Bytes on the wire in this encoding; as it is where that saves nothing."""
    encoded = DIST / f"{built}{suffix}"
    return (encoded if encoded.exists() else DIST / built).stat().st_size


def of(logical: str, suffix: str = ".br") -> int:
    """The weight of a file by its logical name."""
    return weight(names()[logical], suffix)


class BudgetTests(SynchronousTestCase):
    """Sizes are exact: a budget that is passed is passed on every machine."""

    def test_the_forms_need_at_most_10_kb_of_script(self) -> None:
        """Signing in must be quick on the worst line."""
        self.assertLessEqual(of("forms.ts"), 10 * KB)

    def test_the_map_page_needs_at_most_60_kb_of_our_own_script(self) -> None:
        """The list works long before the map is drawn."""
        self.assertLessEqual(of("map.ts"), 60 * KB)

    def test_maplibre_and_its_worker_stay_as_small_as_they_were_chosen_for(self) -> None:
        """363 kB brotli or 442 kB gzip, once a year, after the first paint; 2 % to grow."""
        for suffix, budget in ((".br", 363), (".gz", 442)):
            chunks = [path.name for path in DIST.glob("chunk-*.js")]
            largest = max(weight(chunk, suffix) for chunk in chunks)
            whole = largest + of("maplibre-worker.mjs", suffix)
            self.assertLessEqual(whole, budget * KB * 1.02, suffix)

    def test_the_icons_weigh_at_most_4_kb(self) -> None:
        """One sprite with what is used, not a library of thousands."""
        self.assertLessEqual(of("icons.svg"), 4 * KB)

    def test_the_front_end_leaves_a_wheel_below_5_mb(self) -> None:
        """People install it on small machines over slow lines."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as wheel:
            for path in DIST.rglob("*"):
                if path.is_file():
                    wheel.write(path, path.relative_to(DIST))
        self.assertLessEqual(len(packed.getvalue()), 4 * MB)

    def test_every_text_file_worth_it_is_there_in_both_encodings(self) -> None:
        """Browsers offer brotli only over HTTPS, and the first day is often plain HTTP."""
        for path in DIST.glob("*"):
            if path.suffix in (".js", ".mjs", ".css", ".svg") and path.stat().st_size > KB:
                self.assertTrue(Path(f"{path}.br").exists(), path.name)
                self.assertTrue(Path(f"{path}.gz").exists(), path.name)

    def test_the_whole_world_has_tiles(self) -> None:
        """Open sea has a (small) file too: no request for a tile may fail."""
        tiles = list((DIST / names()["basemap"]).rglob("*.pbf.gz"))
        self.assertEqual(sum(4**zoom for zoom in range(6)), len(tiles))
        self.assertLessEqual(max(tile.stat().st_size for tile in tiles), 20 * KB)


class FirstPaintTests(BrowserCase):
    """What must arrive before anything is seen."""

    def test_page_and_styles_of_the_map_weigh_at_most_25_kb(self) -> None:
        """The page itself measured with gzip, which is what it could at worst be sent with."""
        daemon = shared_daemon()
        user = self.new_user(daemon)
        web = Web(daemon.http)
        web.sign_in(user.name, PASSWORD)
        page = len(gzip.compress(web.get("/").body))
        styles = sum(of(name) for name in ("pages.css", "dark.css", "map.css"))
        self.assertLessEqual(page + styles, 25 * KB)
