// Text that reads as if somebody told an agent what to do, and whom it names.

/** White space and what does not show: it would part a phrase for us and not for its reader. */
const GAPS = /[\s\p{Cf}]+/gu;
const NOT_WORDS = /[^\p{L}\p{N}]+/gu;

/** Letters and digits alone, in lower case: how a text is written hides nothing. */
export function bareText(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(NOT_WORDS, '');
}

/**
 * Phrases over bare text. Bounded throughout: each takes a fixed number of steps for every character.
 * English only; who writes the tool can write around them.
 */
const PHRASES: readonly RegExp[] = [
  /(?:ignore|disregard|forget|override|bypass)(?:all|any|the|my|your|every|of|these|those|and|everything){0,4}(?:previous|prior|above|earlier|preceding|former|other|system|existing|safety|original)(?:and|or|previous|prior|above|system|user|safety){0,3}(?:instruction|prompt|rule|message|guideline|direction|command|context|polic)/,
  /(?:new|updated|real|hidden|secret|important)(?:system|urgent)?instructions?(?:for|to|follow|from|are|begin|start)/,
  /(?:donot|dont|never|without)(?:ever)?(?:tell|inform|mention|notif|alert|warn|reveal|show|ask)(?:ing|y|ying)?(?:this|it|about|that|to|anything|of){0,3}(?:theuser|theoperator|thehuman|anyone|anybody|yourowner)/,
  /you(?:must|haveto|needto|areto|shall)(?:now|immediately|first|then|always|also)?(?:call|use|run|execute|send|forward|email|post|upload|delete|transfer|invoke|obey)/,
  /(?:assistant|agent|ai|model|llm)s?(?:you)?(?:must|should|shall|needto|please)(?:now|immediately|first|then)?(?:call|use|run|execute|send|forward|email|post|upload|delete|transfer|read|invoke|ignore)/,
  /(?:call|use|invoke|run|execute)(?:the)?[a-z0-9]{1,40}(?:tool|function)(?:to|with|and|now)(?:send|forward|email|post|upload|delete|transfer|write|read|fetch|the|argument)/,
  /(?:send|forward|email|upload|post|transmit|exfiltrate)[a-z0-9]{0,60}(?:apikey|password|secret|credential|privatekey|accesstoken|envfile|sshkey)/,
  /(?:youarenow|pretendtobe|enter)(?:in|a|an|the){0,2}(?:developermode|godmode|jailbr|unrestricted|dan)/,
  /(?:repeat|reveal|print|output|show)(?:me)?(?:your|the)(?:entire|full|hidden|whole)?systemprompt/,
];

/** The phrases in a bare text that read like instructions; at most one of each kind. */
export function instructionPhrases(bare: string): readonly string[] {
  return PHRASES.flatMap((phrase) => phrase.exec(bare)?.[0] ?? []);
}

const PASSAGE = 2048;

/** Passages of a text, half overlapping, so that every phrase stands whole in one of them. */
export function* passages(text: string): Generator<string, void> {
  const dense = text.replace(GAPS, ' ');
  for (let at = 0; at === 0 || at + PASSAGE / 2 < dense.length; at += PASSAGE / 2) {
    yield dense.slice(at, at + PASSAGE);
  }
}

const EMAIL =
  /(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}/g;
const URL_TARGET = /:\/\/[^\s?#"'<>`)\]]{1,512}/g;

/** Whom a text names that something could be sent to: mail addresses, and URLs without their query. */
export function* addressees(text: string): Generator<string, void> {
  for (const [email] of text.matchAll(EMAIL)) yield email.toLowerCase();
  for (const [target] of text.matchAll(URL_TARGET)) {
    yield target
      .slice(3)
      .replace(/[/.,;:!]{1,8}$/, '')
      .toLowerCase();
  }
}
