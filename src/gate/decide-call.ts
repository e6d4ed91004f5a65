// Asks policy about one call; when it wants an approval, looks for a granted one and asks again.

import type { FoundTool } from '../catalog/catalog.ts';
import type { Approval, ApprovalBinding } from '../decide/approval/approval.ts';
import type { Decision } from '../decide/policy/decide.ts';
import type { ToolCall } from '../decide/request/tool-call.ts';
import type { CheckedLease } from '../trust/lease/lease.ts';
import type { Caller, CallRequest } from './door.ts';
import type { GateParts } from './parts.ts';
import type { Trail } from './trail.ts';
