-- Types of BullMQ's keys. KEYS[1] begins all of them.
local jobs = KEYS[1]
local types = {}

local function typeOf(place)
  types[place] = types[place] or redis.call('TYPE', jobs .. place).ok
  return types[place]
end
