// Property tests draw the same samples in every run; `WARDER_SEED` draws others.

import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['WARDER_SEED'] ?? 20261121) });
