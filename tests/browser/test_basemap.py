"""The built-in base map as it is drawn: land where land is, sea where sea is."""

from tests.browser.cases import BrowserCase, map_is_idle
from tests.browser.pixels import colours, hexadecimal, on_map
from tests.whole.patience import until

MIDDLE, ZOOM = (35.0, 62.0), 2.0
SEA = {"the Norwegian Sea": (0.0, 70.0), "south of Greenland": (-30.0, 60.0)}
LAND = {"Siberia": (100.0, 65.0)}
LIGHT = {"sea": "#d5e2ea", "land": "#f4f1ea"}
DARK = {"sea": "#11161c", "land": "#1c2127"}


class BaseMapTests(BrowserCase):
    """Rings over the date line flooded whole bands of sea once; never again."""

    def test_the_sea_is_sea_and_the_land_is_land_in_both_themes(self) -> None:
        """A map that is wrong about oceans is trusted in nothing else; and no theme may lag."""
        user = self.new_user()
        guest = self.sign_in(user)
        page = guest.page
        page.goto(f"/#{ZOOM}/{MIDDLE[1]}/{MIDDLE[0]}")
        page.reload()
        map_is_idle(page)
        wanted = {**dict.fromkeys(SEA, "sea"), **dict.fromkeys(LAND, "land")}
        points = [on_map(page, place, MIDDLE, ZOOM) for place in (SEA | LAND).values()]
        for theme, tokens in (("light", LIGHT), ("dark", DARK)):
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type] # a literal, in a loop
            expected = [tokens[kind] for kind in wanted.values()]

            def drawn(expected: list[str] = expected) -> bool:
                return [hexadecimal(colour) for colour in colours(page, points)] == expected

            until(drawn, 20, f"{theme}: {wanted}")
        self.assert_clean(guest)
