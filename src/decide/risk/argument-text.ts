// The texts of a call's arguments as one, for those who look for something in them.

import type { Json } from '../../base/encoding/json.ts';

/** Names of members and texts, one to a line, in the order they stand in. */
export function argumentText(value: Json): string {
  const parts: string[] = [];
  collect(value, parts);
  return parts.join('\n');
}

function collect(value: Json, parts: string[]): void {
  if (typeof value === 'string') {
    parts.push(value);
  } else if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) collect(item, parts);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      parts.push(name);
      collect(item, parts);
    }
  }
}
