"""Looks for mistakes in an app without running it: it compares what the app's pages ask for with what its routes answer.

It reads the routes of an `App`, its templates and its Python files. It calls no handler, opens no socket, and does not enter
the lifespan. Where something cannot be known, it reports nothing.

It is an extra, `chirp-trio[check]`, because it reads kida's syntax trees, which another version of kida may have in other
modules. No other room imports it before it is used.
"""

try:
    from .app import check_app
    from .finding import Finding
except ImportError as error:
    if (error.name or "").partition(".")[0] == "chirp_trio":
        raise
    raise ImportError(
        f"chirp_trio.checking needs packages that are not installed, or other versions of them ({error}): "
        "pip install 'chirp-trio[check]'",
        name=error.name,
    ) from error

__all__ = ["Finding", "check_app"]
