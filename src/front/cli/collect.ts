// An option that may be given more than once.

/** Parser of such an option: all its values, in order. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
