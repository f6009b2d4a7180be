-- nestjs_tasks_slot: a row for each slot that an execution holds (`until` is the end of its lease; without a token the
-- slot is granted) or waits for (`until` is null; it is in line for one of those, by since when it is due). An execution
-- holds all that it needs, or none.
-- nestjs_tasks_limit: starts and places kept for them, cooldowns, debounces.
-- Created only where they are not there: CREATE INDEX IF NOT EXISTS would lock both tables against those who work with them.
DO $tables$ BEGIN
IF to_regclass('nestjs_tasks_limit') IS NULL THEN
  CREATE TABLE nestjs_tasks_slot (
    queue text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    place integer NOT NULL,
    pool text COLLATE "C" NOT NULL,
    max bigint NOT NULL,
    key text NOT NULL,
    since bigint NOT NULL,
    token text COLLATE "C",
    until bigint,
    in_line boolean NOT NULL,
    PRIMARY KEY (queue, id, place)
  );
  CREATE INDEX nestjs_tasks_slot_holders ON nestjs_tasks_slot (queue, pool, until) WHERE until IS NOT NULL;
  CREATE INDEX nestjs_tasks_slot_line ON nestjs_tasks_slot (queue, pool, since, id COLLATE "C") WHERE in_line;
  CREATE TABLE nestjs_tasks_limit (
    queue text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    pool text COLLATE "C" NOT NULL,
    member text COLLATE "C" NOT NULL,
    at bigint,
    kept_for text COLLATE "C",
    value jsonb,
    expires_at bigint NOT NULL,
    PRIMARY KEY (queue, kind, pool, member)
  );
  CREATE INDEX nestjs_tasks_limit_starts ON nestjs_tasks_limit (queue, pool, at) WHERE kind = 'start';
  CREATE INDEX nestjs_tasks_limit_kept ON nestjs_tasks_limit (queue, kept_for) WHERE kept_for IS NOT NULL;
  CREATE INDEX nestjs_tasks_limit_expiry ON nestjs_tasks_limit (queue, expires_at);
END IF;
END $tables$;
