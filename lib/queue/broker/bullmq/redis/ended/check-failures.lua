-- Removes notes of failures that have not come about: their worker has died before it moved the job. ARGV: earliest and
-- latest time, and how many to look at.
--- @include "_failed-in"
local ours = KEYS[2]
for _, group in ipairs(redis.call('ZRANGEBYSCORE', ours .. 'failures', ARGV[1], '+inf', 'LIMIT', 0, ARGV[3])) do
  local key = ours .. 'failure:' .. group
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) do
    if not failedIn(id, group) then redis.call('ZREM', key, id) end
  end
  if redis.call('EXISTS', key) == 0 then redis.call('ZREM', ours .. 'failures', group) end
end
return 1
