/** A spec of one node on one disk; `parts`, whole lines, stand from its third line on. */
export const smallSpec = (parts: string): string => `slipway: 1
cluster: demo
${parts}nodes:
  - { name: alone, layout: one, disks: { count: 1 } }
layouts:
  one:
    kind: single
    volumes: [{ role: esp, size: 600 MiB }, { role: boot, size: 1 GiB }, { role: root, size: rest }]
`;
