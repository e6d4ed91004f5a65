// search_files.

import { Bytes, Out, indexOf, isWordByte, lowered, utf8 } from '../../../wit/sdk/assembly/bytes';
import { fail } from '../../../wit/sdk/assembly/host';
import { Request, answerError, answerWith } from '../../../wit/sdk/assembly/answer';
import { Reply, fileRoots, fileStat } from '../../../wit/sdk/assembly/host-functions';
import { Items } from '../../../wit/sdk/assembly/json';
import { MAX_SIZE, Reader, isBinary } from './content';
import { globMatches } from './glob';
import { Walk } from './walk';

/** Bytes of a line shown at most. */
const MAX_SHOWN: i32 = 500;

@final
class Search {
  out: Out = new Out(4096);
  people: Out = new Out(4096);
  matches: i32 = 0;
  searched: i32 = 0;
  skipped: i32 = 0;
  cut: bool = false;
  refusal: Reply | null = null;
  private reader: Reader = new Reader();

  constructor(
    private needle: Bytes,
    private fold: bool,
    private wholeWord: bool,
    private context: i32,
    private most: i32,
  ) {}

  /** Whether to go on. */
  file(path: Bytes): bool {
    const content = this.reader.read(path, 0, MAX_SIZE + 1);
    if (content === null) {
      this.skipped++;
      if (this.refusal === null) this.refusal = this.reader.refusal;
      // Out of host calls or bytes: every further file would be refused too.
      const refusal = this.reader.refusal;
      if (refusal !== null && refusal.code.is('limit')) this.cut = true;
      return !this.cut;
    }
    if (content.length > MAX_SIZE || isBinary(content)) {
      this.skipped++;
      return true;
    }
    this.searched++;
    let line = 1;
    let counted = 0;
    let from = 0;
    let shown = 0;
    while (true) {
      const at = indexOf(content, this.needle, from, this.fold);
      if (at < 0) return true;
      if (this.wholeWord && !this.alone(content, at)) {
        from = at + 1;
        continue;
      }
      for (; counted < at; counted++) if (content.at(counted) == 10) line++;
      if (this.matches == this.most) {
        this.cut = true;
        return false;
      }
      const start = lineStart(content, at);
      const end = lineEnd(content, at);
      this.found(path, line, at - start + 1, content.slice(start, end));
      shown = this.show(content, path, line, start, end, shown);
      from = end + 1;
      if (from > content.length) return true;
    }
  }

  private alone(content: Bytes, at: i32): bool {
    const end = at + this.needle.length;
    if (at > 0 && isWordByte(content.at(at - 1)) && isWordByte(content.at(at))) return false;
    return !(end < content.length && isWordByte(content.at(end)) && isWordByte(content.at(end - 1)));
  }

  private found(path: Bytes, line: i32, column: i32, text: Bytes): void {
    if (this.matches++ > 0) this.out.byte(44);
    this.out.ascii('{"path":').string(path).ascii(',"line":').integer(line);
    this.out.ascii(',"column":').integer(column).ascii(',"text":');
    this.out.string(clipped(text)).byte(125);
  }

  /** Shows the line and its context; gives the last byte shown. */
  private show(content: Bytes, path: Bytes, line: i32, start: i32, end: i32, shown: i32): i32 {
    let first = start;
    let number = line;
    for (let i = 0; i < this.context && first > shown; i++) {
      first = lineStart(content, first - 1);
      number--;
    }
    let last = end;
    for (let i = 0; i < this.context && last + 1 < content.length; i++) {
      last = lineEnd(content, last + 1);
    }
    if (this.context > 0 && this.people.length > 0 && first > shown) this.people.ascii('--\n');
    for (let at = first; at <= last && at < content.length + 1; ) {
      const stop = lineEnd(content, at);
      this.people.bytes(path).byte(at == start ? 58 : 45).integer(number++);
      this.people.byte(at == start ? 58 : 45).bytes(clipped(content.slice(at, stop))).byte(10);
      if (at == start && this.context == 0) break;
      at = stop + 1;
      if (at > start && indexOf(content.slice(at, min(lineEnd(content, at), content.length)), this.needle, 0, this.fold) >= 0) {
        return at;
      }
    }
    return last + 1;
  }
}

function clipped(line: Bytes): Bytes {
  const end = line.length > 0 && line.at(line.length - 1) == 13 ? line.length - 1 : line.length;
  if (end <= MAX_SHOWN) return line.slice(0, end);
  let cut = MAX_SHOWN;
  while (cut > 0 && (line.at(cut) & 0xc0) == 0x80) cut--;
  return line.slice(0, cut);
}

function lineStart(content: Bytes, at: i32): i32 {
  while (at > 0 && content.at(at - 1) != 10) at--;
  return at;
}

function lineEnd(content: Bytes, at: i32): i32 {
  while (at < content.length && content.at(at) != 10) at++;
  return at;
}

export function search(asked: Request): i32 {
  const query = asked.text('query');
  if (query === null || query.length == 0) return fail('search_files needs a `query`');
  const fold = asked.flag('ignoreCase', false);
  const glob = asked.text('glob');
  const path = asked.text('path');
  const task = new Search(
    fold ? lowered(query) : query,
    fold,
    asked.flag('wholeWord', false),
    <i32>asked.integer('context', 0),
    <i32>asked.integer('maxMatches', 100),
  );

  const walk = new Walk(true);
  if (path !== null) {
    const stat = fileStat(path);
    const ok = stat.ok;
    if (ok === null) return answerError(stat.why());
    const kind = ok.get('kind');
    if (kind !== null && kind.text().is('directory')) walk.start(path);
    else task.file(path);
  } else {
    const reply = fileRoots();
    const roots = reply.get('roots');
    if (roots === null) return answerError(reply.why());
    const items = new Items(roots);
    let count = 0;
    for (let root = items.next(); root !== null; root = items.next()) {
      walk.start(root.text());
      count++;
    }
    if (count == 0) return answerError(utf8('denied: no directory is granted; grant one with --allow-read'));
  }
  for (let entry = walk.next(); entry !== null; entry = walk.next()) {
    if (entry.isDirectory) continue;
    if (glob !== null && !globMatches(glob, entry.relative())) continue;
    if (!task.file(entry.path)) break;
  }
  const refusal = walk.refusal;
  if (refusal !== null && task.searched == 0) return answerError(refusal.why());

  const complete = walk.complete && !task.cut;
  const out = new Out(task.out.length + 128);
  out.ascii('{"matches":[').bytes(task.out.view()).ascii('],"filesSearched":');
  out.integer(task.searched).ascii(',"filesSkipped":').integer(task.skipped);
  out.ascii(',"complete":').bool(complete).byte(125);
  task.people.integer(task.matches).ascii(task.matches == 1 ? ' match in ' : ' matches in ');
  task.people.integer(task.searched).ascii(task.searched == 1 ? ' file' : ' files');
  if (task.skipped > 0) task.people.ascii(', ').integer(task.skipped).ascii(' skipped');
  if (!complete) task.people.ascii(' (not complete)');
  return answerWith(task.people.view(), out.view());
}
