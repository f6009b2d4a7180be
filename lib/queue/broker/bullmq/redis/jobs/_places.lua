-- Places of BullMQ's jobs. KEYS[1] begins all keys of BullMQ.
local jobs = KEYS[1]
local types = {}

local function typeOf(place)
  types[place] = types[place] or redis.call('TYPE', jobs .. place).ok
  return types[place]
end

local function sizeOf(place)
  if typeOf(place) == 'list' then return redis.call('LLEN', jobs .. place) end
  if typeOf(place) == 'zset' then return redis.call('ZCARD', jobs .. place) end
  return 0
end
