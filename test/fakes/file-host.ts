// The host's files in memory, for guests that run in the test's own process: the operations with the
// meaning the broker gives them, without its checks.

import type {
  FileFacts,
  FileFault,
  HostReply,
  HostRequest,
} from '../../src/run/sandbox/host-calls.ts';

interface Node {
  data: Uint8Array;
  accessed: bigint;
  modified: bigint;
}

type FileRequest = Extract<HostRequest, { readonly op: `file-${string}` }>;
type Refusal = Extract<HostReply, { readonly ok: false }>;

const START = 1_700_000_000_000_000_000n;
const encoder = new TextEncoder();

export class FileHost {
  readonly files: Map<string, Node> = new Map();
  readonly directories: Set<string> = new Set(['/data', '/out']);
  readonly asked: FileRequest[] = [];
  /** Whatever is asked of these operations is refused. */
  readonly refuse: Map<FileRequest['op'], Refusal> = new Map();
  readonly #handles = new Map<number, Node>();
  #last = 0;

  put(path: string, data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    this.files.set(path, { data: bytes, accessed: START, modified: START });
    for (let at = parent(path); at !== '/'; at = parent(at)) this.directories.add(at);
  }

  text(path: string): string | undefined {
    const node = this.files.get(path);
    return node && new TextDecoder().decode(node.data);
  }

  get openHandles(): number {
    return this.#handles.size;
  }

  count(op: FileRequest['op']): number {
    return this.asked.filter((request) => request.op === op).length;
  }

  serve(request: HostRequest): HostReply {
    if (!isFileRequest(request)) return refused('denied');
    this.asked.push(request);
    return this.refuse.get(request.op) ?? this.#do(request);
  }

  #do(request: FileRequest): HostReply {
    switch (request.op) {
      case 'file-roots':
        return { ok: true, value: { roots: ['/data', '/out'] } };
      case 'file-stat':
        return this.#stat(request.path);
      case 'file-list':
        return this.#list(request.path);
      case 'file-read': {
        const node = this.files.get(request.path);
        if (node === undefined) return refused('not-found');
        return bytesOf(node, request.offset, request.length);
      }
      case 'file-write':
        this.put(request.path, request.data.slice());
        return DONE;
      case 'file-open':
        return this.#open(request);
      case 'file-read-at':
        return this.#with(request.handle, (node) => bytesOf(node, request.offset, request.length));
      case 'file-write-at':
        return this.#with(request.handle, (node) => {
          const at = request.offset ?? node.data.length;
          const grown = new Uint8Array(Math.max(node.data.length, at + request.data.length));
          grown.set(node.data);
          grown.set(request.data, at);
          node.data = grown;
          return DONE;
        });
      case 'file-resize':
        return this.#with(request.handle, (node) => {
          const sized = new Uint8Array(request.size);
          sized.set(node.data.subarray(0, request.size));
          node.data = sized;
          return DONE;
        });
      case 'file-sync':
        return this.#with(request.handle, () => DONE);
      case 'file-stat-handle':
        return this.#with(request.handle, (node) => ({ ok: true, value: factsOf(node) }));
      case 'file-close':
        return this.#with(request.handle, () => {
          this.#handles.delete(request.handle);
          return DONE;
        });
      case 'file-times': {
        const node = this.files.get(String(request.target));
        if (node !== undefined) {
          if (request.accessed !== undefined) node.accessed = BigInt(request.accessed);
          if (request.modified !== undefined) node.modified = BigInt(request.modified);
        }
        return DONE;
      }
      case 'file-make-directory':
        if (this.#kind(request.path) !== undefined) return refused('invalid', 'exists');
        this.directories.add(request.path);
        return DONE;
      case 'file-remove':
        return this.#remove(request.path, request.kind);
      case 'file-rename':
        return this.#rename(request.from, request.to);
    }
  }

  #open({ path, create, exclusive, truncate, write, prefetch }: Of<'file-open'>): HostReply {
    const kind = this.#kind(path);
    if (kind === 'directory') return refused('invalid', 'is-directory');
    if (kind === 'file' && exclusive) return refused('invalid', 'exists');
    if (kind === undefined) {
      if (!create) return refused('not-found');
      this.put(path, '');
    }
    const node = this.files.get(path);
    if (node === undefined) return refused('failed');
    if (truncate) node.data = new Uint8Array(0);
    const bytes = node.data.slice(0, prefetch);
    const whole = prefetch > 0 && node.data.length <= prefetch && !write && !create && !truncate;
    if (!whole) {
      this.#last += 1;
      this.#handles.set(this.#last, node);
    }
    const value = { handle: whole ? 0 : this.#last, file: factsOf(node) };
    return { ok: true, value, bytes };
  }

  #stat(path: string): HostReply {
    const node = this.files.get(path);
    if (node !== undefined) return { ok: true, value: factsOf(node) };
    if (!this.directories.has(path)) return refused('not-found');
    return { ok: true, value: { kind: 'directory', size: 0, modified: 0 } };
  }

  #list(path: string): HostReply {
    if (!this.directories.has(path)) {
      return this.files.has(path) ? refused('invalid', 'not-directory') : refused('not-found');
    }
    const named = (kind: 'file' | 'directory') => (each: string) => ({
      name: each.slice(each.lastIndexOf('/') + 1),
      kind,
    });
    const here = (each: string): boolean => parent(each) === path;
    const entries = [
      ...[...this.files.keys()].filter(here).map(named('file')),
      ...[...this.directories].filter(here).map(named('directory')),
    ];
    return { ok: true, value: { entries } };
  }

  #remove(path: string, kind: 'file' | 'directory'): HostReply {
    const there = this.#kind(path);
    if (there === undefined) return refused('not-found');
    if (there !== kind) {
      return refused('invalid', there === 'file' ? 'not-directory' : 'is-directory');
    }
    if (kind === 'directory' && this.#below(path).length > 0)
      return refused('invalid', 'not-empty');
    this.files.delete(path);
    this.directories.delete(path);
    return DONE;
  }

  #rename(from: string, to: string): HostReply {
    const kind = this.#kind(from);
    const target = this.#kind(to);
    if (kind === undefined) return refused('not-found');
    if (kind === 'file' && target === 'directory') return refused('invalid', 'is-directory');
    if (kind === 'directory' && target === 'file') return refused('invalid', 'not-directory');
    if (target === 'directory' && this.#below(to).length > 0)
      return refused('invalid', 'not-empty');
    for (const path of [from, ...this.#below(from)]) {
      const moved = to + path.slice(from.length);
      const node = this.files.get(path);
      if (node !== undefined) this.files.set(moved, node);
      else this.directories.add(moved);
      this.files.delete(path);
      this.directories.delete(path);
    }
    return DONE;
  }

  #kind(path: string): 'file' | 'directory' | undefined {
    if (this.files.has(path)) return 'file';
    return this.directories.has(path) ? 'directory' : undefined;
  }

  #below(path: string): string[] {
    return [...this.files.keys(), ...this.directories].filter((each) =>
      each.startsWith(`${path}/`),
    );
  }

  #with(handle: number, act: (node: Node) => HostReply): HostReply {
    const node = this.#handles.get(handle);
    return node === undefined ? refused('invalid', 'bad-handle') : act(node);
  }
}

type Of<Op extends FileRequest['op']> = Extract<FileRequest, { readonly op: Op }>;

const DONE: HostReply = { ok: true, value: {} };

function isFileRequest(request: HostRequest): request is FileRequest {
  return request.op.startsWith('file-');
}

function refused(code: Refusal['code'], fault?: FileFault): Refusal {
  return { ok: false, code, message: code, ...(fault === undefined ? {} : { fault }) };
}

function factsOf({ data, accessed, modified }: Node): FileFacts {
  const times = { accessed: String(accessed), modified: String(modified), changed: String(START) };
  return { kind: 'file', size: data.length, modified: Number(modified / 1_000_000n), times };
}

function bytesOf(node: Node, offset: number, length: number): HostReply {
  return { ok: true, value: {}, bytes: node.data.slice(offset, offset + length) };
}

function parent(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/'))) || '/';
}
