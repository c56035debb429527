"""Which names can be proved to be ours by the challenges that we answer."""

from collections.abc import Iterable
from ipaddress import ip_address

from mytracks.errors import Invalid
from mytracks.pki import names as any_names

_FIELD = "names"


def read(texts: Iterable[str]) -> tuple[str, ...]:
    """Host names for a public certificate. Raises Invalid: there are none, or a public authority
    would give none for one of them, or asks for a proof that we cannot give."""
    found = tuple(texts)
    if not found:
        raise _invalid("set [acme] names, or public_url")
    read = any_names.read(found, _FIELD)
    for name in read:
        if name.startswith("*."):
            raise _invalid(f"{name}: names with a star need a proof by DNS, which we cannot give")
        if _is_address(name):
            raise _invalid(f"{name}: an address is no host name")
        if "." not in name:
            raise _invalid(f"{name}: the world knows no host by a name without a dot")
    return read


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _invalid(text: str) -> Invalid:
    return Invalid(f"{text}.", {_FIELD: [text]})
