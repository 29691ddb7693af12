"""Whatever of ours is called as an ASGI application is one of ASGI 3 for whoever asks, wherever it is and whoever gets it."""

import importlib
import inspect

from tests.cases import each_case
from tests.meta.test_public import module_names


def applications():
    """The classes whose instances take a scope, `receive` and `send`."""
    for name in module_names():
        for found in vars(importlib.import_module(name)).values():
            call = vars(found).get("__call__") if isinstance(found, type) and found.__module__ == name else None
            if call and [parameter.lstrip("_") for parameter in inspect.signature(call).parameters][1:4] == [
                "scope",
                "receive",
                "send",
            ]:
                yield found


@each_case("kind", list(applications()), ids=lambda kind: kind.__qualname__)
def test_an_application_is_called_by_what_is_taken_for_a_coroutine_function(kind):
    assert inspect.iscoroutinefunction(kind.__call__)


def test_there_are_such():
    assert {"App", "EventStream", "Response", "_Mounted"} <= {kind.__name__ for kind in applications()}
