/**
 * The gates' books on Redis. `KEYS[1]` begins all of their keys, `KEYS[2]` those of BullMQ:
 *
 * - `stays`: a hash of executions that hold slots or wait for them: key, gates, token of the claim, line, since when it is due
 * - `slots:<pool>`: who holds one, by the end of its lease; `line:<pool>`: who waits, by since when
 * - `pools`, `lines`: which of these there are
 * - `starts:<pool>`: starts and places kept for them, by time; `places`: who has such places, in which pools
 * - `cooldown:<pool>`, `debounce:<pool>`
 */
const BOOKS = `
local base, now, lease = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local woken, freed = {}, {}

local function stayOf(id)
  local text = redis.call('HGET', base .. 'stays', id)
  return text and cjson.decode(text)
end

local function save(id, stay)
  redis.call('HSET', base .. 'stays', id, cjson.encode(stay))
end

-- Those who have got a slot come first in BullMQ's queue, since others wait for it: at its end they would hold it for
-- as long as everything before them takes. BullMQ can do so only for jobs that wait already, and looks through all of
-- them. Where its keys are not what they were when this was written, promote() is left to do it.
local function putFirst(id)
  local wait = KEYS[2] .. 'wait'
  local kind = redis.call('TYPE', wait).ok
  if kind ~= 'list' and kind ~= 'none' then return false end
  if redis.call('TYPE', KEYS[2] .. 'delayed').ok ~= 'zset' then return false end
  if redis.call('ZREM', KEYS[2] .. 'delayed', id) == 0 then return false end
  redis.call('RPUSH', wait, id)
  redis.call('HSET', KEYS[2] .. id, 'delay', 0)
  redis.call('ZADD', KEYS[2] .. 'marker', 0, '0')
  return redis.call('HGET', KEYS[2] .. id, 'ats') or '0'
end

local function wake(id, stay)
  woken[#woken + 1] = id
  woken[#woken + 1] = stay.key
  woken[#woken + 1] = putFirst(id) or ''
end

local function isOnOffer(stay)
  return not stay.token and not stay.line
end

local function tidy(pool)
  if redis.call('EXISTS', base .. 'line:' .. pool) == 0 then
    redis.call('SREM', base .. 'lines', pool)
    if redis.call('EXISTS', base .. 'slots:' .. pool) == 0 then redis.call('SREM', base .. 'pools', pool) end
  end
end

local function take(id, stay)
  for _, gate in ipairs(stay.gates) do
    redis.call('ZADD', base .. 'slots:' .. gate[1], now + lease, id)
    redis.call('SADD', base .. 'pools', gate[1])
  end
end

local function quitLine(id, stay)
  if not stay.line then return end
  redis.call('ZREM', base .. 'line:' .. stay.line, id)
  tidy(stay.line)
  stay.line = nil
end

local function lineUp(id, stay, pool)
  stay.line = pool
  redis.call('ZADD', base .. 'line:' .. pool, stay.number, id)
  redis.call('SADD', base .. 'lines', pool)
  redis.call('SADD', base .. 'pools', pool)
  save(id, stay)
end

local function vacate(id, stay)
  quitLine(id, stay)
  redis.call('HDEL', base .. 'stays', id)
  for _, gate in ipairs(stay.gates) do
    redis.call('ZREM', base .. 'slots:' .. gate[1], id)
    tidy(gate[1])
  end
end

local function expire(pool)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', base .. 'slots:' .. pool, '-inf', now)) do
    local stay = stayOf(id)
    if not stay then
      redis.call('ZREM', base .. 'slots:' .. pool, id)
      tidy(pool)
    elseif isOnOffer(stay) then
      take(id, stay)
      wake(id, stay)
    else
      vacate(id, stay)
      for _, gate in ipairs(stay.gates) do
        if gate[1] ~= pool then freed[#freed + 1] = gate[1] end
      end
    end
  end
end

local function hasRoom(gate)
  local slots = base .. 'slots:' .. gate[1]
  if redis.call('ZCARD', slots) < gate[2] then return true end
  expire(gate[1])
  return redis.call('ZCARD', slots) < gate[2]
end

local function fullOf(gates)
  for _, gate in ipairs(gates) do
    if not hasRoom(gate) then return gate[1] end
  end
  return nil
end

local function serve(pool)
  while true do
    local id = redis.call('ZRANGE', base .. 'line:' .. pool, 0, 0)[1]
    if not id then return end
    local stay = stayOf(id)
    if not stay then
      redis.call('ZREM', base .. 'line:' .. pool, id)
      tidy(pool)
    else
      local full = fullOf(stay.gates)
      if full == pool then return end
      quitLine(id, stay)
      if full then
        lineUp(id, stay, full)
      else
        take(id, stay)
        save(id, stay)
        wake(id, stay)
      end
    end
  end
end

-- Whose slots a dead holder had beside those that were looked at.
local function serveFreed()
  while #freed > 0 do serve(table.remove(freed)) end
end

local function leave(id, stay)
  vacate(id, stay)
  for _, gate in ipairs(stay.gates) do serve(gate[1]) end
end
`;

/** ARGV: now, lease, id, key, token, run, attempt, order, gates, memory, since, latest. @returns type, number of the gate, time or place in line, woken. */
export const ADMIT = `${BOOKS}
local id, key, token = ARGV[3], ARGV[4], ARGV[5]
local run, attempt, order = ARGV[3] .. '#' .. ARGV[6], tonumber(ARGV[7]), ARGV[8]
local own = run .. '#' .. ARGV[7]
local gates, memory = cjson.decode(ARGV[9]), tonumber(ARGV[10])

local function debounce(gate)
  if attempt > 1 then return nil end
  local burstKey = base .. 'debounce:' .. gate.pool
  local burst = redis.call('HMGET', burstKey, 'firstAt', 'dueAt', 'last', 'passed')
  local firstAt, dueAt, last, passed = tonumber(burst[1]), tonumber(burst[2]), burst[3], burst[4]
  if passed and order <= passed then
    if order == passed then return nil end
    return 'never'
  end
  if last and order < last then return 'never' end
  if last ~= order then
    -- Where the last one has not come for so long after its time, it was lost, and with it the row that it ended.
    if not last or dueAt + tonumber(ARGV[12]) < now then firstAt = now end
    dueAt = now + gate.window
    if gate.maxWait then dueAt = math.min(dueAt, firstAt + gate.maxWait) end
    redis.call('HSET', burstKey, 'firstAt', firstAt, 'dueAt', dueAt, 'last', order)
    redis.call('PEXPIRE', burstKey, math.max(1, dueAt - now) + gate.window + memory)
  end
  if dueAt <= now then return nil end
  return dueAt
end

local function keepPlace(pool, at)
  redis.call('ZADD', base .. 'starts:' .. pool, at, own)
  local text = redis.call('HGET', base .. 'places', id)
  local pools = text and cjson.decode(text) or {}
  pools[pool] = own
  redis.call('HSET', base .. 'places', id, cjson.encode(pools))
  -- Whoever never comes back, since its rules have changed, is forgotten in time.
  local ttl = at - now + memory
  if redis.call('PTTL', base .. 'places') < ttl then redis.call('PEXPIRE', base .. 'places', ttl) end
end

local function dropPlace(pool)
  local text = redis.call('HGET', base .. 'places', id)
  if not text then return end
  local pools = cjson.decode(text)
  pools[pool] = nil
  if next(pools) then redis.call('HSET', base .. 'places', id, cjson.encode(pools))
  else redis.call('HDEL', base .. 'places', id) end
end

local function nextStart(gate)
  local starts = base .. 'starts:' .. gate.pool
  redis.call('ZREMRANGEBYSCORE', starts, '-inf', now - gate.per)
  local reserved = tonumber(redis.call('ZSCORE', starts, own) or nil)
  if reserved and reserved > now then return reserved end
  redis.call('ZREM', starts, own)
  local until_ = reserved and now or '+inf'
  local freeing = redis.call('ZREVRANGEBYSCORE', starts, until_, '-inf', 'WITHSCORES', 'LIMIT', gate.limit - 1, 1)
  local at = freeing[2] and tonumber(freeing[2]) + gate.per
  if not at or at <= now then return nil end
  if not gate.refuses then
    keepPlace(gate.pool, at)
    redis.call('PEXPIRE', starts, at - now + gate.per + memory)
  end
  return at
end

local function turnAway(number, type, at)
  local stay = stayOf(id)
  if stay then leave(id, stay) end
  serveFreed()
  return { type, number - 1, at, woken }
end

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
  if stay and cjson.encode(stay.gates) ~= cjson.encode(slots) then
    leave(id, stay)
    stay = nil
  end
  if not stay then
    -- Who was due first comes first, though calls overtake each other on their way. Of one millisecond, ids decide.
    stay = { key = key, gates = slots, number = tonumber(ARGV[11]) }
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
  if not line then
    stay.token = token
    take(id, stay)
    save(id, stay)
  end
end

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
return { 'admitted', 0, 0, woken }`;

/** ARGV: now, lease, id, token. */
export const RELEASE = `${BOOKS}
local stay = stayOf(ARGV[3])
if stay and not stay.line and (stay.token or ARGV[4]) == ARGV[4] then leave(ARGV[3], stay) end
serveFreed()
return woken`;

/** ARGV: now, lease, id. */
export const FORGET = `${BOOKS}
local id = ARGV[3]
local stay = stayOf(id)
if stay then leave(id, stay) end
local places = redis.call('HGET', base .. 'places', id)
if places then
  for pool, own in pairs(cjson.decode(places)) do redis.call('ZREM', base .. 'starts:' .. pool, own) end
  redis.call('HDEL', base .. 'places', id)
end
serveFreed()
return woken`;

/** ARGV: now, lease, and then ids and tokens in turn. */
export const RENEW = `${BOOKS}
for at = 3, #ARGV, 2 do
  local stay = stayOf(ARGV[at])
  if stay and not stay.line and (stay.token or ARGV[at + 1]) == ARGV[at + 1] then
    take(ARGV[at], stay)
    if not stay.token then
      stay.token = ARGV[at + 1]
      save(ARGV[at], stay)
    end
  end
end
return 0`;

/** ARGV: now, lease, how many pools to look at. @returns when the next slot expires that somebody waits for, woken. */
export const SWEEP = `${BOOKS}
local many = tonumber(ARGV[3])
-- Somebody may wait for the slots of these; of the others only what is left of the dead is to be cleared away.
for _, set in ipairs({ 'lines', 'pools' }) do
  for _, pool in ipairs(redis.call('SRANDMEMBER', base .. set, many)) do
    expire(pool)
    serve(pool)
    tidy(pool)
  end
end
serveFreed()
local nextAt = 0
for _, pool in ipairs(redis.call('SRANDMEMBER', base .. 'lines', many)) do
  local first = redis.call('ZRANGE', base .. 'slots:' .. pool, 0, 0, 'WITHSCORES')[2]
  if first and (nextAt == 0 or tonumber(first) < nextAt) then nextAt = tonumber(first) end
end
return { nextAt, woken }`;

/** @returns for each pool its name, its greatest maximum, the holders and the waiters, as ids and keys in turn. */
export const POOLS = `${BOOKS}
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
return pools`;
