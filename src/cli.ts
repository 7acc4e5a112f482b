#!/usr/bin/env node
/** The process: argv in, exit code out. Nothing else in the code calls process.exit. */
import { outcomeOf } from './commands/outcome.ts';
import { createProgram } from './commands/program.ts';

/** 128 + SIGPIPE: the reader of our output went away (`slipway plan | head -1`), which deserves no words. */
const READER_GONE = 141;

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(READER_GONE);
    throw error;
  });
}

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  const { exitCode, message } = outcomeOf(error);
  if (message !== '') process.stderr.write(`${message}\n`);
  process.exitCode = exitCode;
}
process.exit();
