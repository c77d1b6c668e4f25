"""Instances as one ZIP archive: an extension of ours (docs/http.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from dicomweb_server.model import media
from dicomweb_server.service.delivery import DeliveredPart, Delivery, ended, settled_parts
from dicomweb_server.web.deliver import AHEAD, REVALIDATE, begun, each, not_modified, tell_missing
from dicomweb_server.web.exchange import Exchange
from dicomweb_server.web.responses import Response, StreamResponse
from dicomweb_server.wire import conditional, zipfile
from dicomweb_server.wire.zipfile import ZipWriter


async def zipped(exchange: Exchange, delivery: Delivery) -> Response:
    """The response that holds the files of a delivery as members of an archive, begun already.

    Args:
        exchange: The request.
        delivery: Part 10 files.

    Raises:
        FrameUndecodable, CodecFailed, TooBusy: What comes first cannot be made.
    """
    tag = conditional.etag("zip", delivery.tag)
    if not conditional.none_match(exchange.none_match, tag):
        return not_modified(tag, REVALIDATE)
    delivery = await begun(delivery)
    names = [member_name(part.location) for part in delivery.parts]
    status = 206 if delivery.missing else 200
    chunks = _chunks(names, delivery.parts)
    response = StreamResponse(chunks, media.APPLICATION_ZIP, status, _length(names, delivery.parts))
    response.add("ETag", tag)
    response.add("Cache-Control", REVALIDATE)
    response.add("Vary", "Accept")
    scope = exchange.scope
    name = _plain(scope.instance or scope.series or scope.study or "archive")
    response.add("Content-Disposition", f'attachment; filename="{name}.zip"')
    tell_missing(response, exchange.base, delivery.missing)
    return response


def member_name(location: str) -> str:
    """Path of an instance in the archive: its UIDs alone, so that nothing in it can be unsafe.

    Dots at their ends, which no UID should have, become lines: some systems drop them, and others
    hide what begins with them.

    Args:
        location: Path of the instance below the DICOMweb root.

    Returns:
        `study/series/instance.dcm`.
    """
    _, _, study, _, series, _, instance = location.split("/")
    return f"{_plain(study)}/{_plain(series)}/{_plain(instance)}.dcm"


def _plain(uid: str) -> str:
    """A UID as a name of a file."""
    inner = uid.strip(".")
    left = len(uid) - len(uid.lstrip("."))
    return "_" * left + inner + "_" * (len(uid) - left - len(inner))


def _length(names: Sequence[str], parts: Sequence[DeliveredPart]) -> int | None:
    """Bytes of the archive, None where a part has to be made before its length is known."""
    members = []
    for name, part in zip(names, parts, strict=True):
        if part.length is None:
            return None
        members.append((name, part.length))
    return zipfile.length(members)


async def _chunks(names: Sequence[str], parts: Sequence[DeliveredPart]) -> AsyncIterator[bytes]:
    writer, left = ZipWriter(), iter(names)
    async with ended(settled_parts(each(parts), AHEAD)) as settled:
        async for part in settled:
            async with ended(part.body(None)) as body:
                # As in multipart answers: what cannot be read is never announced.
                first = await anext(body, b"")
                yield writer.begin(next(left), part.length)
                yield writer.data(first)
                async for chunk in body:
                    yield writer.data(chunk)
                yield writer.end()
    yield writer.close()
