import { beforeEach, expect, test } from 'vitest';
import { openPlugin, Refusal, type Tool } from './plugin.ts';

let store: Map<string, string>;
let refuse: boolean;
let tool: Tool;

const allowed = (): void => {
  if (refuse) throw new Refusal('denied', 'kv is not granted; grant it with --allow-kv');
};

beforeEach(async () => {
  store = new Map();
  refuse = false;
  tool = await openPlugin(
    'notes',
    {
      kv_get: ({ key }) => {
        allowed();
        return { value: store.get(String(key)) ?? null };
      },
      kv_set: ({ key, value }) => {
        allowed();
        store.set(String(key), String(value));
        return {};
      },
      kv_delete: ({ key }) => {
        allowed();
        return { deleted: store.delete(String(key)) };
      },
      kv_list: ({ prefix }) => {
        allowed();
        return { keys: [...store.keys()].filter((key) => key.startsWith(String(prefix))).sort() };
      },
    },
    {},
  );
});

async function add(args: object): Promise<string> {
  const { structuredContent } = await tool.call('note_add', args);
  return (structuredContent as { id: string }).id;
}

test('a note comes back as it was given, whatever characters it holds', async () => {
  const note = {
    title: 'Ébbe "und" Flut',
    text: 'line 1\nline\t2 \u0001 \\ 🌊',
    tags: ['boat', 'a"b'],
  };
  const before = Date.now();
  const id = await add(note);
  expect(id).toMatch(/^[0-9a-f]{19}$/);
  const { structuredContent, content } = await tool.call('note_get', { id });
  expect(structuredContent).toMatchObject({ id, ...note });
  expect((structuredContent as { created: number }).created).toBeGreaterThanOrEqual(before);
  expect(content[0]?.text).toBe(`${note.title}\n\n${note.text}`);
});

test('notes added at the same moment do not overwrite each other, and list newest first', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 20; i += 1) ids.push(await add({ text: `note ${i}`, tags: [`t${i % 2}`] }));
  expect(new Set(ids).size).toBe(20);
  const odd = (await tool.call('note_list', { tag: 't1', limit: 5 })).structuredContent as {
    notes: { id: string; title: string; size: number }[];
    complete: boolean;
  };
  expect(odd.complete).toBe(false);
  expect(odd.notes).toHaveLength(5);
  const order = odd.notes.map(({ id }) => id);
  expect(order).toEqual([...order].sort().toReversed());
});

test('searching looks into text, title and tags and shows the line', async () => {
  const byText = await add({ text: 'first line\nthe Harbour master called\nend' });
  const byTitle = await add({ title: 'HARBOUR', text: 'x' });
  const byTag = await add({ text: 'y', tags: ['harbour'] });
  await add({ text: 'nothing here' });
  const { structuredContent } = await tool.call('note_search', { query: 'harbour' });
  const { notes } = structuredContent as { notes: { id: string; snippet: string }[] };
  expect(notes.map(({ id }) => id).sort()).toEqual([byText, byTitle, byTag].sort());
  const found = notes.find(({ id }) => id === byText);
  expect(found?.snippet).toBe('the Harbour master called');
});

test('replacing keeps the id, deleting says whether there was one', async () => {
  const id = await add({ text: 'old' });
  const answer = await tool.call('note_add', { id, text: 'new' });
  expect(answer.structuredContent).toEqual({ id, replaced: true });
  expect(store.size).toBe(1);
  expect((await tool.call('note_delete', { id })).structuredContent).toEqual({ deleted: true });
  expect((await tool.call('note_delete', { id })).structuredContent).toEqual({ deleted: false });
  expect((await tool.call('note_get', { id })).isError).toBe(true);
  expect((await tool.call('note_add', { id, text: 'new' })).isError).toBe(true);
});

test('a refusal of the host is shown with its remedy', async () => {
  refuse = true;
  for (const [name, args] of [
    ['note_add', { text: 'x' }],
    ['note_list', {}],
    ['note_get', { id: '0'.repeat(19) }],
    ['note_delete', { id: '0'.repeat(19) }],
  ] as const) {
    const { isError, content } = await tool.call(name, args);
    expect(isError).toBe(true);
    expect(content[0]?.text).toContain('--allow-kv');
  }
});
