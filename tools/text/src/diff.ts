// text_diff: Myers' greedy O(ND) line difference, written as a unified diff. Past MAX_EDITS
// edits the differing middle is given as one whole replacement: right, only longer.

import { Bytes, Out } from '../../../wit/sdk/assembly/bytes';
import { fail } from '../../../wit/sdk/assembly/host';
import { Request, answerWith } from '../../../wit/sdk/assembly/answer';

const MAX_EDITS: i32 = 1500;

/** A text's lines, each with its line break and a hash. */
class Lines {
  private spans: StaticArray<u32>;
  count: i32;

  constructor(private text: Bytes) {
    let count = 0;
    for (let i = 0; i < text.length; i++) if (text.at(i) == 10) count++;
    if (text.length > 0 && text.at(text.length - 1) != 10) count++;
    this.count = count;
    this.spans = new StaticArray<u32>(count * 3);
    let start = 0;
    let line = 0;
    for (let i = 0; i < text.length; i++) {
      if (text.at(i) != 10 && i + 1 < text.length) continue;
      this.spans[line * 3] = start;
      this.spans[line * 3 + 1] = i + 1;
      this.spans[line * 3 + 2] = text.slice(start, i + 1).hash();
      line++;
      start = i + 1;
    }
  }

  line(i: i32): Bytes {
    return this.text.slice(this.spans[i * 3], this.spans[i * 3 + 1]);
  }
  hash(i: i32): u32 {
    return this.spans[i * 3 + 2];
  }
}

function same(a: Lines, i: i32, b: Lines, j: i32): bool {
  return a.hash(i) == b.hash(j) && a.line(i).equals(b.line(j));
}

/** Marks: one byte per line of each side, 1 where the line is not in the other. */
class Edits {
  removed: StaticArray<u8>;
  added: StaticArray<u8>;
  removals: i32 = 0;
  additions: i32 = 0;

  constructor(
    private a: Lines,
    private b: Lines,
  ) {
    this.removed = new StaticArray<u8>(a.count);
    this.added = new StaticArray<u8>(b.count);
    let head = 0;
    while (head < a.count && head < b.count && same(a, head, b, head)) head++;
    let tail = 0;
    while (
      tail < a.count - head &&
      tail < b.count - head &&
      same(a, a.count - 1 - tail, b, b.count - 1 - tail)
    ) {
      tail++;
    }
    if (!this.walk(head, a.count - tail, b.count - tail)) {
      for (let i = head; i < a.count - tail; i++) this.remove(i);
      for (let j = head; j < b.count - tail; j++) this.add(j);
    }
  }

  private remove(i: i32): void {
    this.removed[i] = 1;
    this.removals++;
  }
  private add(j: i32): void {
    this.added[j] = 1;
    this.additions++;
  }

  /** Myers on lines head..endA and head..endB. False when there are too many edits. */
  private walk(head: i32, endA: i32, endB: i32): bool {
    const n = endA - head;
    const m = endB - head;
    const most = min(n + m, MAX_EDITS);
    const width = 2 * most + 3;
    const v = new StaticArray<i32>(width);
    const trace = new StaticArray<usize>(most + 1);
    const zero = most + 1;
    for (let d = 0; d <= most; d++) {
      const kept = heap.alloc((2 * d + 3) * 4);
      memory.copy(kept, changetype<usize>(v) + ((zero - d - 1) << 2), (2 * d + 3) * 4);
      trace[d] = kept;
      for (let k = -d; k <= d; k += 2) {
        const down = k == -d || (k != d && v[zero + k - 1] < v[zero + k + 1]);
        let x = down ? v[zero + k + 1] : v[zero + k - 1] + 1;
        while (x < n && x - k < m && x - k >= 0 && same(this.a, head + x, this.b, head + x - k)) x++;
        v[zero + k] = x;
        if (x >= n && x - k >= m) {
          this.back(trace, d, n, m, head);
          return true;
        }
      }
    }
    return false;
  }

  private back(trace: StaticArray<usize>, last: i32, n: i32, m: i32, head: i32): void {
    let x = n;
    let y = m;
    for (let d = last; d > 0; d--) {
      const kept = trace[d];
      const k = x - y;
      // `kept` holds v[-d-1 .. d+1]
      const below = load<i32>(kept + ((k - 1 + d + 1) << 2));
      const above = load<i32>(kept + ((k + 1 + d + 1) << 2));
      const down = k == -d || (k != d && below < above);
      const beforeK = down ? k + 1 : k - 1;
      const beforeX = down ? above : below;
      const beforeY = beforeX - beforeK;
      if (down) this.add(head + beforeY);
      else this.remove(head + beforeX);
      x = beforeX;
      y = beforeY;
    }
  }
}

function put(out: Out, mark: u8, line: Bytes): void {
  out.byte(mark).bytes(line);
  if (line.length == 0 || line.at(line.length - 1) != 10) {
    out.ascii('\n\\ No newline at end of file\n');
  }
}

function range(out: Out, start: i32, length: i32): void {
  out.integer(length == 0 ? start : start + 1);
  if (length != 1) out.byte(44).integer(length);
}

/** The hunks of a unified diff. */
function unified(a: Lines, b: Lines, edits: Edits, context: i32): Out {
  const out = new Out(1024);
  let i = 0;
  let j = 0;
  while (i < a.count || j < b.count) {
    if (!(i < a.count && edits.removed[i]) && !(j < b.count && edits.added[j])) {
      i++;
      j++;
      continue;
    }
    const back = min(context, min(i, j));
    const fromA = i - back;
    const fromB = j - back;
    let endA = i;
    let endB = j;
    let quiet = 0;
    let p = i;
    let q = j;
    while (p < a.count || q < b.count) {
      if (p < a.count && edits.removed[p]) {
        p++;
        quiet = 0;
      } else if (q < b.count && edits.added[q]) {
        q++;
        quiet = 0;
      } else {
        if (quiet == 2 * context) break;
        quiet++;
        p++;
        q++;
        continue;
      }
      endA = p;
      endB = q;
    }
    const after = min(context, min(a.count - endA, b.count - endB));
    out.ascii('@@ -');
    range(out, fromA, endA + after - fromA);
    out.ascii(' +');
    range(out, fromB, endB + after - fromB);
    out.ascii(' @@\n');
    p = fromA;
    q = fromB;
    while (p < endA + after || q < endB + after) {
      if (p < a.count && p < endA && edits.removed[p]) put(out, 45, a.line(p++));
      else if (q < b.count && q < endB && edits.added[q]) put(out, 43, b.line(q++));
      else {
        put(out, 32, a.line(p++));
        q++;
      }
    }
    i = endA + after;
    j = endB + after;
  }
  return out;
}

export function diff(asked: Request): i32 {
  const before = asked.text('before');
  const after = asked.text('after');
  if (before === null || after === null) return fail('text_diff needs `before` and `after`');
  const context = <i32>min<i64>(max<i64>(asked.integer('context', 3), 0), 100);
  const a = new Lines(before);
  const b = new Lines(after);
  const edits = new Edits(a, b);
  const text = unified(a, b, edits, context);
  const isSame = edits.additions + edits.removals == 0;

  const out = new Out(text.length + 128);
  out.ascii('{"same":').bool(isSame).ascii(',"added":').integer(edits.additions);
  out.ascii(',"removed":').integer(edits.removals);
  out.ascii(',"diff":').string(text.view()).byte(125);
  if (isSame) return answerWith(new Out().ascii('the texts are the same').view(), out.view());
  return answerWith(text.view(), out.view());
}
