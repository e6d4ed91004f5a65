// Binaries put together byte by byte: what no assembler would write.

type Bytes = readonly number[];
export type Section = readonly [id: number, body: Bytes];

/** An unsigned LEB128 of at least `width` bytes. */
export function leb(value: number, width = 1): number[] {
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length < width; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) | 0x80);
  }
  const last = bytes.pop() ?? 0x80;
  return [...bytes, last & 0x7f];
}

/** A length-prefixed name. */
export function text(name: string): number[] {
  const bytes = [...Buffer.from(name, 'utf8')];
  return [...leb(bytes.length), ...bytes];
}

/** A counted list. */
export function list(...items: readonly Bytes[]): number[] {
  return [...leb(items.length), ...items.flat()];
}

export function moduleOf(...sections: readonly Section[]): Uint8Array {
  return binary([1, 0, 0, 0], sections);
}

export function componentOf(...sections: readonly Section[]): Uint8Array {
  return binary([0x0d, 0, 1, 0], sections);
}

function binary(version: Bytes, sections: readonly Section[]): Uint8Array {
  const bodies = sections.flatMap(([id, body]) => [[id, ...leb(body.length)], body]);
  return Uint8Array.from([[0, 0x61, 0x73, 0x6d], version, ...bodies].flat());
}

/** `() -> ()` as a type section. */
export const PLAIN_TYPE: Section = [1, list([0x60, 0, 0])];

/** A module with one function of these locals and instructions, exported as `f`. */
export function functionOf(locals: Bytes, instructions: Bytes): Uint8Array {
  const body = [...locals, ...instructions, 0x0b];
  return moduleOf(
    PLAIN_TYPE,
    [3, list([0])],
    [7, list([...text('f'), 0, 0])],
    [10, list([...leb(body.length), ...body])],
  );
}

/** A module that imports one function of type `() -> ()`. */
export function importing(module: string, name: string): Uint8Array {
  return moduleOf(PLAIN_TYPE, [2, list([...text(module), ...text(name), 0, 0])]);
}

/** The core module inside a component that does nothing else with it. */
export function wrapped(module: Uint8Array): Uint8Array {
  return componentOf([1, [...module]]);
}
