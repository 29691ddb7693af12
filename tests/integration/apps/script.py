"""An app that serves itself."""

from endings import app

if __name__ == "__main__":
    app.run(port=0, graceful_timeout=60)
