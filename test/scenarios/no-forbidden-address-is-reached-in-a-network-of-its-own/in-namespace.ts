// Runs in a network namespace in which every address there is, is this machine's: whoever connects
// anywhere arrives here and is counted by where they meant to go. Prints what was seen as JSON.

import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { request } from 'undici';
import { openSession, testEgress } from '../../support/egress.ts';
import { callLimits, netRule, reachPermit } from '../../support/reach-permit.ts';
import { vectorSuite } from '../../support/vectors.ts';

/** The one place that may be reached: an address of the open internet, under a name. */
const ALLOWED = '93.184.216.34';
const PORTS = [22, 25, 80, 443, 3128, 8000, 8080];

/** What a guest would like to reach. */
const FORBIDDEN = [
  '127.0.0.1',
  '127.8.8.8',
  '0.0.0.0',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '168.63.129.16',
  '192.0.0.192',
  '192.88.99.1',
  '198.18.0.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::a00:1',
  '::ffff:10.0.0.1',
  '::ffff:0:10.0.0.1',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::a9fe:a9fe',
  '100::1',
  '100:0:0:1::1',
  '2001::1',
  '2001:db8::1',
  '2002:a9fe:a9fe::1',
  '2002:7f00:1::',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fec0::1',
  'ff02::1',
  '2a00::5efe:10.0.0.1',
];

const counts = { allowed: 0, forbidden: 0 };
let location = '';

const answer: RequestListener = (asked, response) => {
  if (asked.url === '/redirect') {
    // As bytes: some locations are no header values to node:http.
    asked.socket.end(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`);
    return;
  }
  response.end('here');
};

async function listen(port: number): Promise<Server> {
  const server = createServer(answer);
  server.on('connection', ({ localAddress }) => {
    counts[localAddress === `::ffff:${ALLOWED}` ? 'allowed' : 'forbidden'] += 1;
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ port, host: '::', ipv6Only: false }, resolve);
  });
  return server;
}

for (const words of [
  'link set lo up',
  'route add local 0.0.0.0/0 dev lo',
  '-6 route add local ::/0 dev lo',
]) {
  execFileSync('ip', words.split(' '));
}
const servers = await Promise.all(PORTS.map(listen));

const shown = (address: string): string => (address.includes(':') ? `[${address}]` : address);

/** A rule for every name, at every port. No rule gives an address. */
const permit = reachPermit({
  allowNet: PORTS.flatMap((port) => [
    netRule(`* http://*:${port}/**`),
    netRule(`* https://*:${port}/**`),
  ]),
  limits: { ...callLimits(1 << 30), requests: 1_000_000 },
});

/** What names stand for; of `rebind.` names the second answer differs from the first. */
let answers: readonly string[] = [ALLOWED];
let asked = 0;
const zone = (name: string, family: 4 | 6): readonly string[] => {
  if (!name.startsWith('rebind.')) return name === 'good.test' ? [ALLOWED] : answers;
  if (family === 6) return [];
  asked += 1;
  return asked === 1 ? [ALLOWED] : ['169.254.169.254'];
};

async function naive(): Promise<number> {
  const before = counts.forbidden;
  for (const address of FORBIDDEN) {
    try {
      const { body } = await request(`http://${shown(address)}/`, {
        signal: AbortSignal.timeout(1000),
      });
      await body.dump();
    } catch {
      // Some addresses cannot be connected to.
    }
  }
  const reached = counts.forbidden - before;
  Object.assign(counts, { allowed: 0, forbidden: 0 });
  return reached;
}

const reachedNaively = await naive();
const failures: string[] = [];
await using egress = await testEgress({ zone, connectMs: 1000, totalMs: 3000 });

async function refused(url: string): Promise<void> {
  using session = openSession(egress, permit);
  const reply = await session.get(url);
  const state = session.effects.at(-1)?.state;
  if (reply.ok || state !== 'refused') failures.push(`${url} ${state} ${answers.join()}`);
}

const suite = vectorSuite('ssrf');
const payloads =
  suite === undefined
    ? []
    : readFileSync(join(suite, 'payloads-976.txt'), 'utf8').split('\n').filter(Boolean);

// Literals, as they are and as names stand for them, whole chains of them, and among good ones.
for (const address of FORBIDDEN) {
  await refused(`http://${shown(address)}/`);
  answers = [address];
  await refused('http://bad.test/');
  answers = [ALLOWED, address];
  await refused('http://mixed.test:8080/');
}
answers = ['127.0.0.1'];
for (const url of payloads) await refused(url);

for (const to of [...FORBIDDEN.map((address) => `http://${shown(address)}/`), ...payloads]) {
  location = to;
  answers = ['169.254.169.254'];
  const before = counts.allowed;
  await refused('http://good.test/redirect');
  if (counts.allowed !== before + 1) failures.push(`no redirect to ${to}`);
}

// A name that is looked up again and again stays where it was found first.
{
  using session = openSession(egress, permit);
  for (let count = 0; count < 3; count += 1) {
    const reply = await session.get(`http://rebind.test/${count}`);
    if (!reply.ok) failures.push(`rebind ${reply.message}`);
  }
  await refused('http://rebind.test/');
}

for (const server of servers) {
  server.closeAllConnections();
  server.close();
}
process.stdout.write(
  JSON.stringify({ ...counts, reachedNaively, payloads: payloads.length, failures, asked }),
);
