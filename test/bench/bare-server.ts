// Control: the smallest echo server the MCP SDK makes, over stdio.

import { fromJsonSchema, McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

serveStdio(() => {
  const server = new McpServer({ name: 'bare', version: '1.0.0' });
  server.registerTool(
    'text_echo',
    {
      description: 'returns its argument',
      inputSchema: fromJsonSchema<{ text: string }>({
        type: 'object',
        properties: { text: { type: 'string' } },
        required: ['text'],
      }),
    },
    ({ text }) => ({ content: [{ type: 'text', text }] }),
  );
  return server;
});
