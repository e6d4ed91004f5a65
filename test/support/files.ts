// The file operations over a real broker process, one call for each permit.

import type { Jail } from '../../src/base/process/jail-plan.ts';
import type { Permit } from '../../src/decide/policy/permit.ts';
import {
  createFiles,
  type FileRequest,
  type Files,
  type FilesEffect,
  type FilesReply,
  type FilesSession,
} from '../../src/reach/files/files.ts';
import { processBundle } from './process-bundle.ts';

/** An operation's reply, and what it left for the receipt. */
export interface FilesDone {
  readonly reply: FilesReply;
  readonly effect: FilesEffect | undefined;
}

export interface TestFiles extends AsyncDisposable {
  readonly files: Files;
  /** Does one operation in the call of a permit. */
  ask(permit: Permit, request: FileRequest | { readonly op: 'file-roots' }): Promise<FilesDone>;
  stat(permit: Permit, path: string): Promise<FilesDone>;
  list(permit: Permit, path: string): Promise<FilesDone>;
  read(permit: Permit, path: string, offset: number, length: number): Promise<FilesDone>;
  write(permit: Permit, path: string, data: Uint8Array): Promise<FilesDone>;
  /** Ends the call of a permit. */
  end(permit: Permit): void;
  close(): Promise<void>;
}

export interface TestFilesOptions {
  readonly deny?: readonly string[];
  readonly jail?: Jail;
  readonly hidden?: readonly string[];
  readonly way?: 'openat2' | 'walk';
  readonly clock?: NonNullable<Parameters<typeof createFiles>[0]['clock']>;
}

/** Close it when done. */
export async function testFiles(options: TestFilesOptions = {}): Promise<TestFiles> {
  const brokerPath = await processBundle('files-broker');
  const files = createFiles({ brokerPath, deny: [], ...options });
  const sessions = new Map<Permit, { readonly session: FilesSession; last?: FilesEffect }>();
  const { signal } = new AbortController();
  const of = (permit: Permit) => {
    const known = sessions.get(permit);
    if (known !== undefined) return known;
    const made: { session: FilesSession; last?: FilesEffect } = {
      session: files.open(permit, (effect) => (made.last = effect)),
    };
    sessions.set(permit, made);
    return made;
  };
  const ask: TestFiles['ask'] = async (permit, request) => {
    const call = of(permit);
    delete call.last;
    const reply = await call.session.serve(request, signal);
    return { reply, effect: call.last };
  };
  return {
    files,
    ask,
    stat: (permit, path) => ask(permit, { op: 'file-stat', path }),
    list: (permit, path) => ask(permit, { op: 'file-list', path }),
    read: (permit, path, offset, length) => ask(permit, { op: 'file-read', path, offset, length }),
    write: (permit, path, data) => ask(permit, { op: 'file-write', path, data }),
    end: (permit) => {
      sessions.get(permit)?.session.close();
      sessions.delete(permit);
    },
    close: () => files.close(),
    [Symbol.asyncDispose]: () => files.close(),
  };
}
