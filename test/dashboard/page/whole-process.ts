// An application with a dashboard, for the tests to end. Its argument is its port; it prints the one it has.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TasksModule } from 'nestjs-tasks';
import { TasksDashboardModule } from 'nestjs-tasks/dashboard';

@Module({ imports: [TasksModule.forRoot(), TasksDashboardModule.forRoot({ unprotected: true })] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
app.enableShutdownHooks();
await app.listen(Number(process.argv[2] ?? 0), '127.0.0.1');
process.stdout.write(`${await app.getUrl()}\n`);
