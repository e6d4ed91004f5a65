import { expect, test } from 'vitest';
import { callFacts, openFixture } from './log-fixture.ts';

const at = (minute: number): number => Date.UTC(2026, 0, 1, 0, minute);

async function filled(): ReturnType<typeof openFixture> {
  const log = await openFixture();
  const rows = [
    { tool: 'a', principal: 'agent:x', outcome: 'done', time: at(1) },
    { tool: 'b', principal: 'agent:x', outcome: 'refused', time: at(2) },
    { tool: 'a', principal: 'agent:y', outcome: 'done', time: at(3), tenant: 'acme' },
    { tool: 'a', principal: 'agent:x', outcome: 'failed', time: at(4), task: 't2' },
  ] as const;
  for (const row of rows) await log.append(callFacts(row));
  return log;
}

test.each([
  [{}, [3, 2, 1, 0]],
  [{ tool: 'a' }, [3, 2, 0]],
  [{ tool: 'a', principal: 'agent:x' }, [3, 0]],
  [{ outcome: 'refused' }, [1]],
  [{ tenant: 'acme' }, [2]],
  [{ task: 't2' }, [3]],
  [{ since: at(2), until: at(4) }, [2, 1]],
  [{ last: 2 }, [3, 2]],
  [{ last: 1, tool: 'b' }, [1]],
  [{ type: 'lease' }, []],
])('list %j', async (filter, indexes) => {
  const log = await filled();
  expect(log.reader.list(filter).map(({ index }) => index)).toEqual(indexes);
  const exported = [...log.reader.export(filter)].map(({ index }) => index);
  expect(exported).toEqual(indexes.toReversed());
});

test.each([
  { leese: 'x' },
  { last: -1 },
  { since: 0.5 },
  { tool: 7 },
  JSON.parse('{"__proto__":1}'),
])('a filter nobody knows is an error: %j', async (filter) => {
  const log = await filled();
  expect(() => log.reader.list(filter as object)).toThrow(
    expect.objectContaining({ code: 'usage' }),
  );
});

test('export goes over more than one page and ends at the head it began with', async () => {
  const log = await openFixture();
  await Promise.all(Array.from({ length: 520 }, () => log.append()));
  const exported = log.reader.export();
  const first = exported.next();
  await log.append();
  const rest = [...exported].map(({ index }) => index);
  expect([first.value?.index, ...rest]).toEqual(Array.from({ length: 520 }, (_, index) => index));
});

test('follow gives each receipt once, in order, and ends when it is told to', async () => {
  const log = await filled();
  const stop = new AbortController();
  const seen: number[] = [];
  const following = (async () => {
    for await (const { index } of log.reader.follow({ tool: 'a', last: 1 }, stop.signal)) {
      seen.push(index);
      if (seen.length === 5) stop.abort();
    }
  })();
  await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([
    log.append(callFacts({ tool: 'a' })),
    log.append(callFacts({ tool: 'b' })),
    log.append(callFacts({ tool: 'a' })),
  ]);
  await log.append(callFacts({ tool: 'a' }));
  await log.append(callFacts({ tool: 'a' }));
  await following;
  expect(seen).toEqual([3, 4, 6, 7, 8]);
});

test('follow ends while nothing happens', async () => {
  const log = await openFixture();
  const stop = new AbortController();
  const following = log.reader.follow({}, stop.signal).next();
  stop.abort();
  expect(await following).toMatchObject({ done: true });
});

test('a receipt names the hosts its call contacted, and what was risky about it', async () => {
  const log = await openFixture();
  const http = { kind: 'http', count: 1, bytes: 0 } as const;
  const many = Array.from({ length: 30 }, (_, at) => ({
    ...http,
    state: 'answered' as const,
    target: `GET https://h${at % 12}.example/${at}`,
  }));
  const facts = callFacts({
    risk: { verdict: 'ask', signals: ['secret-in-arguments', 'first-use'] },
    effects: [
      ...many,
      { ...http, state: 'sent', target: 'POST http://b.example:8080?x=1' },
      { ...http, state: 'refused', target: 'GET https://refused.example/' },
      { ...http, kind: 'kv', state: 'answered', target: 'GET https://key.example/' },
      { ...http, state: 'answered', target: '(further targets)' },
    ],
  });
  await log.append(facts);
  const shown = log.reader.show(facts.id);
  const hosts = Array.from({ length: 12 }, (_, at) => `h${at}.example`);
  expect(shown.hosts).toEqual(['b.example:8080', ...hosts].sort());
  expect(shown.statement.predicate.risk).toEqual({
    verdict: 'ask',
    signals: ['secret-in-arguments', 'first-use'],
  });
  const quiet = callFacts({ effects: [] });
  await log.append(quiet);
  expect(log.reader.show(quiet.id)).not.toHaveProperty('hosts');
  expect(log.reader.show(quiet.id).statement.predicate).not.toHaveProperty('risk');
});
