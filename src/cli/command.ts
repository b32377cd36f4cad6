/** What a command may touch of the world, so that it can be run in a test. */
export interface CommandContext {
  /** Writes a line of results. Resolves when there is room for more. */
  readonly out: (line: string) => Promise<void>;
  /** Writes a line for people. */
  readonly note: (line: string) => void;
  /** Whether people watch stderr, so that progress may be drawn there. */
  readonly interactive: boolean;
  /** Aborts on Ctrl-C or SIGTERM: finish what was begun, then return. */
  readonly signal: AbortSignal;
}

/** One command of `tickcast`. */
export interface Command {
  /** The whole help. */
  readonly help: string;
  /** Runs it. The exit status: 0 for done; 1 for failed. A {@linkcode UsageError} becomes 2. */
  run(args: readonly string[], context: CommandContext): Promise<number>;
}
