/** Takes secrets out of text where it is made, before it reaches a console, a log or the journal. */
import type { Evidence } from './step.ts';

export type Redact = (text: string) => string;

const HIDDEN = '[redacted]';
/** Shorter texts would be found in innocent words; no secret of ours is that short. */
const SHORTEST_SECRET = 6;

/** What is a secret by its form: crypt(3) hashes, private keys, passwords of URLs, and values of telling names. */
const FORMS: readonly (readonly [RegExp, string])[] = [
  [/\$(?:1|5|6|7|2[aby]|y|gy)\$[^\s:;,"']+/g, HIDDEN],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, HIDDEN],
  [/(\w:\/\/[^\s/:@]+:)[^\s/@]+@/g, `$1${HIDDEN}@`],
  // DRBD's `shared-secret "x";`, corosync's `secret: x`, `--password=x`, `PASSPHRASE=x`.
  [
    /\b(shared-secret|\w*secret|\w*passw(?:or)?d|\w*passphrase|\w*token)(\s*[=:]\s*|\s+(?=["']))("[^"]*"|'[^']*'|[^\s;,"']+)/gi,
    `$1$2${HIDDEN}`,
  ],
];

/** Hides each of `secrets` wherever it stands, and whatever has the form of a secret. */
export function redactor(secrets: readonly string[] = []): Redact {
  // The longest first: one secret may be a part of another.
  const known = secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .toSorted((a, b) => b.length - a.length);
  return (text) => {
    const named = known.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text);
    return FORMS.reduce((rest, [form, hidden]) => rest.replace(form, hidden), named);
  };
}

export const keepAsIs: Redact = (text) => text;

/** Evidence with its texts redacted; names are not values and stay. */
export function redactEvidence(evidence: Evidence, redact: Redact): Evidence {
  return Object.fromEntries(
    Object.entries(evidence).map(([name, value]) => {
      if (typeof value === 'string') return [name, redact(value)];
      return [name, typeof value === 'object' ? value.map(redact) : value];
    }),
  );
}
