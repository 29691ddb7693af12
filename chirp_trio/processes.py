"""How many processes serve the app that this one serves: a fact that holds for all that is made here."""

_workers = 1


def count_workers() -> int:
    """How many there are: 1 unless this process was started as one of several."""
    return _workers


def set_workers(number: int) -> None:
    """Say how many there are, before the app is imported."""
    global _workers  # noqa: PLW0603 - a fact of the process
    _workers = number
