"""`SQLiteStore`: a file."""

from dataclasses import dataclass
from typing import override

from ....wire import check_text
from ..seam import Delivery, Journal, Store
from .options import Options


@dataclass(frozen=True, slots=True)
class SQLiteStore(Options, Store):
    """A file in which topics keep their histories, so that replay goes on after a restart.

    Several topics may share one. Nothing is opened before a topic is; see `Topic`.

    Args:
        path: The file; made if it is not there. Its folder has to exist, on a disk of this machine.
        durability: What an event that somebody has got survives. `"process"` (the default): that the process is killed;
            after a power cut, or a crash of the operating system, the last events may be missing, and whoever has had one
            of them is told of a gap. `"power"`: these too, at the price of a write to the disk itself for each batch.
        timeout: Seconds to wait for another process that has the file locked; default 5.
        max_waiting: How many events of a topic may wait to be written; default 10,000.
        max_waiting_bytes: How many bytes they may have together; default 16 MiB.
        on_damage: What happens to a file that cannot be read, or whose content makes no sense. `"refuse"` (the default): it
            is left as it is, and a topic cannot be opened, or written to. `"set_aside"`: it is renamed, which the log tells,
            and the topics go on in a new one: without their history, where they are opened; with it, where they are open.
        max_wal_bytes: How large SQLite's write-ahead log may become, which is in a file of its own and cannot be emptied
            while another program has a transaction open; default 256 MiB. Beyond that, what is published is lost, as it is
            where a disk is full, until that program is done.

    Raises:
        ConfigurationError: An argument that cannot work.

    Example:
        >>> SQLiteStore("topics.db", durability="power").durability
        'power'
    """

    @override
    def journal(self, delivery: Delivery) -> Journal:
        from .journal import SQLiteJournal  # it loads sqlite3, which nothing else needs

        check_text("the name of the topic", delivery.name)
        return SQLiteJournal(delivery, self, self._turns)
