-- ARGV: longest list that is looked through for one job, most bytes, how many jobs, ids, and fields.
-- Returns place and fields of each job at one moment, or false where there is none; fewer where they are large.
--- @include "_is-job"
--- @include "_place-of"
local longest, most, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local seen, bytes = {}, 0
for at = 4, 3 + count do
  if bytes > most then break end
  local id = ARGV[at]
  if isJob(id) then
    local fields = redis.call('HMGET', jobs .. id, unpack(ARGV, 4 + count))
    for _, value in ipairs(fields) do bytes = bytes + (value and #value or 0) end
    seen[#seen + 1] = { placeOf(id, longest), fields }
  else
    seen[#seen + 1] = false
  end
end
return seen
