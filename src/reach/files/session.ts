// One call's line to the broker of its grant. Handles and quotas live there: when it dies, this call has
// no files any more, and gets no fresh quota.

import { hash } from 'node:crypto';
import type { Clock } from '../../base/clock/clock.ts';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import { asWarderError } from '../../base/errors/errors.ts';
import { type Broker, BrokerGone, type BrokerReply } from '../../base/process/broker.ts';
import type { Brokers } from '../../base/process/brokers.ts';
import type { Permit } from '../../decide/policy/permit.ts';
import type { FilesReply, FilesSession } from './files.ts';
import type { BrokerAnswer, FileRequest, FilesEffect, FileValue } from './messages.ts';
import type { OwnInodes, OwnTree } from './own-tree.ts';
import { readAnswer } from './read-answer.ts';

/** What all sessions share. */
export interface SharedFiles {
  readonly brokers: Brokers;
  readonly own: OwnTree;
  readonly clock: Clock;
  /** Id of each broker, in the names of its temporary files. */
  readonly makerOf: WeakMap<Broker, string>;
  /** What each broker was last told of warder's own inodes. */
  readonly told: WeakMap<Broker, OwnInodes>;
  /** Brokers that ended while somebody used them. */
  readonly dead: Set<string>;
}

/** Operations that may change the disk, besides those on a handle that was written to. */
const CHANGING: ReadonlySet<string> = new Set([
  'file-write',
  'file-times',
  'file-make-directory',
  'file-remove',
  'file-rename',
]);

let calls = 0;

export class GuestFilesSession implements FilesSession {
  readonly #shared: SharedFiles;
  readonly #permit: Permit;
  readonly #record: (effect: FilesEffect) => void;
  readonly #underWay = new Set<FilesEffect>();
  readonly #call = (calls += 1);
  readonly #handles = new Map<number, { readonly path: string; changed: boolean }>();
  #broker: Broker | undefined;
  #closed = false;

  constructor(shared: SharedFiles, permit: Permit, record: (effect: FilesEffect) => void) {
    this.#shared = shared;
    this.#permit = permit;
    this.#record = record;
  }

  async serve(
    request: FileRequest | { readonly op: 'file-roots' },
    signal: AbortSignal,
  ): Promise<FilesReply> {
    const { terms } = this.#permit;
    if (request.op === 'file-roots') {
      return { ok: true, value: { roots: terms.read.map(({ guest }) => guest).sort(byCodePoint) } };
    }
    if (this.#closed) return { ok: false, code: 'denied', message: 'this call is over' };
    if (this.#shared.clock.wall() >= terms.expiresAt) {
      return { ok: false, code: 'denied', message: "the call's permit has expired" };
    }
    let broker: Broker;
    try {
      broker = this.#broker ?? (await this.#begin());
    } catch (thrown) {
      return this.#failed(thrown);
    }
    const target = this.#targetOf(request);
    const effect = this.#changes(request) ? sent(target) : undefined;
    if (effect !== undefined) this.#underWay.add(effect);
    try {
      const { data, ...head } = { data: undefined, ...request };
      const reply = await broker.request({ ...head, call: this.#call }, data, signal);
      return this.#reply(believe(broker, reply, request, target), reply.body, request);
    } catch (thrown) {
      if (effect !== undefined) this.#record(effect);
      return this.#failed(thrown);
    } finally {
      if (effect !== undefined) this.#underWay.delete(effect);
    }
  }

  underWay(): readonly FilesEffect[] {
    return [...this.#underWay];
  }

  close(): void {
    this.#closed = true;
    if (this.#broker?.usable !== true) return;
    this.#broker.request({ op: 'end', call: this.#call }).catch(() => undefined);
  }

  async #begin(): Promise<Broker> {
    const { brokers, own, told, dead } = this.#shared;
    const { tenant, installation, read, write, limits } = this.#permit.terms;
    const place = hash('sha256', canonicalJson({ read, write }), 'hex');
    const key = `${tenant}/${installation.id}/${installation.digest}/${place}`;
    const broker = await brokers.of(key, () => Promise.resolve());
    if (this.#closed) throw new BrokerGone('the call is over');
    // Two requests of one call never run at once: a guest waits for each.
    this.#broker = broker;
    const inodes = own.inodes();
    const fresh = told.get(broker) !== inodes;
    told.set(broker, inodes);
    const begin = {
      op: 'begin',
      call: this.#call,
      terms: {
        read,
        write,
        installation: installation.name,
        writeBytes: limits.writeBytes,
        writeFiles: limits.writeFiles,
      },
      ...(fresh ? { own: inodes } : {}),
      dead: [...dead],
    };
    // What follows is served after it; a broker that dies of it fails what follows as well.
    broker.request(begin).catch(() => undefined);
    return broker;
  }

  #reply(answer: BrokerAnswer, body: Uint8Array, request: FileRequest): FilesReply {
    const { effect } = answer;
    if (effect !== undefined) this.#record(effect);
    if (!answer.ok) {
      const { code, message, fault } = answer;
      return { ok: false, code, message, ...(fault === undefined ? {} : { fault }) };
    }
    const { value, hasBytes } = answer;
    this.#keepTrack(request, value);
    return hasBytes ? { ok: true, value, bytes: body } : { ok: true, value };
  }

  /** Which handles are whose, and which of them have something to be put in place. */
  #keepTrack(request: FileRequest, value: FileValue): void {
    switch (request.op) {
      case 'file-open':
        if ('handle' in value && value.handle !== 0) {
          const changed = request.create || request.truncate;
          this.#handles.set(value.handle, { path: shown(request.path), changed });
        }
        return;
      case 'file-write-at':
      case 'file-resize': {
        const handle = this.#handles.get(request.handle);
        if (handle !== undefined) handle.changed = true;
        return;
      }
      case 'file-close':
        this.#handles.delete(request.handle);
        return;
      default:
    }
  }

  /** Whether the disk may be another when the request was sent and no answer came. */
  #changes(request: FileRequest): boolean {
    if (request.op !== 'file-sync' && request.op !== 'file-close') return CHANGING.has(request.op);
    return this.#handles.get(request.handle)?.changed === true;
  }

  #targetOf(request: FileRequest): string {
    if ('path' in request) return shown(request.path);
    if ('from' in request) return `${shown(request.from)} -> ${shown(request.to)}`;
    const handle = 'handle' in request ? request.handle : request.target;
    if (typeof handle === 'string') return shown(handle);
    return this.#handles.get(handle)?.path ?? '';
  }

  #failed(thrown: unknown): FilesReply {
    if (thrown instanceof BrokerGone) {
      const maker = this.#broker === undefined ? undefined : this.#shared.makerOf.get(this.#broker);
      if (maker !== undefined) this.#shared.dead.add(maker);
      this.#closed = true;
      const message = 'the process that touches files ended; this call has none any more';
      return { ok: false, code: 'failed', message };
    }
    return { ok: false, code: 'failed', message: asWarderError(thrown).message };
  }
}

/** A broker that answers what it may not is ended. */
function believe(
  broker: Broker,
  reply: BrokerReply,
  request: FileRequest,
  target: string,
): BrokerAnswer {
  try {
    return readAnswer(reply, request, target);
  } catch (cause) {
    void broker.kill();
    throw new BrokerGone('the broker answered nonsense', { cause });
  }
}

/** What would have to be said of a change whose answer never comes. */
function sent(target: string): FilesEffect {
  return { kind: 'file-write', state: 'sent', count: 1, target, bytes: 0 };
}

/** A hostile path, cut to a length a receipt can hold. */
function shown(path: string): string {
  return path.slice(0, 512).toWellFormed();
}

function byCodePoint(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
