"""htmx for these examples, both generations of it, from the files in `static/`."""

from pathlib import Path

from chirp_trio import App, HTTPError, Response

STATIC = Path(__file__).parents[1] / "static"
SCRIPTS = {
    "2": ("htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js"),
    "4": ("htmx-4.0.1.min.js", "hx-sse-4.0.1.min.js"),
}


def add_htmx(app: App) -> None:
    """Serve the scripts, and give every template `scripts(request)`: those of the generation in `?htmx=`, by default 2."""
    files = {name: (STATIC / name).read_bytes() for names in SCRIPTS.values() for name in names}
    app.template_global("scripts", lambda request: SCRIPTS.get(request.query.get("htmx", "2"), SCRIPTS["2"]))

    @app.route("/static/{name}")
    async def script(name: str) -> Response:
        if name not in files:
            raise HTTPError(404)
        return Response(files[name], content_type="text/javascript; charset=utf-8")
