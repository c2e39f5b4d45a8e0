"""The ASGI application of the service: the API of a study, the web page and the API's documentation."""

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
    """An application that serves one study to clients with the token.

    Args:
        study: the study; other processes may use it at the same time.
        token: the token that every request under /v1 must have.
        name: name of the study on the page.
        limit: maximum number of bytes of a request.
    """
    app = FastAPI(
        title="gdopt",
        version=gdopt.__version__,
        summary="Ask for trials, tell their results.",
        # FastAPI's documentation pages load scripts from other sites; gdopt has its own at /api.
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

    # The middleware that is added last gets a request first.
    app.add_middleware(Guard, token=token, limit=limit)
    app.add_middleware(Headed)
    return app
