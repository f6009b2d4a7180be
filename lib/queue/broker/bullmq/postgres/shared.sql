-- fragment: now
-- Time of the server in milliseconds since the epoch: clocks of workers differ.
(extract(epoch FROM clock_timestamp()) * 1000)::bigint

-- fragment: without_disk
-- Nobody waits under the lock for the disk: for calls that admit nobody, it does not matter whether a crash of the server
-- undoes them. A slot that was let go of expires; and what a caller does next commits after them, so it cannot outlast
-- them.
PERFORM set_config('synchronous_commit', 'off', true)

-- fragment: keep_greater
-- Of two notes on one thing the greater stays.
ON CONFLICT (queue, kind, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
WHERE known.value COLLATE "C" <= excluded.value COLLATE "C" OR known.expires_at <= :now

-- name: time
SELECT :now AS now
