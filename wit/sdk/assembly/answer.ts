// The `call` side of the tool contract: the request, and answers in MCP's field names.

import { Bytes, Out, utf8 } from './bytes';
import { Json } from './json';
import { input, output } from './host';

/** One call: which tool, and its arguments (already checked against the input schema). */
@final
export class Request {
  constructor(
    public name: Bytes,
    public args: Json,
  ) {}

  /** A string argument, or null when absent. */
  text(name: string): Bytes | null {
    const value = this.args.get(name);
    return value === null || !value.isString ? null : value.text();
  }

  integer(name: string, other: i64): i64 {
    const value = this.args.get(name);
    return value === null ? other : value.integer(other);
  }

  flag(name: string, other: bool): bool {
    const value = this.args.get(name);
    return value === null ? other : value.isTrue;
  }
}

/** Reads the call's input. Null when it is not a request. */
export function request(): Request | null {
  const whole = Json.parse(input());
  const args = whole.get('arguments');
  const name = whole.get('name');
  if (args === null || name === null) return null;
  return new Request(name.text(), args);
}

/** Answers one text. */
export function answer(text: Bytes): i32 {
  const out = new Out(text.length + (text.length >> 3) + 64);
  out.ascii('{"content":[{"type":"text","text":').string(text).ascii('}]}');
  output(out.ptr, out.length);
  return 0;
}

/** Answers a text for people and the same as a JSON object for programs. */
export function answerWith(text: Bytes, structured: Bytes): i32 {
  const out = new Out(text.length + structured.length + 128);
  out.ascii('{"content":[{"type":"text","text":').string(text);
  out.ascii('}],"structuredContent":').bytes(structured).byte(125);
  output(out.ptr, out.length);
  return 0;
}

/** Answers that the tool could not do it, in words the caller can act on. */
export function answerError(text: Bytes): i32 {
  const out = new Out(text.length + 96);
  out.ascii('{"content":[{"type":"text","text":').string(text).ascii('}],"isError":true}');
  output(out.ptr, out.length);
  return 0;
}

/** Answers a problem given as a literal. */
export function problem(text: string): i32 {
  return answerError(utf8(text));
}

/** Gives the definitions, written as JSON text, as the output of `describe`. */
export function definitions(json: string): i32 {
  const bytes = utf8(json);
  output(bytes.ptr, bytes.length);
  return 0;
}
