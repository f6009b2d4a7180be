-- ARGV: most bytes, then ids.
-- Returns place and fields of each job, or false where there is none; fewer where they are large.
--- @include "_summary"
--- @include "_place-of"
local seen, bytes = {}, 0
for at = 2, #ARGV do
  if bytes > tonumber(ARGV[1]) then break end
  local id = ARGV[at]
  local fields = summaryOf(id)
  if fields then
    for _, value in ipairs(fields) do bytes = bytes + (value and #value or 0) end
    seen[#seen + 1] = { placeOf(id, 0), fields }
  else
    seen[#seen + 1] = false
  end
end
return seen
