"""The drill's own count of how often each job ended, made by the database itself."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Engine, select, text

from server.jobs.tables import STATES_IN_FLIGHT, jobs, parcels

TABLE = "CREATE TABLE drill_ends (job_id VARCHAR(32))"
INSERT = "INSERT INTO drill_ends VALUES (NEW.id);"
TRIGGER = "CREATE TRIGGER drill_ends AFTER UPDATE OF state ON jobs"
WHEN = "WHEN (NEW.state IN ('done', 'failed'))"
ON_SQLITE = (TABLE, f"{TRIGGER} {WHEN} BEGIN {INSERT} END")
ON_POSTGRESQL = (
    TABLE,
    "CREATE FUNCTION drill_ends() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN {INSERT} RETURN NULL; END $$",
    f"{TRIGGER} FOR EACH ROW {WHEN} EXECUTE FUNCTION drill_ends()",
)


class Audit:
    """Counts from now on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with engine.begin() as connection:
            statements = ON_SQLITE if engine.dialect.name == "sqlite" else ON_POSTGRESQL
            for statement in statements:
                connection.execute(text(statement))

    def ended(self) -> int:
        """How many jobs have ended; raises while the database is away."""
        query = text("SELECT count(DISTINCT job_id) FROM drill_ends")
        with self._engine.execution_options(reads_only=True).connect() as connection:
            return int(connection.scalar(query) or 0)

    def parcels(self) -> list[str]:
        """Uploads that are still in the database."""
        with self._engine.begin() as connection:
            return list(connection.scalars(select(parcels.c.name)))

    def verdict(self, accepted: dict[str, str]) -> tuple[Counter[str], list[str], list[str]]:
        """How many jobs are done, or why not; which were lost; which were done twice.

        `accepted`: job ids by the address that was asked for.
        """
        with self._engine.begin() as connection:
            rows = {row.id: row for row in connection.execute(select(jobs))}
            ends = Counter(connection.scalars(text("SELECT job_id FROM drill_ends")))
        lost = [job_id for job_id in accepted.values() if job_id not in rows]
        for job_id, row in rows.items():
            reason = row.error if row.state == "failed" else row.result
            if row.state in STATES_IN_FLIGHT or not reason:
                lost.append(job_id)
        done = Counter(row.source for row in rows.values() if row.state == "done")
        doubled = [job_id for job_id, count in ends.items() if count > 1]
        doubled += [source for source, count in done.items() if count > 1]
        states = (row.error["code"] if row.error else row.state for row in rows.values())
        return Counter(states), lost, doubled
