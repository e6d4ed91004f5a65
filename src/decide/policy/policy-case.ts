// Cases an operator writes down for a policy set: which call or request for a lease, under which
// circumstances, and what shall become of it. Read strictly.

import type { Json, JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { didYouMean, isCategoryName, showText } from '../../catalog/names.ts';
import { type Capability, parseCapabilities } from '../../trust/lease/capability.ts';
import { isTtl } from '../../trust/lease/lease-request.ts';
import { isTrustCapabilities, isTrustLevel, type Trust } from './circumstances.ts';

/** What shall become of it. */
export type Expectation = 'allow' | 'ask' | 'refuse';

interface CommonCase {
  readonly name: string;
  readonly expect: Expectation;
  /** `@id` names that must be among the policies it rests on. */
  readonly rules: readonly string[];
  readonly operator: boolean;
  /** Absent: nobody vouches for the principal. */
  readonly trust?: Trust;
  /** Wall milliseconds; absent: now. */
  readonly time?: number;
}

/** A case about a call. */
export interface CallCase extends CommonCase {
  readonly tool: string;
  readonly arguments: JsonObject;
  readonly principal: string;
  readonly agent?: string;
  readonly tenant: string;
  readonly task?: string;
  /** Depth of delegation of the lease. */
  readonly depth: number;
  /** Whether leases may be made from the lease. */
  readonly delegatable: boolean;
  /** Seconds the lease has left. */
  readonly secondsLeft: number;
  readonly maxUses?: number;
  readonly usesLeft?: number;
  /** What the lease says; absent: what the agent's leases say. */
  readonly capabilities?: readonly Capability[];
  /** Grant flags that stand in for the installed tool's grant. */
  readonly grant?: readonly string[];
  /** Categories that stand in for those of the installed tool's grant. */
  readonly categories?: readonly string[];
  /** Names of what was found risky about the call. */
  readonly risk: readonly string[];
  /** Percent left in the tightest budget; absent: no budget covers the call. */
  readonly budgetLeft?: number;
}

/** A case about a request for a lease. */
export interface LeaseCase extends CommonCase {
  readonly lease: {
    readonly task: string;
    readonly reason: string;
    readonly depth: number;
    /** Absent: what the agent has by itself. */
    readonly seconds?: number;
    readonly capabilities?: readonly Capability[];
  };
  readonly agent: string;
  /** Absent: those of the agent. */
  readonly principal?: string;
  readonly tenant?: string;
}

/** One case, read. */
export type PolicyCase = CallCase | LeaseCase;

const MAX_CASES = 1000;
const EXPECTATIONS: readonly string[] = ['allow', 'ask', 'refuse'];
const DEFAULT_SECONDS = 3600;

/**
 * Reads `{"cases": [...]}`.
 *
 * @throws WarderError `malformed` that lists every bad member with the case it stands in.
 */
export function parsePolicyCases(text: string): readonly PolicyCase[] {
  const json = parseJson(text);
  const problems: string[] = [];
  const list = isObject(json) && Array.isArray(json['cases']) ? json['cases'] : undefined;
  if (list === undefined || Object.keys(json as JsonObject).length !== 1) {
    problems.push('the file is not `{"cases": [...]}`');
  }
  if (list?.length === 0) problems.push('there are no cases');
  if ((list?.length ?? 0) > MAX_CASES) problems.push(`there are more than ${MAX_CASES} cases`);
  const cases = (list ?? []).slice(0, MAX_CASES).map((item, at) => readCase(item, at, problems));
  if (problems.length === 0) return cases;
  throw new WarderError('malformed', `not a file of policy cases: ${problems.join('; ')}`, {
    hint: 'docs/policy.md shows one',
    data: { problems: problems.slice(0, 50) },
  });
}

function readCase(item: Json, at: number, problems: string[]): PolicyCase {
  const fields = isObject(item) ? item : {};
  const label = typeof fields['name'] === 'string' ? fields['name'] : `case ${at + 1}`;
  const reader = new CaseReader(fields, (what) =>
    problems.push(`\`${showText(label, 60)}\`: ${what}`),
  );
  return 'lease' in fields ? readLeaseCase(reader, label) : readCallCase(reader, label);
}

function readCallCase(reader: CaseReader, name: string): CallCase {
  const common = readCommon(reader, name);
  const read: CallCase = {
    ...common,
    tool: reader.needed('tool'),
    arguments: reader.object('arguments') ?? {},
    principal: reader.text('principal') ?? 'agent:default',
    tenant: reader.text('tenant') ?? 'default',
    ...present('agent', reader.text('agent')),
    ...present('task', reader.text('task')),
    depth: reader.whole('depth') ?? 0,
    delegatable: reader.truth('delegatable') ?? false,
    secondsLeft: reader.whole('secondsLeft') ?? DEFAULT_SECONDS,
    ...present('maxUses', reader.whole('maxUses')),
    ...present('usesLeft', reader.whole('usesLeft')),
    ...present('capabilities', reader.capabilities()),
    ...present('grant', reader.texts('grant')),
    ...present('categories', reader.texts('categories', isCategoryName)),
    risk: reader.texts('risk') ?? [],
    ...present('budgetLeft', reader.whole('budgetLeft', 100)),
  };
  reader.nothingElse();
  return read;
}

function readLeaseCase(reader: CaseReader, name: string): LeaseCase {
  const common = readCommon(reader, name);
  const asked = reader.inner('lease');
  const seconds = asked.whole('seconds');
  if (seconds !== undefined && !isTtl(seconds)) asked.fail('`seconds` is not from 1 to 86400');
  const read: LeaseCase = {
    ...common,
    agent: reader.text('agent') ?? 'default',
    ...present('principal', reader.text('principal')),
    ...present('tenant', reader.text('tenant')),
    lease: {
      task: asked.text('task') ?? 'policy-test',
      reason: asked.text('reason') ?? 'policy-test',
      depth: asked.whole('depth') ?? 0,
      ...present('seconds', seconds),
      ...present('capabilities', asked.capabilities()),
    },
  };
  asked.nothingElse();
  reader.nothingElse();
  return read;
}

function readCommon(reader: CaseReader, name: string): CommonCase {
  const expect = reader.text('expect') ?? '';
  if (!EXPECTATIONS.includes(expect)) reader.fail('`expect` is not allow, ask or refuse');
  reader.text('name');
  return {
    name,
    expect: expect as Expectation,
    rules: reader.texts('rules') ?? [],
    operator: reader.truth('operator') ?? false,
    ...present('trust', reader.trust()),
    ...present('time', reader.time()),
  };
}

function present<Name extends string, T>(
  name: Name,
  value: T | undefined,
): Partial<Readonly<Record<Name, T>>> {
  return value === undefined ? {} : ({ [name]: value } as Readonly<Record<Name, T>>);
}

/** Narrows members one by one, remembers which were asked for, and says what is wrong. */
class CaseReader {
  readonly #fields: JsonObject;
  readonly #known: string[] = [];
  readonly fail: (what: string) => void;

  constructor(fields: JsonObject, fail: (what: string) => void) {
    this.#fields = fields;
    this.fail = fail;
  }

  /** To be called last. */
  nothingElse(): void {
    for (const member of Object.keys(this.#fields)) {
      if (this.#known.includes(member)) continue;
      const near = didYouMean(member, this.#known);
      const meant = near === undefined ? '' : `, did you mean \`${near}\`?`;
      this.fail(`unknown member \`${showText(member)}\`${meant}`);
    }
  }

  text(member: string): string | undefined {
    return this.#narrow(member, 'a text', (value) => typeof value === 'string');
  }

  needed(member: string): string {
    const text = this.text(member);
    if (text === undefined && !(member in this.#fields)) this.fail(`\`${member}\` is not a text`);
    return text ?? '';
  }

  truth(member: string): boolean | undefined {
    return this.#narrow(member, 'true or false', (value) => typeof value === 'boolean');
  }

  whole(member: string, most: number = Number.MAX_SAFE_INTEGER): number | undefined {
    return this.#narrow(
      member,
      'a whole number',
      (value): value is number =>
        Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most,
    );
  }

  object(member: string): JsonObject | undefined {
    return this.#narrow(member, 'an object', isObject);
  }

  inner(member: string): CaseReader {
    return new CaseReader(this.object(member) ?? {}, (what) => this.fail(`${member}: ${what}`));
  }

  texts(
    member: string,
    fits: (text: string) => boolean = () => true,
  ): readonly string[] | undefined {
    return this.#narrow(
      member,
      'a list of texts',
      (value): value is readonly string[] =>
        Array.isArray(value) && value.every((each) => typeof each === 'string' && fits(each)),
    );
  }

  /** Wall milliseconds. */
  time(): number | undefined {
    const text = this.text('time');
    if (text === undefined) return undefined;
    const time = Date.parse(text);
    if (Number.isNaN(time)) this.fail('`time` is not like 2026-01-31T23:00:00Z');
    return time;
  }

  trust(): Trust | undefined {
    const fields = this.object('trust');
    if (fields === undefined) return undefined;
    const { level, capabilities = [], ...more } = fields;
    if (
      !isTrustLevel(level) ||
      !isTrustCapabilities(capabilities) ||
      Object.keys(more).length > 0
    ) {
      this.fail('`trust` is not like `{"level": 60, "capabilities": ["payments"]}`');
      return undefined;
    }
    return { level, capabilities };
  }

  capabilities(): readonly Capability[] | undefined {
    const value = this.#take('capabilities');
    if (value === undefined) return undefined;
    try {
      return parseCapabilities(value);
    } catch (thrown) {
      this.fail(`\`capabilities\`: ${asWarderError(thrown).message}`);
      return undefined;
    }
  }

  #take(member: string): Json | undefined {
    this.#known.push(member);
    return this.#fields[member];
  }

  #narrow<T extends Json>(
    member: string,
    what: string,
    fits: (value: Json) => value is T,
  ): T | undefined {
    const value = this.#take(member);
    if (value === undefined) return undefined;
    if (fits(value)) return value;
    this.fail(`\`${member}\` is not ${what}`);
    return undefined;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
