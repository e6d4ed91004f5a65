// Step 4: a grant names method, host and path. What it does not name is not asked for, approved or not.

import type { Finished } from '../../../test/support/warder.ts';
import type { Tour } from '../tour.ts';
import { startWebServer } from '../web-server.ts';

export async function endpointScope(tour: Tour): Promise<void> {
  const { narrator } = tour;
  const web = await startWebServer();
  try {
    const origin = `http://127.0.0.1:${String(web.port)}`;
    narrator.say(
      `A web server of the tour listens on ${origin}; the tool may GET /public and nothing else.`,
    );
    await tour.addTool('fetch-extract', '--allow-net', `GET ${origin}/public/**`);

    narrator.say('By the starter policy a tool that reaches out asks first:');
    const page = await fetchApproved(tour, `${origin}/public/hours.html`);
    narrator.claim('the public page was fetched', page.code === 0, page);
    narrator.claim(
      'and its text extracted',
      page.stdout.includes('from nine to five'),
      page.stdout,
    );
    narrator.claim('by one request', web.requests('/public') === 1, web.requests('/'));

    narrator.say('The same for /admin. Approval does not widen a grant:');
    const admin = await fetchApproved(tour, `${origin}/admin/delete-all`);
    const said = `${admin.stdout}${admin.stderr}`;
    narrator.claim('refused although it was approved', admin.code === 3 || admin.code === 5, admin);
    narrator.claim('with its reason and remedy', said.includes('--allow-net'), said);
    narrator.claim(
      'the server saw no /admin request',
      web.requests('/admin') === 0,
      web.requests('/admin'),
    );
  } finally {
    await web.close();
  }
}

/** Makes a call that is held, approves it as the operator, and makes it again. */
async function fetchApproved(tour: Tour, url: string): Promise<Finished> {
  const call = ['call', 'fetch_extract', '--args', JSON.stringify({ url })];
  const held = await tour.warder(call);
  tour.narrator.claim('held for approval (exit code 4)', held.code === 4, held);
  const [approval] = await tour.home.ok<{ id: string }[]>(['approvals', 'list']);
  const approved = await tour.warder(['approvals', 'approve', approval?.id ?? '']);
  tour.narrator.claim('approved', approved.code === 0, approved);
  return tour.warder(call);
}
