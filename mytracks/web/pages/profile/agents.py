"""What a browser calls itself, in words that its owner knows."""

from collections.abc import Sequence
from typing import Final

_BROWSERS: Final[Sequence[tuple[str, str]]] = (
    # Most name those that they want to be taken for as well: the most particular comes first.
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "a Python program"),
)
_SYSTEMS: Final[Sequence[tuple[str, str]]] = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "a Mac"),
    ("Linux", "Linux"),
)
_LONGEST: Final = 60


def in_words(agent: str) -> str:
    """The browser and its system, such as "Firefox on Linux"; what we do not know as it calls
    itself, cut to one line."""
    browser, system = _first(_BROWSERS, agent), _first(_SYSTEMS, agent)
    if browser and system:
        return f"{browser} on {system}"
    if browser or system:
        return browser or f"A browser on {system}"
    tidy = " ".join(agent.split())
    if not tidy:
        return "A browser without a name"
    return tidy if len(tidy) <= _LONGEST else tidy[: _LONGEST - 1] + "…"


def _first(known: Sequence[tuple[str, str]], agent: str) -> str:
    return next((words for mark, words in known if mark in agent), "")
