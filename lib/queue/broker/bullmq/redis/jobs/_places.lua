-- Places of BullMQ's jobs.
--- @include "_types"
local function sizeOf(place)
  if typeOf(place) == 'list' then return redis.call('LLEN', jobs .. place) end
  if typeOf(place) == 'zset' then return redis.call('ZCARD', jobs .. place) end
  return 0
end
