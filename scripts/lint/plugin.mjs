// The house rules as an oxlint plugin (see .oxlintrc.json).

import { ambient } from './ambient.mjs';
import { rooms } from './rooms.mjs';

const exportAll = {
  meta: { type: 'problem', docs: { description: 'exports are named one by one' } },
  create(context) {
    return {
      ExportAllDeclaration(node) {
        context.report({ node, message: 'name what is exported instead of `export *`' });
      },
    };
  },
};

const plugin = { meta: { name: 'house' }, rules: { rooms, ambient, 'export-all': exportAll } };

export default plugin;
