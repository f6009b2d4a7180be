-- ARGV: limit, how many delayed ones to look at, now, and until when parked ones are delayed.
--
-- Returns how many run, wait, are delayed, of these due and parked; ids of the first in the order of their starts; ids of
-- the first delayed ones that are neither due nor parked.
--- @include "../jobs/_places"
-- Scores of delayed jobs are their times with twelve bits for their order.
local SCORE = 4096
local limit, looks = tonumber(ARGV[1]), tonumber(ARGV[2])
local due, parked = (tonumber(ARGV[3]) + 1) * SCORE - 1, tonumber(ARGV[4]) * SCORE
local counts = { sizeOf('active'), sizeOf('wait') + sizeOf('paused') + sizeOf('prioritized'), sizeOf('delayed'), 0, 0 }
local undecided = {}
if typeOf('delayed') == 'zset' then
  counts[4] = redis.call('ZCOUNT', jobs .. 'delayed', '-inf', due)
  counts[5] = redis.call('ZCOUNT', jobs .. 'delayed', parked, parked + SCORE)
  local count = math.min(looks, counts[3] - counts[4] - counts[5])
  if count > 0 then undecided = redis.call('ZRANGE', jobs .. 'delayed', counts[4], counts[4] + count - 1) end
end

local ids = {}
local function list(place)
  local rest = limit - #ids
  if rest == 0 or sizeOf(place) == 0 then return end
  if typeOf(place) == 'zset' then
    for _, id in ipairs(redis.call('ZRANGE', jobs .. place, 0, rest - 1)) do ids[#ids + 1] = id end
  else
    -- The last one comes first.
    local range = redis.call('LRANGE', jobs .. place, -rest, -1)
    for at = #range, 1, -1 do ids[#ids + 1] = range[at] end
  end
end
for _, place in ipairs({ 'active', 'wait', 'paused', 'prioritized', 'delayed' }) do list(place) end
return { counts, ids, undecided }
