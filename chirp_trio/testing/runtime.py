"""The check at each door of this room that the test runs on trio."""

import trio

from ..errors import WrongRuntimeError


def require_trio_test(what: str) -> None:
    """Raise `WrongRuntimeError`, in one sentence that names the cure, unless trio runs the caller.

    Args:
        what: What is used, for the message.
    """
    if not trio.lowlevel.in_trio_task():
        raise WrongRuntimeError(
            f"{what} runs on trio only, and something else runs this test: leave it to pytest-trio, which "
            "`trio_mode = true` in pytest's configuration or the marker @pytest.mark.trio does, or to trio.run"
        )
