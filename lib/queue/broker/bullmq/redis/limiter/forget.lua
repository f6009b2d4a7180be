-- ARGV: lease, ids. All leave before others are served, or some of them would be. Returns woken.
--- @include "_slots"
-- R14, R20
local is_freed = {}
for at = 2, #ARGV do
  local id = ARGV[at]
  local ticket = ticketOf(id)
  if ticket then
    vacate(id, ticket)
    for _, limit in ipairs(ticket.limits) do
      if not is_freed[limit[1]] then freed[#freed + 1] = limit[1] end
      is_freed[limit[1]] = true
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
