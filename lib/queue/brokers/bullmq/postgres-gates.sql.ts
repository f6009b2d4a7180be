import { createHash } from 'node:crypto';
import { LATEST } from '../gates/gate.js';

/**
 * Processes of two versions may use the same tables at once. Whoever changes what a function takes, answers or does gives
 * all of them a new version here, and leaves to the tables what the former version needs.
 */
const VERSION = 'v1';

export const ADMIT = `nestjs_tasks_admit_${VERSION}`;
export const RELEASE = `nestjs_tasks_release_${VERSION}`;
export const FORGET = `nestjs_tasks_forget_${VERSION}`;
export const RENEW = `nestjs_tasks_renew_${VERSION}`;
export const SWEEP = `nestjs_tasks_sweep_${VERSION}`;
const EXPIRE = `nestjs_tasks_expire_${VERSION}`;
const SERVE = `nestjs_tasks_serve_${VERSION}`;
const LEAVE = `nestjs_tasks_leave_${VERSION}`;
const TURN_AWAY = `nestjs_tasks_turn_away_${VERSION}`;
const NOTE = `nestjs_tasks_note_starts_${VERSION}`;

const LOCK_KEY = 0x7a5c6;
/** So many rows that have expired are deleted in one sweep: others wait for it. */
const ROWS_PER_SWEEP = 10_000;

/** One at a time goes through a queue's books. All functions that write take this lock first, so none can deadlock. */
const LOCK = `PERFORM pg_advisory_xact_lock(${LOCK_KEY}, hashtext(current_schema || ':' || _queue))`;

/**
 * Nobody waits under the lock for the disk: for calls that admit nobody, it does not matter whether a crash of the server
 * undoes them. A slot that was let go of expires; and what a caller does next commits after them, so it cannot outlast
 * them.
 */
const DO_NOT_WAIT_FOR_DISK = `PERFORM set_config('synchronous_commit', 'off', true)`;

/** The tables are often next to empty when they are analysed, and PostgreSQL would go on to read them as a whole. */
const BY_INDEX = 'SET enable_seqscan = off';

/**
 * `nestjs_tasks_slot`: a row for each slot that an execution holds (`until` is the end of its lease; without a token the
 * slot is on offer) or waits for (`until` is null; it is in line for one of those, by since when it is due). An execution holds all that
 * it needs, or none. `nestjs_tasks_gate`: starts and places kept for them, cooldowns, debounces. Created only where they
 * are not there: `CREATE INDEX IF NOT EXISTS` would lock both tables against those who work with them.
 */
const TABLES = `
DO $tables$ BEGIN
IF to_regclass('nestjs_tasks_gate') IS NULL THEN
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
  CREATE TABLE nestjs_tasks_gate (
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
  CREATE INDEX nestjs_tasks_gate_starts ON nestjs_tasks_gate (queue, pool, at) WHERE kind = 'start';
  CREATE INDEX nestjs_tasks_gate_kept ON nestjs_tasks_gate (queue, kept_for) WHERE kept_for IS NOT NULL;
  CREATE INDEX nestjs_tasks_gate_expiry ON nestjs_tasks_gate (queue, expires_at);
END IF;
END $tables$;`;

const STEPS = `
-- Takes slots of a pool whose lease is over, with all others of their holders; what is on offer is offered again.
CREATE OR REPLACE FUNCTION ${EXPIRE}(
  _queue text, _now bigint, _lease bigint, _pool text, INOUT woken text[], INOUT freed text[]
) LANGUAGE plpgsql AS $$
DECLARE
  _offered text[];
  _dead text[];
  _found text[];
BEGIN
  SELECT array_agg(id) FILTER (WHERE token IS NULL), array_agg(id) FILTER (WHERE token IS NOT NULL) INTO _offered, _dead
    FROM nestjs_tasks_slot WHERE queue = _queue AND pool = _pool AND until <= _now;
  IF _offered IS NOT NULL THEN
    WITH offered AS (
      UPDATE nestjs_tasks_slot SET until = _now + _lease WHERE queue = _queue AND id = ANY(_offered)
      RETURNING id, key, place
    )
    SELECT array_agg(guest.text ORDER BY offered.id, guest.number) INTO _found
      FROM offered, unnest(ARRAY[offered.id, offered.key]) WITH ORDINALITY AS guest(text, number)
      WHERE offered.place = 1;
    woken := woken || _found;
  END IF;
  IF _dead IS NOT NULL THEN
    WITH gone AS (DELETE FROM nestjs_tasks_slot WHERE queue = _queue AND id = ANY(_dead) RETURNING pool)
    SELECT array_agg(DISTINCT pool) INTO _found FROM gone;
    freed := freed || _found;
  END IF;
END $$;

-- Hands free slots of pools to those in line, in turn. Who needs one of another pool as well, lines up there.
CREATE OR REPLACE FUNCTION ${SERVE}(
  _queue text, _now bigint, _lease bigint, _pools text[], INOUT woken text[]
) LANGUAGE plpgsql AS $$
DECLARE
  _id text;
  _key text;
  _full text;
  _freed text[];
BEGIN
  WHILE cardinality(_pools) > 0 LOOP
    SELECT id, key INTO _id, _key FROM nestjs_tasks_slot
      WHERE queue = _queue AND pool = _pools[1] AND in_line ORDER BY since, id COLLATE "C" LIMIT 1;
    IF NOT FOUND THEN
      _pools := _pools[2:];
      CONTINUE;
    END IF;
    SELECT needed.pool INTO _full FROM nestjs_tasks_slot needed
      WHERE needed.queue = _queue AND needed.id = _id AND needed.max <= (
        SELECT count(*) FROM nestjs_tasks_slot held
        WHERE held.queue = _queue AND held.pool = needed.pool AND held.until IS NOT NULL
      )
      ORDER BY needed.place LIMIT 1;
    IF FOUND THEN
      _freed := '{}';
      SELECT expired.woken, expired.freed INTO woken, _freed
        FROM ${EXPIRE}(_queue, _now, _lease, _full, woken, _freed) AS expired;
      IF cardinality(_freed) > 0 THEN
        _pools := _pools || _freed; -- and it is looked at again
      ELSIF _full = _pools[1] THEN
        _pools := _pools[2:];
      ELSE
        UPDATE nestjs_tasks_slot SET in_line = (pool = _full) WHERE queue = _queue AND id = _id;
      END IF;
    ELSE
      UPDATE nestjs_tasks_slot SET until = _now + _lease, in_line = false WHERE queue = _queue AND id = _id;
      woken := woken || ARRAY[_id, _key];
    END IF;
  END LOOP;
END $$;

-- With a token: what the claim holds, or what was handed to its execution. Without: from wherever it is.
CREATE OR REPLACE FUNCTION ${LEAVE}(
  _queue text, _now bigint, _lease bigint, _id text, _token text, INOUT woken text[]
) LANGUAGE plpgsql AS $$
DECLARE
  _freed text[];
BEGIN
  WITH gone AS (
    DELETE FROM nestjs_tasks_slot WHERE queue = _queue AND id = _id
      AND (_token IS NULL OR (until IS NOT NULL AND coalesce(token, _token) = _token))
    RETURNING pool, place
  )
  SELECT array_agg(pool ORDER BY place) INTO _freed FROM gone;
  IF _freed IS NOT NULL THEN woken := ${SERVE}(_queue, _now, _lease, _freed, woken); END IF;
END $$;`;

/** What the others than slots are like, one by one. */
const OTHERS = `ROWS FROM (
      jsonb_to_recordset(_others)
      AS (type text, pool text, "limit" bigint, per bigint, refuses boolean, "window" bigint, "maxWait" bigint)
    ) WITH ORDINALITY AS other(type, pool, most, per, refuses, pause, longest, number)`;

const TIMES = `
-- What the others than slots say against it, if anything.
CREATE OR REPLACE FUNCTION ${TURN_AWAY}(
  _queue text, _now bigint, _memory bigint, _id text, _run text, _attempt integer, _order text, _others jsonb,
  OUT outcome text, OUT gate integer, OUT due bigint
) LANGUAGE plpgsql AS $$
DECLARE
  _gate record;
  _own text := _run || '#' || _attempt;
  _burst jsonb;
  _passed text;
  _last text;
  _kept bigint;
BEGIN
  FOR _gate IN SELECT * FROM ${OTHERS} ORDER BY number LOOP
    gate := _gate.number;
    IF _gate.type = 'debounce' AND _attempt = 1 THEN
      SELECT value INTO _burst FROM nestjs_tasks_gate
        WHERE queue = _queue AND kind = 'debounce' AND pool = _gate.pool AND member = '' AND expires_at > _now;
      _passed := _burst ->> 'passed';
      _last := _burst ->> 'last';
      CONTINUE WHEN _order = _passed;
      IF _order < _passed COLLATE "C" OR _order < _last COLLATE "C" THEN
        outcome := 'refused';
        RETURN;
      END IF;
      due := (_burst ->> 'dueAt')::bigint;
      IF _last IS DISTINCT FROM _order THEN
        -- Where the last one has not come for so long after its time, it was lost, and with it the row that it ended.
        IF _last IS NULL OR due + ${LATEST} < _now THEN _burst := jsonb_build_object('firstAt', _now, 'passed', _passed); END IF;
        due := least(_now + _gate.pause, (_burst ->> 'firstAt')::bigint + _gate.longest);
        INSERT INTO nestjs_tasks_gate (queue, kind, pool, member, value, expires_at)
          VALUES (
            _queue, 'debounce', _gate.pool, '', _burst || jsonb_build_object('dueAt', due, 'last', _order),
            due + _gate.pause + _memory
          )
          ON CONFLICT (queue, kind, pool, member)
          DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at;
      END IF;
      IF due > _now THEN
        outcome := 'later';
        RETURN;
      END IF;
    ELSIF _gate.type = 'cooldown' AND _attempt = 1 THEN
      PERFORM 1 FROM nestjs_tasks_gate
        WHERE queue = _queue AND kind = 'cooldown' AND pool = _gate.pool AND member = '' AND expires_at > _now
          AND value ->> 'run' <> _run;
      IF FOUND THEN
        outcome := 'refused';
        RETURN;
      END IF;
    ELSIF _gate.type = 'rate' THEN
      DELETE FROM nestjs_tasks_gate
        WHERE queue = _queue AND kind = 'start' AND pool = _gate.pool AND at <= _now - _gate.per;
      DELETE FROM nestjs_tasks_gate
        WHERE queue = _queue AND kind = 'start' AND pool = _gate.pool AND member = _own AND at <= _now
        RETURNING at INTO _kept;
      SELECT at INTO due FROM nestjs_tasks_gate
        WHERE queue = _queue AND kind = 'start' AND pool = _gate.pool AND member = _own;
      IF NOT FOUND THEN
        -- One that comes for its place does not stand behind those whose places are later.
        SELECT at + _gate.per INTO due FROM nestjs_tasks_gate
          WHERE queue = _queue AND kind = 'start' AND pool = _gate.pool AND at > _now - _gate.per
            AND at <= CASE WHEN _kept IS NULL THEN ${Number.MAX_SAFE_INTEGER} ELSE _now END
          ORDER BY at DESC OFFSET _gate.most - 1 LIMIT 1;
        IF due > _now AND NOT _gate.refuses THEN
          INSERT INTO nestjs_tasks_gate (queue, kind, pool, member, at, kept_for, expires_at)
            VALUES (_queue, 'start', _gate.pool, _own, due, _id, due + _gate.per + _memory);
        END IF;
      END IF;
      IF due > _now THEN
        outcome := CASE WHEN _gate.refuses THEN 'refused' ELSE 'later' END;
        RETURN;
      END IF;
    END IF;
  END LOOP;
END $$;

-- The others than slots take note of one that starts, or has to wait for a slot.
CREATE OR REPLACE FUNCTION ${NOTE}(
  _queue text, _now bigint, _memory bigint, _run text, _attempt integer, _order text, _others jsonb, _starts boolean
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  _gate record;
  _own text := _run || '#' || _attempt;
BEGIN
  FOR _gate IN SELECT * FROM ${OTHERS} LOOP
    IF _gate.type = 'rate' AND _starts THEN
      INSERT INTO nestjs_tasks_gate (queue, kind, pool, member, at, expires_at)
        VALUES (_queue, 'start', _gate.pool, _own, _now, _now + _gate.per + _memory)
        ON CONFLICT (queue, kind, pool, member)
        DO UPDATE SET at = excluded.at, kept_for = NULL, expires_at = excluded.expires_at;
    ELSIF _gate.type = 'cooldown' AND _starts AND _attempt = 1 THEN
      INSERT INTO nestjs_tasks_gate AS cooldown (queue, kind, pool, member, value, expires_at)
        VALUES (_queue, 'cooldown', _gate.pool, '', jsonb_build_object('run', _run), _now + _gate.pause)
        ON CONFLICT (queue, kind, pool, member)
        DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at WHERE cooldown.expires_at <= _now;
    ELSIF _gate.type = 'debounce' AND _starts THEN
      UPDATE nestjs_tasks_gate SET value = value - 'last' || jsonb_build_object('passed', _order)
        WHERE queue = _queue AND kind = 'debounce' AND pool = _gate.pool AND member = '' AND value ->> 'last' = _order;
    END IF;
  END LOOP;
END $$;`;

const CALLS = `
-- The number of the gate is that of a slot for one that waits, and of the others for one that is turned away; from 1.
CREATE OR REPLACE FUNCTION ${ADMIT}(
  _queue text, _now bigint, _lease bigint, _memory bigint, _id text, _key text, _token text, _run integer,
  _attempt integer, _order text, _since bigint, _pools text[], _maxima bigint[], _others jsonb,
  OUT outcome text, OUT gate integer, OUT due bigint, OUT woken text[]
) LANGUAGE plpgsql ${BY_INDEX} AS $$
DECLARE
  _run_of text := _id || '#' || _run;
  _known_pools text[];
  _known_maxima bigint[];
  _line text;
  _cleared integer := 0;
  _freed text[];
BEGIN
  ${LOCK};
  woken := '{}';
  IF _others IS NOT NULL THEN
    SELECT * INTO outcome, gate, due
      FROM ${TURN_AWAY}(_queue, _now, _memory, _id, _run_of, _attempt, _order, _others);
    IF outcome IS NOT NULL THEN
      woken := ${LEAVE}(_queue, _now, _lease, _id, NULL, woken); -- others can use its slots meanwhile
      ${DO_NOT_WAIT_FOR_DISK};
      RETURN;
    END IF;
  END IF;

  SELECT array_agg(pool ORDER BY place), array_agg(max ORDER BY place), max(pool) FILTER (WHERE in_line)
    INTO _known_pools, _known_maxima, _line
    FROM nestjs_tasks_slot WHERE queue = _queue AND id = _id;
  IF _known_pools <> _pools OR _known_maxima <> _maxima THEN
    woken := ${LEAVE}(_queue, _now, _lease, _id, NULL, woken); -- another deploy has other rules
    _known_pools := NULL;
    _line := NULL;
  END IF;

  IF _known_pools IS NOT NULL THEN
    IF _line IS NOT NULL THEN
      woken := ${SERVE}(_queue, _now, _lease, ARRAY[_line], woken);
      SELECT place, pool INTO gate, _line FROM nestjs_tasks_slot WHERE queue = _queue AND id = _id AND in_line;
    END IF;
    IF _line IS NULL THEN
      UPDATE nestjs_tasks_slot SET token = _token, until = _now + _lease WHERE queue = _queue AND id = _id;
    END IF;
  ELSIF cardinality(_pools) > 0 THEN
    LOOP
      -- Those who stand in line for a slot have come first.
      SELECT asked.place, asked.pool INTO gate, _line
        FROM unnest(_pools, _maxima) WITH ORDINALITY AS asked(pool, max, place)
        WHERE EXISTS (
          SELECT 1 FROM nestjs_tasks_slot waiting
          WHERE waiting.queue = _queue AND waiting.pool = asked.pool AND waiting.in_line
        ) OR asked.max <= (
          SELECT count(*) FROM nestjs_tasks_slot held
          WHERE held.queue = _queue AND held.pool = asked.pool AND held.until IS NOT NULL
        )
        ORDER BY asked.place LIMIT 1;
      EXIT WHEN NOT FOUND OR gate <= _cleared;
      _freed := CASE WHEN _cleared = 0 THEN _pools ELSE '{}' END;
      SELECT expired.woken, expired.freed INTO woken, _freed
        FROM ${EXPIRE}(_queue, _now, _lease, _line, woken, _freed) AS expired;
      woken := ${SERVE}(_queue, _now, _lease, _freed, woken);
      _cleared := gate;
    END LOOP;
    INSERT INTO nestjs_tasks_slot (queue, id, place, pool, max, key, since, token, until, in_line)
      SELECT _queue, _id, asked.place, asked.pool, asked.max, _key, _since,
        CASE WHEN _line IS NULL THEN _token END, CASE WHEN _line IS NULL THEN _now + _lease END,
        asked.pool IS NOT DISTINCT FROM _line
      FROM unnest(_pools, _maxima) WITH ORDINALITY AS asked(pool, max, place);
  END IF;

  IF _others IS NOT NULL THEN
    PERFORM ${NOTE}(_queue, _now, _memory, _run_of, _attempt, _order, _others, _line IS NULL);
  END IF;
  outcome := CASE WHEN _line IS NULL THEN 'admitted' ELSE 'waits' END;
  IF _line IS NOT NULL THEN ${DO_NOT_WAIT_FOR_DISK}; END IF;
END $$;

CREATE OR REPLACE FUNCTION ${RELEASE}(_queue text, _now bigint, _lease bigint, _id text, _token text, OUT woken text[])
LANGUAGE plpgsql ${BY_INDEX} AS $$
BEGIN
  ${LOCK};
  ${DO_NOT_WAIT_FOR_DISK};
  woken := ${LEAVE}(_queue, _now, _lease, _id, _token, '{}');
END $$;

CREATE OR REPLACE FUNCTION ${FORGET}(_queue text, _now bigint, _lease bigint, _id text, OUT woken text[])
LANGUAGE plpgsql ${BY_INDEX} AS $$
BEGIN
  ${LOCK};
  ${DO_NOT_WAIT_FOR_DISK};
  DELETE FROM nestjs_tasks_gate WHERE queue = _queue AND kept_for = _id;
  woken := ${LEAVE}(_queue, _now, _lease, _id, NULL, '{}');
END $$;

CREATE OR REPLACE FUNCTION ${RENEW}(_queue text, _now bigint, _lease bigint, _ids text[], _tokens text[])
RETURNS void LANGUAGE plpgsql ${BY_INDEX} AS $$
BEGIN
  ${LOCK};
  FOR _at IN 1..cardinality(_ids) LOOP
    UPDATE nestjs_tasks_slot SET until = _now + _lease, token = _tokens[_at]
      WHERE queue = _queue AND id = _ids[_at] AND until IS NOT NULL
        AND coalesce(token, _tokens[_at]) = _tokens[_at];
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION ${SWEEP}(_queue text, _now bigint, _lease bigint, OUT woken text[], OUT next_at bigint)
LANGUAGE plpgsql ${BY_INDEX} AS $$
DECLARE
  _pool text;
  _freed text[] := '{}';
BEGIN
  ${LOCK};
  ${DO_NOT_WAIT_FOR_DISK};
  woken := '{}';
  DELETE FROM nestjs_tasks_gate WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM nestjs_tasks_gate WHERE queue = _queue AND expires_at <= _now LIMIT ${ROWS_PER_SWEEP}
  ));
  FOR _pool IN SELECT DISTINCT pool FROM nestjs_tasks_slot WHERE queue = _queue AND until <= _now LOOP
    SELECT expired.woken, expired.freed INTO woken, _freed
      FROM ${EXPIRE}(_queue, _now, _lease, _pool, woken, _freed) AS expired;
  END LOOP;
  woken := ${SERVE}(_queue, _now, _lease, _freed, woken);
  -- As a value, not as EXISTS, which may become a join with all who wait.
  SELECT min(held.until) INTO next_at FROM nestjs_tasks_slot held
    WHERE held.queue = _queue AND held.until IS NOT NULL AND (
      SELECT true FROM nestjs_tasks_slot waiting
      WHERE waiting.queue = _queue AND waiting.pool = held.pool AND waiting.in_line LIMIT 1
    );
END $$;`;

const DEFINITION = `${TABLES}${STEPS}${TIMES}${CALLS}`;
const FINGERPRINT = createHash('sha256').update(DEFINITION).digest('hex');

/** Several statements in one query are one transaction. The lock is for many processes that do so at once. */
export const MIGRATION = `
SELECT pg_advisory_xact_lock(${LOCK_KEY}, hashtext(current_schema));
${DEFINITION}
COMMENT ON FUNCTION ${SWEEP} IS '${FINGERPRINT}'`;

/** Whether there is nothing to do: functions that are replaced, even by the same, are compiled anew in each session. */
export const IS_MIGRATED = `
SELECT 1 WHERE obj_description(to_regproc('${SWEEP}'), 'pg_proc') = '${FINGERPRINT}'`;

/** Fails as if a table were missing: a function that is missing has the same cause, and the same remedy. */
export const CHECK = `
DO $check$ BEGIN
  PERFORM 1 FROM nestjs_tasks_gate LIMIT 1;
  IF to_regproc('${SWEEP}') IS NULL THEN
    RAISE undefined_table USING MESSAGE = 'function ${SWEEP} does not exist';
  END IF;
END $check$`;

/** `$1` is the queue's name, `$2` an execution's id. */
export const IS_HANDED_OVER = `
SELECT 1 FROM nestjs_tasks_slot WHERE queue = $1 AND id = $2 AND until IS NOT NULL AND token IS NULL LIMIT 1`;

/** `$1` is the queue's name. */
export const POOLS = `
SELECT pool, max(max) AS max,
  array_agg(id ORDER BY since, id COLLATE "C") FILTER (WHERE until IS NOT NULL) AS holders,
  array_agg(key ORDER BY since, id COLLATE "C") FILTER (WHERE until IS NOT NULL) AS holder_keys,
  array_agg(id ORDER BY since, id COLLATE "C") FILTER (WHERE in_line) AS waiters,
  array_agg(key ORDER BY since, id COLLATE "C") FILTER (WHERE in_line) AS waiter_keys
FROM nestjs_tasks_slot WHERE queue = $1 AND (until IS NOT NULL OR in_line) GROUP BY pool`;
