// The witnesses in `config.json`: who has to have seen a head of the log before it is published.

import type { Checker, Fields } from './checker.ts';

/** One witness, as its operator published it. */
export interface WitnessConfig {
  /** Its verifier key: type 0x04 (timestamped Ed25519 cosignatures). */
  readonly vkey: string;
  /** Submission prefix; https, or http on loopback. */
  readonly url: string;
  /** Monitoring prefix, where it serves what it has seen; the submission prefix when absent. */
  readonly monitoring?: string;
}

/** Witnesses and how many of them are enough; without witnesses the quorum is 0. */
export interface WitnessSection {
  readonly witnesses: readonly WitnessConfig[];
  readonly quorum: number;
}

const WITNESSES_MAX = 32;
const VKEY = /^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*$/;
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Reads `log.witnesses` and `log.quorum`. */
export function readWitnessSection(checker: Checker, log: Fields): WitnessSection {
  const { witnesses: list = [], quorum: count } = log;
  if (!Array.isArray(list) || list.length > WITNESSES_MAX) {
    checker.problem(`\`log.witnesses\` must be a list of at most ${WITNESSES_MAX} witnesses`);
    return { witnesses: [], quorum: 0 };
  }
  const witnesses = list.map((json, index) =>
    readWitness(checker, json, `log.witnesses[${index}]`),
  );
  if (new Set(witnesses.map(({ vkey }) => vkey)).size < witnesses.length) {
    checker.problem('`log.witnesses` names one witness twice: it counts once');
  }
  if (witnesses.length === 0) {
    if (count !== undefined) checker.problem('`log.quorum` counts `log.witnesses`: there are none');
    return { witnesses, quorum: 0 };
  }
  const quorum = checker.whole(count ?? witnesses.length, 'log.quorum', 1, witnesses.length);
  return { witnesses, quorum };
}

function readWitness(checker: Checker, json: unknown, at: string): WitnessConfig {
  const { vkey, url, monitoring } = checker.object(json, at, ['vkey', 'url', 'monitoring']);
  const key = checker.text(vkey, `${at}.vkey`);
  if (key !== '' && !VKEY.test(key)) {
    checker.problem(`\`${at}.vkey\` must be a verifier key: \`name+id+key\``);
  }
  return {
    vkey: key,
    url: readPrefix(checker, url, `${at}.url`),
    ...(monitoring === undefined
      ? {}
      : { monitoring: readPrefix(checker, monitoring, `${at}.monitoring`) }),
  };
}

function readPrefix(checker: Checker, value: unknown, at: string): string {
  const text = checker.text(value, at);
  if (text === '') return '';
  const url = URL.parse(text);
  const open = url?.protocol === 'http:' && LOOPBACK.has(url.hostname);
  if (url === null || (url.protocol !== 'https:' && !open)) {
    checker.problem(`\`${at}\` must be an https URL, or http on loopback`);
  } else if (url.username !== '' || url.password !== '' || /[?#]/.test(text)) {
    checker.problem(`\`${at}\` must be a prefix, without credentials, query or fragment`);
  }
  return text;
}
