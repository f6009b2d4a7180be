-- Takes a note back, since the move of its job was refused. Where the job has failed with this group under another lease,
-- the note is of that. ARGV: group, id.
--- @include "_failed-in"
local ours, group, id = KEYS[2], ARGV[1], ARGV[2]
local key = ours .. 'failure:' .. group
local at = failedIn(id, group)
if at then return redis.call('ZADD', key, at, id) end
redis.call('ZREM', key, id)
if redis.call('EXISTS', key) == 0 then redis.call('ZREM', ours .. 'failures', group) end
return 1
