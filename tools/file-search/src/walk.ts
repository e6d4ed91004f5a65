// Goes through the files below a directory in the order of their names, directories last in
// first out, without recursion.

import { Bytes, Out } from '../../../wit/sdk/assembly/bytes';
import { Reply, fileList } from '../../../wit/sdk/assembly/host-functions';
import { Items } from '../../../wit/sdk/assembly/json';

const MAX_DIRECTORIES: i32 = 5000;

/** A file or directory met on the way. */
@final
export class Entry {
  constructor(
    public path: Bytes,
    /** Where the part of the path below the start begins. */
    public below: i32,
    public isDirectory: bool,
  ) {}

  relative(): Bytes {
    return this.path.slice(this.below, this.path.length);
  }
}

@final
export class Walk {
  private waiting: Array<Entry> = [];
  private directories: i32 = 0;
  /** False once a directory could not be listed or there were too many. */
  complete: bool = true;
  /** What the first directory that could not be listed was refused with. */
  refusal: Reply | null = null;

  constructor(private recursive: bool) {}

  /** Adds a directory to go through. Starts are taken in the order they were added. */
  start(path: Bytes): void {
    const slash = path.length > 0 && path.at(path.length - 1) == 47 ? 0 : 1;
    this.waiting.unshift(new Entry(path, path.length + slash, true));
  }

  /** The next entry below the starts, or null at the end. */
  next(): Entry | null {
    while (this.waiting.length > 0) {
      const entry = this.waiting.pop();
      const isStart = entry.below >= entry.path.length;
      if (entry.isDirectory && (isStart || this.recursive)) this.expand(entry);
      if (!isStart) return entry;
    }
    return null;
  }

  private expand(directory: Entry): void {
    if (++this.directories > MAX_DIRECTORIES) {
      this.complete = false;
      return;
    }
    const reply = fileList(directory.path);
    const ok = reply.ok;
    if (ok === null) {
      this.complete = false;
      if (this.refusal === null) this.refusal = reply;
      return;
    }
    const entries = ok.get('entries');
    if (entries === null) return;
    const found: Array<Entry> = [];
    const items = new Items(entries);
    for (let item = items.next(); item !== null; item = items.next()) {
      const name = item.get('name');
      const kind = item.get('kind');
      if (name === null || kind === null) continue;
      const path = new Out(directory.path.length + 64);
      path.bytes(directory.path);
      if (path.length > 0 && directory.path.at(path.length - 1) != 47) path.byte(47);
      path.bytes(name.text());
      found.push(new Entry(path.view(), directory.below, kind.text().is('directory')));
    }
    for (let i = found.length - 1; i >= 0; i--) this.waiting.push(found[i]);
  }
}
