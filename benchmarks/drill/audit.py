"""The drill's own count of how often each work ended, made by the database itself."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Engine, select, text

from server.jobs.tables import STATES_IN_FLIGHT, jobs, parcels, works

TABLE = "CREATE TABLE drill_ends (work_id VARCHAR(32))"
INSERT = "INSERT INTO drill_ends VALUES (NEW.id);"
TRIGGER = "CREATE TRIGGER drill_ends AFTER UPDATE OF state ON works"
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
        """How many works have ended; raises while the database is away."""
        query = text("SELECT count(DISTINCT work_id) FROM drill_ends")
        with self._engine.execution_options(reads_only=True).connect() as connection:
            return int(connection.scalar(query) or 0)

    def parcels(self) -> list[str]:
        """Uploads that are still in the database."""
        with self._engine.begin() as connection:
            return list(connection.scalars(select(parcels.c.name)))

    def verdict(self, accepted: dict[str, str]) -> tuple[Counter[str], list[str], list[str]]:
        """How many works are done, or why not; which jobs were lost; which works were done twice.

        `accepted`: job ids by the address that was asked for.
        """
        query = select(jobs.c.id.label("job_id"), jobs.c.source.label("address"), works)
        with self._engine.begin() as connection:
            rows = list(connection.execute(query.join(works)))
            ends = Counter(connection.scalars(text("SELECT work_id FROM drill_ends")))
        lost = list(set(accepted.values()) - {row.job_id for row in rows})
        for row in rows:
            reason = row.error if row.state == "failed" else row.result
            if row.state in STATES_IN_FLIGHT or not reason:
                lost.append(row.job_id)
        done = Counter(address for address, _ in {(r.address, r.id) for r in rows if r.result})
        doubled = [each for each, count in (ends + done).items() if count > 1]
        states = {row.id: row.error["code"] if row.error else row.state for row in rows}
        return Counter(states.values()), lost, doubled
