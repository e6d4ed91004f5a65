// What compiled rules ask that Cedar cannot work out safely: which ceilings a request lies within, which
// windows are open, which lists name it. Worked out here over normalised values with the matcher that
// leases and egress use; Cedar sees sets of ids. Equal terms have one id, made of what they say.

import { canonicalJson } from '../../base/encoding/jcs.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import { Effort } from '../../trust/lease/glob-within.ts';
import type { Capability } from '../../trust/lease/lease.ts';
import {
  callWithin,
  describeCeiling,
  kindsOfCall,
  leaseWithin,
  type ReachingCall,
} from './ceiling.ts';
import { compileNames, mayMeet } from './names.ts';
import type { CeilingTerms, Kind, Selector, WindowTerms } from './rule.ts';
import { describeWindow, isOpen, type WallTime, wallTime } from './window.ts';

/** Who asks. */
export interface Asker {
  readonly principal: string;
  readonly tenant: string;
  /** Name of the agent whose channel it is. */
  readonly agent?: string;
  /** Wall milliseconds. */
  readonly now: number;
}

/** A call as conditions see it. */
export interface CallAsked extends Asker, ReachingCall {
  readonly kind: 'call';
  /** Name of the installation. */
  readonly installation: string;
  /** That the operator put the installation in. */
  readonly categories: readonly string[];
}

/** A request for a lease as conditions see it. */
export interface LeaseAsked extends Asker {
  readonly kind: 'lease';
  readonly capabilities: readonly Capability[];
  readonly ttlSeconds: number;
}

export type Asked = CallAsked | LeaseAsked;

/** What a list of names has to do: name one of several things, or every one. */
export type Reading = 'any' | 'every';

/** The ids that Cedar is given: members of `context`. */
export interface Conditions {
  readonly within: readonly string[];
  readonly windows: readonly string[];
  readonly named: readonly string[];
}

export type ConditionName = keyof Conditions;

/** What all terms together may cost of one request: about a tenth of a second. */
const STEPS_MAX = 8_000_000;

interface NameList extends Selector {
  readonly reading: Reading;
  readonly fits: SelectorTest;
}

/** The terms of a set of rules, each once, by id. */
export class ConditionTable {
  readonly #ceilings = new Map<string, CeilingTerms>();
  readonly #windows = new Map<string, WindowTerms>();
  readonly #lists = new Map<string, NameList>();
  /** Names and patterns in all lists. */
  #names = 0;

  /** @returns its id. */
  addCeiling(ceiling: CeilingTerms): string {
    return add(this.#ceilings, 'ceiling', ceiling, ceiling);
  }

  addWindow(window: WindowTerms): string {
    return add(this.#windows, 'window', window, window);
  }

  addList(selector: Selector, reading: Reading): string {
    const { field, names } = selector;
    const before = this.#lists.size;
    const several = field === 'kinds' || field === 'credentials';
    const terms = { field, names: [...names].sort(), reading: several ? reading : 'any' };
    const fits = compileSelector(selector, reading);
    const id = add(this.#lists, 'names', terms, { ...terms, fits });
    if (this.#lists.size > before) this.#names += names.length;
    return id;
  }

  get size(): { readonly ceilings: number; readonly windows: number; readonly names: number } {
    return {
      ceilings: this.#ceilings.size,
      windows: this.#windows.size,
      names: this.#names,
    };
  }

  /** In words, for people who read an id; undefined when nothing has it. */
  describe(id: string): string | undefined {
    const [ceiling, window, list] = [
      this.#ceilings.get(id),
      this.#windows.get(id),
      this.#lists.get(id),
    ];
    if (ceiling !== undefined) return describeCeiling(ceiling);
    if (window !== undefined) return describeWindow(window);
    if (list === undefined) return undefined;
    return `${list.reading} of ${list.field} ${list.names.join(', ')}`;
  }

  /** The ids that hold of what is asked; of the sets that nobody wants, none. */
  holding(asked: Asked, wanted: (name: ConditionName) => boolean): Conditions {
    const effort = new Effort(STEPS_MAX);
    return {
      within: wanted('within') ? this.#within(asked, effort) : [],
      windows: wanted('windows') ? this.#open(asked.now) : [],
      named: wanted('named') ? holding(this.#lists, ({ fits }) => fits(asked, effort)) : [],
    };
  }

  #open(now: number): readonly string[] {
    const walls = new Map<string, WallTime>();
    for (const { zone } of this.#windows.values()) {
      if (!walls.has(zone)) walls.set(zone, wallTime(zone, now));
    }
    return holding(this.#windows, (window) => {
      const wall = walls.get(window.zone);
      return wall !== undefined && isOpen(window, wall);
    });
  }

  #within(asked: Asked, effort: Effort): readonly string[] {
    return holding(this.#ceilings, (ceiling) =>
      asked.kind === 'call'
        ? callWithin(ceiling, asked, effort)
        : leaseWithin(ceiling, asked, effort),
    );
  }
}

function add<T>(table: Map<string, T>, kind: string, terms: unknown, value: T): string {
  const id = `${kind}_${sha256Text(canonicalJson(terms), 'hex').slice(0, 32)}`;
  if (!table.has(id)) table.set(id, value);
  return id;
}

function holding<T>(table: ReadonlyMap<string, T>, holds: (terms: T) => boolean): string[] {
  return [...table].flatMap(([id, terms]) => (holds(terms) ? id : []));
}

/** @param effort shared with other tests of the same request. */
type SelectorTest = (asked: Asked, effort?: Effort) => boolean;

/** The test of one list. Of several things a call has or a request names, see {@link Reading}. */
export function compileSelector({ field, names }: Selector, reading: Reading): SelectorTest {
  const fits = compileNames(names);
  const each = (texts: readonly string[]): boolean =>
    reading === 'any' ? texts.some(fits) : texts.every(fits);
  switch (field) {
    case 'agents':
      return ({ agent }) => agent !== undefined && fits(agent);
    case 'principals':
      return ({ principal }) => fits(principal);
    case 'tenants':
      return ({ tenant }) => fits(tenant);
    case 'tools':
      return (asked, effort = new Effort()) =>
        asked.kind === 'call'
          ? fits(asked.tool)
          : mayMeet(names, toolsOf(asked.capabilities), effort);
    case 'installations':
      return (asked) => asked.kind === 'call' && fits(asked.installation);
    case 'categories':
      return (asked) => asked.kind === 'call' && asked.categories.some(fits);
    case 'credentials':
      return (asked) => {
        const secrets = secretsOf(asked.kind === 'call' ? asked.reach : asked.capabilities);
        return secrets.length > 0 && each(secrets);
      };
    case 'kinds':
      return (asked) => each(asked.kind === 'call' ? kindsRead(asked, reading) : kindsOf(asked));
  }
}

/** A rule that names every kind need not say that a call is a call. */
function kindsRead(call: CallAsked, reading: Reading): readonly Kind[] {
  const kinds = kindsOfCall(call);
  return reading === 'any' ? kinds : kinds.filter((kind) => kind !== 'tool.call');
}

function kindsOf({ capabilities }: LeaseAsked): readonly Kind[] {
  return capabilities.map(({ type }) => type);
}

function toolsOf(capabilities: readonly Capability[]): readonly string[] {
  return capabilities.flatMap((each) => (each.type === 'tool.call' ? each.tools : []));
}

function secretsOf(capabilities: readonly Capability[]): readonly string[] {
  return capabilities.flatMap((each) => (each.type === 'credential' ? each.names : []));
}
