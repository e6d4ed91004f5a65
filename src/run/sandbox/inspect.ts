// Describes a package that nobody installed yet, in an executor that serves nothing else and is
// ended afterwards, with no host to ask and little time.

import type { Json } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { readDefinitions } from '../../catalog/definitions.ts';
import type { Convention, Inspection } from '../../catalog/installation.ts';
import { Exchange, type ExchangeEnd } from './exchange.ts';
import type { ExecutorProcess } from './executor-process.ts';
import type { Package } from './executor/engine.ts';
import { FrameKind } from './executor/frames.ts';
import { loadPackage } from './load-package.ts';

const DESCRIBE_TIMEOUT_MS = 3000;
const MAX_DESCRIPTION_BYTES = 1024 * 1024;
const CONVENTIONS: ReadonlySet<unknown> = new Set<Convention>([
  'warder',
  'plain',
  'wit',
  'command',
]);

/**
 * @param executor a blank one; it is ended.
 * @throws WarderError `not-admitted`.
 */
export async function inspectPackage(executor: ExecutorProcess, pkg: Package): Promise<Inspection> {
  let end: ExchangeEnd;
  try {
    await loadPackage(executor, pkg);
    end = await new Exchange(executor, {
      send: { kind: FrameKind.describe },
      end: FrameKind.answer,
      timeoutMs: DESCRIBE_TIMEOUT_MS,
      outputBytes: MAX_DESCRIPTION_BYTES,
    }).ended;
  } catch (error) {
    throw refused(asWarderError(error).message, error);
  } finally {
    await executor.kill();
  }
  return readInspection(end);
}

function readInspection(end: ExchangeEnd): Inspection {
  switch (end.kind) {
    case 'answered':
      break;
    case 'failed':
      throw refused(`the package cannot describe itself: ${String(end.head['reason'])}`);
    case 'limit':
      throw refused(`the package did not describe itself within ${DESCRIBE_TIMEOUT_MS / 1000} s`);
    case 'cancelled':
    case 'host-broken':
    case 'gone':
      throw refused('the package ended the executor that asked it to describe itself');
  }
  const { convention } = end.head;
  if (!CONVENTIONS.has(convention)) throw refused('the package has no known convention');
  let value: Json;
  try {
    value = parseJson(end.body, { maxBytes: MAX_DESCRIPTION_BYTES });
  } catch (error) {
    throw refused(
      `the package describes itself in bad JSON: ${asWarderError(error).message}`,
      error,
    );
  }
  return { convention: convention as Convention, tools: readDefinitions(value).tools };
}

function refused(message: string, cause?: unknown): WarderError {
  return new WarderError('not-admitted', message, {
    hint: 'see `docs/tool-contract.md` for what a package exports',
    ...(cause === undefined ? {} : { cause }),
  });
}
