-- ARGV: as in _finish, then how many to take, and for how many microseconds. Returns what was ended, which of that may have
-- come to a limit, and how many are left.
--- @include "_finish"
--- @include "../_clock"
local most, latest, taken = tonumber(ARGV[4]), clock() + tonumber(ARGV[5]), 0
local function hasTime()
  if taken > 0 and taken % 20 == 0 and clock() > latest then most = taken end
  return taken < most
end
local left = 0
for _, place in ipairs({ 'wait', 'paused', 'prioritized', 'delayed' }) do
  local is_list, is_set = typeOf(place) == 'list', typeOf(place) == 'zset'
  local ids = is_set and hasTime() and redis.call('ZRANGE', jobs .. place, 0, most - taken - 1) or {}
  local at = 0
  while (is_list or is_set) and hasTime() do
    at = at + 1
    local id = ids[at]
    if is_list then id = redis.call('RPOP', jobs .. place) end
    if not id then break end
    if not is_list then redis.call('ZREM', jobs .. place, id) end
    taken = taken + 1
    finish(id, place)
  end
  left = left + sizeOf(place)
end
return { ended, candidates, left }
