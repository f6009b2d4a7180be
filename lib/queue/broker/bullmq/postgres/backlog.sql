-- What waits in BullMQ's table of jobs. $1 is the queue's name in all statements.

-- name: count
-- $2 is now, $3 until when parked jobs are delayed. Partial indexes hold each state.
SELECT
  (SELECT count(*) FROM job WHERE queue = $1 AND state = 'active') AS running,
  (SELECT count(*) FROM job WHERE queue = $1 AND state = 'waiting') AS waiting,
  (SELECT count(*) FROM job WHERE queue = $1 AND state = 'delayed') AS delayed,
  (SELECT count(*) FROM job WHERE queue = $1 AND state = 'delayed' AND process_at_ms <= $2) AS due,
  (SELECT count(*) FROM job WHERE queue = $1 AND state = 'delayed' AND process_at_ms = $3) AS parked

-- name: signal
-- $2 is an encoded key, $3 an id, $4 the reason, $5 how long it is noted, $6 the channel.
-- One transaction: the note is there when the signal is heard. The signal does not wait for the disk; see "keep".
WITH replacement AS (
  SELECT 1 FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'map:quiet:replacements' AND key = $2
), target AS (
  SELECT id, name, state, state = 'active' AND NOT EXISTS (SELECT 1 FROM replacement) AS is_told FROM job
  WHERE queue = $1 AND state IN ('waiting', 'active', 'delayed') AND id IN (
    (SELECT job_id FROM dedup WHERE queue = $1 AND dedup_id = $2 AND (expire_at_ms IS NULL OR expire_at_ms > :now)),
    $3
  )
  LIMIT 1
), noted AS (
  INSERT INTO nestjs_tasks_note AS known (queue, kind, key, value, expires_at)
    SELECT $1, 'cancel', id, $4, :now + $5 FROM target WHERE is_told
  :keep_greater
)
SELECT set_config('synchronous_commit', 'off', true), target.id, target.name, target.state::text, EXISTS (SELECT 1 FROM replacement) AS is_replaced,
  CASE WHEN is_told THEN pg_notify($6, json_build_object('type', 'cancel', 'id', target.id)::text) END AS told
FROM (SELECT 1) AS one LEFT JOIN target ON true

-- name: keep
-- A note outlives a crash of the server when a later change has been written to the disk. $2 is the id of its job.
UPDATE nestjs_tasks_note SET value = value WHERE queue = $1 AND kind = 'cancel' AND key = $2

-- fragment: end_page
-- Ends the jobs of a page, as BullMQ ends those that have failed. $2 is the reason as JSON, $3 now, $4 the retention
-- by task in milliseconds, as JSON.
ended AS (
  UPDATE job SET state = 'failed', finished_at_ms = $3, attempts_made = attempts_made + 1, deferred_failure = NULL,
    failed_reason = '{"state":"cancelled","reason":' || $2
      || CASE WHEN page.memo = '' THEN '' ELSE ',"before":' || to_json(page.memo)::text END || '}'
  FROM page WHERE job.queue = $1 AND job.id = page.id
), freed AS (
  DELETE FROM dedup USING page WHERE dedup.queue = $1 AND dedup.dedup_id = page.dedup_id AND dedup.job_id = page.id
), pointed AS (
  INSERT INTO nestjs_tasks_note AS known (queue, kind, key, value, expires_at)
    SELECT DISTINCT ON (dedup_id) $1, 'ended', dedup_id, id, :now + retention FROM page
    WHERE dedup_id IS NOT NULL AND retention > 0 ORDER BY dedup_id, id COLLATE "C" DESC
  :keep_greater
), kept AS (
  INSERT INTO nestjs_tasks_note AS known (queue, kind, key, value, expires_at)
    SELECT $1, 'kept', id, '', $3::bigint + greatest(retention, 10000) -- HANDLE_RETENTION
    FROM page WHERE is_own
  :keep_greater
)
SELECT id, memo <> '' AS has_asked FROM page

-- fragment: page_row
id, dedup_id, coalesce(failed_reason, '') AS memo, $4::jsonb ? name AS is_own,
  coalesce(($4::jsonb->>name)::bigint, ($4::jsonb->>'*')::bigint) AS retention

-- name: cancel
-- $5 is an id.
WITH page AS MATERIALIZED (
  SELECT :page_row FROM job WHERE queue = $1 AND id = $5 AND state IN ('waiting', 'delayed') FOR UPDATE
), :end_page

-- name: clear
-- $5 is how many. Waits for nobody: what others have locked is being started, perhaps.
WITH waiting AS MATERIALIZED (
  SELECT :page_row FROM job WHERE queue = $1 AND state = 'waiting' ORDER BY priority, seq LIMIT $5 FOR UPDATE SKIP LOCKED
), delayed AS MATERIALIZED (
  SELECT :page_row FROM job WHERE queue = $1 AND state = 'delayed' ORDER BY process_at_ms
  LIMIT $5 - (SELECT count(*) FROM waiting) FOR UPDATE SKIP LOCKED
), page AS MATERIALIZED (
  SELECT * FROM waiting UNION ALL SELECT * FROM delayed
), :end_page

-- name: clear_thoroughly
-- The same, and leaves out nothing.
WITH waiting AS MATERIALIZED (
  SELECT :page_row FROM job WHERE queue = $1 AND state = 'waiting' ORDER BY priority, seq LIMIT $5 FOR UPDATE
), delayed AS MATERIALIZED (
  SELECT :page_row FROM job WHERE queue = $1 AND state = 'delayed' ORDER BY process_at_ms
  LIMIT $5 - (SELECT count(*) FROM waiting) FOR UPDATE
), page AS MATERIALIZED (
  SELECT * FROM waiting UNION ALL SELECT * FROM delayed
), :end_page

-- name: free_keys
-- BullMQ's `add_job` takes the key for a job before it finds that the job exists: a repeated addition, or one that arrives
-- late, leaves a key to a job that has ended. The page follows the key $2, and has $3 rows.
WITH page AS MATERIALIZED (
  SELECT dedup_id, job_id FROM dedup WHERE queue = $1 AND dedup_id > $2 ORDER BY dedup_id LIMIT $3
), freed AS (
  DELETE FROM dedup USING page
  WHERE dedup.queue = $1 AND dedup.dedup_id = page.dedup_id AND dedup.job_id = page.job_id AND NOT EXISTS (
    SELECT 1 FROM job WHERE job.queue = $1 AND job.id = page.job_id AND job.state NOT IN ('completed', 'failed')
  )
)
SELECT CASE WHEN count(*) = $3 THEN max(dedup_id) ELSE '' END AS last FROM page
