// Every operation of the operator socket, by what it is about.

import { answerToJson, previewToJson } from '../../gate/answer-json.ts';
import { proofOrError } from '../../gate/awaited-proof.ts';
import type { OperationHandlers, StreamHandlers } from '../console/operations.ts';
import type { StatusReport } from '../console/status-report.ts';
import { operatorCaller } from './agent-connection.ts';
import { agentSocketPath, operatorSocketPath } from '../config/home.ts';
import type { Runtime } from './compose.ts';
import { doctorFindings } from './doctor.ts';
import { approvalOperations } from './operations/approvals.ts';
import { attestOperations } from './operations/attest.ts';
import { decisionOperations } from './operations/decisions.ts';
import { notPromised } from './level.ts';
import { keyOperations } from './operations/keys.ts';
import { receiptOperations } from './operations/receipts.ts';
import { recordOperations } from './operations/records.ts';
import { budgetOperations } from './operations/budgets.ts';
import { revocationOperations } from './operations/revocations.ts';
import { secretOperations } from './operations/secrets.ts';
import { toolOperations } from './operations/tools.ts';
import { witnessReport } from './witness-findings.ts';
import { watchApprovals } from './watch-approvals.ts';
import { trustOperations } from './operations/trust.ts';

export interface OperationOptions {
  readonly version: string;
  readonly stop: () => void;
}

export function createOperations(runtime: Runtime, options: OperationOptions): OperationHandlers {
  return {
    status: () => Promise.resolve(statusReport(runtime, options.version)),
    stop: () => {
      // After the answer has left.
      setTimeout(options.stop, 10);
      return Promise.resolve({ stopping: true });
    },
    doctor: () => doctorFindings(runtime).then((findings) => ({ findings })),
    call: async ({ tool, arguments: text, as, approval, dryRun, waitProof }) => {
      const { caller, close } = operatorCaller(runtime, as);
      const request = { tool, arguments: text, ...(approval === undefined ? {} : { approval }) };
      try {
        if (dryRun === true) {
          return { preview: previewToJson(await runtime.door.preview(caller, request)) };
        }
        const answer = await runtime.door.call(caller, request);
        const reply = answerToJson(answer);
        if (waitProof === undefined) return reply;
        const proof = runtime.receipts.proof(answer.receipt.id);
        return { ...reply, ...(await proofOrError(proof, waitProof)) };
      } finally {
        close();
      }
    },
    ...toolOperations(runtime),
    ...budgetOperations(runtime),
    ...trustOperations(runtime),
    ...secretOperations(runtime),
    ...approvalOperations(runtime),
    ...decisionOperations(runtime),
    ...recordOperations(runtime),
    ...receiptOperations(runtime),
    ...keyOperations(runtime),
    ...attestOperations(runtime),
    ...revocationOperations(runtime),
  };
}

export function createStreams(runtime: Runtime): StreamHandlers {
  const { receipts } = runtime;
  return {
    'receipts.follow': (filter, signal) => receipts.reader.follow(filter, signal),
    'receipts.export': async function* (filter) {
      yield* receipts.reader.export(filter);
    },
    'approvals.watch': (_, signal) => watchApprovals(runtime, signal),
  };
}

/** What `status` and `ready` print. */
export function statusReport(runtime: Runtime, version: string): StatusReport {
  const { home, config, gate, sandbox, keys, receipts, turnstile } = runtime;
  const { executors, blanks } = sandbox.stats;
  const { state, signedSize } = receipts.checkpointer.state();
  const busy = executors.filter((executor) => executor.busy).length;
  const named = Object.keys(config.agents).filter((agent) => agent !== 'default');
  return {
    pid: process.pid,
    version,
    uptimeSeconds: Math.floor((gate.clock.monotonic() - runtime.startedAt) / 1000),
    home: home.root,
    addresses: [
      home.operatorSocket,
      ...('default' in config.agents ? [home.agentSocket] : []),
      ...named.map((agent) => agentSocketPath(home, agent)),
      ...config.operators.map((name) => operatorSocketPath(home, name)),
    ],
    assurance: gate.assurance,
    notPromised: notPromised[config.assurance],
    jail: gate.jail,
    tools: gate.catalog.list('default').length,
    policy: { digest: gate.policy.digest, policies: gate.policy.rules.length },
    calls: { served: turnstile.served, running: turnstile.running },
    log: {
      origin: config.log.origin,
      size: gate.log.size,
      signedSize,
      state,
      quorum: config.log.quorum,
      witnesses: receipts.witnesses?.status().map(witnessReport) ?? [],
    },
    signer: { kid: keys.signing.key.kid, custody: keys.signing.custody.summary },
    executors: { blank: blanks, busy, idle: executors.length - busy },
  };
}
