"""The description of an API as a page; its scripts come with the server, and from nowhere else."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

PATH = "/docs"
ASSETS = f"{PATH}/assets"
POLICY = (
    "default-src 'none'; script-src 'self' 'sha256-{}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""What a browser may load for the page, and the one script within it that it may run."""


def install(app: FastAPI) -> None:
    """Serve the page, and what it is made of."""
    directory = str(files("fastapi_offline") / "static")
    app.mount(ASSETS, StaticFiles(directory=directory), name="assets")

    @app.get(PATH, include_in_schema=False)
    async def show_docs(request: Request) -> HTMLResponse:
        """Show the description as a page."""
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=f"{root}/openapi.json",
            title=app.title,
            swagger_js_url=f"{root}{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{ASSETS}/favicon.png",
        )
        page.headers["Content-Security-Policy"] = POLICY.format(_hash(bytes(page.body).decode()))
        return page


def _hash(page: str) -> str:
    """The hash by which a browser knows the script within a page."""
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    return b64encode(sha256(script.encode()).digest()).decode()
