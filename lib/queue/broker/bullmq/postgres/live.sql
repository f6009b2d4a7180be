-- Lists of jobs without their data. $1 is the queue's name in all statements.

-- fragment: job_summary
-- Neither data nor result. Of a long memo it is the beginning: arguments of the next run stand at its end. Of a key that is too
-- long for `dedup_id` it is the part of the data that has it: arguments stand before it, and no text in them has an unescaped
-- quotation mark.
id, state::text, name, opts::text, progress::text, priority, added_at_ms::text AS added_at, attempts_started, attempts_made,
  stalled_count, processed_at_ms::text AS processed_at, finished_at_ms::text AS finished_at,
  left(failed_reason, 65536) AS failed_reason, NULL AS return_value, processed_by, dedup_id,
  CASE WHEN starts_with(dedup_id, '%#') AND strpos(data #>> '{}', '","key":"') > 0
    THEN substr(data #>> '{}', strpos(data #>> '{}', '","key":"') + 2, 8192) END AS long_key

-- name: list_live
-- $2 is how many, $3 how many to look at; $4 to $7 place, order, tie and id to go on behind; $8 and $9 whether running and
-- waiting ones are wanted, $10 and $11 times from and to of delayed ones; then conditions, each null where there is none: $12
-- task, $13 beginning of the encoded key, $14 text of the error as it stands in a memo, $15 worker. What only the caller can
-- check is among them. Partial indexes have these orders; many jobs may be delayed until one time, and are sorted by their ids.
WITH looked AS MATERIALIZED (
  (SELECT 1 AS place, seq AS rank, 0::bigint AS tie, id AS looked_id FROM job
    WHERE queue = $1 AND state = 'active' AND $8 AND ($4::int < 1 OR ($4 = 1 AND seq > $5::bigint))
    ORDER BY seq LIMIT $3)
  UNION ALL
  (SELECT 2, priority, seq, id FROM job
    WHERE queue = $1 AND state = 'waiting' AND $9 AND ($4 < 2 OR ($4 = 2 AND (priority, seq) > ($5, $6::bigint)))
    ORDER BY priority, seq LIMIT $3)
  UNION ALL
  (SELECT 3, process_at_ms, 0, id FROM job
    WHERE queue = $1 AND state = 'delayed' AND process_at_ms >= $10::bigint AND process_at_ms <= $11::bigint
      AND ($4 < 3 OR process_at_ms >= $5) AND ($4 < 3 OR process_at_ms > $5 OR id COLLATE "C" > $7::text)
    ORDER BY process_at_ms, id COLLATE "C" LIMIT $3)
  LIMIT $3
), page AS MATERIALIZED (
  SELECT looked.* FROM looked JOIN job ON job.queue = $1 AND job.id = looked_id
  WHERE state IN ('active', 'waiting', 'delayed')
    AND ($12::text IS NULL OR name = $12)
    AND ($13::text IS NULL OR starts_with(coalesce(dedup_id, id), $13) OR starts_with(dedup_id, '%#'))
    AND ($14::text IS NULL OR position($14 IN failed_reason) > 0)
    AND ($15::text IS NULL OR processed_by = $15)
  ORDER BY place, rank, tie, looked_id COLLATE "C" LIMIT $2
), last AS (
  SELECT count(*) OVER ()::int AS looks, place AS last_place, rank::text AS last_rank, tie::text AS last_tie, looked_id AS last_id
  FROM looked ORDER BY place DESC, rank DESC, tie DESC, looked_id COLLATE "C" DESC LIMIT 1
)
SELECT last.*, place, rank::text AS page_rank, tie::text AS page_tie, :job_summary
FROM last LEFT JOIN page ON true LEFT JOIN job ON job.queue = $1 AND job.id = looked_id
ORDER BY page.place, page.rank, page.tie, looked_id COLLATE "C"
