"""The service as an ASGI application: a study's paths, the page, and the description of both."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

import gdopt
from gdopt.service.answers import handled
from gdopt.service.guard import LIMIT, Guard, Headed
from gdopt.service.routes import router
from gdopt.study.study import Study

__all__ = ["create_app"]

PAGE = Path(__file__).parent / "page"


def create_app(study: Study, token: str, *, name: str = "study", limit: int = LIMIT) -> FastAPI:
    """An application that serves one study to those who have the token.

    Args:
        study: which others may have open as well.
        token: that every request under /v1 has to bring.
        name: that the page shows.
        limit: bytes of a request.
    """
    app = FastAPI(
        title="gdopt",
        version=gdopt.__version__,
        summary="Ask what to try, tell what came of it.",
        # FastAPI's pages of documentation load scripts from elsewhere; /api is ours.
        docs_url=None,
        redoc_url=None,
    )
    handled(app)
    app.include_router(router(study, name))
    app.mount("/page", StaticFiles(directory=PAGE))

    @app.get("/", include_in_schema=False)
    def index() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/api", include_in_schema=False)
    def api() -> FileResponse:
        return FileResponse(PAGE / "api.html")

    # The last one added sees a request first.
    app.add_middleware(Guard, token=token, limit=limit)
    app.add_middleware(Headed)
    return app
