"""What is written to a store's file, transaction by transaction, and the store's own arguments."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chirp_trio import SQLiteStore, StoreError
from chirp_trio.topics.history import Epoch
from chirp_trio.topics.storage.sqlite.database import Batch, Database
from chirp_trio.topics.storage.sqlite.options import Turns
from tests.cases import each_case


@pytest.fixture
def store(tmp_path):
    return SQLiteStore(tmp_path / "topics.db", timeout=0)


def opened(store, topic="news"):
    database = Database(store, topic, Turns())
    with database.opening("owner"):
        pass
    return database


def rows(*numbers):
    return [(number, 0.0, "text", str(number), None, None) for number in numbers]


def write(database, batch):
    database.wanted = batch
    database.write(batch)


def found(store):
    """The last number, and the numbers of the events."""
    with closing(Database(store, "news", Turns())) as database, database.opening("reader") as (last, _):
        return last, [row[0] for row in database.newest(100)][::-1]


def test_what_was_written_is_there(store):
    with closing(opened(store)) as database:
        write(database, Batch(1, 0, rows(1, 2, 3), None))
        write(database, Batch(2, 3, rows(4), None))

    assert found(store) == (4, [2, 3, 4])


def test_what_may_have_been_written_is_written_again_and_what_may_have_come_after_it_is_gone(store):
    with closing(opened(store)) as database:
        write(database, Batch(1, 0, rows(1, 2, 3, 4, 5), None))
        write(database, Batch(1, 2, rows(3), None))

    assert found(store) == (3, [1, 2, 3])


def test_a_write_that_was_given_up_does_nothing_when_its_turn_comes(store):
    with closing(opened(store)) as database:
        late = Batch(1, 0, rows(1), None)
        write(database, Batch(1, 0, rows(1, 2), None))
        database.write(late)
        database.wanted = None
        database.write(late)

    assert found(store) == (2, [1, 2])


def test_epochs_are_written_as_a_whole(store):
    epochs = [Epoch(0, "a", 0), Epoch(5, "a", 3), Epoch(9, "b", 0)]
    with closing(opened(store)) as database:
        write(database, Batch(1, 0, rows(1), epochs))
        write(database, Batch(1, 1, rows(2), None))
        write(database, Batch(1, 2, rows(3), epochs[1:]))

    with closing(Database(store, "news", Turns())) as database, database.opening("reader") as (_, there):
        assert there == epochs[1:]


def test_topics_of_one_file_know_nothing_of_each_other(store):
    with closing(opened(store)) as news, closing(opened(store, "sport")) as sport:
        write(sport, Batch(1, 0, rows(1), [Epoch(0, "sport", 0)]))
        write(news, Batch(1, 0, rows(1, 2), [Epoch(0, "news", 0)]))
        write(sport, Batch(2, 1, rows(2), [Epoch(0, "sport", 0)]))

    assert found(store) == (2, [1, 2])


def test_an_opening_that_fails_takes_nothing_over(store):
    with closing(opened(store)) as database:
        with pytest.raises(KeyError), Database(store, "news", Turns()).opening("other"):
            raise KeyError
        write(database, Batch(1, 0, rows(1), None))

    assert found(store) == (1, [1])


def test_an_opening_that_fails_leaves_nothing_beside_the_file(store, tmp_path):
    with closing(opened(store)):
        pass
    with pytest.raises(KeyError), Database(store, "news", Turns()).opening("other"):
        raise KeyError

    assert list(tmp_path.iterdir()) == [tmp_path / "topics.db"]


def test_the_log_of_a_file_that_was_lost_is_not_left_to_the_next_one(store, tmp_path):
    with closing(opened(store)) as database:
        write(database, Batch(1, 0, rows(1), None))
        (tmp_path / "topics.db").unlink()
        with pytest.raises(StoreError, match="has lost its file"):
            write(database, Batch(1, 1, rows(2), None))

        assert not (tmp_path / "topics.db-wal").exists()


def test_who_has_been_replaced_writes_nothing(store):
    with closing(opened(store)) as database:
        with closing(Database(store, "news", Turns())) as other, other.opening("other"):
            pass
        with pytest.raises(StoreError, match="has been taken over"):
            write(database, Batch(1, 0, rows(1), None))

    assert found(store) == (0, [])


def test_nothing_is_left_beside_the_file(store, tmp_path):
    with closing(opened(store)):
        assert len(list(tmp_path.iterdir())) > 1

    assert list(tmp_path.iterdir()) == [tmp_path / "topics.db"]


@pytest.mark.parametrize(("durability", "level"), [("process", 1), ("power", 2)])
def test_durability_is_sqlites_synchronous_with_a_log_that_is_written_ahead(tmp_path, durability, level):
    with closing(opened(SQLiteStore(tmp_path / "topics.db", durability=durability))) as database:
        ask = lambda name: database._connection.execute(f"PRAGMA {name}").fetchone()[0]  # noqa: E731

        assert (ask("synchronous"), ask("journal_mode")) == (level, "wal")
        assert ask("fullfsync") == (durability == "power")


def test_a_file_system_without_shared_memory_is_named_as_the_cause(store, monkeypatch):
    class Elsewhere(sqlite3.Connection):
        def execute(self, statement, *arguments):
            return super().execute("SELECT 'delete'" if "journal_mode" in statement else statement, *arguments)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *arguments, **options: connect(*arguments, factory=Elsewhere, **options))
    with pytest.raises(StoreError, match="its file system does not allow SQLite's write-ahead log"):
        opened(store)


# -- the store ----------------------------------------------------------------------------------------------------------


def test_a_store_is_the_same_file_wherever_the_process_goes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore("topics.db")

    assert store.path == str(tmp_path / "topics.db")
    assert store == SQLiteStore(Path("topics.db"))
    assert list(tmp_path.iterdir()) == []


@each_case(
    ("options", "message"),
    [
        ({"path": ""}, "path is ''; it must be the path of a file"),
        ({"path": ":memory:"}, "path is ':memory:'"),
        ({"path": "a\0b"}, "path is "),
        ({"durability": "full"}, "durability is 'full'; it must be one of 'process', 'power'"),
        ({"timeout": -1}, "timeout is -1; it must be a number of seconds, zero or more"),
        ({"timeout": float("inf")}, "timeout is inf"),
        ({"max_waiting": 0}, "max_waiting is 0; it must be a whole number, one or more"),
        ({"max_waiting_bytes": 1.5}, "max_waiting_bytes is 1.5"),
    ],
)
def test_a_store_that_cannot_work_is_refused(options, message):
    with pytest.raises((TypeError, ValueError), match=f"SQLiteStore: {message}"):
        SQLiteStore(**{"path": "topics.db", **options})


@each_case("timeout", [None, True, "5"])
def test_a_timeout_that_is_no_number_is_a_type_error(timeout):
    with pytest.raises(TypeError, match=f"SQLiteStore: timeout is {timeout!r}; it must be a number of seconds, zero or more"):
        SQLiteStore("topics.db", timeout=timeout)


@each_case("path", [None, 7, b"topics.db"])
def test_a_path_is_a_path(path):
    with pytest.raises(TypeError, match=rf"SQLiteStore: path is {path!r}; it must be the path of a file"):
        SQLiteStore(path)
