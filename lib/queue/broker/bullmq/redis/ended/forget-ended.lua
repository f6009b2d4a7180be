-- ARGV: id, latest time of its end. Returns 1 when the job had ended until then.
--- @include "_set-of"
--- @include "_erase-job"
local set = setOf(ARGV[1])
if not set then return 0 end
if ARGV[2] ~= '+inf' and tonumber(redis.call('ZSCORE', jobs .. set, ARGV[1])) > tonumber(ARGV[2]) then return 0 end
eraseJob(ARGV[1], set)
return 1
