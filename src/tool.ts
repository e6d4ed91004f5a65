// `warder/tool`: types for authors of tools, in the shapes of the tool contract.

export type { Json, JsonObject } from './base/encoding/json.ts';
export type { ToolDefinition } from './catalog/installation.ts';
export type { ToolAnswer, ToolContent } from './run/sandbox/runner.ts';
