// One arm of boot.js: node boot-process.js <arm> <url of Redis>
const start = performance.now();
await import('reflect-metadata');
const { NestFactory } = await import('@nestjs/core');
const { answerParent } = await import('./arm-process.js');
const [arm, url] = process.argv.slice(2);

const OPTIONS = {
  'TasksModule, in memory': {},
  'TasksModule, on Redis': { queue: { url, name: 'boot', prefix: `bench_${process.pid}` } },
};

class AppModule {}
const imports = [];
if (arm in OPTIONS) {
  const { Durable, TasksModule } = await import('../dist/index.js');
  class BenchTasks {
    async run() {}
  }
  Durable('bench.run')(BenchTasks.prototype, 'run', Object.getOwnPropertyDescriptor(BenchTasks.prototype, 'run'));
  class BenchModule {}
  imports.push(TasksModule.forRoot(OPTIONS[arm]), { module: BenchModule, providers: [BenchTasks] });
}
const imported = performance.now();
const app = await NestFactory.createApplicationContext({ module: AppModule, imports }, { logger: false });
const created = performance.now();
await app.close();
const closed = performance.now();
const { rss } = process.memoryUsage();
answerParent(
  { import: imported - start, create: created - imported, close: closed - created, rss: rss / 2 ** 20 },
  () => {},
);
