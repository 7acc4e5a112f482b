/** Name of the public key in the folder of a signed repository. */
export const KEY_FILE = 'RPM-GPG-KEY-slipway';
