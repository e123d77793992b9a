"""Pictures of a form, as a page or curl -F sends them."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Scope

from .errors import ApiError

__all__ = ["parts_of"]

NAMES = ("image", "images", "file")


class _InMemory(MultiPartParser):
    """The size of the body is limited already, so nothing needs to go to the disk."""

    spool_max_size = 2**40


async def parts_of(body: bytes, scope: Scope, most: int) -> list[bytes]:
    """The contents of all parts that are pictures.

    Raises:
        ApiError: 400 if it is no form, 422 if there is no picture in it, or are too many.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = _InMemory(Headers(scope=scope), stream(), max_files=most, max_fields=most)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        reason = getattr(error, "message", str(error))
        if "Too many" in reason:
            raise ApiError(
                422,
                "too_many_drawings",
                f"{reason}. A request takes at most {most}; send them in several.",
            ) from None
        raise ApiError(
            400,
            "bad_form",
            f"The form cannot be read ({reason}). Send it as curl -F image=@doodle.png does.",
        ) from None
    try:
        return [await part.read() for part in _pictures(form.multi_items())]
    finally:
        await form.close()


def _pictures(items: list[tuple[str, UploadFile | str]]) -> list[UploadFile]:
    pictures = []
    for name, part in items:
        if name not in NAMES or isinstance(part, str):
            raise ApiError(
                422,
                "unknown_part",
                f"There is a part {name[:80]!r} that is no picture. Name parts 'image', each with"
                " a file: curl -F image=@doodle.png; top, model and look go into the address.",
            )
        pictures.append(part)
    if not pictures:
        raise ApiError(
            422, "no_picture", "There is no picture in the form. Send a part 'image' with a file."
        )
    return pictures
