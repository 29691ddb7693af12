"""What an app does in all processes whose topics share a store."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from ..stream import StreamRegistry
from ..topics import Store

# What other processes are told, before a label.
_CLOSE = "close "


@contextmanager
def joined(registry: StreamRegistry, stores: Iterable[Store]) -> Iterator[None]:
    """A block in which streams are closed by their label here and in all processes that share any of the stores."""

    def hear(notice: str) -> None:
        if notice.startswith(_CLOSE):
            label = notice.removeprefix(_CLOSE)
            registry.close(lambda stream: stream.label == label)

    def tell(label: str) -> None:
        for store in shared:
            store.tell(_CLOSE + label)

    shared = list({id(store): store for store in stores}.values())
    with ExitStack() as stack:
        for store in shared:
            stack.enter_context(store.heard(hear))
        registry.tell_others[tell] = None
        stack.callback(registry.tell_others.pop, tell, None)
        yield
