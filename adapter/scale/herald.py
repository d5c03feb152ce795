"""Who tells the workers that there is work: `engraft deliver --celery`. One is enough, and two do no harm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from adapter.config import Settings
from adapter.flows import batch_job
from adapter.flows.crew import Crew, now
from adapter.scale.app import BATCH, DRAIN, EXPORT, PULL, say
from adapter.store import Store


class Herald(Crew):
    """Looks and listens like a crew, and says what it finds instead of doing it.

    `writers`: how many workers are called to each hospital at most.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        writers: int,
        tell: Callable[[str], None],
        say: Callable[..., None] = say,
    ) -> None:
        super().__init__(store, settings, writers, tell)
        self._say, self._writers = say, writers

    def share(self, destination: str, most: int | None = None) -> Counter[str]:  # noqa: ARG002  workers have their turns
        """Calls the workers. Raises StoreUnavailable while the broker is away."""
        for _ in range(self._writers):
            self._say(DRAIN, destination)
        return Counter()

    def take_in(self) -> None:
        """Calls one for each batch and each export that nobody works on."""
        batch_job.sweep(store=self._store, now=now())
        with self._store.reading() as tx:
            batches, exports = tx.batches.free(now()), tx.exports.free(now())
        for task, ids in ((BATCH, batches), (EXPORT, exports)):
            for id_ in ids:
                self._say(task, id_)

    def fetch(self) -> None:
        """Calls one that reads, where a notification waits."""
        with self._store.reading() as tx:
            waits = tx.inbox.is_due(now())
        if waits:
            self._say(PULL)
