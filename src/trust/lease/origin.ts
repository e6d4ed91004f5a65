// Origins in capabilities: `scheme://host[:port]`, the host perhaps `*.name` or `*`; `*` alone is any origin.

/** An origin taken apart. */
export interface Origin {
  readonly scheme: 'http' | 'https';
  /** Lower case; `*`, `*.name`, a name, or an address in brackets or dots. */
  readonly host: string;
  readonly port: number;
}

const PORTS = { http: 80, https: 443 } as const;
const FORM =
  /^(https?):\/\/(\*|(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::([1-9]\d{0,4}))?$/;
/** Names that a URL parser surely leaves as they are: the last label starts with a letter, none is empty. */
const PLAIN = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z][a-z0-9]*$/;

/** The origin that a text in normal form names; undefined for any other text. */
export function parseOrigin(text: string): Origin | undefined {
  const [, scheme, host, port] = FORM.exec(text) ?? [];
  if ((scheme !== 'http' && scheme !== 'https') || host === undefined) return undefined;
  const number = port === undefined ? PORTS[scheme] : Number(port);
  if (number > 65_535 || (host !== '*' && !isHost(host))) return undefined;
  return { scheme, host, port: number };
}

/** The host must be what a URL parser makes of it, or two spellings would name one place. */
function isHost(host: string): boolean {
  if (PLAIN.test(host) && !host.includes('xn--')) return true;
  if (host.includes('..')) return false;
  const name = host.replace(/^\*\./, 'x.');
  return URL.parse(`https://${name}/`)?.hostname === name;
}

/** Whether every origin that `narrow` names is one that `wide` names. */
export function originWithin(narrow: string, wide: string): boolean {
  if (wide === '*' || narrow === wide) return true;
  const child = parseOrigin(narrow);
  const parent = parseOrigin(wide);
  if (child === undefined || parent === undefined) return false;
  if (child.scheme !== parent.scheme || child.port !== parent.port) return false;
  return hostWithin(child.host, parent.host);
}

function hostWithin(narrow: string, wide: string): boolean {
  if (wide === '*' || narrow === wide) return true;
  // `*.name` is every name below, never the name itself.
  return (
    wide.startsWith('*.') && narrow !== '*' && narrow.replace(/^\*/, '').endsWith(wide.slice(1))
  );
}
