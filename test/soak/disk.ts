// A disk as a power cut leaves it. What was synced is there; of everything since, any version of any block, any
// length of a file and any of the changes to a directory may be there or not.

import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Random } from '../fuzz/random.ts';
import { descriptorOf, stringsOf, type SystemCall } from './strace.ts';

interface Node {
  readonly id: number;
  readonly isDirectory: boolean;
}

/** What happened, in order. */
export type DiskEvent =
  | { readonly kind: 'data'; readonly node: Node; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'length'; readonly node: Node; readonly length: number }
  | {
      readonly kind: 'names';
      readonly node: Node;
      readonly set: readonly (readonly [name: string, node: Node | undefined])[];
    }
  /** Makes durable what was done to the node before event `until`. */
  | { readonly kind: 'sync'; readonly node: Node; readonly until: number }
  | { readonly kind: 'said'; readonly line: string };

/** How much of what was not synced is there. */
export type Loss =
  'nothing unsynced' | 'everything' | 'a beginning' | 'any blocks' | 'late ones first';

export const LOSSES: readonly Loss[] = [
  'nothing unsynced',
  'everything',
  'a beginning',
  'any blocks',
  'late ones first',
];

export interface Cut {
  /** Number of events before it. */
  readonly at: number;
  /** A disk that lies about syncs does so from this event on. */
  readonly honest: number;
  readonly loss: Loss;
  /** What the disk writes as a whole: a sector, or a page. */
  readonly block: 512 | 4096;
}

/** Records what a program does below one directory. */
export class Disk {
  readonly events: DiskEvent[] = [];
  /** How many of them only say what was there before. */
  readonly before: number;
  readonly #root: string;
  readonly #rootNode: Node;
  readonly #children = new Map<Node, Map<string, Node>>();
  readonly #lengths = new Map<Node, number>();
  readonly #open = new Map<number, { node: Node; at: number; appends: boolean }>();
  #nodes = 0;

  /** Begins with what is in `root` now, all of it durable. */
  constructor(root: string) {
    this.#root = root;
    this.#rootNode = this.#adopt(root);
    this.before = this.events.length;
  }

  /** Takes in what a program did. @throws Error for a call that is not understood. */
  replay(calls: readonly SystemCall[]): void {
    // Where in the events each call stands.
    const places: number[] = [];
    for (const call of calls) {
      places.push(this.events.length);
      if (call.result >= 0) this.#take(call, places[call.since] ?? this.events.length);
    }
  }

  /** Writes the directory as a cut leaves it. */
  write(directory: string, cut: Cut, random: Random): void {
    const image = new Image(this.events, cut, random);
    const put = (node: Node, path: string): void => {
      if (!node.isDirectory) return writeFileSync(path, image.contentOf(node), { mode: 0o600 });
      mkdirSync(path, { recursive: true, mode: 0o700 });
      for (const [name, child] of image.namesOf(node)) put(child, join(path, name));
    };
    put(this.#rootNode, directory);
  }

  #take({ name, args, result }: SystemCall, since: number): void {
    const paths = stringsOf(args);
    const [first = '', second = ''] = paths.length <= 2 ? paths.map(String) : [];
    switch (name) {
      case 'openat':
        return this.#openFile(first, args, result);
      case 'write':
      case 'pwrite64':
        return this.#writeBytes(name, args, paths[0] ?? Buffer.alloc(0), result);
      case 'fsync':
      case 'fdatasync': {
        const node = this.#nodeOf(args);
        if (node !== undefined) this.events.push({ kind: 'sync', node, until: since });
        return;
      }
      case 'ftruncate': {
        const node = this.#nodeOf(args);
        if (node !== undefined) this.#setLength(node, Number(args.split(', ').at(-1)));
        return;
      }
      case 'mkdir':
        if (this.#isOurs(first))
          this.#setNames(dirname(first), [[basename(first), this.#make(true)]]);
        return;
      case 'link':
        if (this.#isOurs(second)) this.#link(first, second);
        return;
      case 'rename':
        if (this.#isOurs(second)) this.#rename(first, second);
        return;
      case 'unlink':
      case 'rmdir':
      case 'unlinkat':
        if (this.#isOurs(first)) this.#setNames(dirname(first), [[basename(first), undefined]]);
        return;
      default:
        if (
          paths.some((path) => this.#isOurs(path.toString())) ||
          this.#isOurs(descriptorOf(args).path)
        ) {
          throw new Error(`the call \`${name}\` is not understood`);
        }
    }
  }

  #openFile(path: string, args: string, descriptor: number): void {
    this.#open.delete(descriptor);
    if (!this.#isOurs(path)) return;
    let node = this.#find(path);
    if (node === undefined) {
      if (!args.includes('O_CREAT')) throw new Error(`\`${path}\` is opened and was never made`);
      node = this.#make(false);
      this.#setNames(dirname(path), [[basename(path), node]]);
    } else if (args.includes('O_TRUNC') && (this.#lengths.get(node) ?? 0) > 0) {
      this.#setLength(node, 0);
    }
    this.#open.set(descriptor, { node, at: 0, appends: args.includes('O_APPEND') });
  }

  #writeBytes(name: string, args: string, bytes: Buffer, written: number): void {
    const { number, path } = descriptorOf(args);
    if (number === 1) {
      for (const line of bytes.toString().split('\n')) {
        if (line !== '') this.events.push({ kind: 'said', line });
      }
      return;
    }
    if (!this.#isOurs(path)) return;
    const open = this.#open.get(number);
    if (open === undefined || open.node !== this.#find(path))
      throw new Error(`lost track of \`${path}\``);
    const length = this.#lengths.get(open.node) ?? 0;
    const own = open.appends ? length : open.at;
    const at = name === 'pwrite64' ? Number(args.split(', ').at(-1)) : own;
    if (name === 'write') open.at = at + written;
    this.events.push({ kind: 'data', node: open.node, at, bytes: bytes.subarray(0, written) });
    this.#lengths.set(open.node, Math.max(length, at + written));
  }

  #link(from: string, to: string): void {
    this.#setNames(dirname(to), [[basename(to), this.#mustFind(from)]]);
  }

  #rename(from: string, to: string): void {
    const node = this.#mustFind(from);
    if (dirname(from) !== dirname(to)) throw new Error('a rename between directories');
    this.#setNames(dirname(to), [
      [basename(from), undefined],
      [basename(to), node],
    ]);
  }

  #setNames(directory: string, set: readonly (readonly [string, Node | undefined])[]): void {
    const node = this.#mustFind(directory);
    const names = this.#children.get(node);
    for (const [name, child] of set) {
      if (child === undefined) names?.delete(name);
      else names?.set(name, child);
    }
    this.events.push({ kind: 'names', node, set });
  }

  #setLength(node: Node, length: number): void {
    this.#lengths.set(node, length);
    this.events.push({ kind: 'length', node, length });
  }

  #nodeOf(args: string): Node | undefined {
    const { number, path } = descriptorOf(args);
    if (!this.#isOurs(path)) return undefined;
    const node = this.#open.get(number)?.node;
    if (node === undefined || node !== this.#find(path))
      throw new Error(`lost track of \`${path}\``);
    return node;
  }

  #isOurs(path: string): boolean {
    return path === this.#root || path.startsWith(`${this.#root}/`);
  }

  #mustFind(path: string): Node {
    const node = this.#find(path);
    if (node === undefined) throw new Error(`there is no \`${path}\``);
    return node;
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#rootNode;
    for (const name of path.slice(this.#root.length).split('/').filter(Boolean)) {
      node = node === undefined ? undefined : this.#children.get(node)?.get(name);
    }
    return node;
  }

  #make(isDirectory: boolean): Node {
    const node = { id: this.#nodes, isDirectory };
    this.#nodes += 1;
    if (isDirectory) this.#children.set(node, new Map());
    else this.#lengths.set(node, 0);
    return node;
  }

  #adopt(path: string): Node {
    const isDirectory = statSync(path).isDirectory();
    const node = this.#make(isDirectory);
    if (isDirectory) {
      const set = readdirSync(path).map((name) => [name, this.#adopt(join(path, name))] as const);
      for (const [name, child] of set) this.#children.get(node)?.set(name, child);
      this.events.push({ kind: 'names', node, set });
    } else {
      const bytes = readFileSync(path);
      this.#lengths.set(node, bytes.length);
      this.events.push({ kind: 'data', node, at: 0, bytes });
    }
    this.events.push({ kind: 'sync', node, until: this.events.length });
    return node;
  }
}

type Change = Exclude<DiskEvent, { kind: 'sync' | 'said' }>;

/** What one cut left. */
class Image {
  readonly #changes = new Map<Node, { readonly durable: Change[]; readonly since: Change[] }>();
  readonly #cut: Cut;
  readonly #random: Random;
  /** Of all that was not synced, how much happened before the beginning that is there ends. */
  readonly #beginning = new Set<Change>();
  readonly #torn: Change | undefined;

  constructor(events: readonly DiskEvent[], cut: Cut, random: Random) {
    this.#cut = cut;
    this.#random = random;
    const synced = new Map<Node, number>();
    for (const [index, event] of events.slice(0, cut.at).entries()) {
      if (event.kind === 'sync' && index < cut.honest) {
        synced.set(event.node, Math.max(event.until, synced.get(event.node) ?? 0));
      }
    }
    const unsynced: Change[] = [];
    for (const [index, event] of events.slice(0, cut.at).entries()) {
      if (event.kind === 'sync' || event.kind === 'said') continue;
      const of = this.#changes.get(event.node) ?? { durable: [], since: [] };
      this.#changes.set(event.node, of);
      const durable = index < (synced.get(event.node) ?? 0);
      (durable ? of.durable : of.since).push(event);
      if (!durable) unsynced.push(event);
    }
    const end = random.below(unsynced.length + 1);
    for (const change of unsynced.slice(0, end)) this.#beginning.add(change);
    this.#torn = unsynced[end];
  }

  namesOf(node: Node): Map<string, Node> {
    const { durable = [], since = [] } = this.#changes.get(node) ?? {};
    const names = new Map<string, Node>();
    for (const change of [...durable, ...since.filter((each) => this.#isThere(each))]) {
      if (change.kind !== 'names') continue;
      for (const [name, child] of change.set) {
        if (child === undefined) names.delete(name);
        else names.set(name, child);
      }
    }
    return names;
  }

  contentOf(node: Node): Buffer {
    const { durable = [], since = [] } = this.#changes.get(node) ?? {};
    const base = new Content();
    for (const change of durable) base.apply(change);
    if (since.length === 0) return base.bytes();
    const lengths = [base.length];
    const touching = new Map<number, number[]>();
    const { block } = this.#cut;
    for (const [index, change] of since.entries()) {
      const [from, to, length] = reachOf(change, lengths.at(-1) ?? 0);
      lengths.push(length);
      for (let at = Math.floor(from / block); at * block < to; at += 1) {
        const list = touching.get(at) ?? [];
        touching.set(at, list);
        list.push(index);
      }
    }
    const content = base.bytes(Math.max(...lengths));
    for (const [at, list] of touching) {
      const version = this.#version(list.map((index) => since[index] as Change));
      const part = content.subarray(at * block, (at + 1) * block);
      for (const index of list.slice(0, version)) overlay(part, at * block, since[index] as Change);
    }
    return content.subarray(0, lengths[this.#version(since)]);
  }

  /** How many of the changes, in order, are there. */
  #version(changes: readonly Change[]): number {
    const all = changes.length;
    switch (this.#cut.loss) {
      case 'nothing unsynced':
        return 0;
      case 'everything':
        return all;
      case 'a beginning': {
        const whole = changes.filter((each) => this.#beginning.has(each)).length;
        // The one it ends in is torn.
        return whole < all && changes[whole] === this.#torn && this.#random.chance(1, 2)
          ? whole + 1
          : whole;
      }
      case 'any blocks':
        return this.#random.below(all + 1);
      case 'late ones first':
        return this.#random.chance(1, 4) ? 0 : all;
    }
  }

  #isThere(change: Change): boolean {
    switch (this.#cut.loss) {
      case 'nothing unsynced':
        return false;
      case 'everything':
        return true;
      case 'a beginning':
        return this.#beginning.has(change);
      case 'any blocks':
        return this.#random.chance(1, 2);
      case 'late ones first':
        return this.#random.chance(3, 4);
    }
  }
}

/** Bytes that grow without being copied each time. */
class Content {
  #bytes = Buffer.alloc(4096);
  length = 0;

  apply(change: Change): void {
    const [from, to, length] = reachOf(change, this.length);
    if (length > this.#bytes.length) {
      const larger = Buffer.alloc(length * 2);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    overlay(this.#bytes.subarray(from, Math.max(to, from)), from, change);
    this.length = length;
  }

  bytes(room = this.length): Buffer {
    const bytes = Buffer.alloc(Math.max(room, this.length));
    this.#bytes.copy(bytes, 0, 0, this.length);
    return bytes;
  }
}

/** From where to where a change changes a file of `length` bytes, and its length then. */
function reachOf(
  change: Change,
  length: number,
): readonly [from: number, to: number, then: number] {
  if (change.kind === 'names') return [0, 0, length];
  if (change.kind === 'length')
    return [change.length, Math.max(length, change.length), change.length];
  const end = change.at + change.bytes.length;
  return [change.at, end, Math.max(length, end)];
}

/** Does a change to `part`, which stands at `start` of a file. */
function overlay(part: Buffer, start: number, change: Change): void {
  if (change.kind === 'length')
    part.fill(0, Math.max(0, Math.min(part.length, change.length - start)));
  if (change.kind !== 'data') return;
  const from = Math.max(0, change.at - start);
  const skipped = Math.max(0, start - change.at);
  change.bytes.copy(part, from, skipped);
}
