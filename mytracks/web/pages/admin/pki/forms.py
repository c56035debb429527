"""What the forms of the tab PKI have in common: how they are read, and how refusals are told."""

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Final

from mytracks.errors import Conflict, Invalid, Unavailable
from mytracks.pki.ports import KeyKind, Use
from mytracks.web.answers import Answer
from mytracks.web.pages.admin.desk import HOME

TAB: Final = "pki"
PATH: Final = f"{HOME}pki/"

KEYS: Final[Mapping[str, KeyKind]] = {f"{kind.type}-{kind.size}": kind for kind in KeyKind}
"""The keys that can be made: the word in a form."""
KEY_TITLES: Final[Mapping[str, str]] = {
    "rsa-2048": "RSA 2048",
    "rsa-3072": "RSA 3072",
    "rsa-4096": "RSA 4096",
    "p256-256": "P-256 (elliptic curve)",
}
USES: Final[Mapping[str, tuple[Use, str]]] = {
    "everywhere": (Use.EVERYWHERE, "Everywhere"),
    "web": (Use.WEB, "To browsers only"),
    "mqtt": (Use.MQTT, "To phones (MQTT) only"),
}
SURE: Final = "sure"
"""The tick of whoever replaces something."""

_MOST_DIGITS: Final = 9

Errors = Mapping[str, Sequence[str]]
Again = Callable[[int, Errors], Answer]


async def tried(
    work: Callable[[], Coroutine[Any, Any, Answer]], again: Again, fields: Collection[str]
) -> Answer:
    """What `work` answers, or the page `again` with what was wrong. `fields`: those of its form."""
    try:
        return await work()
    except (Invalid, Conflict) as refused:
        return again(422, told(refused, fields))
    except Unavailable as refused:
        return again(503, {"": [str(refused)]})


def told(refused: Invalid | Conflict, fields: Collection[str]) -> dict[str, list[str]]:
    """What is wrong with which field of a form, as sentences; the rest under the empty name."""
    found: dict[str, list[str]] = {}
    for name, texts in refused.errors.items():
        named = name if name in fields else ""
        found.setdefault(named, []).extend(_sentence(text) for text in texts)
    return found or {"": [str(refused)]}


def number_in(sent: Mapping[str, str], name: str) -> int | None:
    """A whole number that was typed; None: nothing was. Raises Invalid."""
    text = sent.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise Invalid("This is no number.", {name: ["must be a whole number"]})
    return int(text)


def key_in(sent: Mapping[str, str], usual: str) -> KeyKind:
    """The key that was chosen, else the `usual` one. Raises Invalid."""
    kind: KeyKind = chosen(sent, "key", KEYS, usual)
    return kind


def use_in(sent: Mapping[str, str]) -> Use:
    """Where the server certificate shall be shown. Raises Invalid."""
    use: Use = chosen(sent, "use", USES, "everywhere")[0]
    return use


def chosen(sent: Mapping[str, str], name: str, known: Mapping[str, Any], usual: str) -> Any:
    """What the word in that field stands for. Raises Invalid."""
    word = sent.get(name) or usual
    if word not in known:
        raise Invalid("There is no such choice.", {name: ["must be one of the list"]})
    return known[word]


def check_sure(sent: Mapping[str, str], replaced: str | None) -> None:
    """Whether whoever replaces something says that they mean it. `replaced`: what; None: nothing.

    Raises Invalid.
    """
    if replaced is not None and SURE not in sent:
        raise Invalid(
            f"{replaced} would be replaced.", {SURE: ["Tick this to say that you mean it."]}
        )


def _sentence(text: str) -> str:
    said = text[:1].upper() + text[1:]
    return said if said.endswith((".", "!", "?")) else f"{said}."
