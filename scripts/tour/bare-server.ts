// The ungoverned half of the tour: an MCP server as many are written. It means to serve one directory,
// and reads whatever path it is given.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fromJsonSchema, McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

const directory = process.argv[2] ?? '.';

serveStdio(() => {
  const server = new McpServer({ name: 'bare', version: '1.0.0' });
  server.registerTool(
    'read_file',
    {
      description: `Reads a text file in ${directory}`,
      inputSchema: fromJsonSchema<{ path: string }>({
        type: 'object',
        properties: { path: { type: 'string' } },
        required: ['path'],
      }),
    },
    ({ path }) => ({
      content: [{ type: 'text', text: readFileSync(resolve(directory, path), 'utf8') }],
    }),
  );
  return server;
});
