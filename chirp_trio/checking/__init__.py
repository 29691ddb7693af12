"""Looks for mistakes in an app without running it: what its pages ask for, against what its routes have to offer.

It reads the routes of an `App`, its templates and its Python files. It calls no handler, opens no socket, and does not enter
the lifespan. What cannot be known, it leaves alone.

It is an extra, `chirp-trio[check]`, because it reads kida's syntax trees, which another version of kida may have elsewhere.
No other room imports it before it is used.
"""

try:
    from .app import check_app
    from .finding import Finding
except ImportError as error:
    if (error.name or "").partition(".")[0] == "chirp_trio":
        raise
    raise ImportError(
        f"chirp_trio.checking needs what is not installed, or another version of it ({error}): "
        "pip install 'chirp-trio[check]'",
        name=error.name,
    ) from error

__all__ = ["Finding", "check_app"]
