-- Our one table in BullMQ's schema. $1 is the queue's name in all statements. Names are qualified by the search path.

-- name: create_notes
-- Entries of maps and their versions, which do not expire, and notes, which do.
CREATE TABLE IF NOT EXISTS nestjs_tasks_note (
  queue text NOT NULL,
  kind text NOT NULL,
  key text NOT NULL,
  value text NOT NULL,
  expires_at bigint,
  PRIMARY KEY (queue, kind, key)
);
CREATE INDEX IF NOT EXISTS nestjs_tasks_note_expiry ON nestjs_tasks_note (expires_at);

-- name: has_notes
-- `IF NOT EXISTS` needs the right to create, even where there is nothing to do.
SELECT 1 WHERE to_regclass('nestjs_tasks_note_expiry') IS NOT NULL

-- name: set_note
INSERT INTO nestjs_tasks_note AS known (queue, kind, key, value, expires_at)
  VALUES ($1, $2, $3, $4, :now + $5)
:keep_greater

-- name: get_notes
SELECT key, value FROM nestjs_tasks_note
WHERE queue = $1 AND kind = $2 AND key = ANY($3) AND expires_at > :now

-- name: read_notes
-- $3 is the first key, $4 the one after the last.
SELECT key, value FROM nestjs_tasks_note
WHERE queue = $1 AND kind = $2 AND key >= $3 AND key < $4 AND expires_at > :now

-- name: purge_notes
-- What is kept for a time goes with its job: see expire_kept.
DELETE FROM nestjs_tasks_note WHERE queue = $1 AND expires_at <= :now AND kind <> 'kept'

-- name: delete_note
-- $4 is the value that it must have, if any.
DELETE FROM nestjs_tasks_note
WHERE queue = $1 AND kind = $2 AND key = $3 AND ($4::text IS NULL OR value = $4)

-- name: get_entry
SELECT value FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'map:' || $2 AND key = $3

-- name: read_map
-- One statement sees one moment: the version is that of the entries. $3 is the version that is known.
WITH version AS (SELECT value FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'map' AND key = $2)
SELECT 'map' AS kind, '' AS key, coalesce((SELECT value FROM version), '') AS value
UNION ALL
SELECT kind, key, value FROM nestjs_tasks_note
WHERE queue = $1 AND kind = 'map:' || $2 AND coalesce((SELECT value FROM version), '') <> $3

-- name: write_entry
-- The owner is locked, so that whoever erases it, and then its map, finds what is written here. $3 is the new version; a
-- quiet map has none.
WITH owner AS (
  SELECT 1 FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'map:' || $6 AND key = $7 FOR SHARE
), version AS (
  INSERT INTO nestjs_tasks_note (queue, kind, key, value)
    SELECT $1, 'map', $2, $3 WHERE $3::text IS NOT NULL AND ($6::text IS NULL OR EXISTS (SELECT 1 FROM owner))
  ON CONFLICT (queue, kind, key) DO UPDATE SET value = excluded.value
)
INSERT INTO nestjs_tasks_note (queue, kind, key, value)
  SELECT $1, 'map:' || $2, $4, $5 WHERE $6::text IS NULL OR EXISTS (SELECT 1 FROM owner)
ON CONFLICT (queue, kind, key) DO UPDATE SET value = excluded.value

-- name: erase_entry
-- $5 is the value that it must have, if any.
WITH gone AS (
  DELETE FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'map:' || $2 AND key = $4
    AND ($5::text IS NULL OR value = $5) RETURNING 1
), version AS (
  UPDATE nestjs_tasks_note SET value = $3
  WHERE queue = $1 AND kind = 'map' AND key = $2 AND $3::text IS NOT NULL AND EXISTS (SELECT 1 FROM gone)
)
SELECT 1 FROM gone

-- name: erase_map
-- After its owner: whoever writes to the map holds that meanwhile, and this statement sees what was written.
DELETE FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'map:' || $2

-- name: erase_kept
-- What a map that is there takes the place of. $2 is the map, $3 the execution.
DELETE FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'kept-map:' || $3
  AND EXISTS (SELECT 1 FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'map:' || $2)

-- name: keep_map
-- After its owner, like erase_map. $4 is the time for which it is kept.
UPDATE nestjs_tasks_note SET kind = 'kept-map:' || $3, expires_at = :now + $4 WHERE queue = $1 AND kind = 'map:' || $2

-- name: read_kept
SELECT key, value FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'kept-map:' || $2 AND expires_at > :now

-- name: delete_kept
DELETE FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'kept-map:' || $2

-- name: size_of_map
SELECT count(*) AS size FROM nestjs_tasks_note WHERE queue = $1 AND kind = 'map:' || $2

-- name: lock
INSERT INTO nestjs_tasks_note AS held (queue, kind, key, value, expires_at) VALUES ($1, $2, $3, $4, :now + $5)
ON CONFLICT (queue, kind, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
WHERE held.expires_at <= :now

-- name: take
-- A lock that is free, or the holder's own.
INSERT INTO nestjs_tasks_note AS held (queue, kind, key, value, expires_at) VALUES ($1, $2, $3, $4, :now + $5)
ON CONFLICT (queue, kind, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
WHERE held.expires_at <= :now OR held.value = excluded.value

-- name: find_channel
-- Of all queues of the schema.
SELECT value FROM nestjs_tasks_note WHERE queue = '' AND kind = 'channel'

-- name: choose_channel
INSERT INTO nestjs_tasks_note (queue, kind, key, value) VALUES ('', 'channel', '', $1) ON CONFLICT DO NOTHING
