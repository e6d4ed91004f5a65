// Step 1: one request, sent by one client to a bare MCP server and to warder.

import { join } from 'node:path';
import { connectAgent } from '../agent.ts';
import { SECRET, type Tour } from '../tour.ts';

export async function sideBySide(tour: Tour): Promise<void> {
  const { narrator, work, home } = tour;
  const docs = join(work, 'docs');
  const args = { path: join(work, 'private', 'token.txt') };
  const request = `tools/call read_file ${JSON.stringify(args)}`;

  narrator.say(
    `A file server is meant to serve ${docs}. A page the agent has read talks it into asking for ` +
      'another file. First a bare MCP server:',
  );
  const bare = await connectAgent({
    command: process.execPath,
    args: ['--disable-sigusr1', join(import.meta.dirname, '../bare-server.ts'), docs],
  });
  try {
    narrator.command(`(MCP ${bare.protocol}, bare server) ${request}`);
    const leaked = await bare.call('read_file', args);
    narrator.answer(leaked.text);
    narrator.claim(
      'the ungoverned call gave the secret away',
      leaked.text.includes(SECRET),
      leaked,
    );
  } finally {
    await bare.close();
  }

  narrator.say('The same client, the same request, through `warder mcp`:');
  await tour.addTool('file-search', '--allow-read', `${docs}:${docs}`);
  const governed = await connectAgent(home.mcp());
  try {
    narrator.command(`(MCP ${governed.protocol}, warder mcp) ${request}`);
    const refused = await governed.call('read_file', args);
    narrator.answer(refused.text);
    narrator.claim('the governed call was refused', refused.isError, refused);
    narrator.claim('nothing of the secret came back', !refused.text.includes('7d1c'), refused);
    narrator.claim(
      'the refusal names its reason and remedy',
      /outside/.test(refused.text) && /--allow-read/.test(refused.text),
      refused,
    );
    narrator.claim('and it left a receipt', refused.receipt !== undefined, refused);

    const fine = { path: join(docs, 'handbook.txt') };
    narrator.command(
      `(MCP ${governed.protocol}, warder mcp) tools/call read_file ${JSON.stringify(fine)}`,
    );
    const allowed = await governed.call('read_file', fine);
    narrator.answer(allowed.text);
    narrator.claim('what was granted is read', allowed.text.includes('archivist'), allowed);
  } finally {
    await governed.close();
  }
}
