// Receipts before verifiers that are not ours: cosign, a second implementation in Python, a real browser.
//
// node test/interop/receipts.ts [--cosign PATH]... [--chromium PATH]
// What is not there is said and left out; the last line counts.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { canonicalJson } from '../../src/base/encoding/jcs.ts';
import { buildLeaf } from '../../src/trust/receipt/build-leaf.ts';
import type { ReceiptFacts } from '../../src/trust/receipt/leaf.ts';
import { LogTree } from '../../src/trust/receipt/log-tree.ts';
import { signStatement } from '../../src/trust/receipt/sign-statement.ts';
import { statementAdmitter } from '../../src/trust/receipt/statement-admitter.ts';
import { TileDirectory } from '../../src/trust/receipt/tile-directory.ts';
import { openMemorySigner } from '../../src/trust/signer/memory/memory-signer.ts';
import { formatHead } from '../../src/trust/verify/checkpoint.ts';
import { loadKeys } from '../../src/trust/verify/keys.ts';
import { formatNote, noteSignature } from '../../src/trust/verify/note.ts';
import { formatProof } from '../../src/trust/verify/proof.ts';
import { Tally } from './tally.ts';

const repository = resolve(import.meta.dirname, '../..');
const python = join(import.meta.dirname, 'verify_receipt.py');
const ORIGIN = 'warder.invalid/log/0123456789abcdef';
const TYPE = 'https://warder.invalid/receipt/v1';
const LEAVES = 300;
const BROWSER_MS = 60_000;

const { values: options } = parseArgs({
  options: {
    cosign: { type: 'string', multiple: true, default: ['cosign'] },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});
const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), 'warder-interop-'));
const tally = new Tally();

/** Whether a program ends well, and what it printed. */
async function judge(
  command: string,
  args: readonly string[],
): Promise<readonly [boolean, string]> {
  try {
    const { stdout, stderr } = await run(command, args, { timeout: 120_000 });
    return [true, stdout + stderr];
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return [false, stdout + stderr];
  }
}

/** A log with its files, the proof of one of its receipts, and that receipt as a bundle. */
async function makeEvidence() {
  const log = openMemorySigner('EdDSA', { roles: ['checkpoint'] });
  const signing = openMemorySigner('ES256', {
    roles: ['checkpoint', 'dsse'],
    admitters: [statementAdmitter(ORIGIN, () => log.key)],
  });
  const call = { arguments: { text: 'hello', note: '“ü”' }, tool: 'text_echo' };
  const callText = canonicalJson(call);
  const facts = (at: number): ReceiptFacts => ({
    id: `call_01KA9ZJ5R0000000000000${String(at).padStart(4, '0')}`,
    type: 'call',
    outcome: 'done',
    tenant: 'default',
    time: Date.UTC(2026, 10, 21) + at,
    subject: { name: 'call', sha256: Buffer.from(hashOf(callText)).toString('hex') },
    ...call,
    result: { content: [{ type: 'text', text: `answer ${at}` }] },
    usage: { wallMs: at / 7, cpuMs: at * 1e-7 },
    assurance: 'personal',
    jail: 'none',
  });
  const leaves = Array.from(
    { length: LEAVES },
    (_, at) => buildLeaf(facts(at), (bytes) => randomBytes(bytes)).bytes,
  );
  const source = {
    tile: () => undefined,
    leaves: (from: number, many: number) => leaves.slice(from, from + many),
  };
  const tree = new LogTree(source, LEAVES);
  const text = formatHead({ origin: ORIGIN, size: LEAVES, root: tree.root() });
  const members = { warder_roles: ['checkpoint', 'dsse'], warder_origin: ORIGIN };
  const jwks = JSON.stringify({
    keys: [log, signing].map(({ key }) => ({ ...key, ...members })),
  });
  const trusted = await loadKeys([jwks]);
  const signatures = await Promise.all(
    [log, signing].map(async (signer) => {
      const found = trusted.find(({ kid }) => kid === signer.key.kid);
      if (found === undefined) throw new Error('a key that was just made');
      const payload = Buffer.from(text);
      return noteSignature(ORIGIN, found.raw, await signer.sign({ kind: 'checkpoint', payload }));
    }),
  );
  const checkpoint = formatNote({ text, signatures });
  const directory = join(scratch, 'log');
  const files = new TileDirectory(directory);
  await files.writeUpTo(LEAVES, {
    tile: (level, index, width) => tree.tile(level, index, width),
    leaves: source.leaves,
  });
  await files.publish(checkpoint);
  const proof = formatProof({
    extra: leaves[7] ?? new Uint8Array(),
    index: 7,
    hashes: tree.inclusion(7, LEAVES),
    checkpoint,
  });
  const pem = createPublicKey({ key: { ...signing.key }, format: 'jwk' }).export({
    type: 'spki',
    format: 'pem',
  });
  const bundle = JSON.stringify(await signStatement(proof, signing));
  return { callText, directory, proof, jwks, pem, bundle };
}

function hashOf(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}

function write(name: string, text: string): string {
  const path = join(scratch, name);
  writeFileSync(path, text);
  return path;
}

/** Another character somewhere inside a base64 member. */
function flipped(bundle: string, member: 'payload' | 'sig'): string {
  return bundle.replace(
    new RegExp(`("${member}":"[^"]{40})(.)`),
    (_, before: string, at: string) => `${before}${at === 'A' ? 'B' : 'A'}`,
  );
}

type Evidence = Awaited<ReturnType<typeof makeEvidence>>;

async function withCosign(cosign: string, evidence: Evidence): Promise<void> {
  const [there, version] = await judge(cosign, ['version']);
  if (!there)
    return tally.leaveOut(`cosign: \`${cosign}\` does not run (go install it, or --cosign PATH)`);
  const name = /GitVersion:\s*(\S+)/.exec(version)?.[1] ?? cosign;
  const root = write(
    'root.json',
    '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
  );
  const other = openMemorySigner('ES256', { roles: ['dsse'] });
  const otherPem = createPublicKey({ key: { ...other.key }, format: 'jwk' }).export({
    type: 'spki',
    format: 'pem',
  });
  const verify = (bundle: string, pem: string, blob: string): Promise<readonly [boolean, string]> =>
    judge(cosign, [
      'verify-blob-attestation',
      '--key',
      write('key.pem', pem),
      '--bundle',
      write('bundle.json', bundle),
      '--trusted-root',
      root,
      '--type',
      TYPE,
      ...(name.startsWith('v2') ? ['--new-bundle-format'] : []),
      '--insecure-ignore-tlog',
      write('call.json', blob),
    ]);
  const { bundle, pem, callText } = evidence;
  tally.report(
    (await verify(bundle, pem, callText))[0],
    `cosign ${name} takes the bundle for its call`,
  );
  const refusals: readonly (readonly [string, string, string, string])[] = [
    ['another call', bundle, pem, callText.replace('hello', 'hallo')],
    ['another key', bundle, otherPem, callText],
    ['a changed payload', flipped(bundle, 'payload'), pem, callText],
    ['a changed signature', flipped(bundle, 'sig'), pem, callText],
  ];
  for (const [what, ...given] of refusals) {
    tally.report(!(await verify(...given))[0], `cosign ${name} refuses ${what}`);
  }
}

async function withPython(evidence: Evidence): Promise<void> {
  const [there, version] = await judge('python3', ['--version']);
  if (!there) return tally.leaveOut('python3 does not run');
  const name = version.trim();
  const vectors = join(repository, 'test/vectors/receipt');
  const [good, said] = await judge('python3', [python, 'vectors', vectors]);
  tally.report(good, `${name}, from the page alone, over the vectors: ${said.trim()}`);
  const keys = write('keys.json', evidence.jwks);
  const kinds = [
    ['proof', write('receipt.tlog-proof', evidence.proof)],
    ['envelope', write('receipt.sigstore', evidence.bundle)],
    ['log', evidence.directory],
  ] as const;
  for (const [kind, path] of kinds) {
    tally.report(
      (await judge('python3', [python, kind, path, keys]))[0],
      `${name} takes the ${kind}`,
    );
  }
  const bundlePath = join(evidence.directory, 'tile/entries/000');
  const bytes = readFileSync(bundlePath);
  const changed = Buffer.from(bytes);
  changed[1000] = (changed[1000] ?? 0) ^ 1;
  writeFileSync(bundlePath, changed);
  const [accepted] = await judge('python3', [python, 'log', evidence.directory, keys]);
  tally.report(!accepted, `${name} refuses a log with one changed byte`);
  writeFileSync(bundlePath, bytes);
}

/** Asks a real browser: it fetches the one file and the evidence, and posts what it makes of them. */
async function withChromium(chromium: string, { proof, jwks }: Evidence): Promise<void> {
  if (!existsSync(chromium)) return tally.leaveOut(`no browser at ${chromium}`);
  const { bundleVerifier } = (await import(join(repository, 'scripts/bundle.mjs'))) as {
    bundleVerifier(root: string, dist: string): Promise<string>;
  };
  const bundle = await bundleVerifier(repository, join(scratch, 'browser'));
  const page = `<!doctype html><script type="module">
    import { loadKeys, verifyReceipt } from '/verify.browser.js';
    const { proof, changed, jwks } = await (await fetch('/evidence')).json();
    const judge = async (text) => {
      try { return (await verifyReceipt(text, await loadKeys([jwks]))).id; }
      catch (error) { return error.code ?? String(error); }
    };
    const answers = [await judge(proof), await judge(changed), navigator.userAgent];
    await fetch('/answer', { method: 'POST', body: JSON.stringify(answers) });
  </script>`;
  const changed = proof.replace(/index \d+/, 'index 8');
  const { promise: answered, resolve: answer } = Promise.withResolvers<readonly string[]>();
  const server = createServer((request, response) => {
    const files: Readonly<Record<string, readonly [string, () => string]>> = {
      '/': ['text/html', () => page],
      '/verify.browser.js': ['text/javascript', () => readFileSync(bundle, 'utf8')],
      '/evidence': ['application/json', () => JSON.stringify({ proof, changed, jwks })],
    };
    const [type, text] = files[request.url ?? ''] ?? [];
    if (request.method === 'POST') {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        response.end();
        answer(JSON.parse(Buffer.concat(parts).toString()) as readonly string[]);
      });
    } else if (type === undefined || text === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': type }).end(text());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const profile = join(scratch, 'profile');
  mkdirSync(profile);
  const browser: ChildProcess = spawn(
    chromium,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--user-data-dir=${profile}`,
      `http://127.0.0.1:${port}/`,
    ],
    { stdio: 'ignore', detached: true },
  );
  const late = new Promise<readonly string[]>((resolve_) =>
    setTimeout(() => resolve_(['', '', 'no answer']), BROWSER_MS).unref(),
  );
  const [id = '', refusal = '', agent = ''] = await Promise.race([answered, late]);
  if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
  server.closeAllConnections();
  server.close();
  const name = /(?:Headless)?Chrome\/[\d.]+/.exec(agent)?.[0] ?? agent;
  tally.report(id.startsWith('call_'), `${name} verifies the receipt with the one file`);
  tally.report(refusal === 'verification-failed', `${name} refuses it at another index`);
}

try {
  const evidence = await makeEvidence();
  await withPython(evidence);
  for (const cosign of options.cosign) await withCosign(cosign, evidence);
  await withChromium(options.chromium, evidence);
} finally {
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
tally.end();
