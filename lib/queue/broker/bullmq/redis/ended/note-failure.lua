-- Before the job is moved: whoever looks at the group finds it there. KEYS: the groups, the group. ARGV: group, id, now.
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2])
return 1
