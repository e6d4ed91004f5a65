// Step 5: the round trip of an approval. The agent asks, a person decides on another channel, the
// same call runs exactly once.

import { type Agent, type AgentAnswer, connectAgent } from '../agent.ts';
import type { Tour } from '../tour.ts';

const DONE_NOTES = ['receipts', 'list', '--tool', 'note_add', '--outcome', 'done'];
const NOTE = { title: 'Tide', text: 'High water at 03:12' };

export async function approveOnce(tour: Tour): Promise<void> {
  const { narrator } = tour;
  narrator.say('`notes` keeps data between calls, so the starter policy asks a person first.');
  await tour.addTool('notes', '--allow-kv');
  const agent = await connectAgent(tour.home.mcp());
  try {
    const held = await add(tour, agent);
    narrator.claim('held for approval', held.code === 'approval-required', held);
    narrator.claim('the answer names the approval', held.approval !== undefined, held);
    const id = held.approval ?? '';

    const typed = await tour.warder(['call', 'note_add', '--args', JSON.stringify(NOTE)]);
    narrator.claim('the command line ends with exit code 4', typed.code === 4, typed);
    narrator.claim('and prints the id', /appr[\w-]*/.test(typed.stderr), typed.stderr);

    narrator.say('A person looks at the real arguments, and decides:');
    await tour.warder(['approvals', 'show', id]);
    const approved = await tour.warder(['approvals', 'approve', id]);
    narrator.claim('approved', approved.code === 0, approved);

    narrator.say('The agent makes the same call again:');
    const done = await add(tour, agent);
    narrator.claim('it runs', !done.isError, done);
    const again = await add(tour, agent);
    narrator.claim('once: the next one is held again', again.code === 'approval-required', again);
    await expectOneNote(tour);
  } finally {
    await agent.close();
  }
}

async function add({ narrator }: Tour, agent: Agent): Promise<AgentAnswer> {
  narrator.command(`(warder mcp) tools/call note_add ${JSON.stringify(NOTE)}`);
  const answer = await agent.call('note_add', NOTE);
  narrator.answer(answer.text);
  return answer;
}

async function expectOneNote(tour: Tour): Promise<void> {
  const rows = await tour.home.ok<{ outcome: string; tool?: string }[]>(DONE_NOTES);
  tour.narrator.claim('the log holds one note_add that was done', rows.length === 1, rows);
}
