--- @include "_take"
local woken, freed = {}, {}

-- R10
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

-- R10
local function wake(id, stay)
  woken[#woken + 1] = id
  woken[#woken + 1] = stay.key
  woken[#woken + 1] = putFirst(id) or ''
end

-- R10, R11
local function isOnOffer(stay)
  return not stay.token and not stay.line
end

-- R20
local function tidy(pool)
  if redis.call('EXISTS', base .. 'line:' .. pool) == 0 then
    redis.call('SREM', base .. 'lines', pool)
    if redis.call('EXISTS', base .. 'slots:' .. pool) == 0 then redis.call('SREM', base .. 'pools', pool) end
  end
end

local function quitLine(id, stay)
  if not stay.line then return end
  redis.call('ZREM', base .. 'line:' .. stay.line, id)
  tidy(stay.line)
  stay.line = nil
end

-- R8
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

-- R18
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

-- R6
local function hasRoom(gate)
  local slots = base .. 'slots:' .. gate[1]
  if redis.call('ZCARD', slots) < gate[2] then return true end
  expire(gate[1])
  return redis.call('ZCARD', slots) < gate[2]
end

-- R6
local function fullOf(gates)
  for _, gate in ipairs(gates) do
    if not hasRoom(gate) then return gate[1] end
  end
  return nil
end

-- R9
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

-- R14
-- Whose slots a dead holder had beside those that were looked at.
local function serveFreed()
  while #freed > 0 do serve(table.remove(freed)) end
end
