/** What sabotages are called: known to the command line, which loads nothing else of them. */
export const SABOTAGES = [
  'grub-erased',
  'esp-on-one-member',
  'no-gate',
  'lying-step',
  'disk-missing',
  'undeclared-written',
] as const;
export type SabotageName = (typeof SABOTAGES)[number];
