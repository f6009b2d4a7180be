-- Returns for each pool its name, its greatest maximum, the holders and the waiters, as ids and keys in turn.
--- @include "_stays"
local pools = {}
for _, pool in ipairs(redis.call('SMEMBERS', base .. 'pools')) do
  local max = 0
  local function guests(set)
    local list = {}
    for _, id in ipairs(redis.call('ZRANGE', base .. set .. ':' .. pool, 0, -1)) do
      local stay = stayOf(id)
      if stay then
        list[#list + 1] = id
        list[#list + 1] = stay.key
        for _, gate in ipairs(stay.gates) do
          if gate[1] == pool then max = math.max(max, gate[2]) end
        end
      end
    end
    return list
  end
  local holders, waiters = guests('slots'), guests('line')
  if #holders + #waiters > 0 then pools[#pools + 1] = { pool, max, holders, waiters } end
end
return pools
