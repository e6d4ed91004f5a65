// Step 2: ordinary work. Four tools in three languages, on the documents of test/data.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../../../test/support/warder.ts';
import type { Tour } from '../tour.ts';

const DATA = join(repository, 'test', 'data');

export async function realDocuments(tour: Tour): Promise<void> {
  const { narrator } = tour;
  narrator.say(
    '`text` (AssemblyScript) and `data-query` (a component) are granted nothing at all.',
  );
  await tour.addTool('text');
  await tour.addTool('data-query');
  await countWords(tour);
  await queryCurrencies(tour);
  await queryZones(tour);

  narrator.say(
    `\`file-search\` and \`checksum\` (C, WASI) may read ${DATA}, which they see as /data.`,
  );
  await tour.warder(['tool', 'grant', 'file-search', '--allow-read', `${DATA}:/data`]);
  await tour.addTool('checksum', '--allow-read', `${DATA}:/data`);
  const search = {
    query: 'warranty',
    ignoreCase: true,
    glob: '*.txt',
    path: '/data',
    maxMatches: 5,
  };
  const found = await tour.warder(['call', 'search_files', '--args', JSON.stringify(search)]);
  narrator.claim(
    'the search finds the word in the licences',
    found.stdout.includes('/data/texts/'),
    found,
  );
  const file = 'texts/mpl-2.0.txt';
  const hashed = await tour.warder([
    'call',
    'hash_file',
    '--args',
    JSON.stringify({ path: `/data/${file}` }),
  ]);
  const digest = createHash('sha256')
    .update(readFileSync(join(DATA, file)))
    .digest('hex');
  narrator.claim(
    'the digest from the sandbox is the right one',
    hashed.stdout.includes(digest),
    hashed,
  );
}

async function countWords(tour: Tour): Promise<void> {
  const text = readFileSync(join(DATA, 'texts', 'gpl-3.txt'), 'utf8');
  const counted = await call(tour, 'text_stats', { text, top: 5, minLength: 5 });
  const { bytes } = counted as { readonly bytes?: number };
  tour.narrator.claim(
    'every byte of the GPL was counted',
    bytes === Buffer.byteLength(text),
    counted,
  );
}

async function queryCurrencies(tour: Tour): Promise<void> {
  const data = readFileSync(join(DATA, 'json', 'iso_4217.json'), 'utf8');
  const { 4217: all } = JSON.parse(data) as { readonly 4217: readonly { readonly name: string }[] };
  const dollars = all.filter(({ name }) => name.includes('Dollar')).length;
  const query = {
    path: '$["4217"][*]',
    where: 'name contains "Dollar"',
    select: ['alpha_3', 'name'],
  };
  const result = await call(tour, 'query_json', { data, ...query });
  const { total } = result as { readonly total?: number };
  tour.narrator.claim(`${String(dollars)} currencies are called dollar`, total === dollars, result);
}

async function queryZones(tour: Tour): Promise<void> {
  const csv = readFileSync(join(DATA, 'tables', 'time-zones.csv'), 'utf8');
  const german = csv.split('\r\n').filter((row) => row.split(',')[1] === 'DE').length;
  const result = await call(tour, 'query_csv', { csv, where: 'country = "DE"' });
  const { total } = result as { readonly total?: number };
  tour.narrator.claim('the table gives the zones of one country', total === german, result);
}

/** A call whose arguments are too long for a command line: they go through a file. */
async function call(tour: Tour, tool: string, args: object): Promise<unknown> {
  const file = join(tour.work, `${tool}.json`);
  writeFileSync(file, JSON.stringify(args));
  const done = await tour.warder(['call', tool, '--args', `@${file}`, '--json']);
  tour.narrator.claim(`\`${tool}\` answered`, done.code === 0, done.stderr);
  return done.json<{ structuredContent?: unknown }>().structuredContent;
}
