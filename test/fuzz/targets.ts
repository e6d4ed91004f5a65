// Every fuzz target by its name.

import { admissionBytes } from './admission-bytes.ts';
import { declaredRules } from './declared-rules.ts';
import { executorFrames } from './executor-frames.ts';
import { hostileExecutor } from './hostile-executor.ts';
import { leaseChains } from './lease-chains.ts';
import { mutatedPackages } from './mutated-packages.ts';
import { randomModules } from './random-modules.ts';
import { symlinkRaces } from './symlink-races.ts';
import type { FuzzTarget } from './target.ts';

export const TARGETS: ReadonlyMap<string, FuzzTarget> = new Map([
  ['admission-bytes', admissionBytes],
  ['mutated-packages', mutatedPackages],
  ['random-modules', randomModules],
  ['hostile-executor', hostileExecutor],
  ['executor-frames', executorFrames],
  ['lease-chains', leaseChains],
  ['declared-rules', declaredRules],
  ['symlink-races', symlinkRaces],
]);
