-- ARGV: lease, id, key, token, run, attempt, order, gates, memory, since, latest.
-- Returns type, number of the gate, time or place in line, woken.
--- @include "_leave"
local id, key, token = ARGV[2], ARGV[3], ARGV[4]
local run, attempt, order = ARGV[2] .. '#' .. ARGV[5], tonumber(ARGV[6]), ARGV[7]
local own = run .. '#' .. ARGV[6]
-- R5
-- A call may come late: who holds no lease of BullMQ's any more takes no slot from who does.
if redis.call('GET', KEYS[2] .. id .. ':lock') ~= token then return { 'lost', 0, 0, {} } end
local gates, memory = cjson.decode(ARGV[8]), tonumber(ARGV[9])

--- @include "_windows"
-- R3
local function turnAway(number, type, at)
  local stay = stayOf(id)
  if stay then leave(id, stay) end
  serveFreed()
  return { type, number - 1, at, woken }
end

-- R2; for cooldowns R25
for number, gate in ipairs(gates) do
  if gate.type == 'debounce' then
    local at = debounce(gate)
    if at == 'never' then return turnAway(number, 'refused', 0) end
    if at then return turnAway(number, 'later', at) end
  elseif gate.type == 'cooldown' then
    local cooling = redis.call('GET', base .. 'cooldown:' .. gate.pool)
    if cooling and cooling ~= run and attempt == 1 then return turnAway(number, 'refused', 0) end
  elseif gate.type == 'rate' then
    local at = nextStart(gate)
    if at then return turnAway(number, gate.refuses and 'refused' or 'later', at) end
  end
end

local slots, numbers = {}, {}
for number, gate in ipairs(gates) do
  if gate.type == 'concurrency' then
    slots[#slots + 1] = { gate.pool, gate.max }
    numbers[gate.pool] = number
  end
end

local line = nil
if #slots == 0 then
  local stay = stayOf(id)
  if stay then leave(id, stay) end
else
  local stay = stayOf(id)
  -- R15
  if stay and cjson.encode(stay.gates) ~= cjson.encode(slots) then
    leave(id, stay)
    stay = nil
  end
  -- R7
  if not stay then
    -- Who was due first comes first, though calls overtake each other on their way. Of one millisecond, ids decide.
    stay = { key = key, gates = slots, number = tonumber(ARGV[10]) }
    for _, slot in ipairs(slots) do
      if redis.call('EXISTS', base .. 'line:' .. slot[1]) == 1 then serve(slot[1]) end
    end
    for _, slot in ipairs(slots) do
      if redis.call('EXISTS', base .. 'line:' .. slot[1]) == 1 or not hasRoom(slot) then
        line = slot[1]
        break
      end
    end
    if line then lineUp(id, stay, line) end
  -- R8, R10
  elseif stay.line then
    serve(stay.line)
    stay = stayOf(id)
    line = stay.line
    for at = #woken - 2, 1, -3 do
      if woken[at] == id then
        for _ = 1, 3 do table.remove(woken, at) end
      end
    end
  end
  -- R11, R17
  if not line then
    stay.token = token
    take(id, stay)
    save(id, stay)
  end
end

-- R4, R21, R26, R30
for _, gate in ipairs(gates) do
  if gate.type == 'rate' then
    local starts = base .. 'starts:' .. gate.pool
    if line then
      redis.call('ZREM', starts, own)
    else
      redis.call('ZADD', starts, now, own)
      if redis.call('PTTL', starts) < gate.per then redis.call('PEXPIRE', starts, gate.per + memory) end
    end
    dropPlace(gate.pool)
  elseif not line and gate.type == 'cooldown' and attempt == 1 then
    redis.call('SET', base .. 'cooldown:' .. gate.pool, run, 'PX', gate.window, 'NX')
  elseif not line and gate.type == 'debounce' then
    local burstKey = base .. 'debounce:' .. gate.pool
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
