// What the daemon and a broker say to each other in frames. The frame's call number is the request's.

/** What a frame is. Odd numbers go to the broker, even ones come from it. */
export const BrokerKind = {
  /** Asks for something. Head and body are the room's own. */
  request: 1,
  /** The request of this number is no longer waited for. */
  abandon: 3,
  /** The broker is up. */
  ready: 2,
  /** Answers the request of this number. */
  reply: 4,
} as const;
