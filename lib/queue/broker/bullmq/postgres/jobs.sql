-- BullMQ's jobs. $1 is the queue's name in all statements.

-- fragment: job_status
-- As text: how pg reads JSON and whole numbers is for the application to choose.
id, state::text, name, opts::text, progress::text, priority, added_at_ms::text AS added_at, attempts_started, attempts_made,
  stalled_count, processed_at_ms::text AS processed_at, finished_at_ms::text AS finished_at, failed_reason, return_value::text, processed_by

-- fragment: job_content
:job_status, data::text, dedup_id

-- name: look_at_job
SELECT :job_status FROM job WHERE queue = $1 AND id = $2

-- name: read_job
SELECT :job_content FROM job WHERE queue = $1 AND id = $2

-- name: list_jobs
-- $2 is how many. Partial indexes have these orders.
(SELECT :job_content FROM job WHERE queue = $1 AND state = 'active' ORDER BY seq LIMIT $2)
UNION ALL
(SELECT :job_content FROM job WHERE queue = $1 AND state = 'waiting' ORDER BY priority, seq LIMIT $2)
UNION ALL
(SELECT :job_content FROM job WHERE queue = $1 AND state = 'delayed' ORDER BY process_at_ms LIMIT $2)
LIMIT $2

-- name: look_at_delayed_jobs
-- Those that are neither due nor parked. $2 is now, $3 until when parked ones are delayed, $4 how many.
SELECT :job_status FROM job
WHERE queue = $1 AND state = 'delayed' AND process_at_ms > $2 AND process_at_ms <> $3
ORDER BY process_at_ms LIMIT $4

-- name: promote
-- BullMQ's own call looks at the state, and then writes whatever it is by then: of two at once, the second would put a job
-- back into the queue that runs already.
WITH delayed AS (SELECT id FROM job WHERE queue = $1 AND id = $2 AND state = 'delayed' FOR UPDATE)
SELECT promote($1, id) FROM delayed

-- name: retime
-- BullMQ's own call that changes a delay cannot write down the memo in the same step. $3 is the time, $4 the delay, $5 the
-- expected memo, $6 the next.
UPDATE job SET process_at_ms = $3, delay_ms = $4, failed_reason = $6
WHERE queue = $1 AND id = $2 AND state = 'delayed' AND coalesce(failed_reason, '') = $5

-- name: remove
-- BullMQ's own removes a job that is claimed after the look while it runs.
WITH waiting AS (
  SELECT id FROM job WHERE queue = $1 AND id = $2 AND state NOT IN ('active', 'completed', 'failed') FOR UPDATE
)
SELECT remove($1, id, false) AS removed FROM waiting

-- name: renew_leases
-- BullMQ's own locks rows in the order of the ids that it is given, and so in another than its other statements. $2 are ids,
-- $3 tokens, $4 is the lease. Returns the ids of those that are lost.
WITH held AS (
  SELECT job.id FROM job JOIN unnest($2::text[], $3::text[]) AS claim(id, token) ON job.id = claim.id
  WHERE job.queue = $1 AND job.state = 'active' AND job.lock_token = claim.token
  ORDER BY job.id FOR NO KEY UPDATE OF job
), renewed AS (
  UPDATE job SET locked_until_ms = :now + $4 FROM held WHERE job.queue = $1 AND job.id = held.id RETURNING job.id
)
SELECT id FROM unnest($2::text[]) AS claim(id) WHERE id NOT IN (SELECT id FROM renewed)

-- name: recover
-- BullMQ's own marks all running jobs, which locks their rows against renewals, and may run many times at once. This one
-- runs once at a time in a queue, and waits for nobody: what is locked is being renewed or settled.
WITH turn AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock(501191, hashtext(current_schema || ':' || $1)) AS is_ours
), expired AS (
  SELECT job.id FROM job, turn
  WHERE turn.is_ours AND job.queue = $1 AND job.state = 'active' AND coalesce(job.locked_until_ms, 0) < :now
  ORDER BY job.id FOR NO KEY UPDATE OF job SKIP LOCKED
), recovered AS (
  UPDATE job SET state = 'waiting', lock_token = NULL, locked_until_ms = NULL, stalled_marked = false,
    stalled_count = least(stalled_count, 2000000000) + 1, seq = nextval('job_seq')
  FROM expired WHERE job.queue = $1 AND job.id = expired.id RETURNING job.id
)
SELECT id, publish_event($1, 'stalled', jsonb_build_object('jobId', id)) AS event, pg_notify('bullmq_jobs', $1) AS told
FROM recovered

-- name: held_by
SELECT id FROM job WHERE queue = $1 AND state = 'active' AND lock_token = $2

-- name: active
SELECT id FROM job WHERE queue = $1 AND state = 'active'
