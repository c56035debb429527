"""Arguments of operations, checked before anything is done: a command of another version must not
half-succeed."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import msgspec

from mytracks import errors
from mytracks.control.wire import Arguments

Work: TypeAlias = Callable[[Arguments], Awaitable[Any]]
"""One operation: from arguments as they came to what is answered."""


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments of an operation, checked."""


_Asked = TypeVar("_Asked", bound=Strict)


def taking(kind: type[_Asked], work: Callable[[_Asked], Awaitable[Any]]) -> Work:
    """`work` on arguments that were checked to be of `kind`. Raises Invalid."""

    async def checked(arguments: Arguments) -> Any:
        try:
            asked = msgspec.convert(arguments, kind)
        except msgspec.ValidationError as error:
            raise errors.Invalid(f"The arguments are wrong: {error}.") from None
        return await work(asked)

    return checked
