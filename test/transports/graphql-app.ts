import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { ModuleMetadata } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import request from 'supertest';
import { TaskScheduler, type TasksModuleOptions } from 'nestjs-tasks';
import type { TestApp } from '../support/app.js';
import { Journal } from '../support/journal.js';
import { LogLines } from '../support/log-lines.js';
import { compile } from '../support/module.js';
import { Stage } from './stage.js';

export interface GraphqlAnswer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { message: string; path?: string[] }[];
}

export interface GraphqlApp extends TestApp {
  readonly journal: Journal;
  readonly stage: Stage;
  post(body: object): Promise<GraphqlAnswer>;
  ask(query: string, variables?: Record<string, unknown>): Promise<GraphqlAnswer>;
}

/** Apollo on Express; the journal gets 'finish' when a response was sent. */
export async function startGraphql(
  metadata: ModuleMetadata,
  driver: Partial<ApolloDriverConfig> = {},
  options: TasksModuleOptions = {},
): Promise<GraphqlApp> {
  const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, ...driver });
  const logs = new LogLines();
  const module = await compile(
    {
      ...metadata,
      imports: [graphql, ...(metadata.imports ?? [])],
      providers: [Journal, Stage, ...(metadata.providers ?? [])],
    },
    options,
    logs,
  );
  const app = module.createNestApplication();
  const journal = app.get(Journal);
  journal.watchResponses(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const post = async (body: object): Promise<GraphqlAnswer> =>
    (await request(url).post('/graphql').send(body)).body as GraphqlAnswer;
  return {
    app,
    url,
    logs,
    journal,
    stage: app.get(Stage),
    scheduler: app.get(TaskScheduler),
    post,
    ask: (query, variables = {}) => post({ query, variables }),
    [Symbol.asyncDispose]: () => app.close(),
  };
}
