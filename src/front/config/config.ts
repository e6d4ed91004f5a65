// HOME/config.json: its type, its published JSON Schema, and reading it. Read once per process.

import {
  type JailKind,
  jailKinds,
  type JailLayer,
  jailLayers,
} from '../../base/process/jail-plan.ts';
import type { Capability } from '../../trust/lease/capability.ts';
import { Checker, type Fields } from './checker.ts';
import { checkConfigText, readConfigText } from './config-file.ts';
import { type IssuerConfig, readIssuers } from './issuers.ts';
import { type FirewallConfig, readFirewall, readRisk, type RiskConfig } from './risk-section.ts';
import { readWitnessSection, type WitnessSection } from './witness-section.ts';

/** Which key, and the thumbprint it must have. */
export interface KeyPin {
  /** Key URI, see docs/keys. */
  readonly uri: string;
  /** RFC 7638 thumbprint. */
  readonly kid: string;
}

/** One agent that may connect: who it is and what its leases may say at most. */
export interface AgentConfig {
  readonly principal: string;
  readonly tenant: string;
  /** What its leases may say without asking anybody; what the lease of a connection says. */
  readonly capabilities: readonly Capability[];
  /** What it may ask a person for besides. */
  readonly askable: readonly Capability[];
  /** Life of a lease, seconds. */
  readonly ttl: number;
  /** Longest life it may ask a person for, seconds; at least `ttl`. */
  readonly maxTtl: number;
  /** Which leases are taken over its socket. */
  readonly holder: HolderBinding;
}

/**
 * `connection`: the lease of the connection, and leases bound to a key with a proof for each call; `dpop`:
 * the latter alone; `bearer`: besides, leases that anybody may use who has them.
 */
export type HolderBinding = (typeof holderBindings)[number];
const holderBindings = ['connection', 'dpop', 'bearer'] as const;

export interface Config {
  readonly version: 1;
  /** What the install shall be; the daemon looks whether it is. */
  readonly assurance: (typeof assuranceLevels)[number];
  readonly key: KeyPin;
  readonly logKey: KeyPin;
  readonly log: {
    readonly origin: string;
    readonly public: boolean;
    /** File in which the signer remembers the last head it signed; outside the home. Absolute. */
    readonly memory: string;
  } & WitnessSection;
  readonly pkcs11: {
    /** Shared libraries that key URIs may name as `module-path`. Absolute: each is code that is loaded. */
    readonly modules: readonly string[];
  };
  readonly agents: Readonly<Record<string, AgentConfig>>;
  /** Operators with a socket of their own, by name, besides `operator`. */
  readonly operators: readonly string[];
  readonly trust: {
    /** Whose word is taken for who a caller is. */
    readonly issuers: readonly IssuerConfig[];
  };
  readonly revocations: {
    /** How long a revocation list holds at most, seconds; never longer than the longest lease. */
    readonly ttl: number;
  };
  readonly risk: RiskConfig;
  readonly firewall: FirewallConfig;
  readonly jail: {
    /** Layers without which no daemon starts. */
    readonly require: readonly JailLayer[];
    /** Ways to make the jail, tried in this order; none: tools run only by `--unsafe-no-jail`. */
    readonly use: readonly JailKind[];
  };
  readonly limits: {
    /** Largest arguments of one call, bytes of JSON. */
    readonly argumentBytes: number;
    /** Calls one daemon works on at once; more wait in line. */
    readonly concurrentCalls: number;
    /** Calls that may wait in line; more are refused. */
    readonly waitingCalls: number;
  };
  readonly pool: {
    /** Executors with a tool at most, in all. */
    readonly size: number;
    /** Milliseconds an executor may idle before it is ended. */
    readonly idleMs: number;
  };
}

const assuranceLevels = ['personal', 'separated'] as const;
const AGENT_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
const OPERATORS_MAX = 64;
const TENANT = /^[a-z0-9-]{1,32}$/;

/** Values of everything `config.json` may leave out. */
const defaults: Pick<Config, 'revocations' | 'jail' | 'limits' | 'pool'> = {
  revocations: { ttl: 300 },
  jail: { require: [], use: jailKinds },
  limits: { argumentBytes: 1024 * 1024, concurrentCalls: 256, waitingCalls: 1024 },
  pool: { size: 24, idleMs: 600_000 },
};

/**
 * Reads and checks `config.json`.
 *
 * @throws WarderError `usage` that lists every bad path; `unavailable` when the file cannot be read.
 */
export function readConfig(path: string): Config {
  return parseConfig(readConfigText(path, 'run `warder init` to create the home'), path);
}

/** {@link readConfig} on text; `path` is for messages. */
export function parseConfig(text: string, path: string): Config {
  return checkConfigText(text, new HomeChecker(), {
    path,
    noun: 'a warder config',
    remedy: 'see docs/operations.md, or run `warder init` in an empty home and compare',
  });
}

/** Reads the sections of the file. */
class HomeChecker extends Checker {
  config(json: unknown): Config {
    const top = this.object(json, '', [
      '$schema',
      'version',
      'assurance',
      'key',
      'logKey',
      'log',
      'pkcs11',
      'listen',
      'agents',
      'operators',
      'trust',
      'revocations',
      'risk',
      'firewall',
      'jail',
      'limits',
      'pool',
    ]);
    if (top['version'] !== 1) this.problem('`version` must be 1');
    const log = this.object(top['log'], 'log', [
      'origin',
      'public',
      'memory',
      'witnesses',
      'quorum',
    ]);
    const jail = this.object(top['jail'] ?? {}, 'jail', ['require', 'use']);
    const limits = this.object(top['limits'] ?? {}, 'limits', Object.keys(defaults.limits));
    const pool = this.object(top['pool'] ?? {}, 'pool', Object.keys(defaults.pool));
    const lists = this.object(top['revocations'] ?? {}, 'revocations', ['ttl']);
    const trust = this.object(top['trust'] ?? {}, 'trust', ['issuers']);
    const pkcs11 = this.object(top['pkcs11'] ?? {}, 'pkcs11', ['modules']);
    if (
      top['listen'] !== undefined &&
      Object.keys(this.object(top['listen'], 'listen')).length > 0
    ) {
      this.problem('`listen` is not supported by this version: leave it out');
    }
    const agents = this.agents(top['agents']);
    const level = top['assurance'] ?? 'personal';
    const [assurance = 'personal'] = this.names([level], 'assurance', assuranceLevels);
    return {
      version: 1,
      assurance,
      key: this.keyPin(top['key'], 'key'),
      logKey: this.keyPin(top['logKey'], 'logKey'),
      log: {
        origin: this.text(log['origin'], 'log.origin'),
        public: this.boolean(log['public'] ?? false, 'log.public'),
        memory: this.absolutePath(log['memory'], 'log.memory'),
        ...readWitnessSection(this, log),
      },
      pkcs11: { modules: this.absolutePaths(pkcs11['modules'] ?? [], 'pkcs11.modules') },
      agents,
      operators: this.operators(top['operators'] ?? {}),
      trust: { issuers: readIssuers(this, trust['issuers'] ?? [], agents) },
      revocations: {
        ttl: this.whole(lists['ttl'] ?? defaults.revocations.ttl, 'revocations.ttl', 10, 86_400),
      },
      risk: readRisk(this, top['risk'] ?? {}),
      firewall: readFirewall(this, top['firewall'] ?? {}),
      jail: {
        require: this.names(jail['require'] ?? [], 'jail.require', jailLayers),
        use: this.names(jail['use'] ?? jailKinds, 'jail.use', jailKinds),
      },
      limits: {
        argumentBytes: this.bounded(limits, 'limits', 'argumentBytes', 64 * 1024 * 1024),
        concurrentCalls: this.bounded(limits, 'limits', 'concurrentCalls', 100_000),
        waitingCalls: this.bounded(limits, 'limits', 'waitingCalls', 1_000_000),
      },
      pool: {
        size: this.bounded(pool, 'pool', 'size', 1024),
        idleMs: this.bounded(pool, 'pool', 'idleMs', 86_400_000),
      },
    };
  }

  agents(json: unknown): Readonly<Record<string, AgentConfig>> {
    const agents: Record<string, AgentConfig> = Object.create(null) as Record<string, AgentConfig>;
    for (const [name, value] of Object.entries(this.object(json, 'agents'))) {
      const at = `agents.${name}`;
      if (!AGENT_NAME.test(name)) this.problem(`\`${at}\`: a name is like \`my-agent\``);
      const agent = this.object(value, at, [
        'principal',
        'tenant',
        'capabilities',
        'askable',
        'ttl',
        'maxTtl',
        'holder',
      ]);
      const wanted = agent['holder'] ?? 'connection';
      const [holder = 'connection'] = this.names([wanted], `${at}.holder`, holderBindings);
      const tenant = this.text(agent['tenant'] ?? 'default', `${at}.tenant`);
      if (!TENANT.test(tenant)) this.problem(`\`${at}.tenant\` must match ${TENANT.source}`);
      const ttl = this.whole(agent['ttl'] ?? 3600, `${at}.ttl`, 10, 86_400);
      const maxTtl = this.whole(agent['maxTtl'] ?? ttl, `${at}.maxTtl`, ttl, 86_400);
      const { askable = [] } = agent;
      const asksFor = isEmptyList(askable) ? [] : this.capabilities(askable, `${at}.askable`);
      agents[name] = {
        principal: this.text(agent['principal'] ?? `agent:${name}`, `${at}.principal`),
        tenant,
        capabilities: this.capabilities(agent['capabilities'], `${at}.capabilities`),
        askable: asksFor,
        ttl,
        maxTtl,
        holder,
      };
    }
    return agents;
  }

  /** Each is an object without members, so that what is said of one later has a place. */
  operators(json: unknown): readonly string[] {
    const names = Object.entries(this.object(json, 'operators')).map(([name, value]) => {
      const at = `operators.${name}`;
      if (!AGENT_NAME.test(name)) this.problem(`\`${at}\`: a name is like \`alice\``);
      if (name === 'operator') this.problem(`\`${at}\` is there by itself: leave it out`);
      this.object(value, at, []);
      return name;
    });
    if (names.length > OPERATORS_MAX) this.problem(`\`operators\` has over ${OPERATORS_MAX} names`);
    return names;
  }

  keyPin(json: unknown, at: string): KeyPin {
    const pin = this.object(json, at, ['uri', 'kid']);
    return { uri: this.text(pin['uri'], `${at}.uri`), kid: this.text(pin['kid'], `${at}.kid`) };
  }

  /** A number that may be left out. */
  bounded(fields: Fields, group: 'limits' | 'pool', name: string, most: number): number {
    const fallback = (defaults[group] as Readonly<Record<string, number>>)[name] ?? 1;
    return this.whole(fields[name] ?? fallback, `${group}.${name}`, 1, most);
  }
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
