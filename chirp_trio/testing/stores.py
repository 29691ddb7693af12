"""`check_store`: whether a store does all that topics rely on."""

import trio

from ..arguments import check_seconds, check_type
from ..errors import sole
from ..topics import Store
from .clock import clock_held_for_threads
from .store_presence import members_are_known, notices_are_heard
from .store_scenes import SCENES, SHARED_SCENES


async def check_store(store: Store, *, timeout: float = 30.0) -> None:
    """Check that a store does all that topics rely on. For authors of stores, and to try a store with a certain server.

    It opens topics with random names, publishes to them, closes them, and opens them again, as after a restart. Of a shared
    store it opens several topics of one name at a time, as an app has them with `--workers`. It checks members and notices if
    the store supports them. The topics' events stay in the store.

    Args:
        store: The store.
        timeout: Seconds for each scene; default 30.

    Raises:
        AssertionError: The store fails a check; the message says which one, and what came.

    Example:
        >>> async def test_my_store(tmp_path):
        ...     await check_store(SQLiteStore(tmp_path / "topics.db"))
    """
    check_type("store", store, Store, "a Store")
    check_seconds("timeout", timeout)
    shared = [*SHARED_SCENES, members_are_known] if store.is_shared else []
    for scene in [*SCENES, notices_are_heard, *shared]:
        try:
            with clock_held_for_threads(), trio.fail_after(timeout):
                await scene(store)
        except Exception as error:
            if not isinstance(sole(error), AssertionError | trio.TooSlowError):
                raise
            error = sole(error)
            came = f"it took longer than {timeout} s" if isinstance(error, trio.TooSlowError) else error
            raise AssertionError(f"{(scene.__doc__ or '').removesuffix('.')}: {came}") from error
