-- Microseconds since the epoch. On servers whose time stands still in a script, numbers alone limit it.
local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end
