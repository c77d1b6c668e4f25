"""Rendered resources: instances, frames, and all of a study or series (PS3.18 10.4.1.1.3)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.errors import ArchiveError, InvalidParameter, NotAcceptable, NotFound
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.kind import Kind, has_background, kind_of
from dicomweb_server.model.rendering import IccProfile, RenderOptions
from dicomweb_server.service.animation import Animations, representative
from dicomweb_server.service.backgrounds import FrameOf
from dicomweb_server.service.context import Context
from dicomweb_server.service.damage import Inspection, all_damaged, damaged_keys
from dicomweb_server.service.delivery import Undelivered, tag_of
from dicomweb_server.service.frames import plan, table_of
from dicomweb_server.service.members import Members
from dicomweb_server.service.pictures import REVISION, Pictures, Shot
from dicomweb_server.service.rendition import Made, RenderedPart, Rendition
from dicomweb_server.service.slide import Slides, View
from dicomweb_server.service.states import Presented, States, require_no_window
from dicomweb_server.service.texts import TextRequest, Texts
from dicomweb_server.wire.rendered_types import (
    ANIMATED,
    COLOUR_MANAGED,
    FRAME_FORMS,
    FRAMES_FORMS,
    REPORT_FORMS,
    TEXTS,
    RenderedForm,
    Wanted,
    forms_of,
    parts_only,
)

_KEPT = 3600
"""Seconds for which clients keep pictures of instances whose bytes do not change."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for something rendered.

    Args:
        context: Who asks.
        wanted: In which form.
        options: How.
        base: URL of the DICOMweb root, for links.
    """

    context: Context
    wanted: Wanted
    options: RenderOptions
    base: str = ""


class Render:
    """Everything that is rendered.

    Args:
        index: Where instances are found.
        pictures: How frames are rendered.
        texts: How all others are.
        authorizer: Asked first.
        immutable: Whether an instance keeps its bytes as long as it exists.
        inspection: Looks at the bytes of many instances in front; None trusts them.
    """

    def __init__(
        self,
        index: Index,
        pictures: Pictures,
        texts: Texts,
        authorizer: Authorizer,
        *,
        immutable: bool,
        inspection: Inspection | None = None,
    ) -> None:
        self._index = index
        self._members = Members(index, inspection)
        self._pictures = pictures
        self._texts = texts
        self._slides = Slides(index, pictures, authorizer)
        self._states = States(index, pictures, authorizer)
        self._animations = Animations(pictures)
        self._authorizer = authorizer
        self._immutable = immutable

    async def resource(self, ask: Ask, scope: Scope) -> Rendition:
        """A study, a series or an instance, rendered.

        Args:
            ask: Who asks, and how it is wanted.
            scope: What.

        Raises:
            NotFound: It is not there.
            NotAcceptable: It cannot be rendered in an acceptable form.
            InvalidParameter: An option has no meaning for it.
            BlobDamaged: The bytes of all its instances are damaged, as far as a look at them tells.
        """
        await self._authorizer.check(ask.context.principal, Action.RETRIEVE, scope)
        if scope.instance is None:
            return await self._collection(ask, scope)
        return await self._instance(ask, await self._record(scope))

    async def frames(self, ask: Ask, key: InstanceKey, numbers: Sequence[int]) -> Rendition:
        """Frames of an instance, rendered.

        Args:
            ask: As for `resource`.
            key: The instance.
            numbers: Frame numbers from 1.

        Raises:
            FrameOutOfRange: No such frame, or nothing with frames.
            NotFound, NotAcceptable, InvalidParameter: As for `resource`.
        """
        scope = Scope.of(key)
        await self._authorizer.check(ask.context.principal, Action.RETRIEVE, scope)
        record = await self._record(scope)
        if kind_of(record) is Kind.PRESENTATION:
            raise InvalidParameter(
                "frames", "a presentation state has no frames", "render the presentation state"
            )
        plan(table_of(record), max(numbers))
        forms = FRAME_FORMS if len(numbers) == 1 else FRAMES_FORMS
        return await self._frames(ask, record, numbers, forms)

    async def _instance(self, ask: Ask, record: InstanceRecord) -> Rendition:
        kind = kind_of(record)
        if kind.is_picture:
            view = await self._slides.view(ask.context, record, ask.options)
            if view is not None:
                return await self._slide(ask, record, view)
            numbers = range(1, table_of(record).count + 1)
            return await self._frames(ask, record, numbers, forms_of(kind))
        if kind is Kind.PRESENTATION:
            return await self._state(ask, record)
        return self._written(
            ask, record, _accepted(ask, record, await self._texts.forms(record))[0]
        )

    def _written(self, ask: Ask, record: InstanceRecord, form: RenderedForm) -> Rendition:
        """What is no picture."""
        tag = ["rendered", REVISION, record.blob.digest, form.text, str(ask.options)]
        parts = partial(self._text, ask, record, form.media_type)
        return Rendition(parts, form.media_type, form.multipart, tag_of(tag))

    async def _slide(self, ask: Ask, record: InstanceRecord, view: View) -> Rendition:
        """A part of a whole slide: one picture."""
        form = _accepted(ask, record, FRAME_FORMS)[0]
        _require_profile(form, ask.options)
        path, kind = Scope.of(record.key).path, form.media_type

        async def parts() -> AsyncIterator[RenderedPart]:
            yield Made(kind, path, partial(self._slides.picture, view, kind, ask.options))

        tag = ["slide", REVISION, record.blob.digest, form.text, str(ask.options)]
        tag.append(view.record.blob.digest)
        seconds = _KEPT if self._immutable else 0
        return Rendition(parts, kind, form.multipart, tag_of(tag), seconds)

    async def _text(
        self, ask: Ask, record: InstanceRecord, media_type: str
    ) -> AsyncIterator[RenderedPart]:
        yield await self._texts.part(record, TextRequest(media_type, ask.options, ask.base))

    async def _state(self, ask: Ask, record: InstanceRecord) -> Rendition:
        """The images of a presentation state; where there are none, what it tells as text."""
        require_no_window(ask.options)
        try:
            presented = await self._states.presented(ask.context, record)
        except NotAcceptable as refused:
            try:
                return self._written(ask, record, ask.wanted.of(REPORT_FORMS)[0])
            except NotAcceptable:
                raise refused from None
        pictures = FRAME_FORMS if len(presented.frames) == 1 else parts_only(FRAME_FORMS)
        form = _accepted(ask, record, (*pictures, *REPORT_FORMS))[0]
        if form.media_type in TEXTS:
            return self._written(ask, record, form)
        _require_profile(form, ask.options)
        tag = ["state", REVISION, record.blob.digest, form.text, str(ask.options)]
        tag += [f"{shown.record.blob.digest} {shown.number}" for shown in presented.frames]
        parts = partial(self._presented, ask, record, presented, form.media_type)
        warnings = _absent_images(presented.absent)
        return Rendition(parts, form.media_type, form.multipart, tag_of(tag), warnings=warnings)

    async def _presented(
        self, ask: Ask, state: InstanceRecord, presented: Presented, media_type: str
    ) -> AsyncIterator[RenderedPart]:
        for frame in presented.frames:
            shot = Shot(frame, media_type, ask.options)
            make = partial(self._states.picture, state, shot)
            yield Made(media_type, Scope.of(state.key).path, make)

    async def _frames(
        self,
        ask: Ask,
        record: InstanceRecord,
        numbers: Sequence[int],
        forms: Sequence[RenderedForm],
    ) -> Rendition:
        pixel = self._pictures.require_possible(record)
        accepted = _accepted(ask, record, forms)
        several = len(numbers) > 1
        form = accepted[0]
        if several:
            form = self._animations.first_possible(accepted, pixel, len(numbers), ask.options)
        _require_profile(form, ask.options)
        warnings: tuple[str, ...] = ()
        shown = numbers
        if several and not form.multipart and form.media_type not in ANIMATED:
            shown = [await representative(self._pictures, record)]
            warnings = (
                f"the instance has {len(numbers)} frames, this is frame {shown[0]}; "
                "multipart/related, image/gif and image/webp show all of them",
            )
        tag = ["rendered", REVISION, record.blob.digest, form.text, str(ask.options)]
        tag += [f"{len(shown)}", *(map(str, shown) if len(shown) < table_of(record).count else ())]
        if has_background(record):
            tag.append(await self._revision(Scope(record.key.study)))
        if several and not form.multipart and form.media_type in ANIMATED:
            parts = partial(self._animation, ask, record, shown, form.media_type)
        else:
            parts = partial(self._parts, ask, record, shown, form.media_type)
        seconds = _KEPT if self._immutable and not has_background(record) else 0
        return Rendition(
            parts, form.media_type, form.multipart, tag_of(tag), seconds, warnings=warnings
        )

    async def _animation(
        self, ask: Ask, record: InstanceRecord, numbers: Sequence[int], media_type: str
    ) -> AsyncIterator[RenderedPart]:
        make = partial(self._animations.make, ask.context, record, numbers, media_type, ask.options)
        yield Made(media_type, Scope.of(record.key).path, make)

    async def _parts(
        self, ask: Ask, record: InstanceRecord, numbers: Sequence[int], media_type: str
    ) -> AsyncIterator[RenderedPart]:
        """A picture of each frame."""
        path = Scope.of(record.key).path
        alone = table_of(record).count == 1
        for number in numbers:
            shot = Shot(FrameOf(record, number), media_type, ask.options)
            place = path if alone else f"{path}/frames/{number}"
            yield Made(media_type, place, partial(self._pictures.picture, ask.context, shot))

    async def _collection(self, ask: Ask, scope: Scope) -> Rendition:
        """Everything in a study or series that can be rendered, told before it is made."""
        revision = await self._revision(Scope(scope.study))
        missing: list[Undelivered] = []
        refused: NotAcceptable | None = None
        first = ""
        record = None
        async for record, harm in self._members.inspected(scope):
            if harm:
                missing.append(Undelivered(record.key, harm, damaged=True))
                continue
            try:
                form = await self._member_form(ask, record)
            except NotAcceptable as error:
                missing.append(Undelivered(record.key, error.detail))
                refused = refused or error
                continue
            first = first or form.media_type
        if record is None:
            raise _absent(scope)
        if not first:
            raise all_damaged(missing) or refused or NotAcceptable("there is nothing to render")
        tag = ["rendered", REVISION, scope.path, revision, str(ask.wanted), str(ask.options)]
        damaged = damaged_keys(missing)
        tag += sorted(Scope.of(key).path for key in damaged)
        parts = partial(self._all_parts, ask, scope, record.sequence, damaged)
        return Rendition(parts, first, True, tag_of(tag), missing=tuple(missing))

    async def _member_form(self, ask: Ask, record: InstanceRecord) -> RenderedForm:
        """The form of one member of a study or series.

        Raises:
            NotAcceptable: It cannot be rendered, or not in an acceptable form.
        """
        kind = kind_of(record)
        if kind is Kind.PRESENTATION:
            return await self._state_form(ask, record)
        if not kind.is_picture:
            forms = await self._texts.forms(record)
            return _accepted(ask, record, parts_only(forms))[0]
        self._pictures.require_possible(record)
        form = _accepted(ask, record, parts_only(forms_of(kind)))[0]
        _require_profile(form, ask.options)
        return form

    async def _state_form(self, ask: Ask, record: InstanceRecord) -> RenderedForm:
        """The form of a presentation state among others: a text where it shows no image."""
        forms = (*FRAME_FORMS, *REPORT_FORMS)
        if ask.options.window is not None:
            forms = REPORT_FORMS
        else:
            try:
                await self._states.presented(ask.context, record)
            except NotAcceptable:
                forms = REPORT_FORMS
        return _accepted(ask, record, parts_only(forms))[0]

    async def _all_parts(
        self, ask: Ask, scope: Scope, newest: int, damaged: Collection[InstanceKey]
    ) -> AsyncIterator[RenderedPart]:
        """The parts of a study or series: of what was there when they were told."""
        async for record in self._members.records(scope, newest, damaged):
            try:
                form = await self._member_form(ask, record)
            except NotAcceptable:
                continue
            async for part in self._of_member(ask, record, form.media_type):
                yield part

    async def _of_member(
        self, ask: Ask, record: InstanceRecord, media_type: str
    ) -> AsyncIterator[RenderedPart]:
        kind = kind_of(record)
        try:
            if kind.is_picture:
                numbers = range(1, table_of(record).count + 1)
                parts = self._parts(ask, record, numbers, media_type)
            elif kind is Kind.PRESENTATION and media_type not in TEXTS:
                presented = await self._states.presented(ask.context, record)
                parts = self._presented(ask, record, presented, media_type)
            else:
                parts = self._text(ask, record, media_type)
            async for part in parts:
                yield part
        except ArchiveError as error:
            # It was deleted meanwhile, or holds nothing: the others are sent all the same.
            yield Made(media_type, Scope.of(record.key).path, partial(_failing, error))

    async def _record(self, scope: Scope) -> InstanceRecord:
        key = InstanceKey(scope.study or "", scope.series or "", scope.instance or "")
        record = await self._pictures.parts.described.look_up(key)
        if record is None:
            raise _absent(scope)
        return record

    async def _revision(self, scope: Scope) -> str:
        return f"{self._index.generation}-{await self._index.revision(scope)}"


def _accepted(
    ask: Ask, record: InstanceRecord, forms: Sequence[RenderedForm]
) -> tuple[RenderedForm, ...]:
    """Those forms of an instance that the client takes, best first.

    Raises:
        NotAcceptable: None of them; it tells what the instance is.
    """
    try:
        return ask.wanted.of(forms)
    except NotAcceptable as error:
        raise NotAcceptable(
            f"{kind_of(record).value} cannot be rendered in any form of the Accept header",
            error.hint,
            asked=error.asked,
            stored=f"SOP class {record.sop_class}",
            offered=error.offered,
        ) from error


async def _failing(error: ArchiveError) -> bytes:
    raise error


def _require_profile(form: RenderedForm, options: RenderOptions) -> None:
    if options.profile not in (None, IccProfile.NO) and form.media_type not in COLOUR_MANAGED:
        raise InvalidParameter(
            "iccprofile",
            f"{form.media_type} is sent without ICC profile",
            f"iccprofile=no, or ask for {' or '.join(sorted(COLOUR_MANAGED))}",
        )


def _absent_images(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (f"{count} images of the presentation state are not in the archive",)


def _absent(scope: Scope) -> NotFound:
    level = scope.level
    what = level.name.lower() if level else "archive"
    return NotFound(f"there is no such {what}", "search at /studies for what there is")
