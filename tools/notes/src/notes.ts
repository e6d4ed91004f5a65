// A note is kept under `note/ID` as {"title","text","tags","created"}. An id is the time in
// milliseconds and a hash of the note, in hex: listing keys in order lists notes by age, and two
// notes added at once do not overwrite each other.

import { Bytes, Out, indexOf, lowered, utf8 } from '../../../wit/sdk/assembly/bytes';
import { fail } from '../../../wit/sdk/assembly/host';
import { Request, answerError, answerWith, problem } from '../../../wit/sdk/assembly/answer';
import { Reply, kvDelete, kvGet, kvList, kvSet, unbase64 } from '../../../wit/sdk/assembly/host-functions';
import { Items, Json } from '../../../wit/sdk/assembly/json';
import { now } from './clock';

const PREFIX: string = 'note/';

function keyOf(id: Bytes): Bytes {
  return new Out(id.length + 8).ascii(PREFIX).bytes(id).view();
}

function hex(out: Out, value: u64, digits: i32): void {
  for (let shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    const digit = <u8>((value >> shift) & 15);
    out.byte(digit < 10 ? 48 + digit : 87 + digit);
  }
}

/** A member's raw JSON text, or what stands for it when absent. */
function member(note: Json, name: string, absent: string): Bytes {
  const value = note.get(name);
  return value === null ? utf8(absent) : value.raw();
}

function memberText(note: Json, name: string): Bytes {
  const value = note.get(name);
  return value === null ? new Bytes(0, 0) : value.text();
}

/** What people see of a note: its title, or the beginning of its first line. */
function headline(note: Json): Bytes {
  const title = memberText(note, 'title');
  if (title.length > 0) return title;
  const text = memberText(note, 'text');
  let end = 0;
  while (end < text.length && text.at(end) != 10) end++;
  if (end > 80) {
    end = 80;
    while (end > 0 && (text.at(end) & 0xc0) == 0x80) end--;
  }
  return text.slice(0, end);
}

/** A note out of the store. Null when there is none; `reply` then says why. */
@final
class Stored {
  note: Json | null = null;
  reply: Reply;

  constructor(id: Bytes) {
    this.reply = kvGet(keyOf(id));
    const value = this.reply.get('value');
    if (value !== null && value.isString) this.note = Json.parse(unbase64(value.text()));
  }
}

function hasTag(note: Json, wanted: Bytes): bool {
  const tags = note.get('tags');
  if (tags === null) return false;
  const items = new Items(tags);
  for (let tag = items.next(); tag !== null; tag = items.next()) {
    if (tag.text().equals(wanted)) return true;
  }
  return false;
}

/** `{"id","title","tags","created","size"}`. */
function summary(out: Out, id: Bytes, note: Json): void {
  out.ascii('{"id":').string(id).ascii(',"title":').string(headline(note));
  out.ascii(',"tags":').bytes(member(note, 'tags', '[]'));
  out.ascii(',"created":').bytes(member(note, 'created', '0'));
  out.ascii(',"size":').integer(memberText(note, 'text').length).byte(125);
}

export function add(asked: Request): i32 {
  const text = asked.text('text');
  if (text === null) return fail('note_add needs a `text`');
  const created = now();
  const note = new Out(text.length + 256);
  note.ascii('{"title":').bytes(member(asked.args, 'title', '""'));
  note.ascii(',"text":').bytes(member(asked.args, 'text', '""'));
  note.ascii(',"tags":').bytes(member(asked.args, 'tags', '[]'));
  note.ascii(',"created":').integer(created).byte(125);

  let id = asked.text('id');
  const replaces = id !== null;
  if (id === null) {
    const made = new Out(24);
    hex(made, created, 11);
    hex(made, note.view().hash(), 8);
    id = made.view();
  } else {
    const before = new Stored(id);
    if (before.reply.ok === null) return answerError(before.reply.why());
    if (before.note === null) return problem('there is no note of that id to replace');
  }
  const reply = kvSet(keyOf(id), note.view());
  if (reply.ok === null) return answerError(reply.why());
  const out = new Out(128);
  out.ascii('{"id":').string(id).ascii(',"replaced":').bool(replaces).byte(125);
  const people = new Out(64).ascii(replaces ? 'replaced note ' : 'added note ').bytes(id);
  return answerWith(people.view(), out.view());
}

export function get(asked: Request): i32 {
  const id = asked.text('id');
  if (id === null) return fail('note_get needs an `id`');
  const stored = new Stored(id);
  if (stored.reply.ok === null) return answerError(stored.reply.why());
  const note = stored.note;
  if (note === null) return problem('there is no note of that id; note_list gives the ids');
  const out = new Out(256);
  out.ascii('{"id":').string(id).ascii(',"title":').bytes(member(note, 'title', '""'));
  out.ascii(',"text":').bytes(member(note, 'text', '""'));
  out.ascii(',"tags":').bytes(member(note, 'tags', '[]'));
  out.ascii(',"created":').bytes(member(note, 'created', '0')).byte(125);
  const people = new Out(256);
  const title = memberText(note, 'title');
  if (title.length > 0) people.bytes(title).ascii('\n\n');
  return answerWith(people.bytes(memberText(note, 'text')).view(), out.view());
}

export function remove(asked: Request): i32 {
  const id = asked.text('id');
  if (id === null) return fail('note_delete needs an `id`');
  const reply = kvDelete(keyOf(id));
  const deleted = reply.get('deleted');
  if (deleted === null) return answerError(reply.why());
  const out = new Out(64).ascii('{"deleted":').bool(deleted.isTrue).byte(125);
  const people = new Out(64).ascii(deleted.isTrue ? 'deleted note ' : 'there was no note ').bytes(id);
  return answerWith(people.view(), out.view());
}

/** Where a query is found: -1 nowhere, else an index into the text (0 for title and tags). */
function find(note: Json, query: Bytes): i32 {
  const at = indexOf(memberText(note, 'text'), query, 0, true);
  if (at >= 0) return at;
  if (indexOf(memberText(note, 'title'), query, 0, true) >= 0) return 0;
  return indexOf(member(note, 'tags', '[]'), query, 0, true) >= 0 ? 0 : -1;
}

/** The line of the text around `at`, at most 160 bytes of it. */
function snippet(text: Bytes, at: i32): Bytes {
  let from = at;
  while (from > 0 && at - from < 60 && text.at(from - 1) != 10) from--;
  while (from < at && (text.at(from) & 0xc0) == 0x80) from++;
  let to = at;
  while (to < text.length && to - from < 160 && text.at(to) != 10) to++;
  while (to < text.length && to > at && (text.at(to) & 0xc0) == 0x80) to--;
  return text.slice(from, to);
}

/** Goes through the notes, newest first: those with the tag, or that hold the query. */
function through(asked: Request, query: Bytes | null): i32 {
  const tag = asked.text('tag');
  const limit = asked.integer('limit', 50);
  const reply = kvList(utf8(PREFIX));
  const keys = reply.get('keys');
  if (keys === null) return answerError(reply.why());
  const ids: Array<Bytes> = [];
  const items = new Items(keys);
  for (let key = items.next(); key !== null; key = items.next()) {
    const text = key.text();
    if (text.length > PREFIX.length) ids.push(text.slice(PREFIX.length, text.length));
  }
  const out = new Out(1024).ascii('{"notes":[');
  const people = new Out(1024);
  let count = 0;
  let complete = true;
  for (let i = ids.length - 1; i >= 0; i--) {
    const stored = new Stored(ids[i]);
    const note = stored.note;
    if (stored.reply.ok === null) return answerError(stored.reply.why());
    if (note === null || (tag !== null && !hasTag(note, tag))) continue;
    const at = query === null ? 0 : find(note, query);
    if (at < 0) continue;
    if (count == limit) {
      complete = false;
      break;
    }
    if (count++ > 0) {
      out.byte(44);
      people.byte(10);
    }
    people.bytes(ids[i]).ascii('  ').bytes(headline(note));
    if (query === null) summary(out, ids[i], note);
    else {
      const around = snippet(memberText(note, 'text'), at);
      out.ascii('{"id":').string(ids[i]).ascii(',"title":').string(headline(note));
      out.ascii(',"snippet":').string(around).byte(125);
      people.ascii('\n    ').bytes(around);
    }
  }
  if (count == 0) people.ascii('no notes');
  out.ascii('],"complete":').bool(complete).byte(125);
  return answerWith(people.view(), out.view());
}

export function list(asked: Request): i32 {
  return through(asked, null);
}

export function search(asked: Request): i32 {
  const query = asked.text('query');
  if (query === null || query.length == 0) return fail('note_search needs a `query`');
  return through(asked, lowered(query));
}
