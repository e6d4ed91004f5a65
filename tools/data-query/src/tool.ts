// The query tools' component: warder's `operations`, and nothing from the host.

import { answer, answering, Problem, type Operations } from '../../../wit/sdk/typescript/tool.ts';
import { parseCsv, type CsvOptions } from './csv.ts';
import { DEFINITIONS } from './definitions.ts';
import { follow, parsePath, type Json } from './path.ts';
import { run, type Query } from './query.ts';

interface JsonQuery extends Query {
  readonly data: Json;
  readonly path?: string;
}

interface CsvQuery extends Query, CsvOptions {
  readonly csv: string;
}

/** The rows of a JSON document: what the path names, a single list taken apart. */
export function jsonRows(data: Json, path: string | undefined): Json[] {
  let root = data;
  if (typeof data === 'string') {
    try {
      root = JSON.parse(data) as Json;
    } catch (error) {
      throw new Problem(`data is not JSON: ${error instanceof Error ? error.message : 'malformed'}`);
    }
  }
  const found = path === undefined ? [root] : follow(parsePath(path), root);
  return found.length === 1 && Array.isArray(found[0]) ? found[0] : found;
}

export const operations: Operations = {
  describe: () => DEFINITIONS,
  call: (name, args) =>
    answering(() => {
      const asked = JSON.parse(args) as JsonQuery & CsvQuery;
      if (name !== 'query_json' && name !== 'query_csv') throw new Error(`no tool \`${name}\``);
      const rows =
        name === 'query_json' ? jsonRows(asked.data, asked.path) : parseCsv(asked.csv, asked);
      const result = run(rows, asked);
      return answer(JSON.stringify(result.rows), result);
    }),
};
