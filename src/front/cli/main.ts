#!/usr/bin/env -S node --disable-sigusr1
// The `warder` command. `warder mcp` must start fast, so it alone is dispatched before anything loads.

// Started without the flag (by `node main.js`), SIGUSR1 would open the inspector: take the signal instead.
if (!process.execArgv.includes('--disable-sigusr1')) process.on('SIGUSR1', () => {});

const quick = process.argv[2] === 'mcp' ? await import('./mcp-command.ts') : undefined;
const arguments_ = quick?.quickArguments(process.argv.slice(3));
if (quick !== undefined && arguments_ !== undefined) {
  process.exitCode = await quick.runMcp(arguments_);
} else {
  const { runProgram } = await import('./program.ts');
  process.exitCode = await runProgram(process.argv.slice(2));
}
