"""What is public: the modules that people import from, their names, and the methods and properties of their classes."""

import inspect
from types import ModuleType

import chirp_trio
import chirp_trio.checking
import chirp_trio.metrics
import chirp_trio.testing
import chirp_trio.topics

MODULES: tuple[ModuleType, ...] = (
    chirp_trio,
    chirp_trio.testing,
    chirp_trio.checking,
    chirp_trio.metrics,
    chirp_trio.topics,
)
PUBLIC = {name: getattr(module, name) for module in MODULES for name in module.__all__}

# Made by the library and not by its users, so that its parameters are nobody's business.
NOT_CONSTRUCTED = {"Request", "Ending", "LiveStreams", "StreamSnapshot", "Subscription", "Published", "Finding"}
NOT_CONSTRUCTED |= {"StreamLifespan", "UploadFile"}
NOT_CONSTRUCTED |= {"SSEStream"}
# A protocol, what is only given, and a number.
NOT_CONSTRUCTED |= {"Delivery", "Ids", "RECORD_VERSION"}


def members(value: object) -> dict[str, object]:
    """The public methods and properties of a class that are described with it, as the class has them.

    What another public class has, such as `Store.journal`, is described there, and what another library's class has is not
    ours to describe.
    """
    found: dict[str, object] = {}
    for kind in value.__mro__ if inspect.isclass(value) else ():
        if not kind.__module__.startswith("chirp_trio") or (kind is not value and kind in PUBLIC.values()):
            continue
        for name, attribute in vars(kind).items():
            function = getattr(attribute, "fget", None) or getattr(attribute, "__func__", attribute)
            is_public = not name.startswith("_") or name == "__call__"
            if is_public and inspect.isfunction(function) and function.__doc__:
                found.setdefault(name, attribute)
    others = [kind for kind in value.__mro__[1:] if kind in PUBLIC.values()] if inspect.isclass(value) else []
    return {name: found[name] for name in sorted(found) if not any(hasattr(other, name) for other in others)}
