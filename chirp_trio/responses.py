"""The public `EventStream`: a response of Starlette's own kind where Starlette is installed, and the same one without.

FastAPI takes only what is a Starlette response; everything else that runs on ASGI takes both.
"""

import importlib.util
import warnings
from typing import TYPE_CHECKING

__all__ = ["EventStream"]

# Since this version it says in the scope who answers errors.
_OLDEST = (0, 29)


def _find_problem() -> str | None:
    """What is wrong with the Starlette that is installed, in a few words; None if it can be used."""
    try:
        from starlette import __version__ as version

        numbers = tuple(int(part) for part in version.split(".")[:2])
        from . import starlette  # noqa: F401
    except Exception as error:  # whatever a broken package raises
        return f"{type(error).__name__}: {error}"
    return f"it is version {version}" if numbers < _OLDEST else None


if TYPE_CHECKING:
    from .starlette import EventStream
elif importlib.util.find_spec("starlette") is None:
    from .stream import EventStream
elif (_problem := _find_problem()) is None:
    from .starlette import EventStream
else:
    from .stream import EventStream

    warnings.warn(
        f"Starlette is installed and cannot be used ({_problem}), so that EventStream is an ASGI response and none of "
        f"Starlette's: FastAPI will not take it. Install starlette>={'.'.join(map(str, _OLDEST))}, or uninstall it",
        RuntimeWarning,
        stacklevel=2,
    )
