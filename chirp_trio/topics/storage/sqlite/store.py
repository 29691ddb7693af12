"""`SQLiteStore`, the public class of this folder."""

from dataclasses import dataclass
from typing import override

from ....wire import check_text
from ..seam import Delivery, Journal, Store
from .options import Options


@dataclass(frozen=True, slots=True)
class SQLiteStore(Options, Store):
    """A file in which topics keep their histories, so that replay goes on after a restart.

    Several topics may share one store. The file is opened when a topic is; see `Topic`.

    Args:
        path: The file. It is made if it does not exist; its folder has to exist, on a disk of this machine.
        durability: What an event survives once a client has got it. `"process"` (the default): the end of the process, even
            if it is killed. After a power cut, or a crash of the operating system, the last events may be missing, and a
            client that has had one of them is told of a gap. `"power"`: these as well, at the price of a write to the disk
            itself for each batch.
        timeout: Seconds to wait for another process that has the file locked; default 5.
        max_waiting: How many events of a topic may wait to be written; default 10,000.
        max_waiting_bytes: How many bytes they may have together; default 16 MiB.
        on_damage: What happens to a file that cannot be read, or whose content makes no sense. `"refuse"` (the default): it
            is left as it is, and a topic cannot be opened, or written to. `"set_aside"`: it is renamed, which is logged, and
            the topics go on in a new file. A topic that is open keeps its history; one that is being opened loses it.
        max_wal_bytes: The greatest size of SQLite's write-ahead log, a file of its own, which cannot be emptied while another
            program has a transaction open on the database; default 256 MiB. Where it is reached, what is published is lost,
            as on a full disk, until that program ends its transaction.

    Attributes:
        is_shared: False: only one topic of a name at a time can have the file open.

    Raises:
        ConfigurationError: An argument has a value that cannot work.
        TypeError: An argument has a wrong type.

    Example:
        >>> SQLiteStore("topics.db", durability="power").durability
        'power'
    """

    @override
    def journal(self, delivery: Delivery) -> Journal:
        from .journal import SQLiteJournal  # it loads sqlite3, which nothing else needs

        check_text("the name of the topic", delivery.name)
        return SQLiteJournal(delivery, self, self._turns)
