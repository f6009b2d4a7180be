-- Removes a part of the jobs whose own time is over. ARGV: now, most to look at. Returns whether there may be more.
--- @include "_set-of"
--- @include "_erase-job"
--- @include "_tired"
local ids = redis.call('ZRANGEBYSCORE', ours .. 'kept', '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
  local set = setOf(id)
  if set then eraseJob(id, set) else redis.call('ZREM', ours .. 'kept', id) end
  if isTired(tonumber(ARGV[2])) then return 1 end
end
return 0
