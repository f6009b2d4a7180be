// Runs in a worker thread.
exports.twice = (n) => 2 * n;
