-- Executions that have not ended, by task. $1 is the queue's name, $2 now, $3 until when parked jobs are delayed. Partial
-- indexes hold each state.

-- fragment: memo
-- Notes of the last run, as JSON. Escapes of characters that PostgreSQL keeps in no text are left out of it.
CASE WHEN failed_reason LIKE '{%' THEN
  CASE WHEN strpos(failed_reason, '\u') > 0
    THEN regexp_replace(failed_reason, '(\\\\)|\\u[0-9a-f]{4}', '\1', 'gi') ELSE failed_reason END::json
END

-- fragment: added_for
added_at_ms + CASE WHEN jsonb_typeof(opts->'delay') = 'number' THEN (opts->>'delay')::numeric ELSE 0 END

-- fragment: depths_by_task
SELECT name,
  count(*) FILTER (WHERE state = 'scheduled') AS scheduled,
  count(*) FILTER (WHERE state = 'waiting') AS waiting,
  count(*) FILTER (WHERE state = 'parked') AS parked,
  count(*) FILTER (WHERE state = 'running') AS running,
  count(*) FILTER (WHERE state = 'retrying') AS retrying,
  min(due) FILTER (WHERE state = 'waiting') AS oldest_due
FROM live GROUP BY name

-- fragment: running_jobs
SELECT name, 'running' AS state, NULL::numeric AS due FROM job WHERE queue = $1 AND state = 'active'

-- name: depths
WITH live AS (
  :running_jobs
  UNION ALL
  SELECT name, 'waiting', coalesce((:memo->>'when')::numeric, :added_for) FROM job WHERE queue = $1 AND state = 'waiting'
  UNION ALL
  SELECT name, CASE
    WHEN process_at_ms = $3 THEN 'parked'
    WHEN process_at_ms <= $2 THEN 'waiting'
    WHEN attempts_made = 0 THEN 'scheduled'
    WHEN attempts_made > coalesce((:memo->>'attemptsBefore')::numeric, 0) THEN 'retrying'
    ELSE 'scheduled' END, process_at_ms
  FROM job WHERE queue = $1 AND state = 'delayed'
)
:depths_by_task

-- name: rough_depths
-- The same without the notes, where some are damaged: one must not hide the rest.
WITH live AS (
  :running_jobs
  UNION ALL
  SELECT name, 'waiting', :added_for FROM job WHERE queue = $1 AND state = 'waiting'
  UNION ALL
  SELECT name, CASE
    WHEN process_at_ms = $3 THEN 'parked'
    WHEN process_at_ms <= $2 THEN 'waiting'
    WHEN attempts_made > 0 THEN 'retrying'
    ELSE 'scheduled' END, process_at_ms
  FROM job WHERE queue = $1 AND state = 'delayed'
)
:depths_by_task
