-- Returns for each pool its name, its greatest maximum, the holders and the waiters, as ids and keys in turn.
--- @include "_tickets"
local pools = {}
for _, pool in ipairs(redis.call('SMEMBERS', base .. 'pools')) do
  local max = 0
  local function members(set)
    local list = {}
    for _, id in ipairs(redis.call('ZRANGE', base .. set .. ':' .. pool, 0, -1)) do
      local ticket = ticketOf(id)
      if ticket then
        list[#list + 1] = id
        list[#list + 1] = ticket.key
        for _, limit in ipairs(ticket.limits) do
          if limit[1] == pool then max = math.max(max, limit[2]) end
        end
      end
    end
    return list
  end
  local holders, waiters = members('slots'), members('line')
  if #holders + #waiters > 0 then pools[#pools + 1] = { pool, max, holders, waiters } end
end
return pools
