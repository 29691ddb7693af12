"""The check that a topic's store suits the number of processes: where there are several, they have to share it."""

from ...errors import ConfigurationError
from ...processes import count_workers
from .seam import Store


def check_store_of(name: str, store: object) -> None:
    """Raise an error unless a topic of this name may have this store, or None.

    Raises:
        TypeError: `store` is no `Store`.
        ConfigurationError: This process is one of several, and the store is not one that they share.
    """
    if store is not None and not isinstance(store, Store):
        raise TypeError(f"store is {store!r}; it must be a Store, such as a SQLiteStore, or None")
    if count_workers() > 1 and (store is None or not store.is_shared):
        what = "no store" if store is None else f"a {type(store).__name__}, which serves one process at a time"
        raise ConfigurationError(
            f"the topic {name!r} has {what}, and this process is one of {count_workers()} (--workers): the clients of the "
            "others would miss what is published here; give it a store that all of them share, app.topic(..., "
            "store=RedisStore(url)), or serve the app in one process"
        )
