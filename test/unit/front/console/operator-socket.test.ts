// The operator's socket: only its user reaches it; what is asked wrongly is said plainly; every error
// arrives with its code; a stream ends with its listener.

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { errorCodes, WarderError } from '../../../../src/base/errors/errors.ts';
import {
  createOperatorClient,
  type OperatorClient,
} from '../../../../src/front/cli/operator-client.ts';
import type {
  OperationHandlers,
  StreamHandlers,
} from '../../../../src/front/console/operations.ts';
import {
  listenForOperator,
  type OperatorSocket,
} from '../../../../src/front/console/operator-socket.ts';

let directory: string;
let path: string;
let socket: OperatorSocket;
let client: OperatorClient;
let asked: unknown[];
let operations: Record<string, (input: unknown) => Promise<unknown>>;
let streams: Record<string, (input: unknown, signal: AbortSignal) => AsyncIterable<unknown>>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'warder-operator-'));
  path = join(directory, 'operator.sock');
  asked = [];
  const note = (input: unknown): Promise<unknown> => {
    asked.push(input);
    return Promise.resolve({ done: true });
  };
  operations = { 'tool.grant': note, 'policy.set': note, 'receipts.list': note, status: note };
  streams = {};
  socket = await listenForOperator(
    path,
    operations as unknown as OperationHandlers,
    streams as unknown as StreamHandlers,
  );
  client = createOperatorClient(path);
});

afterEach(async () => {
  await socket.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Reply {
  readonly status: number;
  readonly body: { readonly error?: { readonly code: string; readonly message: string } };
}

function send(name: string, body: string | Uint8Array = '{}', method = 'POST'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: path, method, path: name }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Reply['body'] });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

test('the socket is its user’s alone', () => {
  expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
});

describe('what is asked wrongly', () => {
  test.each(['/v1/nothing', '/v1/', '/', '/v1/status/../tool.grant', '/v2/status', '/v1/status?x'])(
    '%s is no operation',
    async (name) => {
      expect(await send(name)).toMatchObject({
        status: 400,
        body: { error: { code: 'not-found' } },
      });
      expect(asked).toEqual([]);
    },
  );

  test.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString'])(
    'nor is `%s`, which every object has',
    async (name) => {
      expect(await send(`/v1/${name}`)).toMatchObject({ status: 400 });
    },
  );

  test.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('%s calls nothing', async (method) => {
    const reply = await send('/v1/status', '', method);
    expect(reply).toMatchObject({ status: 400, body: { error: { code: 'usage' } } });
    expect(asked).toEqual([]);
  });

  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['no JSON', '{"name":'],
    ['repeated members', '{"id":"a","id":"b"}'],
    ['invalid UTF-8', new Uint8Array([0x7b, 0xff, 0x7d])],
    ['too deep', '['.repeat(100)],
  ])('a body of %s', async (_, body) => {
    const reply = await send('/v1/status', body);
    expect(reply).toMatchObject({ status: 400, body: { error: { code: 'malformed' } } });
    expect(asked).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['status', '[]', 'not a JSON object'],
    ['status', '{"more":1}', 'unknown member `more`'],
    ['status', '{"__proto__":1}', 'unknown member `__proto__`'],
    ['tool.grant', '{"change":"add","flags":[]}', '`name` is not a text'],
    ['tool.grant', '{"name":"a","change":"widen","flags":[]}', '`change` is not one of those'],
    ['tool.grant', '{"name":"a","change":"add","flags":"--allow-kv"}', '`flags`'],
    ['tool.grant', '{"name":"a","change":"add","flags":["a",1]}', '`flags`'],
    ['policy.set', '{"files":[{"name":"a.cedar"}]}', '`files`'],
    ['policy.set', '{"files":[{"name":"a","text":"","mode":1}]}', '`files`'],
    ['receipts.list', '{"last":-1}', '`last`'],
    ['receipts.list', '{"since":1.5}', '`since`'],
    ['receipts.list', '{"tool":7}', '`tool`'],
  ])('%s %s', async (name, body, message) => {
    const { status, body: reply } = await send(`/v1/${name}`, body);
    expect(status).toBe(400);
    expect(reply.error?.code).toBe('usage');
    expect(reply.error?.message).toContain(message);
    expect(asked).toEqual([]);
  });

  test('names every bad member, not the first alone', async () => {
    const { body } = await send('/v1/tool.grant', '{"name":1,"change":"add","flags":2,"x":3}');
    for (const member of ['name', 'flags', 'x']) {
      expect(body.error?.message).toContain(`\`${member}\``);
    }
  });

  test('the control: what fits is handed on as it is', async () => {
    const input = { name: 'a', change: 'add', flags: ['--allow-kv'] } as const;
    expect(await client.call('tool.grant', input)).toEqual({ done: true });
    expect(asked).toEqual([input]);
  });
});

describe('errors', () => {
  const STATUS: Readonly<Record<number, number>> = {
    1: 500,
    2: 400,
    3: 403,
    4: 202,
    5: 422,
    6: 422,
    7: 503,
  };

  test.each(errorCodes)('%s arrives with its code, hint and data', async (code) => {
    const error = new WarderError(code, 'no', { hint: 'do this', data: { more: 1 } });
    operations['status'] = () => Promise.reject(error);
    expect((await send('/v1/status')).status).toBe(STATUS[error.exitCode]);
    await expect(client.call('status', {})).rejects.toMatchObject({
      code,
      message: 'no',
      hint: 'do this',
      data: { more: 1 },
      exitCode: error.exitCode,
    });
  });

  test('a foreign error is ours to answer for', async () => {
    operations['status'] = () => {
      throw new TypeError('of undefined');
    };
    await expect(client.call('status', {})).rejects.toMatchObject({ code: 'internal' });
  });

  test('nobody there is `unavailable`', async () => {
    const nobody = createOperatorClient(join(directory, 'other.sock'));
    await expect(nobody.call('status', {})).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('a stream', () => {
  let ended: boolean;

  beforeEach(() => {
    ended = false;
    streams['approvals.watch'] = async function* (_, signal) {
      try {
        for (let n = 0; !signal.aborted; n += 1) {
          yield { n };
          await sleep(5);
        }
      } finally {
        ended = true;
      }
    };
  });

  test('ends when its listener hangs up', async () => {
    const stop = new AbortController();
    const seen: unknown[] = [];
    for await (const item of client.stream('approvals.watch', {}, stop.signal)) {
      seen.push(item);
      if (seen.length === 3) stop.abort();
    }
    expect(seen.slice(0, 3)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
    await expect.poll(() => ended).toBe(true);
  });

  test('ends when its listener breaks off', async () => {
    for await (const item of client.stream('approvals.watch', {}, new AbortController().signal)) {
      expect(item).toEqual({ n: 0 });
      break;
    }
    await expect.poll(() => ended).toBe(true);
  });

  test('ends when its listener was killed', async () => {
    const raw = connect(path);
    raw.write('POST /v1/approvals.watch HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}');
    await new Promise((resolve) => {
      raw.once('data', resolve);
    });
    raw.destroy();
    await expect.poll(() => ended).toBe(true);
  });

  test('waits for a listener that does not read, and then ends with it', async () => {
    let sent = 0;
    streams['approvals.watch'] = async function* (_, signal) {
      while (!signal.aborted) {
        sent += 1;
        yield { text: 'x'.repeat(1 << 20) };
        await Promise.resolve();
      }
      ended = true;
    };
    const raw = connect(path);
    raw.pause();
    raw.write('POST /v1/approvals.watch HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}');
    await expect.poll(() => sent).toBeGreaterThan(0);
    await sleep(50);
    expect(sent).toBeLessThan(4);
    raw.destroy();
    await expect.poll(() => ended).toBe(true);
  });

  test('that fails midway ends with the error', async () => {
    streams['receipts.export'] = async function* () {
      yield { n: 0 };
      await Promise.resolve();
      throw new WarderError('unavailable', 'the store is gone');
    };
    const seen: unknown[] = [];
    const read = async (): Promise<void> => {
      const { signal } = new AbortController();
      for await (const item of client.stream('receipts.export', {}, signal)) seen.push(item);
    };
    await expect(read()).rejects.toMatchObject({ code: 'unavailable' });
    expect(seen).toEqual([{ n: 0 }]);
  });

  test('of a daemon that dies midway is not taken for whole', async () => {
    streams['receipts.export'] = async function* () {
      yield { n: 0 };
      await socket.close();
      yield { n: 1 };
    };
    const { signal } = new AbortController();
    const read = async (): Promise<void> => {
      for await (const item of client.stream('receipts.export', {}, signal)) asked.push(item);
    };
    await expect(read()).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('asked for wrongly never starts', async () => {
    const { signal } = new AbortController();
    const first = client.stream('approvals.watch', { more: 1 }, signal)[Symbol.asyncIterator]();
    await expect(first.next()).rejects.toMatchObject({ code: 'usage' });
    expect(ended).toBe(false);
  });

  test('does not keep the socket from closing', async () => {
    const raw = connect(path);
    raw.on('error', () => {});
    raw.write('POST /v1/approvals.watch HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}');
    await new Promise((resolve) => {
      raw.once('data', resolve);
    });
    await socket.close();
    await expect.poll(() => ended).toBe(true);
  });
});
