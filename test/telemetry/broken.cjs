// A package that is installed, and fails to load.
require('no-such-dependency');
