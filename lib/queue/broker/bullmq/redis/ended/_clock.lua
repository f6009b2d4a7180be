-- A script lets others in after some milliseconds. On servers whose time stands still in a script, numbers alone limit it.
local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local latest = clock() + 5000
local looks = 0

local function isTired(most)
  looks = looks + 1
  return looks >= most or (looks % 50 == 0 and clock() > latest)
end
