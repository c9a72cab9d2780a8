/** The used part of sodium-native, which has no types of its own. */
declare module 'sodium-native' {
  const sodium: {
    /** `into` is 16 bytes longer than `message`. */
    crypto_secretbox_easy(into: Uint8Array, message: Uint8Array, nonce: Uint8Array, key: Uint8Array): void;
    /** False: it was sealed with another key, or changed. */
    crypto_secretbox_open_easy(into: Uint8Array, box: Uint8Array, nonce: Uint8Array, key: Uint8Array): boolean;
  };
  export default sodium;
}
