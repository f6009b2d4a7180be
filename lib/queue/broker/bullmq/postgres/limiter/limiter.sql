-- $1 is the queue's name, and $2 the lease where a function is called.

-- fragment: limits_lock_key
501190

-- fragment: enter
-- R1
-- One at a time goes through a queue's limits. All functions that write take this lock first, so none can deadlock.
PERFORM pg_advisory_xact_lock(:limits_lock_key, hashtext(current_schema || ':' || _queue))

-- fragment: other_limits
-- What the others than slots are like, one by one.
ROWS FROM (
  jsonb_to_recordset(_others)
  AS (type text, pool text, max bigint, per bigint, refuses boolean, "window" bigint, "maxWait" bigint)
) WITH ORDINALITY AS other(type, pool, most, per, refuses, pause, longest, number)

-- name: create_limits
-- Several statements in one query are one transaction. The lock is for many processes that do so at once.
SELECT pg_advisory_xact_lock(:limits_lock_key, hashtext(current_schema));
:tables
:slots
:windows
:calls

-- name: has_limits
-- Functions that are replaced, even by the same, are compiled anew in each session: $1 is their fingerprint.
SELECT 1 WHERE obj_description(to_regproc('nestjs_tasks_sweep_v4'), 'pg_proc') = $1

-- name: sign_limits
COMMENT ON FUNCTION nestjs_tasks_sweep_v4 IS '%s'

-- name: check_limits
-- Fails as if a table were missing: a function that is missing has the same cause, and the same remedy.
DO $check$ BEGIN
  PERFORM 1 FROM nestjs_tasks_limit LIMIT 1;
  IF to_regproc('nestjs_tasks_sweep_v4') IS NULL THEN
    RAISE undefined_table USING MESSAGE = 'function nestjs_tasks_sweep_v4 does not exist';
  END IF;
END $check$

-- name: admit
-- $3 is the memory of bursts, $4 to $10 tell of the candidate, $11 and $12 of its slots, $13 of its other limits.
SELECT * FROM nestjs_tasks_admit_v4(
  $1, :now, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
)

-- name: release
-- $3 is an id, $4 the token of its claim.
SELECT * FROM nestjs_tasks_release_v4($1, :now, $2, $3, $4)

-- name: forget
-- $3 are ids.
SELECT * FROM nestjs_tasks_forget_v4($1, :now, $2, $3)

-- name: renew_slots
-- $3 are ids, $4 tokens.
SELECT * FROM nestjs_tasks_renew_v4($1, :now, $2, $3, $4)

-- name: sweep
SELECT * FROM nestjs_tasks_sweep_v4($1, :now, $2)

-- name: is_granted
-- R10
-- $2 is an execution's id.
SELECT 1 FROM nestjs_tasks_slot WHERE queue = $1 AND id = $2 AND until IS NOT NULL AND token IS NULL LIMIT 1

-- name: pools
SELECT pool, max(max) AS max,
  array_agg(id ORDER BY since, id COLLATE "C") FILTER (WHERE until IS NOT NULL) AS holders,
  array_agg(key ORDER BY since, id COLLATE "C") FILTER (WHERE until IS NOT NULL) AS holder_keys,
  array_agg(id ORDER BY since, id COLLATE "C") FILTER (WHERE in_line) AS waiters,
  array_agg(key ORDER BY since, id COLLATE "C") FILTER (WHERE in_line) AS waiter_keys
FROM nestjs_tasks_slot WHERE queue = $1 AND (until IS NOT NULL OR in_line) GROUP BY pool
