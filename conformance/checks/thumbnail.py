"""Thumbnails (PS3.18 8.3.5.2, 10.4.1.1.4)."""

from __future__ import annotations

from conformance.answer import Answer
from conformance.checks.rendered import JPEG, PNG, picture, size_of
from conformance.checks.retrieve import path_of
from conformance.model import MAY, Check, NotOffered, check, checks_of
from conformance.synthetic.instance import new_uid
from conformance.world import World

_REDIRECTS = (301, 302, 303, 307)
_LEVELS = ("study", "series", "instance")


def _thumbnail(world: World, path: str, accept: str = JPEG) -> Answer:
    """A thumbnail, wherever it lies.

    Raises:
        NotOffered: The server has none: they come all or not at all.
    """
    base = path.partition("?")[0]
    world.get(base, JPEG).offered()
    answer = world.get(path, accept)
    if answer.status in _REDIRECTS:
        raise NotOffered("thumbnails are redirected to rendered resources")
    return answer


def _of(world: World, query: str = "", name: str = "alpha") -> str:
    return f"{world.instance(name).path}/thumbnail{query}"


def _level(level: str) -> Check:
    def run(world: World) -> None:
        path = f"{path_of(world.instance('alpha'), level)}/thumbnail"
        answer = world.get(path, JPEG).offered()
        if answer.status not in _REDIRECTS:
            picture(answer.ok().typed(JPEG))

    return check(f"R8.{level}", MAY, "10.4.1.1.4", f"/thumbnail of the {level}")(run)


LEVELS = tuple(_level(level) for level in _LEVELS)


@check("R8.frame", MAY, "10.4.1.1.4", "/thumbnail of a frame")
def frame(world: World) -> None:
    answer = world.get(f"{world.instance('multi').path}/frames/1/thumbnail", JPEG).offered()
    if answer.status not in _REDIRECTS:
        picture(answer.ok().typed(JPEG))


def _default(level: str) -> Check:
    def run(world: World) -> None:
        path = f"{path_of(world.instance('alpha'), level)}/thumbnail"
        picture(_thumbnail(world, path, "*/*").ok().typed(JPEG))

    return check(f"R8.default-{level}", MAY, "8.7.4", f"*/* of a {level}: one image/jpeg")(run)


DEFAULTS = tuple(_default(level) for level in _LEVELS)


@check("R8.png", MAY, "8.7.4", "a thumbnail in another rendered type")
def png(world: World) -> None:
    picture(_thumbnail(world, _of(world), PNG).offered().ok(), PNG)


@check("R8.multi", MAY, "10.4.3.3.4", "of a multi-frame image: exactly one picture")
def multi(world: World) -> None:
    picture(_thumbnail(world, _of(world, name="multi")).ok().typed(JPEG))


@check("R8.viewport", MAY, "8.3.5.2", "viewport of a thumbnail")
def viewport(world: World) -> None:
    answer = _thumbnail(world, _of(world, "?viewport=4,4")).ok()
    answer.equal(size_of(picture(answer)), (4, 4), "width and height")


@check("R8.fits", MAY, "8.3.5.2", "a thumbnail never exceeds its viewport, and keeps the aspect")
def fits(world: World) -> None:
    answer = _thumbnail(world, _of(world, "?viewport=4,2")).ok()
    answer.equal(size_of(picture(answer)), (2, 2), "width and height")


def _bad(identifier: str, query: str, title: str) -> Check:
    def run(world: World) -> None:
        _thumbnail(world, _of(world, query)).status_in(400)

    return check(identifier, MAY, "8.3.5.2", f"{title}: 400")(run)


BAD = (
    _bad("R8.crop", "?viewport=4,4,0,0,2,2", "a thumbnail is never cropped"),
    _bad("R8.word", "?viewport=small", "a viewport of words"),
    _bad("R8.zero", "?viewport=0,4", "a viewport without width"),
)


@check("R8.accept", MAY, "8.3.3.1", "accept= chooses the type of a thumbnail")
def parameter(world: World) -> None:
    picture(_thumbnail(world, _of(world, "?accept=image/jpeg"), "*/*").ok())


@check("R8.refused", MAY, "8.7.8.1", "a thumbnail as nothing that is known: 406")
def refused(world: World) -> None:
    _thumbnail(world, _of(world), "image/x-nothing").status_in(406)


@check("R8.unknown", MAY, "10.4.3", "a thumbnail of an unknown instance: 404")
def unknown(world: World) -> None:
    _thumbnail(world, _of(world)).ok()
    path = _of(world).replace(world.instance("alpha").uid, new_uid())
    world.get(path, JPEG).status_in(404)


@check("R8.far-frame", MAY, "10.4.3", "a thumbnail of a frame behind the last: 400 or 404")
def far(world: World) -> None:
    base = f"{world.instance('multi').path}/frames"
    _thumbnail(world, f"{base}/1/thumbnail").ok()
    world.get(f"{base}/99/thumbnail", JPEG).status_in(400, 404)


CHECKS = checks_of(globals().values())
