// Figures of the whole way: MCP client, relay, gate, sandbox, durable receipt; against a bare SDK server.

import { performance } from 'node:perf_hooks';
import { resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { createTestHome, repository, type TestHome } from '../support/warder.ts';
import { median, type Report, residentKiB } from './report.ts';

const PAYLOAD = 'x'.repeat(1024);
const BARE = {
  command: process.execPath,
  args: ['--disable-sigusr1', '--no-warnings', resolve(import.meta.dirname, 'bare-server.ts')],
};

/** `call-mcp`, `call-rate`, `mcp-start-warm`, `mcp-start-cold`, `memory-daemon`. */
export async function benchFront(report: Report): Promise<void> {
  const home = await createTestHome();
  try {
    await home.ok(['tool', 'add', resolve(repository, 'tools/text')]);
    if (report.wants('call-mcp', 'call-rate')) await benchCalls(report, home);
    if (report.wants('memory-daemon')) await benchMemory(report, home);
    if (report.wants('mcp-start-warm')) {
      const warm = await startTimes(() => home.mcp(), 15);
      const bare = await startTimes(() => BARE, 15);
      report.ratio('mcp-start-warm', warm, 'ms', 'bare SDK server, start to tools/list', bare);
    }
    if (report.wants('mcp-start-cold')) {
      const cold = await startTimes(
        () => home.mcp(),
        5,
        () => home.run(['stop']),
      );
      const bare = await startTimes(() => BARE, 5);
      report.ratio('mcp-start-cold', cold, 'ms', 'bare SDK server, start to tools/list', bare);
    }
  } finally {
    await home.remove();
  }
}

async function benchCalls(report: Report, home: TestHome): Promise<void> {
  const governed = await connect(home.mcp());
  const bare = await connect(BARE);
  try {
    await timeCalls(governed, 200);
    await timeCalls(bare, 200);
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < 10; round += 1) {
      ours.push(...(await timeCalls(governed, 100)));
      theirs.push(...(await timeCalls(bare, 100)));
    }
    const unit = 'ms p50';
    report.ratio('call-mcp', median(ours), unit, 'bare SDK echo over stdio', median(theirs));
    const rates: [number[], number[]] = [[], []];
    for (let round = 0; round < 5; round += 1) {
      rates[0].push(await callRate(governed, 1500));
      rates[1].push(await callRate(bare, 6000));
    }
    const control = 'bare SDK echo over stdio, 32 in flight';
    report.ratio('call-rate', median(rates[0]), 'calls/s', control, median(rates[1]));
  } finally {
    await governed.close();
    await bare.close();
  }
}

async function benchMemory(report: Report, home: TestHome): Promise<void> {
  await home.run(['stop']);
  const { pid } = await home.ok<{ pid: number }>(['status']).catch(async () => {
    await home.ok(['tool', 'list']);
    return home.ok<{ pid: number }>(['status']);
  });
  await new Promise((done) => setTimeout(done, 3000));
  report.plain('memory-daemon', residentKiB(pid) / 1024, 'MiB PSS');
}

async function connect(server: { command: string; args: string[] }): Promise<Client> {
  const client = new Client({ name: 'bench', version: '1.0.0' });
  await client.connect(new StdioClientTransport({ ...server, stderr: 'ignore' }));
  return client;
}

async function echo(client: Client): Promise<void> {
  const result = await client.callTool({ name: 'text_echo', arguments: { text: PAYLOAD } });
  const [first] = result.content;
  if (first?.type !== 'text' || first.text !== PAYLOAD) {
    throw new Error(`not an echo: ${JSON.stringify(result).slice(0, 300)}`);
  }
}

async function timeCalls(client: Client, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const start = performance.now();
    await echo(client);
    times.push(performance.now() - start);
  }
  return times;
}

async function callRate(client: Client, count: number): Promise<number> {
  let left = count;
  const start = performance.now();
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await echo(client);
    }
  };
  await Promise.all(Array.from({ length: 32 }, lane));
  return (count / (performance.now() - start)) * 1000;
}

async function startTimes(
  server: () => { command: string; args: string[] },
  count: number,
  before: () => Promise<unknown> = () => Promise.resolve(),
): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < count; at += 1) {
    await before();
    const start = performance.now();
    const client = await connect(server());
    await client.listTools();
    times.push(performance.now() - start);
    await client.close();
  }
  return median(times);
}
