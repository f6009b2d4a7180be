-- ARGV: lease, id, key, token, run, attempt, order, limits, memory, since, latest.
-- Returns type, number of the limit, time or place in line, woken.
--- @include "_leave"
local id, key, token = ARGV[2], ARGV[3], ARGV[4]
local run, attempt, order = ARGV[2] .. '#' .. ARGV[5], tonumber(ARGV[6]), ARGV[7]
local own = run .. '#' .. ARGV[6]
-- R5
-- A call may come late: who holds no lease of BullMQ's any more takes no slot from who does.
if redis.call('GET', KEYS[2] .. id .. ':lock') ~= token then return { 'lost', 0, 0, {} } end
local limits, memory = cjson.decode(ARGV[8]), tonumber(ARGV[9])

--- @include "_windows"
-- R3
local function reject(number, type, at)
  local ticket = ticketOf(id)
  if ticket then leave(id, ticket) end
  serveFreed()
  return { type, number - 1, at, woken }
end

-- R2; for cooldowns R25
for number, limit in ipairs(limits) do
  if limit.type == 'debounce' then
    local at = debounce(limit)
    if at == 'never' then return reject(number, 'refused', 0) end
    if at then return reject(number, 'later', at) end
  elseif limit.type == 'cooldown' then
    local cooling = redis.call('GET', base .. 'cooldown:' .. limit.pool)
    if cooling and cooling ~= run and attempt == 1 then return reject(number, 'refused', 0) end
  elseif limit.type == 'rate' then
    local at = nextStart(limit)
    if at then return reject(number, limit.refuses and 'refused' or 'later', at) end
  end
end

local slots, numbers = {}, {}
for number, limit in ipairs(limits) do
  if limit.type == 'concurrency' then
    slots[#slots + 1] = { limit.pool, limit.max }
    numbers[limit.pool] = number
  end
end

local line = nil
if #slots == 0 then
  local ticket = ticketOf(id)
  if ticket then leave(id, ticket) end
else
  local ticket = ticketOf(id)
  -- R15
  if ticket and cjson.encode(ticket.limits) ~= cjson.encode(slots) then
    leave(id, ticket)
    ticket = nil
  end
  -- R7
  if not ticket then
    -- Who was due first comes first, though calls overtake each other on their way. Of one millisecond, ids decide.
    ticket = { key = key, limits = slots, number = tonumber(ARGV[10]) }
    for _, slot in ipairs(slots) do
      if redis.call('EXISTS', base .. 'line:' .. slot[1]) == 1 then serve(slot[1]) end
    end
    for _, slot in ipairs(slots) do
      if redis.call('EXISTS', base .. 'line:' .. slot[1]) == 1 or not hasRoom(slot) then
        line = slot[1]
        break
      end
    end
    if line then lineUp(id, ticket, line) end
  -- R8, R10
  elseif ticket.line then
    serve(ticket.line)
    ticket = ticketOf(id)
    line = ticket.line
    for at = #woken - 2, 1, -3 do
      if woken[at] == id then
        for _ = 1, 3 do table.remove(woken, at) end
      end
    end
  end
  -- R11, R17
  if not line then
    ticket.token = token
    take(id, ticket)
    save(id, ticket)
  end
end

-- R4, R21, R26, R30
for _, limit in ipairs(limits) do
  if limit.type == 'rate' then
    local starts = base .. 'starts:' .. limit.pool
    if line then
      redis.call('ZREM', starts, own)
    else
      redis.call('ZADD', starts, now, own)
      if redis.call('PTTL', starts) < limit.per then redis.call('PEXPIRE', starts, limit.per + memory) end
    end
    dropPlace(limit.pool)
  elseif not line and limit.type == 'cooldown' and attempt == 1 then
    redis.call('SET', base .. 'cooldown:' .. limit.pool, run, 'PX', limit.window, 'NX')
  elseif not line and limit.type == 'debounce' then
    local burstKey = base .. 'debounce:' .. limit.pool
    if redis.call('HGET', burstKey, 'last') == order then
      redis.call('HDEL', burstKey, 'last')
      redis.call('HSET', burstKey, 'passed', order)
    end
  end
end
serveFreed()
if line then
  return { 'waits', numbers[line] - 1, redis.call('ZRANK', base .. 'line:' .. line, id) or 0, woken }
end
return { 'admitted', 0, 0, woken }
