#!/usr/bin/env node
/** The bin: argv in, exit code out. Nothing else sets the exit code. */
import { run } from './cli/run.ts';

const code = await run(process.argv.slice(2), process);
// Everything has been written and closed; a handle that somebody forgot must not keep the process.
process.exit(code);
