-- ARGV: as in _finish, then an id. Returns what was ended, and which of that may have come to a limit.
--- @include "_finish"
--- @include "../jobs/_place-of"
local id = ARGV[4]
local function take(list)
  local size = sizeOf(list)
  if size == 0 then return false end
  -- Ids sort by time, and the last one comes first: the shorter way to it is from the end where its neighbours are.
  local middle = redis.call('LINDEX', jobs .. list, math.floor(size / 2))
  return redis.call('LREM', jobs .. list, id > middle and 1 or -1, id) > 0
end
if not isJob(id) then return { ended, candidates } end
local place = placeOf(id, 0)
if place == 'active' or place == 'completed' or place == 'failed' then return { ended, candidates } end
if place == 'delayed' or place == 'prioritized' then
  redis.call('ZREM', jobs .. place, id)
elseif not take('wait') then
  take('paused')
end
finish(id, place)
return { ended, candidates }
