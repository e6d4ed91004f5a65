// Types of the component model as far as a tool can use them, and the exports made of them.

/** A value type. Resources, streams and futures have no form as JSON and are left out. */
export type WitType =
  | { readonly kind: WitScalar }
  | { readonly kind: 'list' | 'option'; readonly of: WitType }
  | { readonly kind: 'result'; readonly ok?: WitType; readonly err?: WitType }
  | { readonly kind: 'tuple'; readonly of: readonly WitType[] }
  | { readonly kind: 'record'; readonly fields: readonly WitField[] }
  | { readonly kind: 'variant'; readonly cases: readonly WitCase[] }
  | { readonly kind: 'enum' | 'flags'; readonly names: readonly string[] }
  | { readonly kind: 'opaque'; readonly what: string };

export type WitScalar =
  | 'bool'
  | 's8'
  | 'u8'
  | 's16'
  | 'u16'
  | 's32'
  | 'u32'
  | 's64'
  | 'u64'
  | 'f32'
  | 'f64'
  | 'char'
  | 'string';

export interface WitField {
  readonly name: string;
  readonly type: WitType;
}

export interface WitCase {
  readonly name: string;
  readonly type?: WitType;
}

export interface WitFunction {
  readonly params: readonly WitField[];
  readonly result?: WitType;
}

/** What a component exports, by export name. */
export interface WitExports {
  readonly functions: ReadonlyMap<string, WitFunction>;
  readonly instances: ReadonlyMap<string, WitExports>;
}

/** The types a type is directly made of. */
export function partsOf(type: WitType): readonly WitType[] {
  switch (type.kind) {
    case 'list':
    case 'option':
      return [type.of];
    case 'tuple':
      return type.of;
    case 'record':
      return type.fields.map((field) => field.type);
    case 'variant':
      return type.cases.flatMap((each) => (each.type === undefined ? [] : [each.type]));
    case 'result':
      return [type.ok, type.err].filter((each) => each !== undefined);
    case 'enum':
    case 'flags':
    case 'opaque':
    case 'bool':
    case 's8':
    case 'u8':
    case 's16':
    case 'u16':
    case 's32':
    case 'u32':
    case 's64':
    case 'u64':
    case 'f32':
    case 'f64':
    case 'char':
    case 'string':
      return [];
  }
}

/** Whether every part of a type can be written as JSON. */
export function isPlain(type: WitType): boolean {
  return type.kind !== 'opaque' && partsOf(type).every(isPlain);
}
