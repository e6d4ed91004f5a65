// How a program is shown to agents, whichever engine runs it. The catalog gives it its name.

export const commandDefinition: object = {
  name: 'run',
  description:
    'Runs the program once. Answers what it wrote to standard output; ' +
    'the structured answer has its exit code and standard error too.',
  inputSchema: {
    type: 'object',
    properties: {
      args: {
        type: 'array',
        items: { type: 'string' },
        maxItems: 1024,
        description: "Arguments after the program's own name.",
      },
      stdin: { type: 'string', description: 'What the program reads from standard input.' },
    },
    additionalProperties: false,
  },
  outputSchema: {
    type: 'object',
    properties: {
      exitCode: { type: 'integer', description: '0 when all went well.' },
      stdout: { type: 'string' },
      stderr: { type: 'string' },
    },
    required: ['exitCode', 'stdout', 'stderr'],
    additionalProperties: false,
  },
};
