-- A script lets others in after some milliseconds.
--- @include "../_clock"
local latest = clock() + 5000
local looks = 0

local function isTired(most)
  looks = looks + 1
  return looks >= most or (looks % 50 == 0 and clock() > latest)
end
