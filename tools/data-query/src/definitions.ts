// What the query tools offer.

import type { Definition } from '../../../wit/sdk/typescript/tool.ts';

const QUERY = {
  where: {
    type: 'string',
    maxLength: 4000,
    description:
      'Condition on each row, such as: population > 1000 and not (name contains "land" or code in ["A", "B"]). Operators: = != < <= > >= contains startsWith endsWith in exists.',
  },
  select: {
    type: 'array',
    items: { type: 'string' },
    description: 'Fields to keep, as path or `path as name`.',
  },
  groupBy: {
    type: 'array',
    items: { type: 'string' },
    description: 'Fields whose equal values make one row.',
  },
  aggregate: {
    type: 'object',
    additionalProperties: { type: 'string' },
    description:
      'Columns per group by name, such as {"n":"count()","total":"sum(amount)"}. Functions: count sum avg min max distinct first.',
  },
  sort: {
    type: 'array',
    items: { type: 'string' },
    description: 'Fields to sort by; a leading - sorts downwards. Applied after grouping.',
  },
  offset: { type: 'integer', minimum: 0 },
  limit: { type: 'integer', minimum: 1, maximum: 10000, description: '100 if absent.' },
};

const RESULT = {
  type: 'object',
  properties: {
    rows: { type: 'array' },
    total: { type: 'integer', description: 'Rows before offset and limit.' },
  },
  required: ['rows', 'total'],
};

const HINTS = { readOnly: true, destructive: false, idempotent: true, openWorld: false };

function definition(name: string, title: string, description: string, own: object, required: string): Definition {
  const schema = {
    type: 'object',
    properties: { ...own, ...QUERY },
    required: [required],
    additionalProperties: false,
  };
  return {
    name,
    title,
    description,
    inputSchema: JSON.stringify(schema),
    outputSchema: JSON.stringify(RESULT),
    hints: HINTS,
  };
}

export const DEFINITIONS: Definition[] = [
  definition(
    'query_json',
    'Query JSON',
    'Selects rows from JSON by a path, then filters, groups, sorts, projects and limits them.',
    {
      data: { description: 'A JSON value, or JSON as text.' },
      path: {
        type: 'string',
        description:
          'Where the rows are, such as $.items[*] or ..name; the value itself if absent. A list gives its items as rows.',
      },
    },
    'data',
  ),
  definition(
    'query_csv',
    'Query CSV',
    'Reads CSV (RFC 4180) and filters, groups, sorts, projects and limits its rows.',
    {
      csv: { type: 'string', description: 'The CSV text.' },
      delimiter: { type: 'string', minLength: 1, maxLength: 1, description: 'Comma if absent.' },
      header: {
        type: 'boolean',
        description: 'Whether the first record names the columns (default); else column1, column2, ...',
      },
      numbers: {
        type: 'boolean',
        description: 'Whether fields that are plain numbers become numbers (default).',
      },
    },
    'csv',
  ),
];
