// How the relay says that its client sends no more, and how long a peer that just stopped is waited for.

/**
 * The line `warder mcp` sends when its stdin ends: what was asked is still answered, then the
 * connection ends. A socket that closes without it is a client that went away.
 */
export const END_OF_INPUT = '{"warder":"end-of-input"}';

/**
 * A peer that closed its side without a word may still be reading, but may as well be gone: the
 * two look the same from here. Milliseconds until what it asked for is ended.
 */
export const HALF_OPEN_MS = 1000;
