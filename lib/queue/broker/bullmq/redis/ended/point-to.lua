-- Of two jobs the later one stays: ids sort by time. ARGV: encoded key, id.
--- @include "_bucket"
local bucket = bucketOf(ARGV[1])
local last = redis.call('HGET', bucket, ARGV[1])
if last and last > ARGV[2] then return 0 end
redis.call('HSET', bucket, ARGV[1], ARGV[2])
return 1
