/** Tables in one database. */
export interface Migration {
  /** Names them in sentences, such as `Queue tasks on PostgreSQL at localhost:5432`. */
  readonly place: string;
  /** Returns what is missing, in words. */
  missing(): Promise<readonly string[]>;
  /** Tells if tables are there already, which may hold data. */
  exists(): Promise<boolean>;
  /** Returns the statements that {@link run} would run. */
  statements(): Promise<readonly string[]>;
  run(): Promise<void>;
  close(): Promise<void>;
}
