-- Lets an ended job go on, in one step: it takes its key and waits for now. Workers promote it, by its priority.
-- ARGV: id, time of its end, memo, now.
--- @include "_set-of"
--- @include "_field"
--- @include "_leave-group"
local id, endedAt, memo, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local set = setOf(id)
if not set then return redis.call('EXISTS', jobs .. id) == 1 and 'changed' or 'gone' end
if tonumber(fieldOf(id, 'finishedOn')) ~= tonumber(endedAt) then return 'changed' end
local key = fieldOf(id, 'deid')
if key ~= '' then
  local holder = redis.call('GET', jobs .. 'de:' .. key)
  if holder and holder ~= id then return 'taken' end
  redis.call('SET', jobs .. 'de:' .. key, id)
end
if set == 'failed' then leaveGroup(id, fieldOf(id, 'failedReason')) end
redis.call('ZREM', jobs .. set, id)
redis.call('ZREM', ours .. 'kept', id)
redis.call('DEL', ours .. 'cancel:' .. id) -- a cancellation was of the run that has ended
redis.call('HDEL', jobs .. id, 'finishedOn', 'processedOn', 'returnvalue', 'stacktrace')
redis.call('HSET', jobs .. id, 'failedReason', memo, 'delay', 0)
-- Scores of delayed jobs are their times with twelve bits for their order.
redis.call('ZADD', jobs .. 'delayed', tonumber(now) * 4096, id)
redis.call('ZADD', jobs .. 'marker', 0, '0')
return 'revived'
