import TestRunner from 'jest-runner';

/**
 * Runs one file after the other, in Jest's own process: tests of leases and outages watch the time, and two files at once
 * take it from each other where there are two cores.
 */
export default class SerialRunner extends (TestRunner.default ?? TestRunner) {
  isSerial = true;
}
