// list_files and read_file.

import { Bytes, Out } from '../../../wit/sdk/assembly/bytes';
import { fail } from '../../../wit/sdk/assembly/host';
import { Request, answerError, answerWith } from '../../../wit/sdk/assembly/answer';
import { Reply, fileRoots, fileStat } from '../../../wit/sdk/assembly/host-functions';
import { Items } from '../../../wit/sdk/assembly/json';
import { Reader, isBinary } from './content';
import { globMatches } from './glob';
import { Walk } from './walk';

function put(out: Out, people: Out, count: i32, path: Bytes, isDirectory: bool): void {
  if (count > 0) {
    out.byte(44);
    people.byte(10);
  }
  out.ascii('{"path":').string(path).ascii(',"kind":"');
  out.ascii(isDirectory ? 'directory' : 'file').ascii('"}');
  people.bytes(path);
  if (isDirectory && path.length > 0 && path.at(path.length - 1) != 47) people.byte(47);
}

export function list(asked: Request): i32 {
  const path = asked.text('path');
  const glob = asked.text('glob');
  const most = <i32>asked.integer('maxEntries', 1000);
  const out = new Out(1024).ascii('{"entries":[');
  const people = new Out(1024);
  let count = 0;
  let complete = true;
  if (path === null) {
    const reply = fileRoots();
    const roots = reply.get('roots');
    if (roots === null) return answerError(reply.why());
    const items = new Items(roots);
    for (let root = items.next(); root !== null; root = items.next()) {
      put(out, people, count++, root.text(), true);
    }
    if (count == 0) people.ascii('no directory is granted; grant one with --allow-read');
  } else {
    const walk = new Walk(asked.flag('recursive', false));
    walk.start(path);
    for (let entry = walk.next(); entry !== null; entry = walk.next()) {
      if (glob !== null && !globMatches(glob, entry.relative())) continue;
      if (count == most) {
        complete = false;
        break;
      }
      put(out, people, count++, entry.path, entry.isDirectory);
    }
    const refusal = walk.refusal;
    if (refusal !== null && count == 0) return answerError(refusal.why());
    complete = complete && walk.complete;
    if (count == 0) people.ascii('nothing there');
    if (!complete) people.ascii('\n(not complete)');
  }
  out.ascii('],"complete":').bool(complete).byte(125);
  return answerWith(people.view(), out.view());
}

export function read(asked: Request): i32 {
  const path = asked.text('path');
  if (path === null) return fail('read_file needs a `path`');
  const first = asked.integer('offset', 1);
  const most = asked.integer('limit', 200);
  const stat = fileStat(path);
  const info = stat.ok;
  if (info === null) return answerError(stat.why());
  const kind = info.get('kind');
  if (kind !== null && kind.text().is('directory')) {
    return answerError(new Out().bytes(path).ascii(' is a directory; use list_files').view());
  }
  const sizeValue = info.get('size');
  const size = sizeValue === null ? 0 : sizeValue.integer(0);

  // Pieces are read until the last wanted line is complete, so a large file costs what is shown.
  const reader = new Reader();
  const text = new Out(4096);
  let line: i64 = 1;
  let lines: i64 = 0;
  let offset: i64 = 0;
  let done = false;
  let atEnd = false;
  while (!done) {
    const piece = reader.read(path, offset, 65536);
    if (piece === null) {
      const refusal: Reply | null = reader.refusal;
      return refusal === null ? fail('no reply') : answerError(refusal.why());
    }
    if (offset == 0 && isBinary(piece)) {
      return answerError(new Out().bytes(path).ascii(' is a binary file').view());
    }
    let from = 0;
    for (let i = 0; i < piece.length && !done; i++) {
      if (piece.at(i) != 10) continue;
      if (line >= first) {
        text.bytes(piece.slice(from, i + 1));
        lines++;
        if (lines == most) {
          done = true;
          atEnd = offset + i + 1 >= size;
        }
      }
      line++;
      from = i + 1;
    }
    if (!done && line >= first) text.bytes(piece.slice(from, piece.length));
    offset += piece.length;
    if (piece.length < 65536) {
      if (!done) {
        atEnd = true;
        if (text.length > 0 && text.view().at(text.length - 1) != 10) lines++;
      }
      done = true;
    }
  }
  const out = new Out(text.length + 256);
  out.ascii('{"path":').string(path).ascii(',"text":').string(text.view());
  out.ascii(',"firstLine":').integer(first).ascii(',"lines":').integer(lines);
  out.ascii(',"size":').integer(size).ascii(',"complete":').bool(atEnd).byte(125);
  return answerWith(text.view(), out.view());
}
