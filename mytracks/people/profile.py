"""What people tell of themselves and how they want to see things. Values and their rules; pure."""

import re
from collections.abc import Callable
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from attrs import evolve, frozen

from mytracks.errors import Invalid

UNITS: Final = ("metric", "imperial", "nautical")
THEMES: Final = ("system", "light", "dark")
LONGEST_NAME: Final = 150
LONGEST_LABEL: Final = 100

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
_NO_ZONES: Final = frozenset({"posix", "right", "localtime", "posixrules", "Factory"})
"""What lies beside the zones in a system's folder of them, and no browser knows."""
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}", re.ASCII)
"""[BCP 47], as far as browsers write it."""

T = TypeVar("T")


@frozen
class Home:
    """Where somebody's map begins. Degrees WGS 84; `label`: what they call it."""

    latitude: float
    longitude: float
    label: str = ""


@frozen(kw_only=True)
class Profile:
    """`units`: one of `UNITS`. `time_zone`: an IANA name, or empty: the browser's where a script
    draws, else UTC. `language`: BCP 47, or empty: the browser's. `theme`: one of `THEMES`."""

    first_name: str = ""
    last_name: str = ""
    units: str = "metric"
    time_zone: str = ""
    language: str = ""
    theme: str = "system"
    home: Home | None = None


class Faults:
    """Gathers what is wrong with several fields, so that all of it is told at once."""

    def __init__(self) -> None:
        self.errors: dict[str, list[str]] = {}

    def checked(self, check: Callable[[T], T], value: T) -> T:
        """`value` as `check` returns it; what it raises as Invalid is kept."""
        try:
            return check(value)
        except Invalid as wrong:
            self.add(wrong)
            return value

    def add(self, wrong: Invalid) -> None:
        """One more refusal."""
        for name, texts in wrong.errors.items():
            self.errors.setdefault(name, []).extend(texts)

    def refuse(self) -> None:
        """Raises Invalid with every field that is wrong, if one is."""
        if self.errors:
            told = " ".join(text for texts in self.errors.values() for text in texts)
            raise Invalid(told, self.errors)


def check(profile: Profile) -> Profile:
    """The profile as it is kept. Raises Invalid with every field that is wrong."""
    faults = Faults()

    def name(field: str, value: str) -> str:
        return faults.checked(lambda text: _text(field, text, LONGEST_NAME), value)

    made = evolve(
        profile,
        first_name=name("first_name", profile.first_name),
        last_name=name("last_name", profile.last_name),
        units=faults.checked(lambda text: _one_of("units", text, UNITS), profile.units),
        time_zone=faults.checked(_time_zone, profile.time_zone),
        language=faults.checked(_language, profile.language),
        theme=faults.checked(lambda text: _one_of("theme", text, THEMES), profile.theme),
        home=faults.checked(_home, profile.home),
    )
    faults.refuse()
    return made


def _text(field: str, text: str, longest: int) -> str:
    made = text.strip()
    if len(made) > longest or not made.isprintable():
        raise _invalid(field, f"At most {longest} printable characters.")
    return made


def _one_of(field: str, text: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise _invalid(field, f"This is one of {', '.join(known)}.")
    return text


def _time_zone(name: str) -> str:
    if not name:
        return name
    known = _ZONE.fullmatch(name) is not None and name.partition("/")[0] not in _NO_ZONES
    try:
        known = known and ZoneInfo(name) is not None
    except (ValueError, OSError, KeyError):
        # Not a zone: no such file, a folder of them, or something else that lies there.
        known = False
    if not known:
        raise _invalid("time_zone", "There is no such time zone; one is written Europe/Berlin.")
    return name


def _language(tag: str) -> str:
    if tag and _LANGUAGE.fullmatch(tag) is None:
        raise _invalid("language", "A language is written as browsers do: en, de-CH.")
    return tag


def _home(home: Home | None) -> Home | None:
    if home is None:
        return None
    # A NaN is within no bounds.
    if not (-90 <= home.latitude <= 90 and -180 <= home.longitude <= 180):
        raise _invalid("home", "Latitudes go from -90 to 90, longitudes from -180 to 180.")
    label = _text("home", home.label, LONGEST_LABEL)
    return Home(float(home.latitude), float(home.longitude), label)


def _invalid(field: str, text: str) -> Invalid:
    return Invalid(text, {field: [text]})
