// `--tenant`: whose tools, secrets and budgets a command of the operator is about.

export const TENANT: readonly [flags: string, description: string] = [
  '--tenant <tenant>',
  'whose it is; `default` when absent',
];

export interface TenantOption {
  readonly tenant?: string;
}
