"""An app with health endpoints."""

from chirp_trio import App, health

app = App()
app.mount("/health", health(app))
