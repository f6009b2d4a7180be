-- Sets a note, unless a greater one is there. KEYS: note. ARGV: value, time to live in milliseconds.
local current = redis.call('GET', KEYS[1])
if current and current > ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
