/** A path as the value of an option of ssh: what is in double quotes stays whole, and `%` begins a token (ssh_config(5)). */
export const sshPath = (path: string): string => `"${path.replace(/["\\]/g, '\\$&').replaceAll('%', '%%')}"`;
