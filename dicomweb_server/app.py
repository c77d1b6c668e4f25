"""The composition root: settings to ports, ports to services, services to an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from dicomweb_server.auth.open import OpenAuthenticator, OpenAuthorizer
from dicomweb_server.auth.port import Authorizer
from dicomweb_server.codec.pictures import PillowPictures
from dicomweb_server.codec.pool import CodecPool
from dicomweb_server.index.port import DamageMarks
from dicomweb_server.index.sqlite.damage import SqliteDamageMarks
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.index.sqlite.tombstones import SqliteTombstones
from dicomweb_server.model.crash import crash_point
from dicomweb_server.model.levels import DEFAULT_EXTRA, IndexPlan
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.ops.datafolder import DataFolder, Use
from dicomweb_server.ops.presence import require_databases, tell_of_strays, warn_of_library
from dicomweb_server.ops.scrub import Scrub, ScrubPlan
from dicomweb_server.service.backgrounds import Backgrounds
from dicomweb_server.service.burial import Burial
from dicomweb_server.service.compose import Compose, ComposeLimits
from dicomweb_server.service.content import Content
from dicomweb_server.service.damage import DamageRegister, Inspection
from dicomweb_server.service.debts import Debts
from dicomweb_server.service.derived import Derived
from dicomweb_server.service.described import Described
from dicomweb_server.service.health import Health
from dicomweb_server.service.ingest import Ingest, IngestSettings
from dicomweb_server.service.pictures import PictureParts, Pictures
from dicomweb_server.service.remove import Remove
from dicomweb_server.service.render import Render
from dicomweb_server.service.retrieve import Retrieve
from dicomweb_server.service.search import Search
from dicomweb_server.service.texts import Texts
from dicomweb_server.service.thumbnail import Thumbnails
from dicomweb_server.service.transcoding import Transcoder
from dicomweb_server.service.uri import UriRender
from dicomweb_server.service.walks import Walks
from dicomweb_server.settings import Settings
from dicomweb_server.store.filesystem import FilesystemStore
from dicomweb_server.store.layout import Layout
from dicomweb_server.store.port import BlobStore, RenditionStore
from dicomweb_server.store.renditions import FilesystemRenditions
from dicomweb_server.store.verifying import VerifyingStore
from dicomweb_server.web import routes
from dicomweb_server.web.dispatch import RoutesBySegments
from dicomweb_server.web.download import DownloadMiddleware
from dicomweb_server.web.exchange import Services
from dicomweb_server.web.middleware import CorsMiddleware, RequestMiddleware, no_route
from dicomweb_server.web.settings import WebSettings
from dicomweb_server.web.upload import UploadMiddleware


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that holds bytes, rows or processes."""

    store: BlobStore
    index: SqliteIndex
    tombstones: SqliteTombstones
    debts: Debts
    marks: DamageMarks
    damage: DamageRegister
    renditions: RenditionStore
    derived: Derived
    codecs: CodecPool


def plan_of(settings: Settings) -> IndexPlan:
    """Which attributes searches can match."""
    extra = settings.index.extra_paths
    return IndexPlan.of(DEFAULT_EXTRA if extra is None else extra)


@asynccontextmanager
async def open_ports(settings: Settings) -> AsyncIterator[Ports]:
    """Open what a data folder holds, in order, and close it in reverse.

    Raises:
        ConfigurationError: The folder cannot be used.
    """
    folder = DataFolder(settings.data)
    async with AsyncExitStack() as stack:
        # Also in each worker: one that outlives its server must keep a rebuild of the index away.
        stack.enter_context(folder.acquire(Use.TOOL))
        await asyncio.to_thread(require_databases, folder)
        store = await asyncio.to_thread(
            FilesystemStore.open,
            folder.path,
            threads=settings.store.threads,
            reserve=settings.store.reserve_bytes,
        )
        stack.push_async_callback(store.close)
        index = await asyncio.to_thread(
            SqliteIndex.open,
            folder.index,
            plan_of(settings),
            settings.index.readers,
            settings.store.reserve_bytes // 2,
        )
        stack.push_async_callback(index.close)
        tombstones = await asyncio.to_thread(SqliteTombstones.open, folder.state)
        stack.push_async_callback(tombstones.close)
        debts = Debts(Burial(index, tombstones))
        stack.push_async_callback(debts.close)
        marks = await asyncio.to_thread(SqliteDamageMarks.open, folder.state)
        stack.push_async_callback(marks.close)
        damage = DamageRegister(marks, index)
        stack.push_async_callback(damage.close)
        renditions = await asyncio.to_thread(
            FilesystemRenditions.open,
            folder.renditions,
            threads=2,
            capacity_bytes=settings.renditions.capacity_bytes,
            reserve=settings.store.reserve_bytes,
        )
        stack.push_async_callback(renditions.close)
        derived = Derived(renditions)
        stack.push_async_callback(derived.settle)
        codecs = CodecPool(settings.codec_limits())
        stack.push_async_callback(codecs.close)
        verifying = VerifyingStore(store, damage)
        yield Ports(verifying, index, tombstones, debts, marks, damage, renditions, derived, codecs)


def make_services(settings: Settings, ports: Ports) -> Services:
    """Put the services together over open ports."""
    authorizer = OpenAuthorizer()
    policy = settings.store.preamble
    content = Content(ports.store, ports.renditions, settings.scan_limits(), policy)
    immutable = settings.store.duplicates is not DuplicatePolicy.REPLACE
    described = Described(ports.index, immutable=immutable)
    pictures = _pictures(ports, described, content, authorizer)
    transcoder = Transcoder(
        content,
        ports.codecs,
        ports.derived,
        settings.codec_limits().workers + 1,
        Walks(ports.index, ports.codecs.is_spare),
    )
    texts = Texts(content, described, ports.codecs)
    inspection = Inspection(ports.store, ports.damage)
    render = Render(
        ports.index, pictures, texts, authorizer, immutable=immutable, inspection=inspection
    )
    return Services(
        settings=_web_settings(settings, plan_of(settings)),
        authenticator=OpenAuthenticator(),
        compose=_compose(settings, ports),
        ingest=_ingest(settings, ports, authorizer),
        search=Search(ports.index, authorizer, settings.query.deadline_seconds),
        retrieve=Retrieve(
            ports.index,
            content,
            authorizer,
            immutable=immutable,
            transcoder=transcoder,
            inspection=inspection,
        ),
        render=render,
        thumbnails=Thumbnails(ports.index, pictures, authorizer, inspection),
        uri=UriRender(ports.index, pictures, render, authorizer),
        remove=Remove(ports.index, ports.tombstones, authorizer, ports.debts, crash_point()),
        health=Health(ports.store, ports.index, ports.tombstones, ports.damage),
    )


def _pictures(
    ports: Ports, described: Described, content: Content, authorizer: Authorizer
) -> Pictures:
    backgrounds = Backgrounds(ports.index, described, authorizer)
    return Pictures(PictureParts(content, described, backgrounds, ports.codecs, ports.derived))


def _compose(settings: Settings, ports: Ports) -> Compose:
    limits = ComposeLimits(settings.scan_limits(), settings.store_limits())
    return Compose(ports.store.stage, PillowPictures(), limits)


def _ingest(settings: Settings, ports: Ports, authorizer: Authorizer) -> Ingest:
    return Ingest(
        ports.store,
        ports.index,
        ports.tombstones,
        authorizer,
        IngestSettings(
            policy=settings.store.duplicates,
            plan=plan_of(settings),
            scan=settings.scan_limits(),
            limits=settings.store_limits(),
            scratch=DataFolder(settings.data).staging,
            reached=crash_point(),
            preamble=settings.store.preamble,
        ),
    )


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application; nothing is opened before its lifespan begins.

    Args:
        settings: How; None for the defaults.
    """
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_ports(chosen) as ports:
            app.state.services = make_services(chosen, ports)
            if chosen.codec.warm:
                ports.codecs.warm()
            warn_of_library()
            async with _counting(chosen, ports), _scrubbing(chosen, ports):
                yield

    return Starlette(
        routes=[RoutesBySegments(routes.build(chosen.http.root))],
        middleware=_middleware(chosen),
        exception_handlers={HTTPException: no_route},  # type: ignore[dict-item] # any ASGI callable
        lifespan=lifespan,
    )


@asynccontextmanager
async def _counting(settings: Settings, ports: Ports) -> AsyncIterator[None]:
    """Look through large databases, and for blobs without a row, beside the first requests."""
    ports.index.watch()
    ports.tombstones.watch()
    folder = DataFolder(settings.data)
    task = asyncio.create_task(tell_of_strays(folder, ports.store, ports.index, ports.tombstones))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def _scrubbing(settings: Settings, ports: Ports) -> AsyncIterator[None]:
    """Read stored bytes in the background for as long as the context lasts."""
    if not settings.scrub.enabled:
        yield
        return
    plan = ScrubPlan(settings.scrub.days * 86_400, settings.scrub.bytes_per_second)
    scrub = Scrub(Layout(settings.data), ports.index, ports.damage, ports.marks, plan)
    scrub.begin()
    try:
        yield
    finally:
        await scrub.close()


def _middleware(settings: Settings) -> list[Middleware]:
    return [
        Middleware(DownloadMiddleware, seconds=settings.server.stall_seconds),
        Middleware(UploadMiddleware),
        Middleware(CorsMiddleware, origins=settings.http.cors_origins),
        Middleware(RequestMiddleware),
    ]


def _web_settings(settings: Settings, plan: IndexPlan) -> WebSettings:
    http = settings.http
    return WebSettings(
        root=http.root,
        public_base_url=http.public_base_url,
        trusted_proxies=http.trusted_proxies,
        cors_origins=http.cors_origins,
        strict_accept=http.strict_accept,
        plan=plan,
        query=settings.query_limits(),
        multipart=settings.multipart_limits(),
        store=settings.store_limits(),
    )
