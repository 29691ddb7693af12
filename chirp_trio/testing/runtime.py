"""The check that a test runs on trio."""

import trio

from ..errors import WrongRuntimeError


def require_trio_test(what: str) -> None:
    """Raise `WrongRuntimeError`, with the cure, unless trio runs the caller.

    Args:
        what: What the test wants to use, for the message.
    """
    if not trio.lowlevel.in_trio_task():
        raise WrongRuntimeError(
            f"{what} runs on trio only, and something else runs this test: leave it to pytest-trio, which "
            "`trio_mode = true` in pytest's configuration or the marker @pytest.mark.trio does, or to trio.run"
        )
