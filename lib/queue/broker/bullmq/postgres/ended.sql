-- Jobs that have ended. $1 is the queue's name in all statements.

-- fragment: group_of
-- The group of a failure stands at the beginning of the memo: see failureMemo().
left(failed_reason, 26) COLLATE "C"

-- fragment: is_grouped
-- What begins with {"group":" sorts before the next character.
:group_of >= '{"group":"' AND :group_of < '{"group":#'

-- name: create_failure_index
-- Counts of a group read an index, and never all failures.
CREATE INDEX IF NOT EXISTS nestjs_tasks_failure ON job (queue, (:group_of), finished_at_ms) WHERE state = 'failed'

-- name: has_failure_index
SELECT 1 WHERE to_regclass('nestjs_tasks_failure') IS NOT NULL

-- fragment: end_state
-- BullMQ has but two states for four.
CASE
  WHEN state = 'completed' THEN 'completed'
  WHEN failed_reason LIKE '{"state":"cancelled"%' THEN 'cancelled'
  WHEN failed_reason LIKE '{"state":"dropped"%' THEN 'dropped'
  ELSE 'failed'
END

-- fragment: is_wanted
-- $2 is how many; then conditions, each null where there is none: $3 and $4 time and id to go on behind, $5 earliest time,
-- $6 latest, $7 states, $8 task, $9 beginning of the encoded key, $10 text of the error as it stands in a memo, $11
-- worker. Keys that are too long to be kept beside the job are for the caller to check, and memos within memos.
queue = $1 AND ($3::bigint IS NULL OR (finished_at_ms <= $3 AND (finished_at_ms < $3 OR id COLLATE "C" < $4)))
  AND finished_at_ms >= coalesce($5::bigint, 0) AND finished_at_ms <= coalesce($6::bigint, 9223372036854775807)
  AND ($7::text[] IS NULL OR :end_state = ANY($7))
  AND ($8::text IS NULL OR name = $8)
  AND ($9::text IS NULL OR starts_with(coalesce(dedup_id, id), $9) OR starts_with(dedup_id, '%#'))
  AND ($10::text IS NULL OR position($10 IN failed_reason) > 0 OR position('"before":' IN failed_reason) > 0)
  AND ($11::text IS NULL OR processed_by = $11)

-- fragment: newest
-- Ids of the newest that are wanted. One index has each state in this order. It does not have the ids, and a sort by them
-- would read all jobs; so all of the last millisecond are read, and sorted then.
(
  SELECT id AS ended_id, finished_at_ms AS ended_at FROM (
    (SELECT id, finished_at_ms FROM job WHERE state = 'completed' AND :is_wanted
      ORDER BY finished_at_ms DESC FETCH FIRST ($2) ROWS WITH TIES)
    UNION ALL
    (SELECT id, finished_at_ms FROM job WHERE state = 'failed' AND :is_wanted
      ORDER BY finished_at_ms DESC FETCH FIRST ($2) ROWS WITH TIES)
  ) AS ended
  ORDER BY finished_at_ms DESC, id COLLATE "C" DESC LIMIT $2
) AS newest

-- name: list_ended
SELECT :job_content FROM :newest JOIN job ON job.queue = $1 AND job.id = ended_id
ORDER BY ended_at DESC, ended_id COLLATE "C" DESC

-- name: summarize_ended
-- The same, without data.
SELECT :job_summary FROM :newest JOIN job ON job.queue = $1 AND job.id = ended_id
ORDER BY ended_at DESC, ended_id COLLATE "C" DESC

-- name: failure_groups
-- Goes from group to group in the index. $2 is since when.
WITH RECURSIVE found AS (
  (SELECT :group_of AS name FROM job WHERE queue = $1 AND state = 'failed' AND :is_grouped ORDER BY 1 LIMIT 1)
  UNION ALL
  SELECT (
    SELECT :group_of FROM job WHERE queue = $1 AND state = 'failed' AND :is_grouped AND :group_of > found.name ORDER BY 1 LIMIT 1
  ) FROM found WHERE found.name IS NOT NULL
)
SELECT counted.*, example.* FROM found
CROSS JOIN LATERAL (
  SELECT count(*) AS count, min(finished_at_ms)::text AS first, max(finished_at_ms)::text AS last FROM job
  WHERE queue = $1 AND state = 'failed' AND :group_of = found.name AND finished_at_ms >= $2
) AS counted
CROSS JOIN LATERAL (
  SELECT :job_content FROM job
  WHERE queue = $1 AND state = 'failed' AND :group_of = found.name AND finished_at_ms >= $2
  ORDER BY finished_at_ms DESC LIMIT 1
) AS example
WHERE found.name IS NOT NULL

-- name: revive
-- In one step: it takes its key and waits. $2 is the id, $3 the time of its end, $4 the memo. BullMQ's `add_job` looks who
-- has the key, and then writes it whoever has it by then: the turn is the lock that it does so under.
WITH ended AS MATERIALIZED (
  SELECT id, dedup_id, finished_at_ms FROM job
  WHERE queue = $1 AND id = $2 AND state IN ('completed', 'failed') FOR UPDATE
), turn AS MATERIALIZED (
  SELECT id, dedup_id, pg_advisory_xact_lock(hashtext('bullmq:dedup:' || $1 || ':' || dedup_id)) FROM ended
    WHERE dedup_id IS NOT NULL AND finished_at_ms = $3
), keyed AS (
  INSERT INTO dedup (queue, dedup_id, job_id) SELECT $1, dedup_id, id FROM turn
  ON CONFLICT (queue, dedup_id) DO UPDATE SET job_id = excluded.job_id, expire_at_ms = NULL
    WHERE dedup.job_id = excluded.job_id OR dedup.expire_at_ms <= :now
  RETURNING 1
), revived AS (
  UPDATE job SET state = 'waiting', seq = nextval('job_seq'), failed_reason = $4, process_at_ms = NULL, delay_ms = 0,
    processed_at_ms = NULL, finished_at_ms = NULL, return_value = NULL, stacktrace = NULL
  FROM ended WHERE job.queue = $1 AND job.id = ended.id AND ended.finished_at_ms = $3
    AND (ended.dedup_id IS NULL OR EXISTS (SELECT 1 FROM keyed))
  RETURNING job.id
), freed AS (
  -- A cancellation was of the run that has ended.
  DELETE FROM nestjs_tasks_note WHERE queue = $1 AND kind IN ('kept', 'cancel') AND key IN (SELECT id FROM revived)
)
SELECT (SELECT finished_at_ms = $3 FROM ended) AS is_same, EXISTS (SELECT 1 FROM revived) AS is_revived,
  EXISTS (SELECT 1 FROM job WHERE queue = $1 AND id = $2) AS is_there,
  CASE WHEN EXISTS (SELECT 1 FROM revived) THEN pg_notify('bullmq_jobs', $1) END AS told

-- name: forget_ended
-- $3 is the latest time of its end, if any.
WITH gone AS (
  DELETE FROM job WHERE queue = $1 AND id = $2 AND state IN ('completed', 'failed')
    AND ($3::bigint IS NULL OR finished_at_ms <= $3) RETURNING id
), freed AS (
  DELETE FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'kept' AND key IN (SELECT id FROM gone)
)
SELECT id FROM gone

-- name: keep_ended
INSERT INTO nestjs_tasks_note AS known (queue, kind, key, value, expires_at) VALUES ($1, 'kept', $2, '', $3)
ON CONFLICT (queue, kind, key) DO UPDATE SET expires_at = excluded.expires_at

-- name: is_kept
SELECT 1 FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'kept' AND key = $2

-- name: expire
-- $2 is the state of the job, $3 the state in which the execution has ended, $4 and $5 the times from and to, $6 how many.
DELETE FROM job WHERE queue = $1 AND id IN (
  SELECT id FROM job
  WHERE queue = $1 AND state = $2::job_state AND finished_at_ms >= $4 AND finished_at_ms <= $5 AND :end_state = $3
    AND NOT EXISTS (SELECT 1 FROM nestjs_tasks_note AS note WHERE note.queue = $1 AND note.kind = 'kept' AND note.key = job.id)
  ORDER BY finished_at_ms LIMIT $6
) AND state = $2::job_state AND finished_at_ms <= $5

-- name: expire_kept
-- $2 is how many.
WITH due AS MATERIALIZED (
  SELECT key FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'kept' AND expires_at <= :now LIMIT $2
), gone AS (
  DELETE FROM job WHERE queue = $1 AND id IN (SELECT key FROM due) AND state IN ('completed', 'failed')
)
DELETE FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'kept' AND key IN (SELECT key FROM due)
