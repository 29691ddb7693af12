"""Files of tests whose tests are collected by the one process of pytest-xdist that runs them, when it is their turn.

Otherwise each process imports all files and makes all tests, which takes as long as many of them do. So what the processes
collect, and are given, are files.
"""

import gc
from contextlib import contextmanager
from itertools import pairwise

import pytest

# With these, some tests are chosen, by what is known of all of them.
CHOICES = ("keyword", "markexpr", "deselect", "lf", "failedfirst", "newfirst", "stepwise")


def is_possible(config):
    """Whether whole files are asked for, and each of them goes to one process."""
    chosen = any(getattr(config.option, name, None) for name in CHOICES) or any("::" in path for path in config.args)
    return config.getoption("dist", None) == "loadfile" and not chosen


@contextmanager
def without_garbage():
    """Look for no garbage while tests are collected: it would take as long as many a test."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class FilesOfTests(set):
    """The files of the tests that are added, in place of the tests: pytest tells progress in those that were collected."""

    def add(self, name):
        super().add(str(name).partition("::")[0])


class File(pytest.File):
    """A file that has not been imported."""

    def collect(self):
        turn = Turn.from_parent(self, name="all")
        turn.add_marker(pytest.mark.timeout(0))  # each test has its own
        return [turn]


class Turn(pytest.Item):
    """All tests of a file, in the list of what there is to run."""

    obj = None  # the function that it calls, which pytest-trio looks at

    def runtest(self):
        raise NotImplementedError  # it is not a test, but runs them

    def run(self, nextitem):
        """Run all of them; what is still needed after that is what `nextitem` needs."""
        with without_garbage():
            module = pytest.Module.from_parent(self.parent.parent, path=self.path)
            tests = list(self.session.genitems(module))
            self.config.hook.pytest_collection_modifyitems(session=self.session, config=self.config, items=tests)
        place = self.session.items.index(self)
        for test, following in pairwise([*tests, nextitem]):
            self.session.items[place] = test  # where pytest-xdist looks for what has been run
            test.ihook.pytest_runtest_protocol(item=test, nextitem=following)
            if self.session.shouldfail or self.session.shouldstop:
                break
        self.session.items[place] = self
        if not tests:  # the file cannot be imported, or is skipped
            self.session._setupstate.teardown_exact(nextitem)
