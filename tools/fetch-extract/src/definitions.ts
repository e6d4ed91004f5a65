// What the fetch tool offers.

import type { Definition } from '../../../wit/sdk/typescript/tool.ts';

export const MODES = ['text', 'links', 'metadata', 'json', 'raw'] as const;
export type Mode = (typeof MODES)[number];

export const DEFINITIONS: Definition[] = [
  {
    name: 'fetch_extract',
    title: 'Fetch and extract',
    description:
      'Fetches a page or document by URL and gives its readable text, its links, its title and metadata, a part of its JSON, or its raw text.',
    inputSchema: JSON.stringify({
      type: 'object',
      properties: {
        url: { type: 'string', minLength: 1, maxLength: 8000, description: 'http or https.' },
        mode: {
          type: 'string',
          enum: MODES,
          description: 'text if absent; json gives the value that `pointer` names.',
        },
        pointer: { type: 'string', maxLength: 2000, description: 'JSON Pointer (RFC 6901), for mode json.' },
        offset: { type: 'integer', minimum: 0, description: 'Leave out this many characters of the text.' },
        maxLength: {
          type: 'integer',
          minimum: 1,
          maximum: 1000000,
          description: 'Characters of text at most; 20000 if absent.',
        },
      },
      required: ['url'],
      additionalProperties: false,
    }),
    outputSchema: JSON.stringify({
      type: 'object',
      properties: {
        url: { type: 'string' },
        status: { type: 'integer' },
        contentType: { type: 'string' },
        title: { type: 'string' },
        text: { type: 'string' },
        truncated: { type: 'boolean', description: 'Whether there is more text; read on with `offset`.' },
        metadata: { type: 'object', additionalProperties: { type: 'string' } },
        headings: { type: 'array' },
        links: { type: 'array' },
        value: { description: 'What the pointer names.' },
      },
      required: ['url', 'status', 'contentType'],
    }),
    hints: { readOnly: true, destructive: false, idempotent: true, openWorld: true },
  },
];
