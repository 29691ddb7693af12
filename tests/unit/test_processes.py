"""Topics in a process that is one of several: only a store that all of them share is taken."""

import os

import pytest

from chirp_trio import App, ConfigurationError, SQLiteStore, Topic
from chirp_trio.processes import count_workers, set_workers
from chirp_trio.server.parent import environment_of_worker, find_parent
from tests.lifecycle.shared_memory import SharedMemoryStore


@pytest.fixture
def one_of_three():
    set_workers(3)
    yield
    set_workers(1)


def test_there_is_one_process_unless_something_is_said(monkeypatch):
    monkeypatch.setenv("CHIRP_TRIO_WORKERS", "2")  # an option of the parent's
    assert find_parent() is None
    assert count_workers() == 1


def test_what_a_parent_says_is_in_one_variable():
    before = set(environment_of_worker(2, 3, [4, 5])) - {"CHIRP_TRIO_PARENT"}
    assert environment_of_worker(2, 3, [4, 5])["CHIRP_TRIO_PARENT"] == "2,3,4,5"
    assert before <= set(os.environ)


@pytest.mark.parametrize("make", [Topic, App().topic], ids=["Topic", "App.topic"])
def test_a_topic_without_a_store_is_refused_with_the_cure(one_of_three, make):
    with pytest.raises(ConfigurationError) as raised:
        make("news")
    assert str(raised.value) == (
        "the topic 'news' has no store, and this process is one of 3 (--workers): the clients of the others would miss what "
        "is published here; give it a store that all of them share, app.topic(..., store=RedisStore(url)), or serve the app "
        "in one process"
    )


def test_a_store_that_is_not_shared_is_refused_and_one_that_is_is_taken(one_of_three):
    with pytest.raises(ConfigurationError, match="the topic 'news' has a SQLiteStore, which serves one process at a time"):
        Topic("news", store=SQLiteStore("topics.db"))
    assert Topic("news", store=SharedMemoryStore()).name == "news"


def test_in_one_process_every_store_is_taken():
    for store in (None, SQLiteStore("topics.db"), SharedMemoryStore()):
        assert Topic("news", store=store).name == "news"
