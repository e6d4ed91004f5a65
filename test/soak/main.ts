// `npm run soak -- [CAMPAIGN...] [--count N | --seconds N] [--seed N] [--from N]`: crashes of a receipt log, one
// kind of them or all, for long. What does not hold ends it with exit code 1 and how to do it again.

import { longRuns } from '../fuzz/long-runs.ts';
import { CAMPAIGNS } from './campaigns.ts';

await longRuns({ command: 'soak', nouns: 'campaigns', targets: CAMPAIGNS });
