// From the bytes of a package to an installation ready to be recorded: admitted, described in a
// disposable executor, definitions and schemas checked. Nothing is stored here.

import { WarderError } from '../base/errors/errors.ts';
import { admit, type AdmissionLimits } from './admit.ts';
import { readDefinitions } from './definitions.ts';
import type { Grant, Inspection, Inspector, Installation, ToolDefinition } from './installation.ts';
import { isInstallationName, showText } from './names.ts';

/** What the operator and the daemon decide; the package decides the rest. */
export interface PrepareOptions {
  /** `inst_` and a ULID. */
  readonly id: string;
  readonly name: string;
  readonly grant: Grant;
  /** Wall milliseconds. */
  readonly now: number;
  readonly limits?: AdmissionLimits;
}

export interface Prepared {
  readonly installation: Installation;
  /** What the operator should know before trusting the package's words. */
  readonly warnings: readonly string[];
}

/**
 * @throws WarderError `usage` for a name that is none, `not-admitted` for everything the package does wrong.
 */
export async function prepareInstallation(
  bytes: Uint8Array,
  inspector: Inspector,
  options: PrepareOptions,
): Promise<Prepared> {
  if (!isInstallationName(options.name)) {
    throw new WarderError(
      'usage',
      `\`${showText(options.name)}\` cannot be an installation's name`,
      {
        hint: 'use lower-case letters, digits and `-`, at most 40, with `--name`',
      },
    );
  }
  const { engine, digest, size, imports } = admit(bytes, options.limits);
  const inspection = await inspector.inspect(bytes, engine, options.grant);
  const { tools, warnings } = readDefinitions(namedTools(inspection, options.name));
  return {
    installation: {
      id: options.id,
      name: options.name,
      digest,
      size,
      engine,
      convention: inspection.convention,
      tools,
      grant: options.grant,
      enabled: true,
      addedAt: options.now,
      imports,
    },
    warnings,
  };
}

/** A program does not say what it is called: its one operation is called what the operator calls it. */
function namedTools({ convention, tools }: Inspection, name: string): readonly ToolDefinition[] {
  return convention === 'command' ? tools.map((tool) => ({ ...tool, name })) : tools;
}
