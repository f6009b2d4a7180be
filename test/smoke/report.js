/** Prints one line for each check, and counts them. */
export class Report {
  passed = 0;
  failed = 0;

  ok(name) {
    this.passed += 1;
    console.log(`ok ${name}`);
  }

  notOk(name, difference) {
    this.failed += 1;
    console.log(`not ok ${name}\n${difference.replace(/^/gm, '  ')}`);
  }

  /** @returns whether `body` did not throw. */
  async check(name, body) {
    try {
      await body();
    } catch (error) {
      this.notOk(name, error.message);
      return false;
    }
    this.ok(name);
    return true;
  }

  /** Takes over the lines that a script has printed. */
  adopt(consumer, output) {
    for (const part of output.split(/^(?=(?:not )?ok )/m)) {
      const [line, ...difference] = part.trimEnd().split('\n');
      if (line.startsWith('ok ')) this.ok(`${consumer}: ${line.slice(3)}`);
      else if (line !== '') this.notOk(`${consumer}: ${line.replace(/^not ok /, '')}`, difference.join('\n'));
    }
  }
}
