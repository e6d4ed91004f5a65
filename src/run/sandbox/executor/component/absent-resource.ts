// Resource types a component may name but of which there never is an instance.

/** A class the glue can compare against; nothing makes one. */
export function absentResource(name: string): new () => object {
  function Absent(): never {
    throw new Error(`there is no ${name} here`);
  }
  return Absent as unknown as new () => object;
}
