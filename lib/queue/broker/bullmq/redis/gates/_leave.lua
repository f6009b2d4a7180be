--- @include "_slots"
-- R13
local function leave(id, stay)
  vacate(id, stay)
  for _, gate in ipairs(stay.gates) do serve(gate[1]) end
end
