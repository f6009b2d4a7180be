-- ARGV: lease, ids. All leave before others are served, or some of them would be. Returns woken.
--- @include "_slots"
-- R14, R20
local is_freed = {}
for at = 2, #ARGV do
  local id = ARGV[at]
  local stay = stayOf(id)
  if stay then
    vacate(id, stay)
    for _, gate in ipairs(stay.gates) do
      if not is_freed[gate[1]] then freed[#freed + 1] = gate[1] end
      is_freed[gate[1]] = true
    end
  end
  local places = redis.call('HGET', base .. 'places', id)
  if places then
    for pool, own in pairs(cjson.decode(places)) do redis.call('ZREM', base .. 'starts:' .. pool, own) end
    redis.call('HDEL', base .. 'places', id)
  end
end
serveFreed()
return woken
