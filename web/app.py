"""The web process: API and console over one set of services.

    python -m web.app

It puts everything together and decides nothing about credit.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI

from domain.contract import Grantor
from domain.identity import Language
from settings import Settings, read_settings
from storage.exposure import Exposure
from web import api, console, openapi, refused
from web.envelope import Envelope
from web.logs import configure
from web.service.clock import Clock
from web.service.gateway import TemporalGateway
from web.service.once import JoinedRecords
from web.service.report.files import folder_providers
from web.service.services import Services, build_services
from workflows.codec import Codec, data_converter
from workflows.connection import connect

VERSION = "0.1.0"


def build(settings: Settings) -> FastAPI:
    """The application with its memory and its way to Temporal; nothing is reached before use."""
    records = JoinedRecords(settings.database_url.get_secret_value(), policy=settings.policy)
    codec = Codec(settings.codec_key_bytes, settings.codec_keys_retired_bytes)
    gateway = TemporalGateway(partial(connect, data_converter(codec), identity="web"))
    exposure = Exposure(records)
    services = build_services(
        records,
        exposure,
        gateway,
        Clock(settings.business_days_offset),
        codec,
        grantor=Grantor(
            name=settings.grantor_name_en,
            name_zh=settings.grantor_name,
            demonstration=settings.seal_dir is None,
        ),
        session_hours=settings.session_hours,
        mail_dir=settings.mail_dir,
        providers=folder_providers(settings.reports_dir),
        webhooks_inside=settings.webhook_private_addresses,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        gateway.close()
        exposure.close()
        records.close()

    return assemble(
        services,
        public_url=settings.public_url,
        temporal_ui_url=settings.temporal_ui_url,
        grantor={Language.EN: settings.grantor_name_en, Language.ZH: settings.grantor_name},
        lifespan=lifespan,
    )


def assemble(
    services: Services,
    *,
    public_url: str,
    temporal_ui_url: str = "",
    grantor: Mapping[Language, str] | None = None,
    lifespan: Any = None,
) -> FastAPI:
    """The application over services that are there already."""
    app = FastAPI(
        title="Creditflow",
        version=VERSION,
        lifespan=lifespan,
        openapi_url=None,  # served by `web.api.operations`, with the shape of refusals in it
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.services = services
    app.state.public_url = public_url
    refused.register(app)
    app.router.routes.extend(api.switched())
    console.mount(app, grantor=grantor, temporal_ui_url=temporal_ui_url)
    app.openapi = partial(openapi.document_of, app, list(api.routes()))  # type: ignore[method-assign]
    app.add_middleware(
        Envelope, secure=public_url.startswith("https:"), codec_origin=temporal_ui_url.rstrip("/")
    )
    return app


def main() -> None:
    """Serve until told to stop; requests under way are finished first."""
    settings = read_settings()
    configure(settings.log_format)
    uvicorn.run(
        build(settings),
        host=settings.web_host,
        port=settings.web_port,
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
